"""The summary of a run as plain text: about 35 lines of at most 80 columns, the verdict first.

The summary is a dict of plain values, as it lies in `summary.json`. Every part may be missing or None, and is then left
out:

    launch    str, the launch's name
    verdict   {"headline": str, "reasons": [str], "advice": str}                       see `verdict.Verdict.to_dict`
    rolling   {contender: {"queries": n, "recall@10": x, ...}}                         see `metrics.table`
              rolling: each event of the eval time is a query with the history that was known then
    frozen    the same, with the histories as they were at the split
    slices    {"metric": str, "tables": {slice: {contender: {"queries": n, metric: x, ...}}}, "gains": {slice: interval}}
    ranking   {objective: {"rows": n, "auc": x, "log_loss": x, "calibration": x}}, or a str that says why there is none;
              ranking_slices: {slice: the same}, which the report shows
    insight   what the step Triangle measured (`triangle`), None without it; margin: that of the promotion criteria
    example   {"user": str, "history": [title], "recommended": [[title, score], ...]}
    notes     [str], what the run did without, what it skipped

A contender is named as people should read it ("model", "champion", "popularity"), in the order in which it is
to be shown.
A column is shown if any contender has it. Figures that are None or not finite are shown as "-".
"""

import math
import numbers
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.evaluation import triangle_words

WIDTH = 80
ROLLING = ("recall@10", "recall@20", "ndcg@10", "mrr", "coverage", "recall@50")
OF_LISTS = ("novelty", "popularity_lift")
FROZEN = ("recall@10", "ndcg@10", "mrr")
RANKING = ("rows", "auc", "log_loss", "calibration", "ndcg")

# Limits that keep the text to a screen; `summary.json` has the rest.
_REASONS, _SLICES, _HISTORY, _RECOMMENDED, _NOTES = 5, 6, 3, 5, 3
_LEAST_NAME_WIDTH, _NAME_WIDTH, _COLUMN_WIDTH, _NARROWEST = 24, 28, 14, 10

Table = Mapping[str, Mapping[str, Any] | None]


def render(summary: Mapping[str, Any]) -> str:
    """Renders a summary (form: the module's docstring) as text that ends in a newline; missing parts are left out."""
    parts = (
        _verdict(summary.get("launch"), summary.get("verdict") or {}),
        _table("Rolling", summary.get("rolling") or {}, (*own_metrics(summary.get("rolling")), *ROLLING)),
        _table("Frozen", summary.get("frozen") or {}, (*own_metrics(summary.get("frozen")), *FROZEN)),
        _slices(summary.get("slices") or {}),
        _ranking(summary.get("ranking")),
        _insight(summary.get("insight"), summary.get("margin") or 0.0),
        _example(summary.get("example") or {}),
        _notes(summary.get("notes") or ()),
    )
    blocks = ["\n".join(lines) for lines in map(list, parts) if lines]
    return "\n\n".join(blocks) + "\n"


def own_metrics(rows: Table | None) -> tuple[str, ...]:
    """Returns the columns of a table that a launch declared, beyond the built-in ones."""
    columns = dict.fromkeys(column for row in (rows or {}).values() for column in row or {})
    return tuple(column for column in columns if column not in ("queries", *ROLLING, *OF_LISTS))


def _verdict(launch: str | None, verdict: Mapping[str, Any]) -> Iterator[str]:
    headline = verdict.get("headline")
    if launch or headline:
        yield from _wrap(": ".join(filter(None, (launch, headline))), "")
    reasons = verdict.get("reasons") or ()
    for reason in reasons[:_REASONS]:
        yield from _wrap(reason, "  ")
    if len(reasons) > _REASONS:
        yield f"  ... and {len(reasons) - _REASONS} more in the JSON summary."
    if verdict.get("advice"):
        yield from _wrap(f"Next: {verdict['advice']}", "  ")


