"""Custom rules that do not exist."""

import dataclasses

import pytest

from components.declaration import Rules
from pipeline import launches
from pipeline.checks import rule_checks

HOUSE = "from elsewhere import shared as borrowed\nLIMIT = 3\n\n\ndef cheapest(launch, log): ...\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(rule_checks, "PROJECT", tmp_path)
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "house.py").write_text(HOUSE)


def said(*names):
    launch = dataclasses.replace(launches.load("shop"), rules=Rules(names=names, fallbacks=names[:1]))
    return [(finding.level, finding.what) for finding in rule_checks.check(launch)]


@pytest.mark.usefixtures("project")
def test_built_in_ones_and_those_that_are_there_are_fine():
    assert said("popularity", "components.house.cheapest", "components.house.borrowed") == []


@pytest.mark.usefixtures("project")
def test_a_module_or_a_function_that_is_missing_is_named():
    assert said("popularity", "components.shop.cheapest", "components.house.dearest") == [
        (
            "error",
            "the rule 'components.shop.cheapest' (launch.rules.names) needs the file components/shop.py, which is not there.",
        ),
        (
            "error",
            "the rule 'components.house.dearest' (launch.rules.names) needs a function 'dearest'; components/house.py has borrowed, LIMIT, cheapest.",
        ),
    ]
