import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio, filesystem_registry
from tfx.dsl.io.plugins.local import LocalFilesystem
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation, String

from components.declaration import Launch, Log, Objective, Split
from components.errors import SettingsError
from components.ingest.example_gen import events_example_gen
from pipeline.kubeflow import entrypoint, input_types, packing, pod
from pipeline.kubeflow import spec as kubeflow_spec

pytestmark = pytest.mark.tensorflow

HERE = Path(__file__).resolve().parent
BUCKET = "minio://bucket/artifacts"


@component
def Judge(
    model: InputArtifact[Model],
    evaluation: OutputArtifact[ModelEvaluation],
    said: OutputArtifact[String],
    word: Parameter[str],
    champion: InputArtifact[Model] = None,
) -> None:
    files = sorted(fileio.listdir(evaluation.uri))
    with fileio.open(f"{evaluation.uri}/found.json", "w") as file:
        file.write(json.dumps(files))
    rival = "nobody" if champion is None else name_in(champion)
    said.write(f"{type(model).__name__} {name_in(model)} {word} {rival}")
    evaluation.set_string_custom_property("stage", model.get_string_custom_property("stage"))
    # TFX's own components leave such entries: to look at one makes it.
    assert not evaluation.mlmd_artifact.custom_properties["nothing"].WhichOneof("value")


def name_in(model):
    with fileio.open(f"{model.uri}/name") as file:
        return file.read()


def kind(artifact_class):
    schema = compiler_utils.get_artifact_schema(artifact_class)
    return {"instanceSchema": schema if isinstance(schema, str) else schema.decode()}


def artifact(uri, **more):
    return {"artifacts": [{"name": "7", "uri": uri, "type": {}, "metadata": {}, **more}]}


def output(key, artifact_class, bucket=BUCKET):
    return {"artifacts": [{"uri": f"{bucket}/{key}", "type": kind(artifact_class), "metadata": {}}]}


def local(root, uri):
    return Path(root, uri.replace("gs://", "gcs://").replace("://", "/"))


def saved(root, uri, name):
    """A model as the launcher downloads it; a plain path is a folder below `root`."""
    folder = local(root, uri)
    folder.mkdir(parents=True)
    (folder / "name").write_text(name)
    return artifact(uri if "://" in uri else str(folder))


LOGS = {
    "artifacts": [
        {
            "uri": f"{BUCKET}/executor-logs",
            "type": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"},
            "metadata": {},
        }
    ]
}


def arguments(root, inputs, word="beats", bucket=BUCKET, output_file=None, remote=False):
    """The step's arguments as the launcher gives them, and the file it reports to."""
    outputs = {
        "evaluation": output("evaluation", ModelEvaluation, bucket),
        "said": output("said", String, bucket),
        "executor-logs": LOGS,
    }
    output_file = output_file or root / "tmp/kfp_outputs/output_metadata.json"
    request = {
        "inputs": {"artifacts": inputs, "parameterValues": {"word": word}},
        "outputs": {"artifacts": outputs, "outputFile": str(output_file)},
    }
    spec = {
        "artifacts": {name: {"artifactType": kind(Model)} for name in ("model", "champion")},
        "parameters": {"word": {"parameterType": "STRING"}},
    }
    options_list = [
        *(["--remote"] if remote else []),
        "--step",
        "judge",
        "--executor_class_path",
        f"{__name__}.Judge_Executor",
    ]
    options_list += ["--json_serialized_invocation_args", json.dumps(request, ensure_ascii=False)]
    options_list += ["--json_serialized_inputs_spec_args", input_types.encode(json.dumps(spec))]
    return options_list, output_file


def judge(root, inputs, **options):
    """Runs the step; returns what it reports, parsed strictly, and what it said."""
    argv, output_file = arguments(root, inputs, **options)
    assert entrypoint.main(argv, root=str(root)) == 0
    text = output_file.read_text(encoding="utf-8")
    json_format.Parse(text, pipeline_spec_pb2.ExecutorOutput())
    return json.loads(text), local(root, f"{options.get('bucket', BUCKET)}/said").read_text(encoding="utf-8")


def test_an_input_with_an_empty_type_has_the_type_that_its_component_declares(tmp_path):
    _, sentence = judge(tmp_path, {"model": saved(tmp_path, f"{BUCKET}/m", "two-tower")})
    assert sentence == "Model two-tower beats nobody"


@pytest.mark.parametrize("missing", [{}, {"champion": {}}, {"champion": {"artifacts": []}}])
def test_an_optional_input_may_be_missing(tmp_path, missing):
    _, sentence = judge(tmp_path, {"model": saved(tmp_path, f"{BUCKET}/m", "two-tower"), **missing})
    assert sentence.endswith("nobody")


def test_an_optional_input_may_be_there(tmp_path):
    inputs = {"model": saved(tmp_path, f"{BUCKET}/m", "two-tower"), "champion": saved(tmp_path, f"{BUCKET}/c", "rules")}
    assert judge(tmp_path, inputs)[1] == "Model two-tower beats rules"


