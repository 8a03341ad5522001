"""Rewrites the output of TFX's Kubeflow runner for open-source Kubeflow Pipelines.

TFX's runner is made for Vertex. This pass over its spec makes four kinds of changes:

- names: tasks `statistics-gen`, components `comp-statistics-gen`, executors `exec-statistics-gen`. Kubernetes refuses
  capital letters, and kfp's own tools cut the `comp-` off by its length;
- execution: our entrypoint (`pipeline.kubeflow.entrypoint`), which does what the backend does not; no `lifecycle`,
  which the backend ignores in silence; no cache for what must look at the world;
- resources: requests, limits, accelerator and retries in the spec itself, all else in the second document, the platform
  spec;
- size: long texts are packed (`pipeline.kubeflow.packing`), arguments are shortened (`pipeline.kubeflow.input_types`),
  and of an artifact's type only the title stays: backend and TFX's entrypoint read nothing else of it.
"""

import copy
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import yaml

from pipeline import steps
from pipeline.kubeflow import input_types, packing
from pipeline.kubeflow.resources import StepResources, Table

ENTRYPOINT = ["python", "-m", "pipeline.kubeflow.entrypoint"]
STEP_OPTION, REMOTE_OPTION, THREADS_OPTION, WRITES_OPTION = "--step", "--remote", "--threads", "--writes"
# The cache's key holds parameters and the inputs' ids: it sees neither that a log grew, nor what is served by now, nor
# that a push was undone.
UNCACHED = frozenset(
    {
        steps.EXAMPLE_GEN,
        steps.CATALOGUE_EXAMPLE_GEN,
        steps.DRIFT_BASELINE,
        steps.RETRIEVAL_EVALUATOR,
        steps.OUTCOME,
        steps.PUSHER,
    }
)
INPUTS_OPTION = "--inputs"
# The options of TFX's runner as the compiled pipeline names them: each name stands six times per step in the workflow's
# status.
SHORT_OPTIONS = {
    "--executor_class_path": "--executor",
    "--json_serialized_invocation_args": "--request",
    "--json_serialized_inputs_spec_args": INPUTS_OPTION,
}
_SECURITY_FIELDS = {"run_as_user": "runAsUser", "run_as_group": "runAsGroup", "run_as_non_root": "runAsNonRoot"}
# How long a step without a timeout may take with all its attempts.
_WEEK_SECONDS = 7 * 24 * 3600
_START_SECONDS = 600
_BACKOFF_FACTOR = 2

Json = dict[str, Any]


