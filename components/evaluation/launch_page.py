"""The page that a stakeholder reads first: the top of report.html, and launch.md.

It says only what the summary holds: no figure is computed here but percentages, no gain stands without its range, and
what was not measured is said in words. Its parts: the headline and what decided, what is known, what it takes, what is
not known, and crawl, walk or run.
"""

import dataclasses
import html
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.evaluation import served_words, triangle_words

GLOSSES = {
    "recall": "how often the item taken next stood among the {k} shown",
    "ndcg": "the same, worth more the further up it stood among {k}",
    "mrr": "one over the rank of the item taken next, on average",
}
STAGES = (
    ("crawl", "Rules serve and every event is logged."),
    ("walk", "A model is tried on some users against the rules."),
    ("run", "The model serves, and is retrained and judged by the same pipeline."),
)


@dataclasses.dataclass(frozen=True)
class Page:
    """What the page says.

    Attributes:
      launch, written: the launch's name; when the run wrote it, of which data, and what served then; "" if unknown.
      headline, decided: one sentence each; `decided` is the reason that came first.
      known, takes, unknown: sentences.
      stage: "crawl", "walk" or "run".
      next_step: what to do next.
    """

    launch: str
    written: str
    headline: str
    decided: str
    known: tuple[str, ...]
    takes: tuple[str, ...]
    unknown: tuple[str, ...]
    stage: str
    next_step: str


def build_page(summary: Mapping[str, Any]) -> Page:
    """Returns the page of a summary (its form: `components.evaluation.summary`); missing parts are left out."""
    verdict, experiment = summary.get("verdict") or {}, summary.get("experiment")
    reasons = verdict.get("reasons") or ()
    return Page(
        launch=str(summary.get("launch") or "launch"),
        written=_describe_data(summary),
        headline=str(verdict.get("headline") or "No verdict."),
        decided=str(reasons[0]) if reasons else "",
        known=tuple(_list_known(summary, experiment)),
        takes=tuple(_list_takes(summary, experiment)),
        unknown=tuple(_list_unknown(summary, experiment)),
        stage=find_stage(summary, experiment),
        next_step=str(verdict.get("advice") or ""),
    )


def _describe_data(summary: Mapping[str, Any]) -> str:
    """Returns when the page was written, the days of the log, and the version that served."""
    window = summary.get("window") or {}
    parts = [f"written {summary['written_at']}"] if summary.get("written_at") else []
    if window.get("first"):
        parts.append(f"log of {window['first']} to {window['last']}, evaluated from {window['split']} on")
    if window.get("served_version"):
        parts.append(f"version {window['served_version']} served then")
    return "; ".join(parts)


def find_stage(summary: Mapping[str, Any], experiment: Mapping[str, Any] | None) -> str:
    """Returns where the launch stands after this run: "crawl", "walk" or "run"."""
    verdict = summary.get("verdict") or {}
    action = verdict.get("action")
    running = (experiment or {}).get("experiment")
    if action in ("harm", "ended"):
        return "crawl"
    if action == "won" or (running and running["phase"] == "holdout"):
        return "run"
    if action == "start" or running:
        return "walk"
    if action in (None, "push") and verdict.get("outcome") == "model":
        return "run"
    return "run" if (summary.get("champion") or {}).get("kind") == "model" else "crawl"


def explain_metric(name: str) -> str:
    """Returns a metric with its gloss: "recall@10 (how often the item taken next stood among the 10 shown)"."""
    kind, _, count = name.partition("@")
    gloss = GLOSSES.get(kind)
    return f"{name} ({gloss.format(k=count)})" if gloss else name


def render_markdown(page: Page) -> str:
    """Returns launch.md."""
    written = f"\n*{page.launch}, {page.written}*\n" if page.written else f"\n*{page.launch}*\n"
    parts = [f"# {page.headline}\n{written}"]
    if page.decided:
        parts.append(f"What decided: {page.decided}\n")
    for title, texts in _title_sections(page):
        parts.append(f"## {title}\n\n" + "\n".join(f"- {text}" for text in texts) + "\n")
    rows = [f"| {'**' + name + '**' if name == page.stage else name} | {text} |" for name, text in STAGES]
    parts.append("## Where it stands\n\n| stage | |\n|---|---|\n" + "\n".join(rows) + "\n")
    if page.next_step:
        parts.append(f"Next: {page.next_step}\n")
    return "\n".join(parts)


def render_section(page: Page) -> str:
    """Returns the top of report.html, below its heading."""
    written = f'<p class="written">{html.escape(page.written)}</p>' if page.written else ""
    lists = "".join(
        f"<h2>{title}</h2><ul>{''.join(f'<li>{_to_html(text)}</li>' for text in texts)}</ul>"
        for title, texts in _title_sections(page)
    )
    boxes = "".join(
        f'<div class="{"stage now" if name == page.stage else "stage"}">'
        f"<strong>{name}</strong><div>{html.escape(text)}</div></div>"
        for name, text in STAGES
    )
    next_step = f'<p class="next">Next: {_to_html(page.next_step)}</p>' if page.next_step else ""
    decided = f'<p class="decided">What decided: {_to_html(page.decided)}</p>' if page.decided else ""
    return f'{written}{decided}{lists}<h2>Where it stands</h2><div class="stages">{boxes}</div>{next_step}'


