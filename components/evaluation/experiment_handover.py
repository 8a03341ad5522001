"""The experiment's part in the verdict: read from `outcome.json`, chosen, and handed to the push."""

import json
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tfx.utils import io_utils

from components.evaluation import launch_action
from components.evaluation.launch_action import Choice
from components.evaluation.verdict import Verdict
from components.registry.experiment_push import ACTION_FILE, CONTROL_FOLDER

OUTCOME_FILE = "outcome.json"


def read(folder: str) -> dict[str, Any]:
    """Returns the content of the step Outcome's artifact."""
    return json.loads(io_utils.read_string_file(os.path.join(folder, OUTCOME_FILE)))


def choose(decision: Verdict, found: Mapping[str, Any], outcome: Mapping[str, Any] | None) -> Choice | None:
    """Returns what the run does about the experiment; None where none is declared.

    Args:
      decision: the offline verdict.
      found: the content of `evaluation.json`.
      outcome: that of `outcome.json`; None without a declared experiment.
    """
    if outcome is None:
        return None
    served = found["champion"]["kind"] if found["champion"] else None
    return launch_action.choose(decision.outcome, served, outcome)


def hand_over(choice: Choice, winner: str, rules: str | None) -> None:
    """Writes the action, and the rules as the control where something is pushed, into the winner's artifact."""
    tf.io.gfile.makedirs(winner)
    io_utils.write_string_file(os.path.join(winner, ACTION_FILE), choice.action.to_json())
    if rules is not None:
        io_utils.copy_dir(rules, os.path.join(winner, CONTROL_FOLDER))
