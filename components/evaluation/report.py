"""The summary of a run as one HTML page that needs nothing else: no script, no other file, no network.

It holds what `components.evaluation.summary` says in text, of the same dict, and more of it: every slice, and the
intervals drawn (`components.evaluation.figures`).
"""

import html
import math
from collections.abc import Iterator, Mapping
from typing import Any

from components.evaluation import figures, launch_page
from components.evaluation.summary import FROZEN, OF_LISTS, RANKING, ROLLING, figure, own_metrics
from components.evaluation.verdict_words import percent
from components.metrics.bootstrap import Interval
from components.terminal_text import printable

STYLE = """
:root { color-scheme: light dark; --text: #1c1c1c; --page: #fff; --line: #ddd; --worse: #b00020; --better: #00695c }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8e8; --page: #161616; --line: #444; --worse: #ff8a8a; --better: #6fd6c5 }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 66rem; padding: 0 1rem }
body { color: var(--text); background: var(--page) }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem } .written { opacity: .7 }
.wide { overflow-x: auto } table { border-collapse: separate; border-spacing: 0 }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left; padding-left: 0; position: sticky; left: 0; background: var(--page) }
@media (max-width: 600px) { td:first-child { max-width: 9rem; white-space: normal } }
.next { font-weight: 600 }
.worse { color: var(--worse) } .better { color: var(--better) } svg.figure { width: 100%; max-width: 32rem; height: auto }
.stages { display: flex; flex-wrap: wrap; gap: .8rem } .stage { flex: 1 1 10rem; padding: .6rem .8rem }
.stage { border: 1px solid var(--line); border-radius: .4rem; opacity: .6 }
.stage.now { border: 2px solid currentColor; opacity: 1 }
@media print { body { margin: 0; color: #000; background: #fff } .stage, tr { break-inside: avoid } }
"""


def render(summary: Mapping[str, Any]) -> str:
    """Renders the page of a summary (form: `components.evaluation.summary`). A missing part is left out."""
    title = html.escape(
        f"{summary.get('launch') or 'launch'}: {(summary.get('verdict') or {}).get('headline') or 'report'}"
    )
    parts = "\n".join(
        part
        for make in (_page, _verdict, _rolling, _frozen, _slices, _ranking, _served, _example, _notes)
        for part in make(summary)
    )
    phone = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{phone}<title>{title}</title><style>{STYLE}</style>'
    page = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n<h1>{title}</h1>\n{parts}\n</body></html>\n'
    return printable(page)


def _page(summary: Mapping[str, Any]) -> Iterator[str]:
    yield launch_page.render_section(launch_page.build_page(summary))
    for title, drawn in (
        (
            "Rules and model over the time of the log",
            figures.draw_values(summary.get("insight"), summary.get("margin") or 0.0),
        ),
        ("What users did, run by run", figures.draw_readings(summary.get("history") or ())),
        ("The verdicts of the last runs", figures.draw_history(summary.get("history") or ())),
    ):
        yield f'<h2>{title}</h2><div class="wide">{drawn}</div>' if drawn else ""


def _verdict(summary: Mapping[str, Any]) -> Iterator[str]:
    reasons = (summary.get("verdict") or {}).get("reasons")
    if reasons:
        yield "<h2>All reasons</h2>"
        yield from _list(reasons)


def _rolling(summary: Mapping[str, Any]) -> Iterator[str]:
    rows = summary.get("rolling")
    columns = ("queries", *own_metrics(rows), *ROLLING, *OF_LISTS)
    yield from _table("With the history of each moment (rolling)", rows, columns)


def _frozen(summary: Mapping[str, Any]) -> Iterator[str]:
    rows = summary.get("frozen")
    columns = ("queries", *own_metrics(rows), *FROZEN)
    yield from _table("With the history as it was at the split (frozen)", rows, columns)


