"""From what TFX's Kubeflow runner compiles to what open-source Kubeflow Pipelines runs.

TFX's runner is made for Vertex. This pass over its spec makes three kinds of changes:

- names: tasks `statistics-gen`, components `comp-statistics-gen`, executors `exec-statistics-gen`. Kubernetes refuses
  capital letters, and kfp's own tools cut the `comp-` off by its length;
- execution: our entrypoint (`pipeline.kubeflow.entrypoint`), which does what the backend does not; no `lifecycle`,
  which the backend ignores in silence; no cache for what must look at the world;
- resources: requests, limits, accelerator and retries in the spec itself, all else in the second document, the platform
  spec.
"""

import copy
import re
from collections.abc import Collection, Mapping
from typing import Any

import yaml

from pipeline import steps
from pipeline.kubeflow.resources import StepResources, Table

ENTRYPOINT = ["python", "-m", "pipeline.kubeflow.entrypoint"]
STEP_OPTION, REMOTE_OPTION = "--step", "--remote"
# The cache's key holds parameters and the inputs' ids: it sees neither that a log grew, nor what is served by now, nor
# that a push was undone.
UNCACHED = frozenset(
    {steps.EXAMPLE_GEN, steps.CATALOGUE_EXAMPLE_GEN, steps.DRIFT_BASELINE, steps.RETRIEVAL_EVALUATOR, steps.PUSHER}
)
_MAX_BACKOFF = "3600s"

Json = dict[str, Any]


def kebab(name: str) -> str:
    """The name in lower case with hyphens: "StatisticsGen" is "statistics-gen", "my_shop" is "my-shop"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()


def prepared(spec: Json, table: Table, remote: Collection[str] = ()) -> tuple[Json, Json]:
    """The pipeline spec and the platform spec.

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
        _run_task(tasks[name], name, table.rows[name])
        _run_executor(executors[_label(spec, name)], name, table.rows[name])
        if name in remote:
            executors[_label(spec, name)]["container"]["args"].insert(0, REMOTE_OPTION)
    spec["deploymentSpec"]["executors"] = {f"exec-{kebab(name)}": executors[_label(spec, name)] for name in names}
    spec["components"] = {
        f"comp-{kebab(name)}": spec["components"][name] | {"executorLabel": f"exec-{kebab(name)}"} for name in names
    }
    spec["root"]["dag"]["tasks"] = {kebab(name): tasks[name] for name in names}
    return spec, platform({name: table.rows[name] for name in names})


def platform(rows: Mapping[str, StepResources]) -> Json:
    """The platform spec: what only Kubernetes knows."""
    executors = {f"exec-{kebab(name)}": _kubernetes(row) for name, row in rows.items()}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def to_yaml(spec: Json, platform_spec: Json) -> str:
    """Both documents as one text; the same documents give the same text."""
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
    for given in task.get("inputs", {}).get("artifacts", {}).values():
        given["taskOutputArtifact"]["producerTask"] = kebab(given["taskOutputArtifact"]["producerTask"])


def _run_task(task: Json, name: str, row: StepResources) -> None:
    if name in UNCACHED:
        task.pop("cachingOptions", None)
    if row.retries:
        backoff = {"backoffDuration": f"{row.backoff}s", "backoffFactor": 2, "backoffMaxDuration": _MAX_BACKOFF}
        task["retryPolicy"] = {"maxRetryCount": row.retries, **backoff}


def _run_executor(executor: Json, name: str, row: StepResources) -> None:
    container = executor["container"]
    container.pop("lifecycle", None)
    container["command"] = list(ENTRYPOINT)
    # The step's name is for the log, and for the backend, which keeps component specs by a hash of the container: no
    # two may be the same.
    container["args"] = [STEP_OPTION, kebab(name), *container["args"]]
    resources: Json = {
        "cpuRequest": row.cpu_request,
        "cpuLimit": row.cpu_limit,
        "memoryRequest": row.memory_request,
        "memoryLimit": row.memory_limit,
        "accelerator": row.gpu and {"type": row.gpu[0], "count": row.gpu[1]},
    }
    container["resources"] = {key: value for key, value in resources.items() if value is not None}


def _kubernetes(row: StepResources) -> Json:
    """The fields of `KubernetesExecutorConfig` that every backend since 2.0.5 parses; newer ones keep these as they were.

    `emptyDirMounts` alone is younger (github.com/kubeflow/pipelines/pull/10913), so only a table that asks for scratch
    space has it.
    """
    config: Json = {
        "imagePullPolicy": row.image_pull_policy,
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
