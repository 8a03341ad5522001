"""The parameters that a run on a cluster may set at its start, with the declaration's values as defaults.

The declaration travels to the steps as constants, so that nothing a step reads can differ from what the cache saw. A
parameter of the run comes to the steps that it concerns in addition to these constants, and is written into them here, before
TFX reads them:

- `epochs`: passes over the training sequences, in the declaration of the Trainer and, where there are any, of the Tuner and Refit;
- `spans`: how many of the newest span folders are read, where the declaration reads several;
- `log`: the folder that relative paths of the declaration start at, where files are read.
"""

import dataclasses
import json
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from components.declaration.criteria_checks import check_model
from components.declaration.data_checks import check_log
from components.declaration.views import IngestView, TrainerView
from components.errors import SettingsError
from pipeline.kubeflow import packing

EPOCHS, SPANS, LOG = "epochs", "spans", "log"
NAMES = (EPOCHS, SPANS, LOG)
CONFIG, FOLDER = "custom_config", "input_base"
_LAUNCH, _SPANS = "launch", "spans"
USERS = "users_folder"  # of the table of the users, in ExampleGen's `custom_config`


def apply(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a step's parameters as its executor knows them: unpacked, and with those of the run written into them.

    Args:
      values: the step's parameters and those of the run, by name.

    Raises:
      DeclarationError: for a value that the declaration does not allow.
      SettingsError: for a number of epochs or spans that is no integer; the server lets 3.5 pass as an integer.
    """
    parameters = {name: values[name] for name in NAMES if name in values}
    for name in (EPOCHS, SPANS):
        if name in parameters and int(parameters[name]) != parameters[name]:
            raise SettingsError(f"run parameter {name}", parameters[name], "an integer")
    step_parameters = {
        name: packing.unpack(value) if isinstance(value, str) else value
        for name, value in values.items()
        if name not in NAMES
    }
    if EPOCHS in parameters:
        step_parameters[CONFIG] = _with_epochs(step_parameters[CONFIG], int(parameters[EPOCHS]))
    if SPANS in parameters:
        step_parameters[CONFIG] = _with_spans(step_parameters[CONFIG], int(parameters[SPANS]))
    if LOG in parameters:
        base = str(parameters[LOG])
        step_parameters[FOLDER] = _join(base, step_parameters[FOLDER])
        if USERS in step_parameters.get(CONFIG, ""):
            step_parameters[CONFIG] = with_users_folder(step_parameters[CONFIG], lambda folder: _join(base, folder))
    return step_parameters


def with_users_folder(text: str, change: Callable[[str], str]) -> str:
    """Returns ExampleGen's `custom_config`, a message in JSON, with another folder of the users' table, if it has one."""
    config = json.loads(text)
    carried = config["custom_config"]["value"]
    if USERS in carried:
        carried[USERS] = change(carried[USERS])
    return json.dumps(config, sort_keys=True)


def _join(base: str, folder: str) -> str:
    return posixpath.normpath(posixpath.join(base, folder))


def _with_epochs(text: str, epochs: int) -> str:
    """Returns the `custom_config` of Trainer, Tuner or Refit, whose declaration has other epochs."""
    config = json.loads(text)
    view = TrainerView.from_json(config[_LAUNCH]).with_model({"epochs": epochs})
    check_model(view.model)
    config[_LAUNCH] = view.to_json()
    return json.dumps(config, sort_keys=True)


def _with_spans(text: str, spans: int) -> str:
    """Returns ExampleGen's `custom_config`, a message in JSON, with another window."""
    config = json.loads(text)
    carried = config["custom_config"]["value"]
    view = IngestView.from_json(carried[_LAUNCH])
    changed = dataclasses.replace(view, log=dataclasses.replace(view.log, spans=spans))
    check_log(changed.log)
    carried.update({_LAUNCH: changed.to_json(), _SPANS: spans})
    return json.dumps(config, sort_keys=True)
