"""TFX's Pusher that also says what is served now: see `champion_version`."""

import os

from tfx.components.pusher import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.types import Artifact

from components.models import champion_version


class ChampionPusherExecutor(executor.Executor):
    """The standard executor; a version that is wholly pushed becomes the champion."""

    def _MarkPushed(self, model_push: Artifact, pushed_destination: str, pushed_version: str | None = None) -> None:
        super()._MarkPushed(model_push, pushed_destination, pushed_version)
        if pushed_version:
            champion_version.point(os.path.dirname(pushed_destination), pushed_version)


class Pusher(component.Pusher):
    """The standard component with that executor."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ChampionPusherExecutor)
