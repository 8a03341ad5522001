/* Asks a version folder without Python: any signature of a SavedModel, through TensorFlow's C API.
 *
 *   ask_model VERSION_FOLDER REPEATS < REQUEST
 *
 * A request names operations of the graph, as `saved_model_cli show --dir VERSION_FOLDER --all` lists them:
 *
 *   feed OPERATION INDEX TYPE RANK DIM...   with a value on each of the following lines; TYPE is string, float or int64
 *   fetch OPERATION INDEX
 *
 * It prints each fetched tensor in the same form, and last the milliseconds of the fastest of the repeats.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensorflow/c/c_api.h"

enum { MOST = 32, LINE = 4096, DIMS = 4 };

static void fail(const char *what, const char *detail) {
  fprintf(stderr, "%s: %s\n", what, detail);
  exit(1);
}

static void check(const TF_Status *status, const char *what) {
  if (TF_GetCode(status) != TF_OK) fail(what, TF_Message(status));
}

static char *read_line(char *line) {
  if (!fgets(line, LINE, stdin)) return NULL;
  line[strcspn(line, "\n")] = '\0';
  return line;
}

static TF_Output output_of(TF_Graph *graph, const char *name, int index) {
  TF_Operation *operation = TF_GraphOperationByName(graph, name);
  if (!operation) fail("no such operation", name);
  return (TF_Output){operation, index};
}

/* Reads the values of a tensor, one a line. */
static TF_Tensor *read_tensor(const char *type, int rank, const int64_t *dims) {
  int is_string = !strcmp(type, "string"), is_float = !strcmp(type, "float");
  TF_DataType kind = is_string ? TF_STRING : is_float ? TF_FLOAT : TF_INT64;
  int64_t count = 1;
  for (int d = 0; d < rank; d++) count *= dims[d];
  size_t size = is_string ? sizeof(TF_TString) : TF_DataTypeSize(kind);
  TF_Tensor *tensor = TF_AllocateTensor(kind, dims, rank, (size_t)count * size);
  void *data = TF_TensorData(tensor);
  char line[LINE];
  for (int64_t at = 0; at < count; at++) {
    if (!read_line(line)) fail("the request ends within a tensor", type);
    if (is_string) {
      TF_StringInit((TF_TString *)data + at);
      TF_StringCopy((TF_TString *)data + at, line, strlen(line));
    } else if (is_float) {
      ((float *)data)[at] = strtof(line, NULL);
    } else {
      ((int64_t *)data)[at] = strtoll(line, NULL, 10);
    }
  }
  return tensor;
}

static void print_tensor(const TF_Tensor *tensor) {
  TF_DataType kind = TF_TensorType(tensor);
  const char *type = kind == TF_STRING ? "string" : kind == TF_FLOAT ? "float" : kind == TF_INT64 ? "int64" : NULL;
  if (!type) fail("a tensor has another type than", "string, float, int64");
  printf("%s %d", type, TF_NumDims(tensor));
  for (int d = 0; d < TF_NumDims(tensor); d++) printf(" %" PRId64, TF_Dim(tensor, d));
  printf("\n");
  const void *data = TF_TensorData(tensor);
  for (int64_t at = 0; at < TF_TensorElementCount(tensor); at++) {
    if (kind == TF_STRING) {
      const TF_TString *text = (const TF_TString *)data + at;
      printf("%.*s\n", (int)TF_StringGetSize(text), TF_StringGetDataPointer(text));
    } else if (kind == TF_FLOAT) {
      printf("%.9g\n", ((const float *)data)[at]);
    } else {
      printf("%" PRId64 "\n", ((const int64_t *)data)[at]);
    }
  }
}

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc != 3) fail("usage", "ask_model VERSION_FOLDER REPEATS < REQUEST");
  const char *tags[] = {"serve"};
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  /* It also fills the model's tables: the initialisation belongs to loading. */
  TF_Session *session = TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  check(status, argv[1]);

  TF_Output feeds[MOST], fetches[MOST];
  TF_Tensor *inputs[MOST], *outputs[MOST];
  int fed = 0, fetched = 0;
  char line[LINE], name[LINE], type[16];
  while (read_line(line)) {
    int index, rank, used;
    int64_t dims[DIMS];
    if (sscanf(line, "feed %s %d %15s %d%n", name, &index, type, &rank, &used) == 4 && fed < MOST && rank <= DIMS) {
      char *rest = line + used;
      for (int d = 0; d < rank; d++) dims[d] = strtoll(rest, &rest, 10);
      feeds[fed] = output_of(graph, name, index);
      inputs[fed++] = read_tensor(type, rank, dims);
    } else if (sscanf(line, "fetch %s %d", name, &index) == 2 && fetched < MOST) {
      fetches[fetched++] = output_of(graph, name, index);
    } else {
      fail("neither feed nor fetch", line);
    }
  }

  double fastest = 1e9;
  for (int repeat = 0; repeat < atoi(argv[2]); repeat++) {
    double began = milliseconds();
    TF_SessionRun(session, NULL, feeds, inputs, fed, fetches, outputs, fetched, NULL, 0, NULL, status);
    check(status, "the model fails");
    double spent = milliseconds() - began;
    if (spent < fastest) fastest = spent;
    if (repeat + 1 < atoi(argv[2]))
      for (int at = 0; at < fetched; at++) TF_DeleteTensor(outputs[at]);
  }
  for (int at = 0; at < fetched; at++) print_tensor(outputs[at]);
  printf("%.3f ms\n", fastest);
  return 0;
}
