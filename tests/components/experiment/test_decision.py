import dataclasses
import math

import pytest

from components.experiment.decision import Decision, Metric, Progress, decide
from components.experiment.decision_words import describe_gain, explain, format_share, warn_served
from components.experiment.reading import Gain
from components.experiment.sample_ratio import check_ratio

FAIR, SKEWED = check_ratio(500, 510), check_ratio(500, 300)
RUNNING = Progress(stage=2, stages=3, day=9.0, days=14, stage_day=7.0, users=(500, 510), min_users=100)
YOUNG = dataclasses.replace(RUNNING, stage=0, day=1.0, stage_day=1.0)


def metric(z, name="click"):
    return Metric(name, Gain(0.02 * z, 0.02**2), boundary=2.5, harm_boundary=2.2)


@pytest.mark.parametrize(
    ("kind", "progress", "z", "guard_z", "ratio"),
    [
        ("void", RUNNING, -9.0, -9.0, SKEWED),
        ("harm", RUNNING, 5.0, -2.3, FAIR),
        ("harm", YOUNG, -2.3, 0.0, FAIR),
        ("won", RUNNING, 2.6, 0.0, FAIR),
        ("wait", dataclasses.replace(RUNNING, stage_day=6.0), 2.6, 0.0, FAIR),
        ("wait", dataclasses.replace(RUNNING, day=15.0, stage_day=6.0), 2.6, 0.0, FAIR),
        ("ended", dataclasses.replace(RUNNING, day=14.0), 1.0, 0.0, FAIR),
        ("ended", dataclasses.replace(YOUNG, day=14.0), 1.0, 0.0, FAIR),
        ("ramp", YOUNG, 1.0, -2.1, FAIR),
        ("wait", dataclasses.replace(YOUNG, stage_day=0.5), 1.0, 0.0, FAIR),
        ("wait", dataclasses.replace(YOUNG, users=(500, 99)), 1.0, 0.0, FAIR),
        ("wait", RUNNING, 1.0, 0.0, FAIR),
    ],
)
def test_the_first_that_applies_is_decided(kind, progress, z, guard_z, ratio):
    assert decide(progress, metric(z), [metric(guard_z, "purchase")], [FAIR, ratio]).kind == kind


def test_harm_names_what_is_worse():
    assert decide(RUNNING, metric(-4.0), [metric(-4.0, "purchase")], []).cause == ("click", "purchase")


def test_problems_of_the_record_make_it_void():
    assert decide(RUNNING, metric(9.0), [], [], ["version 20 is gone"]) == Decision("void", ("version 20 is gone",))


def test_nothing_is_significant_before_the_first_look():
    assert decide(RUNNING, Metric("click", Gain(9.0, 0.01)), [], []).kind == "wait"
    assert decide(RUNNING, Metric("click", None), [], []).kind == "wait"


@pytest.mark.parametrize(
    ("progress", "z", "days"),
    [
        (RUNNING, 0.0, 14 - 9),
        (dataclasses.replace(RUNNING, stage_day=2.5), 3.0, 5),
        (dataclasses.replace(YOUNG, users=(5, 5)), 0.0, None),
        (dataclasses.replace(RUNNING, day=20.0, stage_day=6.9), 3.0, 1),
    ],
)
def test_waiting_says_about_how_long(progress, z, days):
    assert decide(progress, metric(z), [], []).days_left == days


@pytest.mark.parametrize("progress", [RUNNING, YOUNG])
@pytest.mark.parametrize("kind", ["void", "harm", "won", "ended", "ramp", "wait"])
def test_every_decision_has_words(kind, progress):
    decision = Decision(kind, ("click",) if kind in ("void", "harm") else (), 5 if kind == "wait" else None)
    headline, details = explain(decision, progress, metric(1.0))

    assert headline.endswith(".") and all(text.endswith(".") for text in details)
    assert "click" in " ".join((headline, *details))


def test_a_gain_is_said_with_the_range_of_its_look():
    gain = Gain(0.04, 0.01**2)

    assert describe_gain(Metric("click", gain, boundary=2.0)) == "click +4.1% (range +2.0% to +6.2%)"
    assert describe_gain(Metric("click", gain)) == "click: +4.1%, too early for a range"
    assert describe_gain(Metric("click", None, boundary=2.0)) == "click: nothing to read yet"
    assert format_share(0.314) == "+31%" and format_share(-0.05) == "-5.0%"


def test_what_is_worse_is_said_with_the_range_of_the_boundary_that_it_crossed():
    worse = Metric("purchase", Gain(-0.04, 0.01**2), math.inf, 3.0)
    calm = Metric("click", Gain(0.04, 0.01**2), math.inf, 3.0)

    assert worse.deviations == 3.0 and calm.deviations == math.inf
    headline, details = explain(Decision("harm", ("purchase",)), RUNNING, calm, [worse])
    assert "purchase significantly worse" in headline
    assert details == ["purchase -3.9% (range -6.8% to -1.0%)."]


def test_what_was_served_otherwise_than_assigned_is_warned_of():
    assert warn_served(0.995) is None
    assert "97.2%" in warn_served(0.972)
    assert "model version" in warn_served(None)
