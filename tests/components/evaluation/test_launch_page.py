import re

import pytest
from triangle_results import RESULT

from components.evaluation import report
from components.evaluation.launch_page import build_page, explain_metric, find_stage, render_markdown, render_section

GAIN = {"point": 1.11, "low": 0.84, "high": 1.42, "level": 0.95, "error": 0.1}
EXPERIMENT = {
    "experiment": {"id": "shop-20", "phase": "ramp"}, "problem": "", "holdout": None, "effect": 0.03, "days_to_see": 23,
    "plan": [{"days": 28, "users": 1423, "smallest_gain": 0.0271}],
    "metrics": [{"name": "click", "role": "objective", "gain": 0.052, "low": 0.011, "high": 0.094}],
}  # fmt: skip
SERVED = {
    "versions": [
        {
            "version": "1795449687", "kind": "model", "impressions": 7760, "problem": "",
            "objectives": {"click": {"ratio": {"point": 1.31, "low": 1.21, "high": 1.42}, "days": []}},
        },
        {"version": "9", "kind": "", "impressions": 5, "problem": "gone", "objectives": {}},
    ],
    "rates": [],
}  # fmt: skip
WINDOW = {"first": "2026-10-29", "split": "2026-11-25", "last": "2026-11-28", "served_version": "1795449687"}
SUMMARY = {
    "launch": "shop", "metric": "recall@10", "queries": 2005, "written_at": "2026-11-28T23:18:45+00:00",
    "gains": {"model_over_rules": GAIN}, "champion": {"kind": "model"}, "model_problem": "", "experiment": EXPERIMENT,
    "slices": {"gains": {"new users": GAIN, "tail items": {"point": -0.2, "low": -0.3, "high": -0.1}}},
    "verdict": {"outcome": "model", "action": "wait", "headline": "The experiment continues.", "reasons": ["Why."], "advice": "Run again."},
}  # fmt: skip


def numbers_in(values):
    """Every number of a JSON value, also as a percentage, as people read it."""
    if isinstance(values, dict):
        return {one for value in values.values() for one in numbers_in(value)}
    if isinstance(values, list):
        return {one for value in values for one in numbers_in(value)}
    if isinstance(values, str):
        return set(re.findall(r"\d[\d,.]*\d|\d", values))
    if isinstance(values, bool) or values is None:
        return set()
    value = abs(values)
    return {f"{value:,}", f"{value:g}", f"{100 * value:.0f}", f"{100 * value:.1f}", f"{100 * value:g}", f"{value:.2f}"}


def test_the_page_says_what_is_known_what_it_takes_and_what_is_not_known():
    page = build_page(SUMMARY)

    assert page.headline == "The experiment continues." and page.decided == "Why." and page.next_step == "Run again."
    assert page.known[0].startswith("Offline, on 2,005 queries") and "+111% (range +84% to +142%)" in page.known[0]
    assert "significantly better" in page.known[0]
    assert "+5.2% (range +1.1% to +9.4%)" in page.known[1]
    assert page.known[2] == "Significantly worse than the rules for: tail items -20% (range -30% to -10%)."
    assert "takes 23 days" in page.takes[0] and "1,423 users" in page.takes[1]
    assert len(page.unknown) == 1


def test_the_page_names_its_date_the_days_of_the_log_and_the_version_that_served():
    section = render_section(build_page(SUMMARY | {"window": WINDOW}))
    for part in ("2026-11-28T23:18:45", "2026-10-29 to 2026-11-28", "from 2026-11-25", "version 1795449687"):
        assert part in section and part in render_markdown(build_page(SUMMARY | {"window": WINDOW}))


def test_a_served_version_whose_probabilities_are_off_is_named():
    sentences = [text for text in build_page(SUMMARY | {"served": SERVED}).known if "1795449687" in text]
    assert len(sentences) == 1 and "1.31 (1.21 to 1.42)" in sentences[0] and "are off" in sentences[0]