def kebab(name: str) -> str:
    """Returns the name in lower case with hyphens: "StatisticsGen" is "statistics-gen", "my_shop" is "my-shop"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()


def adapt(spec: Json, table: Table, remote: Collection[str] = ()) -> tuple[Json, Json]:
    """Returns the pipeline spec and the platform spec.

    Args:
      spec: the pipeline spec as TFX's runner gives it; it is not changed.
      table: what each step gets.
      remote: the steps whose Beam workers do not see the folders of the step's pod.
    """
    spec = copy.deepcopy(spec)
    tasks, executors = spec["root"]["dag"]["tasks"], spec["deploymentSpec"]["executors"]
    names = sorted(tasks)
    for name in names:
        _name_task(tasks[name], name)
        _run_task(tasks[name], name, table.row(name))
        _run_executor(executors[_label(spec, name)], name, table.row(name))
        _pack_task(tasks[name])
        _shorten_types(spec["components"][name])
        if name == steps.EXAMPLE_GEN:
            # The first step finds out what would stop the last one.
            executors[_label(spec, name)]["container"]["args"][:0] = [WRITES_OPTION, table.cluster.workspace]
        if name in remote:
            executors[_label(spec, name)]["container"]["args"].insert(0, REMOTE_OPTION)
    spec["deploymentSpec"]["executors"] = {f"exec-{kebab(name)}": executors[_label(spec, name)] for name in names}
    spec["components"] = {
        f"comp-{kebab(name)}": spec["components"][name] | {"executorLabel": f"exec-{kebab(name)}"} for name in names
    }
    spec["root"]["dag"]["tasks"] = {kebab(name): tasks[name] for name in names}
    return spec, platform({name: table.row(name) for name in names})


def platform(rows: Mapping[str, StepResources]) -> Json:
    """Returns the platform spec: what only Kubernetes knows."""
    executors = {f"exec-{kebab(name)}": _kubernetes(row) for name, row in rows.items()}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def to_yaml(spec: Json, platform_spec: Json) -> str:
    """Returns both documents as one text; the same documents give the same text."""
    name = spec["pipelineInfo"]["name"]
    head = f"# Pipeline {name} for Kubeflow Pipelines 2, made by `python -m pipeline compile`: edit the declaration, not this.\n"
    return head + yaml.safe_dump_all([spec, platform_spec], sort_keys=True, allow_unicode=True, width=150)


def _label(spec: Json, name: str) -> str:
    return spec["components"][name]["executorLabel"]


def _name_task(task: Json, name: str) -> None:
    task["taskInfo"]["name"] = kebab(name)
    task["componentRef"]["name"] = f"comp-{kebab(name)}"
    if "dependentTasks" in task:
        task["dependentTasks"] = sorted(kebab(other) for other in task["dependentTasks"])
    for source in task.get("inputs", {}).get("artifacts", {}).values():
        source["taskOutputArtifact"]["producerTask"] = kebab(source["taskOutputArtifact"]["producerTask"])


def _run_task(task: Json, name: str, row: StepResources) -> None:
    if name in UNCACHED:
        task.pop("cachingOptions", None)
    if row.retries:
        backoff = {
            "backoffDuration": f"{row.backoff}s",
            "backoffFactor": _BACKOFF_FACTOR,
            "backoffMaxDuration": f"{max_retry_seconds(row)}s",
        }
        task["retryPolicy"] = {"maxRetryCount": row.retries, **backoff}


def max_retry_seconds(row: StepResources) -> int:
    """Returns the time in seconds from the start of the first attempt within which a retry may begin, and must end.

    Argo counts `backoffMaxDuration` from there, and stops an attempt that is still running then. So it is the time of
    all attempts and waits:
    (retries + 1) * (timeout + start) + backoff * (1 + 2 + 4 + ...), where `start` is what a pod waits for a node and
    its image.
    """
    if row.timeout is None:
        return _WEEK_SECONDS
    waits = row.backoff * (_BACKOFF_FACTOR**row.retries - 1)
    return (row.retries + 1) * (row.timeout + _START_SECONDS) + waits


def _pack_task(task: Json) -> None:
    for source in task.get("inputs", {}).get("parameters", {}).values():
        constant = source.get("runtimeValue", {}).get("constant")
        if isinstance(constant, str):
            source["runtimeValue"]["constant"] = packing.pack(constant)


def _shorten_types(component: Json) -> None:
    for side in ("inputDefinitions", "outputDefinitions"):
        for artifact in component.get(side, {}).get("artifacts", {}).values():
            _shorten_type(artifact["artifactType"])


def _shorten_type(kind: Json) -> None:
    if "instanceSchema" in kind:
        kind["instanceSchema"] = f"title: {yaml.safe_load(kind['instanceSchema'])['title']}"


def _shorten_arguments(arguments: list[str]) -> list[str]:
    """Returns the arguments that TFX's runner wrote, with short names and the types of the inputs as a short text."""
    shortened = [SHORT_OPTIONS.get(argument, argument) for argument in arguments]
    if INPUTS_OPTION in shortened:
        types = shortened.index(INPUTS_OPTION) + 1
        shortened[types] = input_types.encode(shortened[types])
    return shortened


def _run_executor(executor: Json, name: str, row: StepResources) -> None:
    container = executor["container"]
    container.pop("lifecycle", None)
    container["command"] = list(ENTRYPOINT)
    # The step's name is for the log, and for the backend, which keeps component specs by a hash of the container: no
    # two may be the same.
    threads = [THREADS_OPTION, str(math.ceil(row.cpu_limit))] if row.cpu_limit else []
    container["args"] = [STEP_OPTION, kebab(name), *threads, *_shorten_arguments(container["args"])]
    resources: Json = {
        "cpuRequest": row.cpu_request,
        "cpuLimit": row.cpu_limit,
        "memoryRequest": row.memory_request,
        "memoryLimit": row.memory_limit,
        "accelerator": row.gpu and {"type": row.gpu[0], "count": row.gpu[1]},
    }
    container["resources"] = {key: value for key, value in resources.items() if value is not None}


def _kubernetes(row: StepResources) -> Json:
    """Returns the fields of `KubernetesExecutorConfig` that every backend since 2.0.5 parses; newer ones keep these as they were.

    `emptyDirMounts` (github.com/kubeflow/pipelines/pull/10913), `imagePullSecret` and `securityContext` are younger, so
    only a table that asks for
    them has them.
    """
    config: Json = {
        "imagePullPolicy": row.image_pull_policy,
        "imagePullSecret": [{"secretName": name} for name in row.image_pull_secrets],
        "securityContext": row.security and {_SECURITY_FIELDS[name]: value for name, value in row.security.items()},
        "activeDeadlineSeconds": row.timeout,
        "nodeSelector": row.node_selector and {"labels": dict(row.node_selector)},
        "tolerations": [dict(toleration) for toleration in row.tolerations],
        "pvcMount": [{"constant": claim, "mountPath": path} for claim, path in row.volumes],
        "emptyDirMounts": row.scratch and [{"volumeName": "scratch", "mountPath": "/tmp", "sizeLimit": row.scratch}],
        "secretAsEnv": [
            {"secretName": name, "keyToEnv": [{"secretKey": key, "envVar": variable}]}
            for name, key, variable in row.secrets
        ],
    }
    return {key: value for key, value in config.items() if value}
