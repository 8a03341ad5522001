"""The parameters of the compiled pipeline: what a run may set, each with the declaration's value as its default.

TFX's compiler drops the defaults of its own runtime parameters, and what we want to set stands inside constants. So
they are put into the spec here, as inputs of the pipeline and of the steps that they concern;
`pipeline.kubeflow.run_parameters` writes them into the constants.
"""

import posixpath
from typing import Any

from components.declaration import Launch, Model
from pipeline import steps
from pipeline.kubeflow import run_parameters

Json = dict[str, Any]


def expose(spec: Json, launch: Launch, data: str) -> None:
    """Adds the parameters to the spec.

    Args:
      spec: the pipeline spec as TFX's runner gives it, with TFX's names; it is changed.
      launch: the declaration.
      data: the folder that relative paths of the declaration start at.
    """
    tasks = spec["root"]["dag"]["tasks"]
    readers = sorted(
        name for name, task in tasks.items() if run_parameters.FOLDER in task.get("inputs", {}).get("parameters", {})
    )
    if isinstance(launch.model, Model):
        trainers = [name for name in (steps.TUNER, steps.TRAINER, steps.REFIT) if name in tasks]
        _add(spec, run_parameters.EPOCHS, "NUMBER_INTEGER", launch.model.epochs, trainers)
    if launch.log.spans:
        _add(spec, run_parameters.SPANS, "NUMBER_INTEGER", launch.log.spans, [steps.EXAMPLE_GEN])
    if readers:
        _add(spec, run_parameters.LOG, "STRING", data, readers)
    for name in readers:
        inputs = tasks[name]["inputs"]["parameters"]
        constant = inputs[run_parameters.FOLDER]["runtimeValue"]
        constant["constant"] = _below(data, constant["constant"])
        config = inputs[run_parameters.CONFIG]["runtimeValue"]
        if run_parameters.USERS in config["constant"]:
            config["constant"] = run_parameters.with_users_folder(
                config["constant"], lambda folder: _below(data, folder)
            )


def _add(spec: Json, name: str, kind: str, default: Any, names: list[str]) -> None:
    declared = spec["root"].setdefault("inputDefinitions", {}).setdefault("parameters", {})
    declared[name] = {"parameterType": kind, "defaultValue": default, "isOptional": True}
    for step in names:
        task = spec["root"]["dag"]["tasks"][step]
        definitions = spec["components"][task["componentRef"]["name"]]["inputDefinitions"]["parameters"]
        assert name not in definitions, f"{step} has a parameter {name} of its own"
        definitions[name] = {"parameterType": kind}
        task["inputs"]["parameters"][name] = {"componentInputParameter": name}


def _below(data: str, folder: str) -> str:
    """Returns a folder relative to the data folder; one outside of it stays absolute."""
    inside = folder == data or folder.startswith(data.rstrip("/") + "/")
    return posixpath.relpath(folder, data) if inside else folder