@pytest.mark.parametrize("insight", [None, RESULT])
def test_every_number_on_the_page_is_in_the_summary(insight):
    summary = SUMMARY | {"insight": insight, "served": SERVED, "window": WINDOW}
    page, allowed = build_page(summary), numbers_in(summary)
    for text in (render_markdown(page), re.sub(r"<[^>]*>", " ", render_section(page))):
        for number in re.findall(r"\d[\d,.]*\d|\d", text):
            assert number in allowed, number


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"experiment": None, "verdict": {"outcome": "rules"}, "champion": None}, "crawl"),
        ({"experiment": None, "verdict": {"outcome": "model"}, "champion": None}, "run"),
        ({"experiment": None, "verdict": {"outcome": "champion"}}, "run"),
        ({"verdict": {"outcome": "model", "action": "start"}, "experiment": EXPERIMENT | {"experiment": None}}, "walk"),
        ({}, "walk"),
        ({"verdict": {"outcome": "model", "action": "harm"}}, "crawl"),
        ({"verdict": {"outcome": "model", "action": "won"}}, "run"),
        ({"experiment": EXPERIMENT | {"experiment": {"id": "x", "phase": "holdout"}}}, "run"),
    ],
)
def test_the_stage_is_where_the_launch_stands_after_the_run(changes, stage):
    summary = SUMMARY | changes

    assert find_stage(summary, summary["experiment"]) == stage


def test_what_was_not_measured_is_said_in_words_and_without_a_number():
    unknown = {"point": "Infinity", "low": "-Infinity", "high": "Infinity"}
    page = build_page({"gains": {"model_over_rules": unknown}, "metric": "recall@10", "queries": 3, "experiment": None})

    assert page.known == () and page.takes == ()
    assert "too little data" in page.unknown[0] and "no experiment is declared" in page.unknown[1]
    assert build_page({}).headline == "No verdict."


def test_a_gain_of_users_without_a_range_is_not_said():
    metric = EXPERIMENT["metrics"][0] | {"low": None, "high": None}

    assert not any(
        "On users" in text for text in build_page(SUMMARY | {"experiment": EXPERIMENT | {"metrics": [metric]}}).known
    )
    early = build_page(SUMMARY | {"experiment": EXPERIMENT | {"metrics": [metric]}})
    assert any("too early for a range" in text for text in early.unknown)


def test_arms_that_cannot_be_compared_are_said_to_be_unknown():
    metric = EXPERIMENT["metrics"][0] | {"gain": None, "low": None, "high": None}
    page = build_page(SUMMARY | {"experiment": EXPERIMENT | {"metrics": [metric], "decision": {"kind": "void"}}})

    assert any("cannot be compared" in text for text in page.unknown)
    assert not any("On users" in text for text in page.known) and not any("too early" in text for text in page.unknown)


def test_metrics_have_a_gloss():
    assert explain_metric("recall@10") == "recall@10 (how often the item taken next stood among the 10 shown)"
    assert explain_metric("own") == "own"


def test_the_report_begins_with_the_page_and_fits_a_phone():
    page = report.render(SUMMARY)

    assert page.index("What we know") < page.index("Where it stands")
    assert 'name="viewport"' in page and "prefers-color-scheme: dark" in page and "@media print" in page
    assert '<div class="stage now"><strong>walk</strong>' in page
    assert not re.search(r"<script|https?://", page)


def test_a_command_of_the_next_step_is_code():
    page = build_page(
        SUMMARY | {"verdict": {"headline": ".", "outcome": "model", "advice": "Run `python -m pipeline run`."}}
    )
    assert "<code>python -m pipeline run</code>" in render_section(page)


def test_the_reason_that_decided_stands_below_the_headline_of_both_pages():
    page = build_page(SUMMARY)
    section = render_section(page)
    assert page.decided and section.index(page.decided) < section.index("<h2>")
    markdown = render_markdown(page)
    assert markdown.index(page.decided) < markdown.index("## ")
