"""Trains the model and exports it: the `run_fn` of the step "Trainer".

First the towers, with the last events of some users left out, which choose the best epoch and the weights of the score's
parts are chosen. Where new items matter, everything of the last tenth of the training time is left out instead, and the
towers are trained again on all of it. Then the tables of the score, counted on everything; then, on the frozen vectors,
the ranking head, calibrated on what was left out. The eval split is not read. The step Refit, which trains on both
splits, gets what was chosen and calibrated before, and chooses nothing.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from components.declaration import Model
from components.features import training_data
from components.features.preprocessing import CODE_KEY
from components.features.training_data import TrainingData
from components.models import kept_choice, training_log, vector_export
from components.models.kept_choice import Kept
from components.models.model_recommender import ModelRecommender
from components.models.ranking import ranking_training
from components.models.ranking.head_features import HeadFeatures
from components.models.retrieval import blend_training, part_counts, retrieval_training, warm_start
from components.models.retrieval.context import RequestContext
from components.models.retrieval.retrieval_model import RetrievalModel
from components.models.retrieval.retrieval_training import Choice
from components.models.retrieval.warm_start import Saved
from components.progress import FIGURE
from components.registry import champion_version, export, model_card
from components.rules.event_counts import fallback_scores
from components.rules.rule_lists import rank_lists


def run_fn(fn_args: Any) -> None:
    """TFX's entry: see `tfx.components.trainer.fn_args_utils.FnArgs` for the argument."""
    data = _apply_tuning(training_data.read(fn_args), fn_args.hyperparameters)
    positives = int(data.events.positive.sum())
    card = model_card.describe(data, fn_args.custom_config.get(CODE_KEY, ""))
    with champion_version.open_judged(fn_args.custom_config.get(warm_start.CHAMPION_KEY, "")) as champion:
        saved = warm_start.read(champion)
    # TFX's name for the model that a training begins with: the step Refit gives the judged one.
    kept = kept_choice.read(getattr(fn_args, "base_model", None) or "")
    with training_log.record(fn_args.model_run_dir):
        model, choice, towers = chosen_and_trained(data, saved, kept)
    began = "; began with the served version's towers" if choice.warm else ""
    figure = f"learnt from {positives:,} positive events; {int(data.items.active.sum()):,} items to recommend{began}"
    fields = {"kind": "model", FIGURE: figure, "choice": choice.to_dict()} | _settings_said(
        data.launch.model, fn_args.hyperparameters, choice
    )
    export.save(model, fn_args.serving_model_dir, card | fields)
    kept_choice.write(fn_args.serving_model_dir, choice, model.ranking)
    training_log.write_projector(fn_args.model_run_dir, vector_export.write(model, data, fn_args.serving_model_dir))
    if data.launch.model.warm_start:
        warm_start.write(fn_args.serving_model_dir, data, towers)


def _settings_said(settings: Model, found: dict | None, choice: Choice) -> dict[str, Any]:
    """Returns the card's fields on the optional ways to train, where they are declared."""
    tuned = {"tuned": found["values"]} if found else {}
    return tuned | ({"warm_start": choice.warm} if settings.warm_start else {})


def _apply_tuning(data: TrainingData, found: dict | None) -> TrainingData:
    """Returns the data with the settings of the step Tuner, if it ran."""
    return dataclasses.replace(data, launch=data.launch.with_model(found["values"])) if found else data


def train(data: TrainingData) -> ModelRecommender:
    """Trains the model of some data; the same data and seed give the same model."""
    return chosen_and_trained(data)[0]


def chosen_and_trained(
    data: TrainingData, saved: Saved | None = None, kept: Kept | None = None
) -> tuple[ModelRecommender, Choice, RetrievalModel]:
    """Towers, score and ranking head, trained on the data; what was chosen on its validation part; and the towers alone.

    Args:
      data: the training split.
      saved: weights of the towers to start from, if a choice can be made for such a start; None for random ones.
      kept: what was chosen before; None to choose.
    """
    tf.keras.utils.set_random_seed(data.launch.seed)
    request = RequestContext(data.launch.log.context, data.transform)
    context = request.of_rows(data.events.context)
    choice = kept.choice if kept else retrieval_training.choose(data, request, context, saved)
    retrieval = choice.towers if choice.towers is not None and choice.serves else None
    if retrieval is None:
        begin = saved if choice.warm else None
        retrieval = retrieval_training.train(data, request, context, "training", choice.epochs, saved=begin).model
    parts = part_counts.score_parts(data, retrieval)
    weights = blend_training.unlearnt(parts.names) if choice.blend is None else choice.blend.by_request(parts.names)
    features = HeadFeatures(data, request) if data.launch.model.ranking_features else None
    ranks = data.launch.has_ranking_head
    ranking = ranking_training.train(data, retrieval, context, choice, features) if ranks else None
    if ranking is not None and kept and kept.calibration:
        ranking.calibrate(*kept.calibration)
    learnt = (retrieval, ranking, parts, weights, fallback_scores(data))
    model = ModelRecommender(data.launch, data.items, request, *learnt, features, rank_lists(data))
    return model, choice, retrieval