def _table(title: str, rows: Table, columns: Sequence[str]) -> Iterator[str]:
    """Yields a line with the title, the number of queries and the column names; then a line per contender."""
    filled = {name: row for name, row in rows.items() if row}
    if not filled:
        return
    queries = next(iter(filled.values())).get("queries")
    if queries == 0:
        return
    shown = [column for column in columns if any(column in row for row in filled.values())]
    head = title if queries is None else f"{title}, {queries:,} queries"
    yield from _align(
        (head, shown), *((name, [figure(row.get(column)) for column in shown]) for name, row in filled.items())
    )


def _slices(slices: Mapping[str, Any]) -> Iterator[str]:
    """Yields a line per slice with a column per contender; slices without queries are left out."""
    metric = slices.get("metric") or ROLLING[0]
    tables = {name: table for name, table in (slices.get("tables") or {}).items() if table and _queries(table)}
    if not tables:
        return
    contenders = list(dict.fromkeys(name for table in tables.values() for name in table))
    worse = {name for name, gain in (slices.get("gains") or {}).items() if float(gain["high"]) < 0}
    rows = [
        (name, [f"{_queries(table):,}", *(figure((table.get(one) or {}).get(metric)) for one in contenders)])
        for name, table in sorted(tables.items(), key=lambda entry: entry[0] not in worse)[:_SLICES]
    ]
    yield from _align((f"{metric} by slice", ["queries", *contenders]), *rows)
    if len(tables) > _SLICES:
        yield f"  ... and {len(tables) - _SLICES} more in the report."


def _ranking(ranking: str | Table | None) -> Iterator[str]:
    if isinstance(ranking, str):
        yield from _wrap(f"Ranking head: {ranking}", "")
    elif ranking and not any((row or {}).get("rows") for row in ranking.values()):
        yield "Ranking head: no labelled row yet"
    elif ranking:
        yield from _table("Ranking head", ranking, RANKING)


def _insight(insight: Mapping[str, Any] | None, margin: float) -> Iterator[str]:
    if insight:
        sentences = (*triangle_words.list_known(insight, margin), *triangle_words.list_takes(insight))
        for sentence in sentences or tuple(triangle_words.list_unknown(insight, margin)):
            yield from _wrap(sentence, "")


def _example(example: Mapping[str, Any]) -> Iterator[str]:
    if not example.get("recommended"):
        return
    yield f"For example, user {example.get('user') or '(unknown)'}"[:WIDTH]
    history = [str(title) for title in example.get("history") or ()]
    shown = ", ".join(history[-_HISTORY:]) or "nothing yet"
    yield from _wrap(f"acted on:    {'... ' if len(history) > _HISTORY else ''}{shown}", "  ")
    answers = (f"{title} ({figure(score)})" for title, score in example["recommended"][:_RECOMMENDED])
    yield from _wrap(f"is offered:  {', '.join(answers)}", "  ")


def _notes(notes: Sequence[str]) -> Iterator[str]:
    for note in notes[:_NOTES]:
        yield from _wrap(f"Note: {note}", "")
    if len(notes) > _NOTES:
        yield f"... and {len(notes) - _NOTES} more notes in the JSON summary."


def _queries(table: Table) -> int:
    return max((int((row or {}).get("queries") or 0) for row in table.values()), default=0)


def _align(head: tuple[str, Sequence[str]], *rows: tuple[str, Sequence[str]]) -> Iterator[str]:
    """Yields the lines of a table: columns as wide as the room allows, as many as fit; names are cut to their column."""
    lines = [head, *((f"  {name}", cells) for name, cells in rows)]
    name_width = max(_LEAST_NAME_WIDTH, min(max(len(name) for name, _ in lines) + 1, _NAME_WIDTH))
    room = WIDTH - name_width
    width = min(max(room // max(len(head[1]), 1), _NARROWEST), _COLUMN_WIDTH)
    for name, cells in lines:
        text = "".join(f"{_cut(cell, width - 1):>{width}}" for cell in cells[: room // width])
        yield f"{_cut(name, name_width):<{name_width}}{text}".rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "~"


def figure(value: object) -> str:
    """Formats a count unchanged, a figure with three decimals, anything else as "-"."""
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    return f"{float(value):.3f}" if isinstance(value, numbers.Real) and math.isfinite(value) else "-"


def _wrap(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
