"""Plays Kubeflow Pipelines over a compiled pipeline, in one process: its driver, its launcher and its metadata, as read in the backend's Go source
2.17 (`backend/src/v2/driver`, `component/launcher_v2.go`, `metadata/client.go`).

Behaviour of the backend that it repeats, because TFX fails on it or could rely on something missing:

- artifacts lie in an object store (`minio://`), a folder here; before a step its inputs are downloaded to the local
  paths, after it its outputs are uploaded from there, and between two steps everything local is wiped, for each step
  has a pod of its own;
- the driver gives input artifacts their id as name, a URI, metadata, and an empty type;
- it adds the output `executor-logs`;
- only the parents of output folders are made;
- `{{$}}` is replaced in every argument, and the command is taken from the spec;
- the output file is parsed strictly, null metadata is refused, and every number comes back as a float;
- a failed step is tried again as often as its retry policy says;
- a step begins when what it depends on is done, and the rest of its order is none of the spec's;
- a parameter of the run is what was given, or its default;
- the URI of an output holds a salt that nobody knows before;
- 3.0 (`release="3.0.0"`) has no ML Metadata: artifacts are named by a UUID and come with their type; a local output
  that is missing is an error.

What it leaves out: caching, pods, volumes (paths below a mount are plain folders), parallel steps.

By hand: `python tests/fakes/kubeflow_cluster.py FOLDER DATA` compiles the shop and runs it over the log in DATA, then
once more what does not come from the cache; all is left in FOLDER. A third argument, the file of a launch in a project
that `new` made, is run once.
"""

import importlib
import json
import shutil
import sys
import uuid
from pathlib import Path

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline import launches
from pipeline.kubeflow import compiler, resources

PROJECT = Path(__file__).resolve().parents[2]
ROOT_URI = "minio://mlpipeline/v2/artifacts"
LOGS = "executor-logs"


