"""An HTML page with the statistics of log and catalogue, the splits in adjacent columns.

The tables are in the file. The interactive charts below them are TensorFlow Data Validation's Facets: their data are in
the file too, but the browser fetches the script that draws them from cdnjs.cloudflare.com and
raw.githubusercontent.com. Without a network the tables remain.
"""

import collections.abc
import html

from tensorflow_data_validation.utils import display_util
from tensorflow_metadata.proto.v0 import statistics_pb2

PAGE = "statistics.html"
_MOST_VALUES_SHOWN = 5
_STYLE = (
    "body { font: 14px sans-serif; margin: 2em } table { border-collapse: collapse; margin: 1em 0 }"
    " td, th { border: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top }"
)


def page(
    data: collections.abc.Mapping[str, collections.abc.Mapping[str, statistics_pb2.DatasetFeatureStatistics]],
) -> str:
    """Builds the page.

    Args:
      data: "log" and "catalogue" to the statistics of each split.

    Returns:
      HTML.
    """
    sections = "".join(_section(name, splits) for name, splits in data.items())
    note = "<p>The charts need a network: the script that draws them comes from cdnjs.cloudflare.com and raw.githubusercontent.com.</p>"
    head = f'<meta charset="utf-8"><title>Statistics of the data</title><style>{_STYLE}</style>'
    return f"<!DOCTYPE html>\n<html><head>{head}</head><body><h1>Statistics of the data</h1>{sections}{note}</body></html>\n"


def _section(title: str, splits: collections.abc.Mapping[str, statistics_pb2.DatasetFeatureStatistics]) -> str:
    titles = "".join(f"<th>{html.escape(split)}, {data.num_examples:,} rows</th>" for split, data in splits.items())
    columns = {split: {_name(column): column for column in data.features} for split, data in splits.items()}
    names = dict.fromkeys(name for by_name in columns.values() for name in by_name)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(
            f"<td>{_cell(by_name.get(name), splits[split].num_examples)}</td>" for split, by_name in columns.items()
        )
        + "</tr>"
        for name in names
    )
    return f"<h2>{html.escape(title)}</h2><table><tr><th>column</th>{titles}</tr>{rows}</table>{_charts(splits)}"


def _charts(splits: collections.abc.Mapping[str, statistics_pb2.DatasetFeatureStatistics]) -> str:
    datasets = [statistics_pb2.DatasetFeatureStatisticsList(datasets=[data]) for data in splits.values()]
    (first, first_name), *others = zip(datasets, splits, strict=True)
    second, second_name = others[0] if others else (None, "")
    return str(display_util.get_statistics_html(first, second, lhs_name=first_name, rhs_name=second_name))


def _name(column: statistics_pb2.FeatureNameStatistics) -> str:
    return ".".join(column.path.step) or column.name


def _cell(column: statistics_pb2.FeatureNameStatistics | None, total: int) -> str:
    if column is None:
        return "no such column"
    numbers = column.HasField("num_stats")
    common = column.num_stats.common_stats if numbers else column.string_stats.common_stats
    missing = total - common.num_non_missing
    missing_text = f"; missing in {missing:,.0f} ({missing / total:.2%})" if missing and total else ""
    if not common.num_non_missing:
        return "no value in any row"
    if numbers:
        stats = column.num_stats
        return f"from {stats.min:g} to {stats.max:g}, mean {stats.mean:.4g}, {stats.num_zeros:,} zeros{missing_text}"
    top = [
        f"{html.escape(value.value)} ({value.frequency:,.0f})"
        for value in column.string_stats.top_values[:_MOST_VALUES_SHOWN]
    ]
    return f"{column.string_stats.unique:,} values: {', '.join(top)}{missing_text}"