def test_metadata_without_a_value_is_dropped_on_the_way_in_and_out_and_the_rest_stays(tmp_path):
    model = saved(tmp_path, f"{BUCKET}/m", "two-tower")
    model["artifacts"][0]["metadata"] = {"stage": "new", "nothing": None}
    report, _ = judge(tmp_path, {"model": model})
    metadata = report["artifacts"]["evaluation"]["artifacts"][0]["metadata"]
    assert metadata["stage"] == "new"
    assert "nothing" not in metadata and None not in metadata.values()


@pytest.mark.parametrize("scheme", ["gs", "s3", "minio"])
def test_uris_of_stores_become_the_launchers_folders_and_uris_again(tmp_path, scheme):
    bucket = f"{scheme}://bucket/a"
    report, _ = judge(tmp_path, {"model": saved(tmp_path, f"{bucket}/m", "two-tower")}, bucket=bucket)
    uris = {name: artifact_list["artifacts"][0]["uri"] for name, artifact_list in report["artifacts"].items()}
    assert uris == {"evaluation": f"{bucket}/evaluation", "said": f"{bucket}/said"}
    assert (tmp_path / {"gs": "gcs"}.get(scheme, scheme) / "bucket/a/evaluation/found.json").is_file()


def test_what_kubeflow_adds_for_its_logs_is_left_alone(tmp_path):
    report, _ = judge(tmp_path, {"model": saved(tmp_path, f"{BUCKET}/m", "two-tower")})
    assert set(report["artifacts"]) == {"evaluation", "said"}
    assert not local(tmp_path, f"{BUCKET}/executor-logs").exists()


def test_a_packed_parameter_is_unpacked(tmp_path):
    word = "beats, by far, " * 30
    assert packing.pack(word) != word
    _, sentence = judge(tmp_path, {"model": saved(tmp_path, f"{BUCKET}/m", "two-tower")}, word=packing.pack(word))
    assert sentence == f"Model two-tower {word} nobody"


def test_tensorflow_gets_the_threads_of_the_table(monkeypatch):
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    pod.limit_threads(3)
    assert (os.environ["TF_NUM_INTRAOP_THREADS"], os.environ["TF_NUM_INTEROP_THREADS"]) == ("3", "3")


def test_the_first_step_finds_a_folder_that_the_last_one_could_not_write(tmp_path):
    pod.check_writable(str(tmp_path / "not" / "there" / "yet"))
    (tmp_path / "file").write_text("a file")
    with pytest.raises(
        SettingsError, match=r"cluster.workspace needs a folder that user \d+ may write .*Job dayone-prepare"
    ):
        pod.check_writable(str(tmp_path / "file" / "runs"))


def test_names_may_be_in_any_script(tmp_path):
    model = saved(tmp_path, "minio://bucket/прогон/模型", "Zwei-Türme")
    model["artifacts"][0] |= {"name": "модель-7", "metadata": {"stage": "naïve 新"}}
    report, sentence = judge(tmp_path, {"model": model}, word="schlägt", bucket="minio://bucket/прогон")
    assert sentence == "Model Zwei-Türme schlägt nobody"
    (evaluation,) = report["artifacts"]["evaluation"]["artifacts"]
    assert (evaluation["metadata"]["stage"], evaluation["uri"]) == ("naïve 新", "minio://bucket/прогон/evaluation")


def test_a_second_attempt_finds_nothing_of_the_killed_first_one(tmp_path):
    half = local(tmp_path, f"{BUCKET}/evaluation")
    (half / "deep").mkdir(parents=True)
    (half / "half_written").write_text("half")
    local(tmp_path, f"{BUCKET}/said").write_text("Model of the attempt that died, a longer sentence than the next")
    output_file = tmp_path / "output_metadata.json"
    output_file.write_text('{"parameterValues": {"word": "loses to"}}')
    _, sentence = judge(tmp_path, {"model": saved(tmp_path, f"{BUCKET}/m", "two-tower")}, output_file=output_file)
    assert sentence == "Model two-tower beats nobody"
    assert json.loads((half / "found.json").read_text()) == []


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    """A folder that stands for the bucket of gs://bucket, as TensorFlow would open it."""

    def at(uri):
        return str(uri).replace("gs://bucket", str(tmp_path / "cloud"))

    def there(method):
        return staticmethod(lambda uri, *more, **options: getattr(LocalFilesystem, method)(at(uri), *more, **options))

    methods = ("open", "exists", "isdir", "listdir", "makedirs", "mkdir", "remove", "rmtree")
    bucket = type(
        "Bucket", (LocalFilesystem,), {"SUPPORTED_SCHEMES": ["gs://"]} | {method: there(method) for method in methods}
    )
    monkeypatch.setitem(
        filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY._preferred_filesystem_by_scheme, "gs://", bucket
    )
    return tmp_path / "cloud"