class Cluster:
    """One run of one compiled pipeline.

    Attributes:
      store: the folder of the object store.
      pod: the folder that stands for "/" in the pods; wiped between steps.
      artifacts: task -> output -> the recorded artifact (name, uri, metadata).
      attempts: task -> how often it was begun.
      run_id: a part of the outputs' URIs.
      release: of the backend.
      attempt_seconds: how long an attempt is said to take, for the retry policy.
    """

    def __init__(self, text, folder, before_attempt=None, parameters=(), release="2.17.0"):
        """`before_attempt(task, attempt, pod)` may do mischief before a step begins; `parameters` are those that the run sets."""
        self.spec = json_format.ParseDict(next(yaml.safe_load_all(text)), pipeline_spec_pb2.PipelineSpec())
        self.executors = json_format.ParseDict(
            json_format.MessageToDict(self.spec.deployment_spec), pipeline_spec_pb2.PipelineDeploymentConfig()
        ).executors
        defaults = self.spec.root.input_definitions.parameters.items()
        self.parameters = {
            name: json_format.MessageToDict(parameter.default_value) for name, parameter in defaults
        } | dict(parameters)
        self.store, self.pod = Path(folder, "store"), Path(folder, "pod")
        self.artifacts, self.attempts, self.run_id, self._ids = {}, {}, "run-1", iter(range(1, 10_000))
        self.attempt_seconds, self.release = 0.1, release
        self._before_attempt = before_attempt or (lambda *_: None)

    def run(self):
        """Runs all tasks and returns their names in the order in which they ran."""
        tasks = dict(self.spec.root.dag.tasks)
        while tasks:
            ready = sorted(name for name, task in tasks.items() if not needs(task) & set(tasks))
            assert ready, f"tasks wait for each other: {sorted(tasks)}"
            self._run_with_retries(ready[0], tasks.pop(ready[0]))
        return list(self.artifacts)

    def run_again(self, names, run_id="run-2"):
        """Runs these tasks once more, as in a second run whose other steps come from the cache."""
        self.run_id = run_id
        tasks = self.spec.root.dag.tasks
        for name in names:
            self._run_with_retries(name, tasks[name])

    def local(self, uri):
        """Where the launcher puts what has this URI."""
        return self.pod / uri.replace("minio://", "minio/")

    def stored(self, uri):
        """Where the object store keeps it."""
        return self.store / uri.removeprefix("minio://")

    def output(self, task, key):
        """The folder or file of an output in the object store."""
        return self.stored(self.artifacts[task][key]["uri"])

    def _run_with_retries(self, name, task):
        count = attempts(json_format.MessageToDict(task).get("retryPolicy", {}), self.attempt_seconds)
        for attempt in range(count):
            self.attempts[name] = attempt + 1
            try:
                self.artifacts[name] = self._run(name, task, attempt)
            except Exception:
                if attempt == count - 1:
                    raise
            else:
                return

    def _run(self, name, task, attempt):
        component = self.spec.components[task.component_ref.name]
        container = self.executors[component.executor_label].container
        shutil.rmtree(self.pod, ignore_errors=True)
        request = self._driver(name, task, component)
        self._download(request)
        self._before_attempt(name, attempt, self.pod)
        self._launch(container, request)
        return self._publish(request)

    def _driver(self, name, task, component):
        """The ExecutorInput, as JSON-like values."""
        sources = {key: source.task_output_artifact for key, source in task.inputs.artifacts.items()}
        recorded = {
            key: self.artifacts[source.producer_task][source.output_artifact_key] for key, source in sources.items()
        }
        inputs = {key: {"artifacts": [self._input(component, key, artifact)]} for key, artifact in recorded.items()}
        outputs = {
            key: json_format.MessageToDict(artifact.artifact_type)
            for key, artifact in component.output_definitions.artifacts.items()
        }
        outputs[LOGS] = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}
        uri = f"{ROOT_URI}/{self.spec.pipeline_info.name}/{self.run_id}/{name}/{salt(self.run_id, name)}"
        parameters = {key: self._parameter(source) for key, source in task.inputs.parameters.items()}
        return {
            "inputs": {"artifacts": inputs, "parameterValues": parameters},
            "outputs": {
                "artifacts": {
                    key: {"artifacts": [{"type": kind, "uri": f"{uri}/{key}", "metadata": {}}]}
                    for key, kind in outputs.items()
                },
                "outputFile": str(self.pod / "tmp/kfp_outputs/output_metadata.json"),
            },
        }

    def _input(self, component, key, artifact):
        if self.release < "3":
            return {"type": {}, **artifact}
        kind = json_format.MessageToDict(component.input_definitions.artifacts[key].artifact_type)
        return {"type": kind, "artifactId": artifact["name"], **artifact}

    def _parameter(self, source):
        if source.component_input_parameter:
            return self.parameters[source.component_input_parameter]
        return json_format.MessageToDict(source.runtime_value.constant)

    def _download(self, request):
        for artifact in (artifact_list["artifacts"][0] for artifact_list in request["inputs"]["artifacts"].values()):
            stored, local = self.stored(artifact["uri"]), self.local(artifact["uri"])
            if stored.is_dir():
                shutil.copytree(stored, local, dirs_exist_ok=True)
            elif stored.exists():
                local.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(stored, local)
        for artifact_list in request["outputs"]["artifacts"].values():
            self.local(artifact_list["artifacts"][0]["uri"]).parent.mkdir(parents=True, exist_ok=True)

    def _launch(self, container, request):
        python, option, module = container.command
        assert (python, option) == ("python", "-m")
        text = json.dumps(request, ensure_ascii=False)
        arguments = [argument.replace("{{$}}", text) for argument in container.args]
        assert importlib.import_module(module).main(arguments, root=str(self.pod)) == 0

    def _publish(self, request):
        """Uploads the outputs and records them: output -> name, uri and metadata."""
        file = Path(request["outputs"]["outputFile"])
        reported = json_format.Parse(file.read_text() if file.exists() else "{}", pipeline_spec_pb2.ExecutorOutput())
        recorded = {}
        for key, artifact_list in request["outputs"]["artifacts"].items():
            uri, metadata = artifact_list["artifacts"][0]["uri"], {}
            for artifact in reported.artifacts[key].artifacts if key in reported.artifacts else ():
                uri, metadata = artifact.uri or uri, json_format.MessageToDict(artifact.metadata)
            assert None not in metadata.values(), f"{key}: the launcher refuses null metadata, got {metadata}"
            assert uri.startswith(ROOT_URI), f"{key}: the launcher knows no local path for {uri}"
            if self.release >= "3" and key != LOGS:
                assert self.local(uri).exists(), f"{key}: no local output at {self.local(uri)}"
            upload(self.local(uri), self.stored(uri))
            # The metadata store numbers artifacts, and the launcher adds these two properties.
            added = {"display_name": key, "store_session_info": '{"Provider":"minio"}'}
            number = str(next(self._ids))
            name = number if self.release < "3" else str(uuid.uuid5(uuid.NAMESPACE_URL, number))
            recorded[key] = {"name": name, "uri": uri, "metadata": added | metadata}
        return recorded


