"""The step Outcome in the graph; only launches with an experiment have it."""

from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import BaseChannel

from components.declaration import Launch
from components.experiment.outcome_step import Outcome
from components.registry import experiment_state
from pipeline import code_digest, steps
from pipeline.settings import Settings


def read_outcome(
    launch: Launch, settings: Settings, examples: BaseChannel, schema: BaseChannel, gate: BaseNode
) -> BaseNode:
    """Returns the step that reads the experiment on users; it reads the served folder when the run reaches it.

    Args:
      launch: the declaration, with an experiment.
      settings: where the served folder is.
      examples, schema: of the log.
      gate: of the log, which has to pass before.
    """
    outcome = Outcome(
        examples=examples,
        schema=schema,
        launch=steps.view_of(steps.OUTCOME, launch).to_json(),
        serving=str(settings.serving),
        code="-".join(map(code_digest.of_module, steps.named(steps.OUTCOME).code)),
        seen=experiment_state.digest(settings.serving),
    ).with_id(steps.OUTCOME)
    outcome.add_upstream_node(gate)
    return outcome
