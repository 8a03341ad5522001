"""What a team's own model needs to be trained, exported and served like ours: a base class, and one call to export.

docs/extend.md shows a model of about sixty lines that uses both.
"""

from typing import Any

import tensorflow as tf

from components.features.preprocessing import CODE_KEY
from components.features.training_data import TrainingData
from components.models import vector_export
from components.models.retrieval.context import RequestContext
from components.progress import FIGURE
from components.registry import export, model_card
from components.registry.recommender import Recommender
from components.rules.rule_lists import rank_lists


class CustomRecommender(Recommender):
    """A `Recommender` made from training data: a subclass adds `scores`, and `probabilities` where it ranks."""

    def __init__(self, data: TrainingData):
        """Makes the look-up tables, with the declared context columns as inputs of the signatures, and the lists of rules."""
        context = RequestContext(data.launch.log.context, data.transform)
        super().__init__(data.launch, data.items, context.dtypes, rank_lists(data))


def export_model(recommender: Recommender, data: TrainingData, fn_args: Any) -> None:
    """Exports a trained recommender to where the step Trainer expects it.

    Args:
      recommender: of the trained model. Where it has `item_vectors()` ([A, dim] float32), these are stored with it.
      data: its training data.
      fn_args: of the `run_fn`: `tfx.components.trainer.fn_args_utils.FnArgs`.
    """
    positives = int(data.events.positive.sum())
    figure = f"own model, {positives:,} positive events; {int(data.items.active.sum()):,} items to recommend"
    card = model_card.describe(data, fn_args.custom_config.get(CODE_KEY, ""))
    export.save(recommender, fn_args.serving_model_dir, card | {"kind": "model", FIGURE: figure})
    if hasattr(recommender, "item_vectors"):
        vector_export.write(recommender, data, fn_args.serving_model_dir)


def active_rows(data: TrainingData) -> tf.Tensor:
    """Returns the rows of the item table that may be recommended, in the order of the candidates: [A] int64."""
    return tf.where(data.items.active)[:, 0]