def test_a_step_whose_workers_run_elsewhere_works_in_the_store_itself(tmp_path, cloud):
    for key in ("m", "evaluation"):
        (cloud / key).mkdir(parents=True)
    (cloud / "m/name").write_text("two-tower")
    (cloud / "evaluation/half_written").write_text("half")
    argv, output_file = arguments(tmp_path, {"model": artifact("gs://bucket/m")}, bucket="gs://bucket", remote=True)
    assert entrypoint.main(argv, root=str(tmp_path)) == 0
    assert (cloud / "said").read_text() == "Model two-tower beats nobody"
    assert json.loads((cloud / "evaluation/found.json").read_text()) == []
    report = json.loads(output_file.read_text())["artifacts"]
    assert {name: kept["artifacts"][0]["uri"] for name, kept in report.items()} == {
        "evaluation": "gs://bucket/evaluation",
        "said": "gs://bucket/said",
    }
    # The launcher uploads what lies in its own folders, which is nothing; 3.0 wants them to be there.
    assert not [path for path in (tmp_path / "gcs").rglob("*") if path.is_file()]
    assert all((tmp_path / "gcs/bucket" / key).is_dir() for key in ("evaluation", "said"))


def test_workers_elsewhere_need_a_store_that_tensorflow_opens(tmp_path):
    argv, _ = arguments(tmp_path, {"model": artifact("minio://bucket/m")}, remote=True)
    with pytest.raises(
        SettingsError, match=r"--remote needs artifacts in a store that TensorFlow opens itself .* got 'minio://bucket/"
    ):
        entrypoint.main(argv, root=str(tmp_path))


def test_a_step_that_fails_says_so_and_leaves_nothing_of_its_outputs(tmp_path):
    with pytest.raises(tf.errors.NotFoundError):
        judge(tmp_path, {"model": artifact(f"{BUCKET}/not_there")})
    assert not local(tmp_path, f"{BUCKET}/evaluation").exists()


def test_it_is_a_program_that_reports_and_leaves_its_argument_list_to_nobody(tmp_path):
    argv, output_file = arguments(tmp_path, {"model": saved(tmp_path, "model", "two-tower")}, bucket=str(tmp_path))
    command = [sys.executable, *kubeflow_spec.ENTRYPOINT[1:], *argv]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[2]), str(HERE)])}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "step judge" in done.stderr
    assert (tmp_path / "said").read_text() == "Model two-tower beats nobody"
    assert set(json.loads(output_file.read_text())["artifacts"]) == {"evaluation", "said"}


def launch_with_days():
    log = Log(path="days/{YYYY}-{MM}-{DD}/*.csv", user="user", item="item", time="time", not_before=None)
    return Launch(name="days", log=log, objectives=(Objective("like"),), split=Split(eval_share=0.5))


def example_gen_arguments(node, output_file):
    parameters = {name: value for name, value in node.exec_properties.items() if value is not None}
    kinds = {
        name: {"parameterType": "NUMBER_INTEGER" if isinstance(value, int) else "STRING"}
        for name, value in parameters.items()
    }
    outputs = {"artifacts": {"examples": output("examples", Examples)}, "outputFile": str(output_file)}
    argv = ["--executor_class_path", "components.ingest.executor.LogExecutor"]
    argv += [
        "--json_serialized_invocation_args",
        json.dumps({"inputs": {"parameterValues": parameters}, "outputs": outputs}),
    ]
    return [*argv, "--json_serialized_inputs_spec_args", json.dumps({"parameters": kinds})]


def test_an_example_gen_reads_the_newest_span_and_its_artifact_says_which_and_of_what(tmp_path):
    days = {"2026-11-01": ["a,x,1", "b,x,2"], "2026-11-03": ["a,x,1", "b,y,2", "c,y,3", "d,x,4"]}
    for day, rows in days.items():
        folder = tmp_path / "data/days" / day
        folder.mkdir(parents=True)
        (folder / "log.csv").write_text("\n".join(["user,item,time", *rows]))
    output_file = tmp_path / "output_metadata.json"
    node = events_example_gen(launch_with_days(), str(tmp_path / "data"), "")
    assert entrypoint.main(example_gen_arguments(node, output_file), root=str(tmp_path)) == 0
    (examples,) = json.loads(output_file.read_text())["artifacts"]["examples"]["artifacts"]
    size = (tmp_path / "data/days/2026-11-03/log.csv").stat().st_size
    assert f"num_files:1,total_bytes:{size}" in examples["metadata"]["input_fingerprint"]
    days_since_1970 = 20_760  # of 2026-11-03
    assert examples["metadata"]["custom:span"] == days_since_1970
    assert examples["metadata"]["figure"] == "2 train, 2 eval"
    assert examples["uri"] == f"{BUCKET}/examples"