def _ranking(summary: Mapping[str, Any]) -> Iterator[str]:
    ranking = summary.get("ranking")
    if isinstance(ranking, str):
        yield f"<h2>Ranking head</h2><p>{html.escape(ranking)}</p>"
    else:
        yield from _table("Ranking head", ranking, RANKING)
        rows = {
            f"{slice_}: {name}": row
            for slice_, table in (summary.get("ranking_slices") or {}).items()
            for name, row in table.items()
        }
        yield from _table("Ranking head by slice", rows, RANKING)


def _table(title: str, rows: Mapping[str, Any] | None, columns: tuple[str, ...]) -> Iterator[str]:
    filled = {name: row for name, row in (rows or {}).items() if row}
    if not filled:
        return
    shown = [column for column in columns if any(column in row for row in filled.values())]
    body = [(name, *(html.escape(figure(row.get(column))) for column in shown)) for name, row in filled.items()]
    yield f"<h2>{html.escape(title)}</h2>{_cells(shown, body)}"


def _slices(summary: Mapping[str, Any]) -> Iterator[str]:
    slices = summary.get("slices") or {}
    tables, gains, metric = slices.get("tables") or {}, slices.get("gains") or {}, slices.get("metric")
    if not tables:
        return
    contenders = list(dict.fromkeys(name for table in tables.values() for name in table or {}))
    body = []
    for name, table in tables.items():
        cells = [table.get(contender) or {} for contender in contenders] if table else []
        queries = max((cell.get("queries") or 0 for cell in cells), default=0)
        gain = _gain(Interval.from_dict(gains[name])) if name in gains else ""
        body.append((name, f"{queries:,}", *(html.escape(figure(cell.get(metric))) for cell in cells), gain))
    drawn = f'<div class="wide">{figures.draw_gains(gains)}</div>'
    yield f"<h2>{html.escape(str(metric))} by slice</h2>{drawn}{_cells(['queries', *contenders, 'model over rules'], body)}"


def _gain(gain: Interval) -> str:
    """Renders a gain in words; the figure above the table draws it."""
    if not all(map(math.isfinite, (gain.point, gain.low, gain.high))):
        return "too little data"
    kind = "better" if gain.low > 0 else "worse" if gain.high < 0 else ""
    return f'<span class="{kind}">{percent(gain.point)} ({percent(gain.low)} to {percent(gain.high)})</span>'


def _served(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yields the actions per impression of each policy, by day."""
    rates = (summary.get("served") or {}).get("rates") or ()
    names = list(dict.fromkeys(name for row in rates for name in row["rates"]))
    body = [
        (
            f"{row['day']} {row['policy']}",
            f"{row['impressions']:,}",
            *(figure(row["rates"].get(name)) for name in names),
        )
        for row in rates
    ]
    if body:
        yield f"<h2>Online rates by day and policy</h2>{_cells(['impressions', *names], body)}"


def _example(summary: Mapping[str, Any]) -> Iterator[str]:
    example = summary.get("example") or {}
    if example.get("recommended"):
        history = ", ".join(map(str, example.get("history") or ())) or "nothing yet"
        yield f"<h2>For example, user {html.escape(str(example.get('user') or '(unknown)'))}</h2><p>acted on: {html.escape(history)}</p>"
        yield _cells(["score"], [(str(title), figure(score)) for title, score in example["recommended"]])


def _notes(summary: Mapping[str, Any]) -> Iterator[str]:
    if summary.get("notes"):
        yield "<h2>Notes</h2>"
        yield from _list(summary["notes"])


def _list(texts: Any) -> Iterator[str]:
    if texts:
        yield "<ul>" + "".join(f"<li>{html.escape(str(text))}</li>" for text in texts) + "</ul>"


def _cells(columns: list[str], rows: list[tuple[str, ...]]) -> str:
    """Renders a table; the first cell of a row is its name, the others are HTML already."""
    head = "".join(f"<th>{html.escape(column)}</th>" for column in ("", *columns))
    body = "".join(
        f"<tr><td>{html.escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for name, *cells in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
