"""TFX's Pusher, whose versions appear atomically: written under a hidden name, then renamed.

The standard executor copies file by file into the numbered folder, with `saved_model.pb` last. A server that looks for
it is safe; a killed push leaves a numbered folder that can never be pushed again, and what else reads the folder sees a
half.
"""

import contextlib
import datetime as dt
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.pusher import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import json_utils, proto_utils

from components.errors import DayoneError
from components.progress import set_figure
from components.registry import experiment_push, experiment_state, export, versions
from components.registry.experiment_push import ACTION_FILE, CONTROL_FOLDER, SETTLE_SECONDS, Action

KEEP = "keep_versions"
_DESTINATION = standard_component_specs.PUSH_DESTINATION_KEY


class VersionPusherExecutor(executor.Executor):
    """The standard executor, pointed at a hidden folder; the result is renamed and old versions are removed."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See the standard executor. Object stores have no rename: there its own order of copying is all there is."""
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[_DESTINATION], destination)
        base = destination.filesystem.base_directory
        winner = artifact_utils.get_single_instance(input_dict[standard_component_specs.MODEL_KEY])
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        action = _read_action(Path(winner.uri))
        if "://" in base:
            _check_no_experiment(base, action)
            super().Do(input_dict, output_dict, exec_properties)
            return
        keep = json_utils.loads(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])[KEEP]
        with _hidden(Path(base)) as hidden:
            destination.filesystem.base_directory = str(hidden)
            super().Do(
                input_dict, output_dict, exec_properties | {_DESTINATION: proto_utils.proto_to_json(destination)}
            )
            written = next(hidden.glob("*"), None)
            if written is not None:
                number = _publish(written, Path(base), keep, action, _find_control(Path(winner.uri)))
                if action.kind == experiment_push.CANDIDATE:
                    self._MarkNotPushed(pushed)
                else:
                    self._MarkPushed(pushed, os.path.join(base, str(number)), str(number))
            elif action.experiment:
                set_figure(
                    pushed, experiment_push.apply_decision(Path(base), action, int(time.time()) + SETTLE_SECONDS)
                )


class VersionPusher(component.Pusher):
    """The standard Pusher with that executor."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(VersionPusherExecutor)

    def __init__(self, model: types.BaseChannel, model_blessing: types.BaseChannel, folder: str, keep: int):
        """Names the winner, its blessing, the folder of the versions and how many of them are kept."""
        filesystem = pusher_pb2.PushDestination.Filesystem(base_directory=folder)
        destination = pusher_pb2.PushDestination(filesystem=filesystem)
        super().__init__(
            model=model, model_blessing=model_blessing, push_destination=destination, custom_config={KEEP: keep}
        )


@contextlib.contextmanager
def _hidden(base: Path) -> Iterator[Path]:
    """Makes an empty hidden folder next to the versions and removes it afterwards."""
    hidden = base / f"{versions.PUSHING}{os.getpid()}"
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    try:
        yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _read_action(winner: Path) -> Action:
    """Returns what the verdict decided about the experiment; a plain push where it says nothing."""
    file = winner / ACTION_FILE
    return Action.from_json(file.read_text(encoding="utf-8")) if file.is_file() else Action(experiment_push.PUSH)


def _find_control(winner: Path) -> Path | None:
    """Returns the rules that the verdict wrote next to the winner; None where no experiment is declared."""
    control = winner / CONTROL_FOLDER
    return control if (control / versions.MODEL_FILE).is_file() else None


def _check_no_experiment(base: str, action: Action) -> None:
    if action.kind != experiment_push.PUSH:
        needed = (
            f"an experiment needs a folder of versions on a file system, got {base!r}: object stores have no rename."
        )
        raise DayoneError(f"{needed} Mount it as a volume (docs/experiment.md).")


def _publish(written: Path, base: Path, keep: int, action: Action, control: Path | None) -> int:
    """Stamps the cards, publishes, prunes; the version's number."""
    stamp = {"pushed_at": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")}
    for folder in (written, control):
        if folder is not None:
            export.add_to_card(str(folder), stamp)
    number = experiment_push.push_winner(base, written, control, action, int(time.time()) + SETTLE_SECONDS)
    versions.prune(base, keep)
    if control is not None:
        versions.prune(experiment_state.find_control(base), keep)
    return number
