"""The report: complete in one file, and no data gets into its markup."""

import html.parser
import json

import pytest
from test_summary import SUMMARY

from components.evaluation.report import render

FULL = {
    **SUMMARY,
    "slices": SUMMARY["slices"]
    | {
        "gains": {
            "new users": {"point": -0.5, "low": -0.6, "high": -0.4},
            "known users": {"point": 2, "low": 1, "high": "Infinity"},
        }
    },
    "ranking_slices": {"device=tv": {"click": {"rows": 10, "auc": 0.5}}},
}


class Outline(html.parser.HTMLParser):
    """The tags and texts of a page; fails on a tag that is closed without being open."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ("meta", "line", "rect", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("line", "rect", "circle"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_it_holds_what_the_summary_says():
    outline = Outline(render(FULL))
    text = " ".join(outline.texts)
    for part in (
        "Model pushed: it beats the rules",
        "+18% to +45%",
        "Next: Watch.",
        "0.150",
        "new users",
        "-50%",
        "Shelf",
        "0.710",
        "device=tv",
    ):
        assert part in text
    assert not outline.open


def test_it_needs_nothing_else():
    page = render(FULL)
    assert "<script" not in page and "http" not in page and "src=" not in page


def test_a_title_that_turns_the_direction_of_text_is_written_out():
    evil = json.loads(json.dumps(FULL).replace("Shelf", r"gpj\u202eexe\u001b[31m"))
    page = render(evil)
    assert "\u202e" not in page and "\x1b" not in page and "gpj\\u202eexe" in page


@pytest.mark.parametrize("missing", SUMMARY)
def test_missing_parts_are_left_out(missing):
    assert not Outline(render({name: part for name, part in FULL.items() if name != missing})).open


def test_nothing_of_the_data_becomes_markup():
    evil = json.loads(
        json.dumps(FULL)
        .replace("Shelf", "<b>x</b>")
        .replace("new users", "<i>y</i>")
        .replace("Lamp", "<u>z</u>")
        .replace("12 events", "<s>")
    )
    assert not {"b", "i", "u", "s"} & set(Outline(render(evil)).tags)
