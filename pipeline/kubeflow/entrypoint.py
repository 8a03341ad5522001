"""The program that a pod of open-source Kubeflow Pipelines runs: `python -m pipeline.kubeflow.entrypoint`.

TFX's own container entrypoint is made for Vertex. It is run here with what it expects, without a change of its source:

- Kubeflow's driver gives input artifacts with an empty type: the type comes from the component's inputs spec, which is
  an argument;
- it adds an output `executor-logs` of a type that TFX does not know: left out;
- TensorFlow opens neither `minio://` nor `s3://`, but the launcher has copied the inputs to local folders and uploads
  the outputs from there: the
  URIs become these folders, and URIs again in what the step reports. So the step needs no credentials of the store;
- the folders of the outputs are emptied and made, as TFX's local launcher does, so that a killed attempt leaves nothing
  for the next;
- an ExampleGen needs its driver, which Kubeflow skips, for span, file pattern and fingerprint: it runs first, in this
  process;
- `--remote` leaves the URIs unchanged, for steps whose Beam workers run elsewhere and see no folder of this pod; it
  needs gs://, which TensorFlow and Beam can open, and a pod that may read and write there;
- metadata without a value is dropped: the launcher refuses null;
- long texts are unpacked (`pipeline.kubeflow.packing`);
- the first step checks that the last one will be able to write (`--writes`);
- what the run has set (`pipeline.kubeflow.run_parameters`) is written into the step's own parameters, and TFX sees only
  these.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from apache_beam.options.pipeline_options import StandardOptions
from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.components.example_gen import base_example_gen_executor
from tfx.dsl.io import fileio
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils, kubeflow_v2_run_executor
from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver
from tfx.orchestration.portable import outputs_utils
from tfx.utils import import_utils

from components.errors import DayoneError, SettingsError
from pipeline.beam_engine import ENGINE
from pipeline.kubeflow import input_types, pod, run_parameters

# As the backend's launcher maps them.
LOCAL_FOLDERS = {"gs://": "gcs/", "s3://": "s3/", "minio://": "minio/"}
REMOTE_STORE = "gs://"
# The types of Kubeflow itself, such as the `system.Artifact` of `executor-logs`.
_PLATFORM_TYPES = "system."

_LOGGER = logging.getLogger(__name__)


def main(arguments: Sequence[str], root: str = "/") -> int:
    """Runs one step.

    Args:
      arguments: of the command line, as the compiled pipeline and the launcher give them.
      root: the folder that stands for "/", where the launcher puts artifacts; another one in tests.

    Returns:
      0; a step that fails raises.
    """
    options, beam_args = _parser().parse_known_args(arguments)
    request = json_format.Parse(
        options.json_serialized_invocation_args, pipeline_spec_pb2.ExecutorInput(), ignore_unknown_fields=True
    )
    options.json_serialized_inputs_spec_args = input_types.decode(options.json_serialized_inputs_spec_args)
    inputs_spec = json_format.Parse(
        options.json_serialized_inputs_spec_args or "{}",
        pipeline_spec_pb2.ComponentInputsSpec(),
        ignore_unknown_fields=True,
    )
    _LOGGER.info("step %s", options.step)
    if options.threads:
        pod.limit_threads(options.threads)
    if options.writes:
        pod.check_writable(options.writes)
    apply_run_parameters(request)
    complete_inputs(request, inputs_spec)
    drop_platform_outputs(request)
    uris = remote_uris(request) if options.remote else to_local(request, root)
    start_afresh(request)
    StandardOptions.DEFAULT_RUNNER = ENGINE
    if issubclass(
        import_utils.import_class_by_path(options.executor_class_path), base_example_gen_executor.BaseExampleGenExecutor
    ):
        run_driver(options, request)
    try:
        kubeflow_v2_run_executor.main((_with(options, request), beam_args))
    except BaseException:
        # The step failed, or was ended and its Beam job with it: what that left in the store would stay there.
        remove_outputs(request)
        raise
    report(request.outputs.output_file, uris)
    if options.remote:
        make_local_folders(request, root)
    return 0


def complete_inputs(request: pipeline_spec_pb2.ExecutorInput, spec: pipeline_spec_pb2.ComponentInputsSpec) -> None:
    """Gives every input artifact its declared type, drops its empty metadata, and drops inputs that were not given."""
    for name in list(request.inputs.artifacts):
        artifacts = request.inputs.artifacts[name].artifacts
        if not artifacts:
            del request.inputs.artifacts[name]
            continue
        for artifact in artifacts:
            if name in spec.artifacts:
                artifact.type.CopyFrom(spec.artifacts[name].artifact_type)
            drop_nulls(artifact.metadata)


def apply_run_parameters(request: pipeline_spec_pb2.ExecutorInput) -> None:
    """Writes what the run has set into the step's own parameters; TFX knows these only."""
    values = {name: json_format.MessageToDict(value) for name, value in request.inputs.parameter_values.items()}
    parameters = run_parameters.apply(values)
    request.inputs.ClearField("parameter_values")
    json_format.ParseDict({"parameterValues": parameters}, request.inputs)


