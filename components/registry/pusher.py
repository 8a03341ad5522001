"""TFX's Pusher, whose versions appear whole: written beside the others under a hidden name, then renamed.

The standard executor copies file by file into the numbered folder, with `saved_model.pb` last. A server that looks for
it is safe; a killed push leaves a numbered folder that can never be pushed again, and what else reads the folder sees a
half.
"""

import contextlib
import datetime as dt
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.pusher import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import json_utils, proto_utils

from components.registry import export, versions

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
        if "://" in base:
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
                number = _publish(written, Path(base), keep)
                pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
                self._MarkPushed(pushed, os.path.join(base, str(number)), str(number))


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
    """An empty hidden folder beside the versions, gone afterwards."""
    hidden = base / f"{versions.PUSHING}{os.getpid()}"
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    try:
        yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _publish(written: Path, base: Path, keep: int) -> int:
    """Stamps the card, publishes, prunes; the version's number."""
    export.add_to_card(str(written), {"pushed_at": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")})
    number = versions.publish(written, base, int(written.name))
    versions.prune(base, keep)
    return number
