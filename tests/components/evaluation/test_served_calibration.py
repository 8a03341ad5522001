"""Calibration of what was served, on labels that were drawn by known probabilities."""

import dataclasses

import numpy as np
import pytest
from small_recommenders import ITEMS, LAUNCH, next_item, ring, save_table

from components.declaration import Log, Objective
from components.declaration.views import RetrievalView
from components.evaluation import served_calibration, served_words

pytestmark = pytest.mark.tensorflow

RATED = dataclasses.replace(
    LAUNCH,
    log=Log("e.csv", "user", "item", "time", value="stars", policy="by", model_version="version"),
    objectives=(Objective("like", value_at_least=4.0),),
)
VIEW = RetrievalView.of(RATED)


def chance(item):
    """What a saved table answers for an item (`small_recommenders.Table.probabilities`)."""
    return (np.array([int(name) for name in item]) + 1) / (ITEMS + 1)


def log(seed=0, users=200):
    events = ring(users=users, seed=seed)
    drawn = (np.random.default_rng(seed).random(len(events)) < chance(events.item)).astype(np.int64)
    return dataclasses.replace(events, labels={"like": drawn})


def texts(*values):
    return np.array([*values, None], object)[:-1]


def measure(events, folder, **columns):
    return served_calibration.measure(VIEW, events, columns, str(folder) if folder else "")


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serving") / "ring"
    for name, worth in (("ring/11", 1.0), ("ring/12", 0.5), ("ring_control/10", 1.0), ("ring/9.withdrawn", 1.0)):
        save_table(str(folder.parent / name), next_item(), RATED, worth=worth)
    return folder


def test_a_version_that_answers_the_true_probabilities_is_calibrated(serving):
    ratios = []
    for seed in range(5):
        events = log(seed)
        (version,) = measure(events, serving / "12", version=texts(*[b"11"] * len(events)))["versions"]
        ratios.append(version["objectives"]["like"]["ratio"])
        assert not served_words.is_alarming(ratios[-1])
    assert np.mean([ratio["low"] <= 1 <= ratio["high"] for ratio in ratios]) >= 0.8
    assert version["impressions"] == int(events.late.sum()) and version["problem"] == ""


def test_a_version_that_answers_half_of_the_truth_raises_an_alarm(serving):
    events = log()
    result = measure(events, serving / "12", version=texts(*[b"12"] * len(events)))
    ratio = result["versions"][0]["objectives"]["like"]["ratio"]
    late = events.late
    predicted, observed = 0.5 * chance(events.item[late]).sum(), events.labels["like"][late].sum()
    assert ratio["point"] == pytest.approx(predicted / observed, rel=1e-5)
    (sentence,) = served_words.list_known(result)
    assert f"likes {predicted / observed:.2f} (" in sentence and "are off" in sentence


def test_each_version_is_asked_for_its_own_impressions_wherever_its_folder_is(serving):
    events = log()
    names = texts(*np.array([b"10", b"11", b"9", b"77"], object)[np.arange(len(events)) % 4])
    by_version = {one["version"]: one for one in measure(events, serving / "12", version=names)["versions"]}
    assert {name for name, one in by_version.items() if not one["problem"]} == {"9", "10", "11"}
    assert by_version["77"]["problem"] == "version 77 is not in the serving folder any more"
    for name, one in by_version.items():
        assert one["impressions"] == int((events.late & (names == name.encode())).sum())


def test_days_add_up_to_the_whole(serving):
    events = log()
    spread = dataclasses.replace(events, time=events.time * 30_000)  # 12 seconds become four days
    (version,) = measure(spread, serving / "12", version=texts(*[b"11"] * len(events)))["versions"]
    days = version["objectives"]["like"]["days"]
    assert len(days) > 1 and sum(day["impressions"] for day in days) == version["impressions"]
    observed = sum(day["observed"] * day["impressions"] for day in days)
    assert observed == pytest.approx(events.labels["like"][events.late].sum())


def test_rates_are_labels_over_impressions_by_day_and_policy(serving):
    events = log()
    policy = texts(*np.array([b"model", b"rules", b""], object)[np.arange(len(events)) % 3])
    rates = measure(events, serving / "12", policy=policy)["rates"]
    assert [row["policy"] for row in rates] == ["model", "rules"]
    for row in rates:
        rows = policy == row["policy"].encode()
        assert row["impressions"] == rows.sum() and row["day"] == "1970-01-01"
        assert row["rates"]["like"] == pytest.approx(events.labels["like"][rows].mean())


@pytest.mark.parametrize("columns", [{}, {"version": b""}, {"policy": b""}])
def test_a_log_that_names_neither_has_nothing_to_show(serving, columns):
    events = log(users=20)
    measured = measure(
        events, serving / "12", **{name: texts(*[value] * len(events)) for name, value in columns.items()}
    )
    assert measured in (None, {"versions": [], "rates": []})
    assert list(served_words.list_known(measured)) == []


def test_before_the_first_push_no_version_is_found():
    events = log(users=20)
    (version,) = measure(events, None, version=texts(*[b"1"] * len(events)))["versions"]
    assert "not in the serving folder" in version["problem"]


@pytest.mark.parametrize("name", [b"../../etc", b"1e3", "٣".encode(), b"\xff"])
def test_a_text_that_is_no_version_is_not_looked_up(serving, name):
    events = log(users=20)
    (version,) = measure(events, serving / "12", version=texts(*[name] * len(events)))["versions"]
    assert "not in the serving folder" in version["problem"]