def drop_platform_outputs(request: pipeline_spec_pb2.ExecutorInput) -> None:
    """Drops the outputs that Kubeflow added for itself."""
    for name in list(request.outputs.artifacts):
        kinds = [artifact.type.schema_title for artifact in request.outputs.artifacts[name].artifacts]
        if not kinds or any(kind.startswith(_PLATFORM_TYPES) for kind in kinds):
            del request.outputs.artifacts[name]


def drop_nulls(metadata: struct_pb2.Struct) -> None:
    """Drops the entries without a value."""
    for key in [key for key, value in metadata.fields.items() if value.WhichOneof("kind") in (None, "null_value")]:
        del metadata.fields[key]


def to_local(request: pipeline_spec_pb2.ExecutorInput, root: str) -> dict[str, str]:
    """Replaces the URIs of all artifacts by the launcher's local paths.

    Returns:
      The URI of each local path, for the way back.
    """
    uris = {}
    for side in (request.inputs, request.outputs):
        for artifact in (artifact for artifact_list in side.artifacts.values() for artifact in artifact_list.artifacts):
            if path := _local_path(artifact.uri, root):
                uris[path] = artifact.uri
                artifact.uri = path
    return uris


def remote_uris(request: pipeline_spec_pb2.ExecutorInput) -> dict[str, str]:
    """Returns the URIs of artifacts that stay in the store, each under itself.

    Raises:
      SettingsError: if the store is one that TensorFlow cannot open.
    """
    artifacts = [
        artifact
        for side in (request.inputs, request.outputs)
        for artifact_list in side.artifacts.values()
        for artifact in artifact_list.artifacts
    ]
    for artifact in artifacts:
        if not artifact.uri.startswith(REMOTE_STORE):
            fix = "Give the run another pipeline root, or keep Beam in the step's pod."
            raise SettingsError(
                "--remote", artifact.uri, f"artifacts in a store that TensorFlow opens itself ({REMOTE_STORE})", fix
            )
    return {artifact.uri: artifact.uri for artifact in artifacts}


def make_local_folders(request: pipeline_spec_pb2.ExecutorInput, root: str) -> None:
    """Makes an empty local folder for each output that stayed in the store: Kubeflow 3.0 wants one, and uploads nothing from it."""
    for artifact_list in request.outputs.artifacts.values():
        for artifact in artifact_list.artifacts:
            if path := _local_path(artifact.uri, root):
                os.makedirs(path, exist_ok=True)


def _local_path(uri: str, root: str) -> str | None:
    """Returns where the launcher keeps what has this URI; None for what is in no store."""
    for scheme, folder in LOCAL_FOLDERS.items():
        if uri.startswith(scheme):
            return os.path.join(root, folder, uri.removeprefix(scheme))
    return None


