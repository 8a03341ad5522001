"""Trains rules and model on parts of the log, by the functions that the steps Rules and Trainer run."""

import dataclasses
import gc
import logging
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from components.declaration.functions import load_function
from components.declaration.learning import CustomModel
from components.declaration.triangle_view import TriangleView
from components.declaration.views import RulesView, TrainerView
from components.evaluation import contender
from components.evaluation.contender import Contender
from components.evaluation.findings import MODEL
from components.features.event_table import EventTable
from components.features.preprocessing import CATALOGUE_URI, LAUNCH_KEY
from components.features.training_data import PART_KEY, Part
from components.progress import Progress
from components.rules.rules_recommender import RULE_SIGNATURE

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass
class PartTrainer:
    """Trains contenders on parts of the train split; called as `triangle.Train`.

    Attributes:
      view: of the declaration.
      early: the events of the train split, from which it is known how many a part holds.
      files: patterns of the train split's files.
      transform: folder of Transform's graph.
      catalogue: folder of the catalogue's examples; "" for none.
      run_fns: dotted paths of the `run_fn` of `MODEL` and `RULES`.
      hyperparameters: of a Tuner; None for the declared ones.
      progress: advanced by one after each training of a model.
      left_out: what could not be trained, with the reason.
    """

    view: TriangleView
    early: EventTable
    files: Sequence[str]
    transform: str
    catalogue: str
    run_fns: Mapping[str, str]
    hyperparameters: dict[str, Any] | None
    progress: Progress
    left_out: list[str] = dataclasses.field(default_factory=list)

    def __call__(self, part: Part, names: Sequence[str]) -> dict[str, Contender]:
        """Returns the contenders of a part; one that fails is left out with the reason, and the run continues."""
        description = describe_part(part, self.early)
        tried = {name: self._try(part, name, description) for name in names}
        trained = {name: one for name, one in tried.items() if one is not None}
        self.progress.advance(note=description)
        tf.keras.backend.clear_session()
        gc.collect()
        return trained

    def _try(self, part: Part, name: str, said: str) -> Contender | None:
        try:
            return self._train(part, name)
        except Exception as error:
            _LOGGER.exception("The %s of %s could not be trained.", name, said)
            self.left_out.append(f"{name} of {said}: {next(iter(str(error).splitlines()), type(error).__name__)}")
            return None

    def _train(self, part: Part, name: str) -> Contender:
        """Trains, loads what was exported, and checks that it has learnt from the part alone.

        Raises:
          ValueError: if a team's own `run_fn` read anything but the part.
        """
        view = (TrainerView if name == MODEL else RulesView).of(without_ranking(self.view))
        config = {LAUNCH_KEY: view.to_json(), CATALOGUE_URI: self.catalogue, PART_KEY: dataclasses.asdict(part)}
        with tempfile.TemporaryDirectory(prefix="dayone-triangle-") as folder:
            arguments = FnArgs(
                train_files=list(self.files),
                transform_graph_path=self.transform,
                serving_model_dir=folder,
                custom_config=config,
                hyperparameters=self.hyperparameters if name == MODEL else None,
            )
            load_function("run_fn", self.run_fns[name])(arguments)
            loaded = contender.load(folder)
        needed, read = int(part.choose(self.early, self.view.seed).sum()), loaded.card.get("data", {}).get("events")
        if read != needed:
            raise ValueError(
                f"{self.run_fns[name]} has to learn from the {needed:,} events of `training_data.read`, got {read}"
            )
        return loaded if name == MODEL else serve_rule(loaded)


def without_ranking(view: TriangleView) -> TriangleView:
    """Returns the view without what a ranking head learns from: it has no part in what is compared.

    A team's own model keeps it, as it may read the labels.
    """
    if isinstance(view.model, CustomModel):
        return view
    objectives = tuple(dataclasses.replace(one, value_at_least=None, label_fn=None) for one in view.objectives)
    return dataclasses.replace(view, log=dataclasses.replace(view.log, impression=None), objectives=objectives)


def serve_rule(rules: Contender) -> Contender:
    """Returns the rules as the one that serves scores."""
    return rules.by(RULE_SIGNATURE + rules.rule)


def describe_part(part: Part, early: EventTable) -> str:
    """Returns a part in words, such as "the first 32% of the actions" or "25% of the users, draw 2"."""
    if part.users < 1:
        return f"{100 * part.users:g}% of the users, draw {part.draw + 1}"
    actions = early.time[early.positive]
    return f"the first {(actions < (part.before or 0)).mean():.0%} of the actions"
