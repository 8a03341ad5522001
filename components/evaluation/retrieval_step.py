"""The step RetrievalEvaluator as a TFX component: a thin shell around `components.evaluation.comparison`.

TFX drops the docstrings of such functions, and refuses `from __future__ import annotations` in their module. `code` is
read by none of
them: it is the digest of their code, a part of the cache's key, and the reason why each step has a module of its own.
"""

import json
import os

import numpy as np
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils

from components.declaration.views import RetrievalView
from components.evaluation import comparison, own_slices, served_calibration
from components.evaluation.evaluation_file import EVALUATION_FILE
from components.features import split_events, training_data
from components.features.event_table import EventTable
from components.progress import set_figure
from components.registry import champion_version


@component
def RetrievalEvaluator(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: InputArtifact[standard_artifacts.Schema],
    model: InputArtifact[standard_artifacts.Model],
    rules: InputArtifact[standard_artifacts.Model],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    launch: Parameter[str],
    code: Parameter[str],
    champion: Parameter[str],
    catalogue: InputArtifact[standard_artifacts.Examples] = None,
) -> None:
    """Judges model, champion and rules on the eval split; see `components.evaluation.comparison`."""
    declared = RetrievalView.from_json(launch)
    events = split_events.read(declared, examples, schema)
    challenger, counted = (path_utils.serving_model_path(artifact.uri) for artifact in (model, rules))
    columns = _read_catalogue(declared, catalogue) if catalogue is not None else {}
    with champion_version.open_judged(champion) as judged:
        result = comparison.compare(declared, events, challenger, counted, judged, columns)
    names = {"version": declared.log.model_version, "policy": declared.log.policy}
    texts, served = split_events.read_texts(names, examples, schema), champion_version.find_served(champion)
    result["served"] = served_calibration.measure(declared, events, texts, served)
    result["window"] = _describe_window(events) | {"served_version": os.path.basename(served)}
    io_utils.write_string_file(
        os.path.join(evaluation.uri, EVALUATION_FILE), json.dumps(result, indent=2, allow_nan=False)
    )
    set_figure(evaluation, _summarise(declared.promotion.metric, result))


def _summarise(metric: str, found: dict) -> str:
    """Returns the headline of the finished step."""
    if not found["queries"]:
        return "nothing to rank yet"
    values = {"model": found["rolling"].get("model"), "rules": found["rolling"][found["rules_name"]]}
    texts = {name: "not judged" if value is None else f"{value.get(metric, 0.0):.3f}" for name, value in values.items()}
    return f"{metric}: " + ", ".join(f"{name} {value}" for name, value in texts.items())


def _describe_window(events: EventTable) -> dict[str, str]:
    """Returns the days (UTC) of the first event, of the split and of the last event; {} without an eval split."""
    late = events.time[events.late]
    if not len(late):
        return {}
    moments = {"first": events.time.min(), "split": late.min(), "last": events.time.max()}
    return {name: str(np.datetime64(int(moment), "us").astype("datetime64[D]")) for name, moment in moments.items()}


def _read_catalogue(launch: RetrievalView, catalogue: standard_artifacts.Examples) -> dict[str, np.ndarray]:
    """Reads the columns of the catalogue that declared slices need."""
    files = training_data.matching([os.path.join(catalogue.uri, training_data.CATALOGUE_SPLIT, "*")])
    return training_data.read_named(files, own_slices.columns(launch))
