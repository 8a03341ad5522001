"""The step StatisticsPage as a TFX component.

TFX drops the docstrings of such functions, and rejects `from __future__ import annotations` in their module. `code` is
the digest of the step's code, a part of its cache key; the function does not read it.
"""

import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components.declaration.page_view import PageView
from components.progress import set_figure
from components.validation import statistics_page
from components.validation.artifacts import read_statistics


@component
def StatisticsPage(
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    page: OutputArtifact[standard_artifacts.ExampleStatistics],  # Kubeflow has no artifact type for a page
    launch: Parameter[str],
    code: Parameter[str],
    catalogue_statistics: InputArtifact[standard_artifacts.ExampleStatistics] = None,
) -> None:
    """Writes a page with the statistics of log and catalogue; it precedes the gates, which may stop the run."""
    data = {"log": read_statistics(statistics)}
    if catalogue_statistics is not None:
        data["catalogue"] = read_statistics(catalogue_statistics)
    view = PageView.from_json(launch)
    added = view.catalogue.added if view.catalogue else None
    hidden = [name for name in (view.log.user, view.log.request) if name]
    text = statistics_page.page(data, [name for name in (view.log.time, added) if name], hidden)
    io_utils.write_string_file(os.path.join(page.uri, statistics_page.PAGE), text)
    set_figure(page, f"{', '.join(data)}: {statistics_page.PAGE}")
