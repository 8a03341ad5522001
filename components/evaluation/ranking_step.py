"""The step RankingExamples as a TFX component: a thin shell around `components.evaluation.ranking_examples`.

TFX drops the docstrings of such functions, and refuses `from __future__ import annotations` in their module. `code` is
read by none of
them: it is the digest of their code, a part of the cache's key, and the reason why each step has a module of its own.
"""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils, standard_artifacts

from components.declaration.ranking_views import RankingView
from components.evaluation import ranking_examples as labelled_rows
from components.features import split_events
from components.progress import set_figure


@component
def RankingExamples(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: InputArtifact[standard_artifacts.Schema],
    ranking_examples: OutputArtifact[standard_artifacts.Examples],
    launch: Parameter[str],
    code: Parameter[str],
) -> None:
    """Joins the labelled eval rows with their histories; see `components.evaluation.ranking_examples`."""
    declared = RankingView.from_json(launch)
    ranking_examples.split_names = artifact_utils.encode_split_names([labelled_rows.SPLIT])
    rows = labelled_rows.write(
        declared,
        split_events.read(declared, examples, schema, labelled_rows.by_request(declared)),
        ranking_examples.uri,
    )
    set_figure(ranking_examples, f"{rows:,} labelled rows with their histories")