def _to_html(text: str) -> str:
    """Returns a sentence as HTML, what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _title_sections(page: Page) -> Iterator[tuple[str, tuple[str, ...]]]:
    for title, texts in (
        ("What we know", page.known),
        ("What it takes", page.takes),
        ("What we do not know", page.unknown),
    ):
        if texts:
            yield title, texts


def _list_known(summary: Mapping[str, Any], experiment: Mapping[str, Any] | None) -> Iterator[str]:
    gain = (summary.get("gains") or {}).get("model_over_rules")
    metric = summary.get("metric")
    if gain and metric and _is_known(gain):
        where = f"Offline, on {summary['queries']:,} queries of the newest days, {explain_metric(metric)}"
        yield f"{where}: {_describe(gain)} over the best rule, {_significance(gain)}."
    yield from _list_measured(experiment)
    yield from served_words.list_known(summary.get("served"))
    if summary.get("insight"):
        yield from triangle_words.list_known(summary["insight"], summary.get("margin") or 0.0)
    gains = (summary.get("slices") or {}).get("gains") or {}
    worse = [f"{name} {_describe(one)}" for name, one in gains.items() if _is_known(one) and float(one["high"]) < 0]
    if worse:
        yield f"Significantly worse than the rules for: {'; '.join(worse)}."


def _list_measured(experiment: Mapping[str, Any] | None) -> Iterator[str]:
    """Yields what was measured on users."""
    if experiment is None:
        return
    for metric in experiment["metrics"]:
        if metric["gain"] is not None and metric["low"] is not None and metric["high"] is not None:
            name = f"{metric['name']}s per request ({metric['role']})"
            yield f"On users, {name}: {_describe(metric, 'gain')} over the rules."
    if experiment["holdout"] and _is_known(experiment["holdout"]):
        yield f"On users, against the holdout: {_describe(experiment['holdout'], 'gain')}."


def _list_takes(summary: Mapping[str, Any], experiment: Mapping[str, Any] | None) -> Iterator[str]:
    if experiment is not None and experiment["plan"]:
        yield from _list_plan(experiment)
    if summary.get("insight"):
        yield from triangle_words.list_takes(summary["insight"])


def _list_plan(experiment: Mapping[str, Any]) -> Iterator[str]:
    effect, days = f"{100 * experiment['effect']:+g}%", experiment["days_to_see"]
    length = f"{days} days" if days else f"more than the {experiment['plan'][-1]['days']} days of the log"
    yield f"To see a gain of {effect} on users takes {length}, with all users enrolled."
    last = experiment["plan"][-1]
    if last["smallest_gain"] is not None:
        gain = f"{100 * last['smallest_gain']:+.1f}%"
        yield f"The newest {last['days']} days ({last['users']:,} users) would show a gain of {gain} or more."


def _list_unknown(summary: Mapping[str, Any], experiment: Mapping[str, Any] | None) -> Iterator[str]:
    gain = (summary.get("gains") or {}).get("model_over_rules")
    if gain and not _is_known(gain):
        yield "How much the model gains offline: too little data for an interval."
    if summary.get("model_problem"):
        yield f"Whether the model is any good: {summary['model_problem'].rstrip('.')}."
    if experiment is None:
        yield "What users do with the model: no experiment is declared."
    elif experiment["problem"]:
        yield f"What users do with the model: {experiment['problem']}."
    elif (experiment.get("decision") or {}).get("kind") == "void":
        yield "What users do with the model: the arms of its experiment cannot be compared."
    elif not experiment["metrics"] and not experiment["holdout"]:
        yield "What users do with the model: it is not launched yet."
    elif experiment["metrics"] and not any(_is_known(metric) for metric in experiment["metrics"]):
        yield "What users do with the model: it is too early for a range."
    if summary.get("insight"):
        yield from triangle_words.list_unknown(summary["insight"], summary.get("margin") or 0.0)
    else:
        yield "What more data would bring, and how fast the model ages: not measured (`insight=Insight()` declares it)."


def _is_known(gain: Mapping[str, Any]) -> bool:
    """Returns whether both ends of the range are finite numbers."""
    return all(gain.get(name) is not None and math.isfinite(float(gain[name])) for name in ("low", "high"))


def _describe(gain: Mapping[str, Any], point: str = "point") -> str:
    value, low, high = (_percent(float(gain[name])) for name in (point, "low", "high"))
    return f"{value} (range {low} to {high})"


def _significance(gain: Mapping[str, Any]) -> str:
    if float(gain["low"]) > 0:
        return "significantly better"
    return "significantly worse" if float(gain["high"]) < 0 else "no significant difference"


def _percent(share: float) -> str:
    return f"{100 * share:+.{1 if abs(share) < 0.0995 else 0}f}%"
