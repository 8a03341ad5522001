"""Tries hyperparameters by training on the events before the validation cut and asking for those after it."""

import dataclasses
from typing import Any

import keras_tuner
import tensorflow as tf

from components.declaration import Model
from components.features.training_data import TrainingData
from components.models.retrieval import retrieval_training
from components.models.retrieval.context import RequestContext

OBJECTIVE = "val_gain"


def space(settings: Model) -> keras_tuner.HyperParameters:
    """Returns the settings to try around the declared ones, which are the defaults."""
    parameters = keras_tuner.HyperParameters()
    parameters.Choice("dim", sorted({32, 64, 128, settings.dim}), default=settings.dim)
    parameters.Float(
        "learning_rate",
        settings.learning_rate / 3,
        settings.learning_rate * 3,
        sampling="log",
        default=settings.learning_rate,
    )
    parameters.Float(
        "temperature", settings.temperature / 2, settings.temperature * 2, sampling="log", default=settings.temperature
    )
    return parameters


class ValidationTuner(keras_tuner.BayesianOptimization):
    """KerasTuner's search with a trial of our own.

    KerasTuner builds and fits Keras 3 models and refuses those of TensorFlow Recommenders
    (keras-team/keras-tuner#1039), so that `run_trial` does both. The value of a trial is `Choice.gain`: how well the
    full score ranks the validation part.
    """

    def __init__(self, data: TrainingData, trials: int, folder: str):
        """Takes what is learnt from, how many settings are tried, and a folder for the tuner's notes."""
        self._data = data
        objective = keras_tuner.Objective(OBJECTIVE, "max")
        options = {"max_trials": trials, "num_initial_points": min(trials, 3), "seed": data.launch.seed}
        super().__init__(
            objective=objective,
            hyperparameters=space(data.launch.model),
            directory=folder,
            project_name="tuning",
            **options,
        )

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
        """Trains with the settings of a trial, the first time with the declared ones; returns its value."""
        if len(self.oracle.trials) == 1:
            trial.hyperparameters.values.update(space(self._data.launch.model).values)
        data = dataclasses.replace(self._data, launch=self._data.launch.with_model(trial.hyperparameters.values))
        tf.keras.utils.set_random_seed(data.launch.seed)
        request = RequestContext(data.launch.log.context, data.transform)
        return {OBJECTIVE: retrieval_training.choose(data, request, request.of_rows(data.events.context)).gain}
