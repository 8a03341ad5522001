"""The steps in the graph that only some launches declare: Triangle with an insight, Outcome with an experiment, Refit."""

from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import BaseChannel

from components.declaration import CustomModel, Launch
from components.evaluation.refit_step import Refit
from components.evaluation.triangle_step import Triangle
from components.experiment.outcome_step import Outcome
from components.models.trainer import Learning
from components.registry import experiment_state
from pipeline import code_digest, steps
from pipeline.settings import Settings

RULES_RUN_FN = "components.rules.training.run_fn"
MODEL_RUN_FN = "components.models.training.run_fn"


def build(launch: Launch, settings: Settings, data: dict[str, BaseChannel], trainers: list[BaseNode]) -> list[BaseNode]:
    """Returns the declared ones of Triangle and Outcome, in this order.

    Args:
      launch: the declaration.
      settings: where the served folder is.
      data: examples, schema, transform graph and, where there is one, catalogue.
      trainers: the steps Trainer and Rules, and Tuner if there is one.
    """
    triangle = [measure_triangle(launch, data, trainers)] if launch.insight else []
    return [*triangle, *([read_outcome(launch, settings, data, trainers[0])] if launch.experiment else [])]


def find_model_run_fn(launch: Launch) -> str:
    """Returns the dotted path of the `run_fn` that trains a launch's model."""
    return launch.model.run_fn if isinstance(launch.model, CustomModel) else MODEL_RUN_FN


def digest_model(launch: Launch) -> str:
    """Returns the digest of the code that trains a launch's model, with a team's own functions."""
    if isinstance(launch.model, CustomModel):
        return code_digest.of_module(launch.model.run_fn.rpartition(".")[0])
    return code_digest.of_step(steps.TRAINER, *launch.rules.names, *launch.model.towers)


def refit(learning: Learning, schema: BaseChannel, winner: BaseChannel) -> Refit:
    """Returns the step that trains the winning model again, on all events.

    Args:
      learning: what the Trainer was told and read.
      schema: of the log.
      winner: what the verdict chose.
    """
    return Refit(learning, f"{learning.code}-{code_digest.of_step(steps.REFIT)}", schema, winner).with_id(steps.REFIT)


def measure_triangle(launch: Launch, data: dict[str, BaseChannel], trainers: list[BaseNode]) -> BaseNode:
    """Returns the step that trains on parts of the log and compares later; for its arguments see `build`."""
    model, rules, *tuner = trainers
    optional = {"hyperparameters": tuner[0].outputs["best_hyperparameters"]} if tuner else {}
    code = code_digest.of_step(steps.TRIANGLE, *launch.rules.names, *launch.promotion.metrics)
    return Triangle(
        **data,
        **optional,
        model=model.outputs["model"],
        rules=rules.outputs["model"],
        launch=steps.view_of(steps.TRIANGLE, launch).to_json(),
        code=f"{code}-{digest_model(launch)}",
        model_run_fn=find_model_run_fn(launch),
        rules_run_fn=RULES_RUN_FN,
    ).with_id(steps.TRIANGLE)


def read_outcome(launch: Launch, settings: Settings, data: dict[str, BaseChannel], after: BaseNode) -> BaseNode:
    """Returns the step that reads the experiment on users, when the run reaches it.

    Args:
      launch: the declaration, with an experiment.
      settings: where the served folder is.
      data: examples and schema of the log, and more.
      after: a step that waits for the log's gate.
    """
    outcome = Outcome(
        examples=data["examples"],
        schema=data["schema"],
        launch=steps.view_of(steps.OUTCOME, launch).to_json(),
        serving=str(settings.serving),
        code=code_digest.of_step(steps.OUTCOME),
        seen=experiment_state.digest(settings.serving),
    ).with_id(steps.OUTCOME)
    outcome.add_upstream_node(after)
    return outcome