def attempts(policy, seconds):
    """How often Argo tries a step whose every attempt fails after `seconds` seconds.

    As seen on the controller of 4.0.5: `backoffMaxDuration` counts from the start of the first attempt, an attempt that
    would run beyond it is not
    begun, or is ended; left out it is "0", which is no retry at all. `seconds` is taken as how long an attempt needs to
    fail by itself.
    """
    if not policy.get("maxRetryCount"):
        return 1
    limit = float(policy.get("backoffMaxDuration", "0s").removesuffix("s"))
    wait, factor = float(policy["backoffDuration"].removesuffix("s")), policy["backoffFactor"]
    begun, elapsed = 1, float(seconds)
    while begun <= policy["maxRetryCount"] and elapsed + wait + seconds <= limit:
        begun, elapsed, wait = begun + 1, elapsed + wait + seconds, wait * factor
    return begun


def salt(run, task):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{run}/{task}"))


def upload(local, stored):
    if local.is_dir():
        # An object store has no empty folders.
        for file in (file for file in local.rglob("*") if file.is_file()):
            target = stored / file.relative_to(local)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    elif local.exists():
        stored.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(local, stored)


def needs(task):
    """The tasks that a task waits for."""
    return {
        *task.dependent_tasks,
        *(source.task_output_artifact.producer_task for source in task.inputs.artifacts.values()),
    }


def table_for(folder, data, **cluster):
    """A table of resources whose mounts are folders of this machine."""
    cluster_fields = {
        "image": "dayone:test",
        "data": str(data),
        "workspace": str(folder),
        "schema": str(PROJECT / "schema"),
        **cluster,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "resources.yaml"
    path.write_text(yaml.safe_dump({"cluster": cluster_fields, "defaults": {"retries": 1, "backoff": "1s"}}))
    return resources.load(path)


def kill_once(step):
    """Mischief: the first attempt of a step dies, and the second finds what it left."""

    def mischief(task, attempt, pod):
        if task == step and attempt == 0:
            raise RuntimeError("the pod was killed")
        if task == step:
            ruin = (
                pod
                / ROOT_URI.replace("minio://", "minio/")
                / "shop/run-1"
                / step
                / salt("run-1", step)
                / "model"
                / "half_written"
            )
            ruin.parent.mkdir(parents=True)
            ruin.write_text("half")

    return mischief


def main(folder, data, launch_file=None):
    if launch_file:
        table = table_for(folder / "volume", data, schema=str(launch_file.parents[2] / "schema"))
        cluster = Cluster(compiler.compile_launch(launches.load_file(launch_file), table), folder)
        (folder / "runs.json").write_text(json.dumps([{"order": cluster.run(), "artifacts": cluster.artifacts}]))
        return
    text = compiler.compile_launch(launches.load("shop"), table_for(folder / "volume", data))
    cluster = Cluster(text, folder, kill_once("rules"))
    first = {"order": cluster.run(), "attempts": dict(cluster.attempts), "artifacts": dict(cluster.artifacts)}
    # The second run on 3.0: the first one's artifacts are what such a backend would hand over.
    cluster.release = "3.0.0"
    cluster.run_again(("retrieval-evaluator", "verdict", "pusher"))
    (folder / "runs.json").write_text(json.dumps([first, {"artifacts": cluster.artifacts}], indent=2))


if __name__ == "__main__":
    arguments, sys.argv = sys.argv[1:], sys.argv[:1]
    main(*map(Path, arguments))
