"""The step Outcome as a TFX component: the running experiment's reading, from the log's traffic, and its decision.

TFX drops the docstrings of such functions, and refuses `from __future__ import annotations` in their module. `code` and
`seen` are read by none of them: the digest of the code and of the experiment's state are parts of the cache's key.
"""

import json
import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.declaration.outcome_view import OutcomeView
from components.experiment import run_outcome, split_requests
from components.experiment.outcome_file import OUTCOME_FILE
from components.progress import set_figure


@component
def Outcome(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: InputArtifact[standard_artifacts.Schema],
    outcome: OutputArtifact[standard_artifacts.ModelEvaluation],
    launch: Parameter[str],
    serving: Parameter[str],
    code: Parameter[str],
    seen: Parameter[str],
) -> None:
    """Reads the traffic and the experiment's state, writes `outcome.json`; see `components.experiment.run_outcome`."""
    declared = OutcomeView.from_json(launch)
    result = run_outcome.measure(declared, split_requests.read(declared, examples, schema), serving)
    io_utils.write_string_file(os.path.join(outcome.uri, OUTCOME_FILE), json.dumps(result, indent=2, allow_nan=False))
    set_figure(outcome, run_outcome.summarise(result))
