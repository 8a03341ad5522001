"""An HTML page with the statistics of log and catalogue: the splits side by side, each column with its histogram.

The page needs nothing else: no script, no network. Ids of users and requests are counted, never shown.
"""

import collections.abc
import datetime as dt
import functools
import itertools
from typing import Any

import jinja2
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.terminal_text import printable
from components.validation import statistics_chart
from components.validation.statistics_chart import HEIGHT, WIDTH, Column
from components.validation.statistics_template import STYLE, TEMPLATE

PAGE = "statistics.html"
_EARLIEST, _LATEST = (int(dt.datetime(year, 1, 1, tzinfo=dt.timezone.utc).timestamp() * 1e6) for year in (1980, 2100))
Splits = collections.abc.Mapping[str, statistics_pb2.DatasetFeatureStatistics]


def page(
    data: collections.abc.Mapping[str, Splits],
    times: collections.abc.Collection[str] = (),
    hidden: collections.abc.Collection[str] = (),
) -> str:
    """Returns the page as HTML.

    Args:
      data: "log" and "catalogue" to the statistics of each split.
      times: declared columns of times, shown as dates; other integers are if they are of the size of the microseconds
        as which all timestamps are read.
      hidden: columns whose values are not shown, only counted.
    """
    sections = [_build_section(name, splits, times, hidden) for name, splits in data.items()]
    return printable(_template().render(sections=sections, style=STYLE, width=WIDTH, height=HEIGHT))


@functools.cache
def _template() -> jinja2.Template:
    options = {"autoescape": True, "undefined": jinja2.StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    return jinja2.Environment(**options).from_string(TEMPLATE)  # type: ignore[arg-type]


def _build_section(
    title: str,
    splits: Splits,
    times: collections.abc.Collection[str],
    hidden: collections.abc.Collection[str],
) -> dict[str, Any]:
    """Returns what the template needs of log or catalogue."""
    by_name = [{_name(column): column for column in data.features} for data in splits.values()]
    names = dict.fromkeys(name for columns in by_name for name in columns)
    return {
        "title": title,
        "splits": [(split, data.num_examples) for split, data in splits.items()],
        "columns": [
            _build_column(name, [columns.get(name) for columns in by_name], splits, name in times, name in hidden)
            for name in names
        ],
    }


def _build_column(
    name: str, columns: list[Column | None], splits: Splits, is_time: bool, is_hidden: bool
) -> dict[str, Any]:
    """Returns a column's name, its description per split, and its chart."""
    unit = _guess_unit(columns, is_time)
    totals = [data.num_examples for data in splits.values()]
    texts = [_describe(column, total, unit, is_hidden) for column, total in zip(columns, totals, strict=True)]
    return {"name": name, "texts": list(zip(splits, texts, strict=True))} | (
        {"labels": (), "bars": (), "low": "", "high": ""} if is_hidden else _draw(columns, unit)
    )


def _draw(columns: list[Column | None], unit: int) -> dict[str, Any]:
    """Returns bars with the labels of their bins, and both ends of the axis of numbers."""
    if any(column is not None and column.HasField("num_stats") for column in columns):
        integers = None if unit else statistics_chart.share_integers(columns)
        if integers is not None:
            values, shares = list(map(str, integers[0])), integers[1]
            high = values[-1] if len(values) > 1 else ""
            return {"labels": values, "bars": statistics_chart.draw_bars(shares), "low": values[0], "high": high}
        chart = statistics_chart.share_numbers(columns)
        if chart is None:
            return {"labels": (), "bars": (), "low": "", "high": ""}
        edges, shares = chart
        ends = [_number(float(edge), unit) for edge in edges]
        labels = [f"{low} to {high}" for low, high in itertools.pairwise(ends)]
        low, high = ends[0], ends[-1] if len(ends) > 2 else ""
        return {"labels": labels, "bars": statistics_chart.draw_bars(shares), "low": low, "high": high}
    words, shares = statistics_chart.share_words(columns)
    return {"labels": words, "bars": statistics_chart.draw_bars(shares), "low": "", "high": ""}


def _describe(column: Column | None, total: int, unit: int, is_hidden: bool) -> str:
    if column is None:
        return "no such column"
    numbers = column.HasField("num_stats")
    common = column.num_stats.common_stats if numbers else column.string_stats.common_stats
    missing = total - common.num_non_missing
    missing_text = f"; missing in {missing:,.0f} ({missing / total:.2%})" if missing and total else ""
    if not common.num_non_missing:
        return "no value in any row"
    if not numbers:
        count = column.string_stats.unique
        return f"{count:,} {'value' if count == 1 else 'values'}{missing_text}"
    stats = column.num_stats
    if is_hidden:
        return f"{common.num_non_missing:,} numbers{missing_text}"
    low, high = _number(stats.min, unit), _number(stats.max, unit)
    more = "" if unit else f", mean {stats.mean:.4g}, {stats.num_zeros:,} zeros"
    return f"from {low} to {high}{more}{missing_text}"


def _name(column: Column) -> str:
    return ".".join(column.path.step) or column.name


def _guess_unit(columns: list[Column | None], is_time: bool) -> int:
    """Returns the microseconds per unit of a column of times since 1970; 0 for a column of other values.

    Of a declared column of times the unit is guessed, too: the newest-first rule takes any number that grows.
    """
    present = [column for column in columns if column is not None and column.num_stats.common_stats.num_non_missing]
    if not present or any(column.type != Column.INT for column in present):
        return 0
    low, high = min(column.num_stats.min for column in present), max(column.num_stats.max for column in present)
    units = (1, 1_000, 1_000_000) if is_time else (1,)
    return next((unit for unit in units if low * unit >= _EARLIEST and high * unit <= _LATEST), 0)


def _number(value: float, unit: int) -> str:
    """Returns a number, or, with a unit of time, a moment in UTC to the minute."""
    if not unit:
        return f"{value:g}"
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(microseconds=value * unit)
    return moment.strftime("%Y-%m-%d %H:%M")
