"""The step Refit: a model that won is trained once more, on the events of both splits, and pushed so.

The eval split is the newest part of the log. A model that is pushed as it was judged has never seen it, and answers
today's users by what was wanted before. So the same `run_fn` runs again on everything. The verdict holds for the way
the model was trained, not for these weights; `components.evaluation.refit` checks that nothing went wrong, and if it
did, the judged model is pushed.

The judged model stays inside the version (`champion_version.JUDGED`): later runs compare with it, as the other one has
seen the answers.
"""

import os

from tfx import types
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, json_utils, path_utils

from components import memory
from components.declaration.views import TrainerView
from components.evaluation import refit
from components.evaluation.findings import MODEL
from components.evaluation.refit import Check
from components.features import split_events
from components.features.preprocessing import LAUNCH_KEY
from components.features.split_names import EVAL, TRAIN
from components.models.trainer import CatalogueTrainer, CatalogueTrainerExecutor, Learning
from components.progress import set_figure
from components.registry import champion_version, export, train_statistics
from components.registry.champion_version import SAVED_MODEL

EARNED = ("metrics", "verdict", "launch_stage")
REFIT = "refit"


class RefitExecutor(CatalogueTrainerExecutor):
    """The Trainer's executor, run only for a model that won; anything else is handed on as it is."""

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> None:
        """Trains on all splits and checks the result; hands on the judged model where it fails."""
        winner = artifact_utils.get_single_instance(input_dict[standard_component_specs.BASE_MODEL_KEY])
        output = artifact_utils.get_single_instance(output_dict[standard_component_specs.MODEL_KEY])
        judged, folder = (path_utils.serving_model_dir(artifact.uri) for artifact in (winner, output))
        if not _is_model(judged):
            _copy(winner.uri, output.uri)
            set_figure(output, "not needed: no model is pushed")
            return
        super().Do(input_dict, output_dict, exec_properties)
        memory.give_back()  # the check loads three models
        config = json_utils.loads(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        launch = TrainerView.from_json(config[LAUNCH_KEY])
        inputs = (standard_component_specs.EXAMPLES_KEY, standard_component_specs.SCHEMA_KEY)
        events = split_events.read(launch, *(artifact_utils.get_single_instance(input_dict[name]) for name in inputs))
        result = refit.check(launch, events, judged, folder)
        if result.problem:
            fileio.rmtree(folder)
        else:
            _complete(folder, judged, result)
        _copy(winner.uri, output.uri, leaving=() if result.problem else (os.path.basename(folder),))
        if result.problem:
            export.add_to_card(folder, {REFIT: result.to_dict()})
        set_figure(output, _describe(result, len(events)))


class Refit(CatalogueTrainer):
    """Trains a model that won once more, on the splits train and eval."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(RefitExecutor)

    def __init__(self, learning: Learning, code: str, schema: types.BaseChannel, winner: types.BaseChannel):
        """Takes what the Trainer took.

        Args:
          learning: the Trainer's arguments.
          code: the digest of the code that is run here.
          schema: of the examples.
          winner: what the verdict chose.
        """
        super().__init__(learning._replace(code=code), (TRAIN, EVAL), schema=schema, base_model=winner)


def _is_model(folder: str) -> bool:
    """Returns whether a folder holds a model that won, and not the rules or nothing."""
    card = export.card(folder)
    return fileio.exists(os.path.join(folder, SAVED_MODEL)) and card.get("verdict", {}).get("outcome") == MODEL


def _complete(folder: str, judged: str, found: Check) -> None:
    """Adds to a refitted model what its judged twin earned, and the twin itself."""
    card = export.card(judged)
    export.add_to_card(folder, {name: card[name] for name in EARNED if name in card} | {REFIT: found.to_dict()})
    train_statistics.carry(judged, folder)
    champion_version.keep_judged(judged, folder)


def _copy(source: str, target: str, leaving: tuple[str, ...] = ()) -> None:
    """Copies the files and folders of an artifact but some into another, which may be there already."""
    names = [name.rstrip("/") for name in fileio.listdir(source)] if fileio.exists(source) else []
    for name in names:
        path = os.path.join(source, name)
        if name in leaving:
            continue
        if fileio.isdir(path):
            io_utils.copy_dir(path, os.path.join(target, name))
        else:
            fileio.makedirs(target)
            fileio.copy(path, os.path.join(target, name), overwrite=True)


def _describe(found: Check, events: int) -> str:
    if found.problem:
        return f"the judged model is kept: {found.problem}"
    return f"learnt from all {events:,} events; agrees with the judged model for {found.agreement:.0%} of the queries"
