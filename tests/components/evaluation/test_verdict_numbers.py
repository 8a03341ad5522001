from pathlib import Path

import pytest
from test_launch_page import SUMMARY as PAGE
from test_verdict_history import SUMMARY
from triangle_results import RESULT

from components.evaluation.verdict_numbers import list_numbers, store_numbers

PAGE_OF_DOCS = Path(__file__).resolve().parents[3] / "docs" / "evaluation.md"


def test_every_run_has_its_offline_numbers():
    assert list_numbers(SUMMARY) == {
        "metric": "recall@10", "outcome": "model", "queries": 2005, "model": 0.184, "rules": 0.087,
        "gain": 1.11, "gain_low": 0.84, "gain_high": 1.42,
    }  # fmt: skip


def test_what_is_infinite_or_missing_has_no_property():
    gains = {"model_over_rules": {"point": "Infinity", "low": "-Infinity", "high": "Infinity"}}
    numbers = list_numbers(SUMMARY | {"gains": gains, "rolling": {"covisitation": {"recall@10": 0.1}}})
    assert numbers == {"metric": "recall@10", "outcome": "model", "queries": 2005, "rules": 0.1}


def test_the_experiment_on_users_and_the_triangle_have_theirs():
    numbers = list_numbers(SUMMARY | {"experiment": PAGE["experiment"], "insight": RESULT})
    assert (numbers["users_gain"], numbers["users_gain_low"], numbers["users_gain_high"]) == (0.052, 0.011, 0.094)
    assert (numbers["takeover_day"], numbers["age_days"], numbers["age_loss"]) == (6.2, 20.8, 0.18)
    assert numbers["doubling_gain"] == 0.14


def test_after_a_win_the_holdouts_gain_is_that_on_users():
    holdout = {"gain": 0.2, "low": 0.1, "high": None}
    numbers = list_numbers(SUMMARY | {"experiment": PAGE["experiment"] | {"metrics": [], "holdout": holdout}})
    assert (numbers["users_gain"], numbers["users_gain_low"]) == (0.2, 0.1) and "users_gain_high" not in numbers


def test_properties_keep_their_types():
    class Artifact:
        def __init__(self):
            self.stored = {}

        def __getattr__(self, name):
            kind = name.split("_")[1]
            return lambda key, value: self.stored.update({key: (kind, value)})

    artifact = Artifact()
    store_numbers(artifact, {"metric": "mrr", "queries": 3, "gain": 0.5})
    assert artifact.stored == {"metric": ("string", "mrr"), "queries": ("int", 3), "gain": ("float", 0.5)}


@pytest.mark.parametrize("name", ["metric", "gain_low", "takeover_day", "doubling_gain", "users_gain"])
def test_the_docs_name_the_properties(name):
    assert f"`{name}`" in PAGE_OF_DOCS.read_text()