def start_afresh(request: pipeline_spec_pb2.ExecutorInput) -> None:
    """Removes what a killed attempt may have left of the outputs, and makes their folders."""
    outputs_utils.make_output_dirs(remove_outputs(request))


def remove_outputs(request: pipeline_spec_pb2.ExecutorInput) -> dict[str, Any]:
    """Removes the outputs and the file that reports them, and returns the artifacts by the outputs' names."""
    outputs: dict[str, Any] = kubeflow_v2_entrypoint_utils.parse_raw_artifact_dict(request.outputs.artifacts)
    for path in [artifact.uri for artifacts in outputs.values() for artifact in artifacts] + [
        request.outputs.output_file
    ]:
        if fileio.isdir(path):
            fileio.rmtree(path)
        elif fileio.exists(path):
            fileio.remove(path)
    return outputs


def run_driver(options: argparse.Namespace, request: pipeline_spec_pb2.ExecutorInput) -> None:
    """Runs ExampleGen's driver, and copies what it found (span, version, fingerprint) onto the artifact.

    TFX's executor takes the file pattern from the driver's output file and overwrites the rest of it.
    """
    driver.main(_with(options, request))
    with open(request.outputs.output_file, encoding="utf-8") as file:
        output = json_format.Parse(file.read(), pipeline_spec_pb2.ExecutorOutput())
    for name, artifacts in output.artifacts.items():
        drop_nulls(artifacts.artifacts[0].metadata)
        request.outputs.artifacts[name].artifacts[0].metadata.MergeFrom(artifacts.artifacts[0].metadata)


def report(output_file: str, uris: dict[str, str]) -> None:
    """Rewrites what the step reports: URIs of the store again, and no metadata without a value."""
    with open(output_file, encoding="utf-8") as file:
        output = json_format.Parse(file.read(), pipeline_spec_pb2.ExecutorOutput())
    for artifact in (artifact for artifact_list in output.artifacts.values() for artifact in artifact_list.artifacts):
        artifact.uri = uris.get(artifact.uri, artifact.uri)
        drop_nulls(artifact.metadata)
    with open(output_file, "w", encoding="utf-8") as file:
        file.write(json_format.MessageToJson(output, sort_keys=True))


def _with(options: argparse.Namespace, request: pipeline_spec_pb2.ExecutorInput) -> argparse.Namespace:
    return argparse.Namespace(
        **{**vars(options), "json_serialized_invocation_args": json_format.MessageToJson(request)}
    )


def _parser() -> argparse.ArgumentParser:
    """Builds a parser of the arguments that TFX's runner writes, and the step's name, which the compiled pipeline adds; the rest is for Beam."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.kubeflow.entrypoint", allow_abbrev=False)
    parser.add_argument("--step", default="", help="the task's name, for the log")
    parser.add_argument(
        "--remote", action="store_true", help="leave artifacts in the store: Beam's workers run elsewhere"
    )
    parser.add_argument("--threads", type=int, default=0, help="of TensorFlow")
    parser.add_argument(
        "--writes", metavar="FOLDER", default="", help="a folder that a later step will write: checked first"
    )
    parser.add_argument(
        "--executor",
        "--executor_class_path",
        dest="executor_class_path",
        required=True,
        help="the class that does the work",
    )
    parser.add_argument(
        "--request",
        "--json_serialized_invocation_args",
        dest="json_serialized_invocation_args",
        required=True,
        help="the ExecutorInput",
    )
    parser.add_argument(
        "--inputs",
        "--json_serialized_inputs_spec_args",
        dest="json_serialized_inputs_spec_args",
        default="",
        help="the ComponentInputsSpec",
    )
    return parser


if __name__ == "__main__":
    # Forced, because TFX's imports have set up a logger that shows warnings only: a step's progress would be lost.
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    # Beam's executors parse sys.argv with absl, and Python executors get it as flags.
    arguments, sys.argv = sys.argv[1:], sys.argv[:1]
    try:
        sys.exit(main(arguments))
    except DayoneError as error:
        sys.exit(f"error: {error}")
