"""The step Triangle as a TFX component: trains on parts of the log and asks in every later window.

TFX drops the docstrings of such functions, and refuses `from __future__ import annotations` in their module. `code` is
read by none of them: it is the digest of their code, a part of the cache's key.
"""

import json
import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils

from components.declaration.triangle_view import TriangleView
from components.evaluation import contender
from components.evaluation.contender import Contender
from components.evaluation.findings import MODEL, RULES
from components.evaluation.triangle import choose_moments, count_trainings, measure
from components.evaluation.triangle_file import TRIANGLE_FILE
from components.evaluation.triangle_training import PartTrainer, serve_rule
from components.features import split_events
from components.features.event_table import EventTable
from components.progress import Progress, set_figure
from components.registry.card_file import TOO_EARLY


@component
def Triangle(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: InputArtifact[standard_artifacts.Schema],
    transform_graph: InputArtifact[standard_artifacts.TransformGraph],
    model: InputArtifact[standard_artifacts.Model],
    rules: InputArtifact[standard_artifacts.Model],
    triangle: OutputArtifact[standard_artifacts.ModelEvaluation],
    launch: Parameter[str],
    code: Parameter[str],
    model_run_fn: Parameter[str],
    rules_run_fn: Parameter[str],
    catalogue: InputArtifact[standard_artifacts.Examples] = None,
    hyperparameters: InputArtifact[standard_artifacts.HyperParameters] = None,
) -> None:
    """Writes `triangle.json`; see `components.evaluation.triangle`."""
    view = TriangleView.from_json(launch)
    events = split_events.read(view, examples, schema)
    trainer = PartTrainer(
        view=view,
        early=events.rows(~events.late),
        files=[os.path.join(examples.uri, "Split-train", "*")],
        transform=transform_graph.uri,
        catalogue=catalogue.uri if catalogue is not None else "",
        run_fns={MODEL: model_run_fn, RULES: rules_run_fn},
        hyperparameters=_read_tuned(hyperparameters),
        progress=_announce(view, events),
    )
    result = measure(view, events, _load_own(model, rules), trainer) | {"left_out": trainer.left_out}
    io_utils.write_string_file(os.path.join(triangle.uri, TRIANGLE_FILE), json.dumps(result, indent=2, allow_nan=False))
    set_figure(triangle, _summarise(result))


def _read_tuned(hyperparameters: standard_artifacts.HyperParameters | None) -> dict | None:
    """Reads what the step Tuner found, as TFX's Trainer does; None where it did not run."""
    if hyperparameters is None:
        return None
    return json.loads(io_utils.read_string_file(io_utils.get_only_uri_in_dir(hyperparameters.uri)))


def _announce(view: TriangleView, events: EventTable) -> Progress:
    """Tells what the step costs before it begins."""
    assert view.insight is not None
    moments = choose_moments(events, view.insight.moments)
    count, share = count_trainings(moments, view.insight.users) if moments else (0, 0.0)
    progress = Progress("triangle", count)
    progress.advance(0, note=f"{count} trainings on parts of the log, together {share:.1f} times its training events")
    return progress


def _load_own(model: standard_artifacts.Model, rules: standard_artifacts.Model) -> dict[str, Contender]:
    """Loads the run's own model and rules; a model that does not load, or that is none yet, is left out."""
    loaded = {RULES: serve_rule(contender.load(path_utils.serving_model_path(rules.uri)))}
    try:
        trained = contender.load(path_utils.serving_model_path(model.uri))
    except ValueError:
        return loaded
    return loaded if TOO_EARLY in trained.card else loaded | {MODEL: trained}


def _summarise(result: dict) -> str:
    """Returns the headline of the finished step; the verdict's page says what follows from the numbers."""
    if result["problem"]:
        return f"nothing measured: {result['problem']}"
    ahead = sum(moment["gain"] is not None and float(moment["gain"]["low"]) > 0 for moment in result["moments"])
    return f"{result['trainings']} trainings; the model is significantly ahead at {ahead} of {len(result['moments'])} moments"
