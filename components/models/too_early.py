"""The `run_fn` that stands in for a model's where there is next to nothing to learn from: a launch's first days.

It exports the rules as the step's model, with the reason in the card, so that the same graph runs from the first day
on; the evaluation does not take it for a model.
"""

from typing import Any

import numpy as np

from components.features import training_data
from components.features.preprocessing import CODE_KEY
from components.progress import FIGURE
from components.registry import export, model_card
from components.registry.card_file import TOO_EARLY
from components.rules import training as rules_training

LEAST_ACTIONS = 50


def run_fn(fn_args: Any) -> None:
    """TFX's entry: see `tfx.components.trainer.fn_args_utils.FnArgs` for the argument."""
    data = training_data.read(fn_args)
    names = data.launch.rules
    recommender = rules_training.count_rules(
        data, np.ones(len(data.events), bool), names.before_events or names.names[0]
    )
    card = model_card.describe(data, fn_args.custom_config.get(CODE_KEY, ""))
    problem = f"{int(data.events.positive.sum()):,} actions to learn from, a model needs {LEAST_ACTIONS}"
    entries = {"kind": "model", TOO_EARLY: problem, FIGURE: f"no model yet: {problem}"}
    export.save(recommender, fn_args.serving_model_dir, card | entries)
