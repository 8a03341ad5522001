"""The figures as SVG: what stands in them as text, how they suit a page, and what is left out."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from triangle_results import MOMENTS, RESULT, interval

from components.evaluation import figures, report

ROW = {"date": "2026-11-28T10:00:00+00:00", "outcome": "model pushed", "gain": 1.1, "low": 0.8, "high": 1.4}
READ = ROW | {"outcome": "experiment: wait", "users_gain": 0.2, "users_low": 0.1, "users_high": 0.3}
GAINS = {"new users": interval(0.2, 0.1, 0.3), "tail": interval(-0.4, -0.6, -0.2), "rare": interval(0.5, -5.0, 9.0)}


@pytest.fixture
def drawn():
    return {
        "values": figures.draw_values(RESULT, 0.0),
        "history": figures.draw_history([ROW, ROW | {"date": "2026-11-29T10:00:00+00:00", "low": -0.2}]),
        "readings": figures.draw_readings([READ, READ | {"users_low": -0.1}, READ | {"users_low": None}]),
        "slices": figures.draw_gains(GAINS),
    }


def texts(svg):
    return " ".join(ET.fromstring(svg).itertext())


def test_figures_are_well_formed_and_name_their_axes(drawn):
    assert "takeover" in texts(drawn["values"]) and "recall@10" in texts(drawn["values"])
    assert "2026-11-29 10:00: model pushed" in texts(drawn["history"]) and "100%" in texts(drawn["history"])
    assert texts(drawn["readings"]).count("experiment: wait") == 2 and "on users" in texts(drawn["readings"])
    assert all(name in texts(drawn["slices"]) for name in GAINS) and "95% interval" in texts(drawn["slices"])


def test_the_ticks_of_an_axis_are_what_they_say():
    svg = figures.draw_gains({"a": interval(0.1, 0.05, 0.18)})
    shown = [float(text) for text in re.findall(r">(-?[0-9.]+)%<", svg)]
    steps = {round(after - before, 6) for before, after in itertools.pairwise(shown)}
    assert len(shown) >= 4 and len(steps) == 1


def test_figures_take_the_pages_colour_and_width_and_load_nothing(drawn):
    for svg in drawn.values():
        head = svg.partition(">")[0]
        assert "currentColor" in svg and figures.INK not in svg
        assert "viewBox" in head and not re.search(r'\s(width|height)="', head)
        assert "//" not in svg and "<script" not in svg


def test_no_two_figures_of_a_page_share_an_id(drawn):
    ids = [name for svg in drawn.values() for name in re.findall(r'\sid="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))
    for svg in drawn.values():
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
        assert used <= set(ids)


def test_the_same_numbers_give_the_same_figure(drawn):
    assert figures.draw_gains(GAINS) == drawn["slices"]


def test_an_interval_beyond_the_axis_ends_in_arrows(drawn):
    inside, beyond = (figures.draw_gains({"a": interval(0.2, low, high)}) for low, high in ((0.1, 0.3), (-5.0, 9.0)))
    markers = [len(set(re.findall(r'<path id="(slices-m\w+)"', svg))) for svg in (inside, beyond)]
    assert markers[1] == markers[0] + 2


@pytest.mark.parametrize("name", ["price=$5$", r"$\frac{", "<script>", "国=日本", "a\x1b[31mb", "x" * 500, "&amp;", ""])
def test_any_name_of_a_slice_is_shown_letter_by_letter(name):
    svg = figures.draw_gains({name: interval(0.2, 0.1, 0.3)})
    shown = name.replace("\x1b", r"\x1b")
    assert (shown if len(shown) <= figures.LONGEST_LABEL else "xxx~") in texts(svg)
    assert "<script" not in svg and "\x1b" not in svg


@pytest.mark.parametrize(
    "svg",
    [
        figures.draw_values(None, 0.0),
        figures.draw_values(RESULT | {"moments": MOMENTS[:1]}, 0.0),
        figures.draw_values({"moments": []}, 0.0),
        figures.draw_history([ROW]),
        figures.draw_history([ROW, ROW | {"low": None}]),
        figures.draw_readings([ROW, ROW]),
        figures.draw_gains({}),
        figures.draw_gains({"a": {"point": "Infinity", "low": "-Infinity", "high": "Infinity"}}),
    ],
)
def test_where_there_is_too_little_there_is_no_figure(svg):
    assert svg == ""


def test_an_unknown_interval_is_said_in_words_and_never_as_unbounded():
    slices = {
        "metric": "recall@10",
        "tables": {"rare": {"model": {"queries": 1, "recall@10": 0.0}}},
        "gains": {"rare": {"point": "Infinity", "low": "-Infinity", "high": "Infinity"}},
    }
    page = report.render({"launch": "shop", "slices": slices})
    assert "too little data" in page and "unbounded" not in page and "inf" not in page.replace("info", "")
