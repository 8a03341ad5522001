"""docs/evaluation.md and docs/clone.md say what is there."""

import dataclasses
import re
from pathlib import Path

import pytest

from components.declaration import Boost, Catalogue, Promotion, Rules
from components.declaration.metric_names import METRICS
from components.declaration.rule_names import BUILT_IN_RULES
from components.declaration.slice_names import SLICES
from components.evaluation import summary

ROOT = Path(__file__).resolve().parents[2]
TEXT, CLONE = ((ROOT / "docs" / name).read_text() for name in ("evaluation.md", "clone.md"))


def list_code(text):
    return set(re.findall(r"`([^`]+)`", text))


def test_every_slice_has_its_name_in_the_table_and_every_name_a_slice():
    table = TEXT[TEXT.index("## Slices") : TEXT.index("## Confidence intervals")]
    assert list_code(table) == {*SLICES, "device=mobile", "device=other"}


def test_every_figure_is_explained():
    shown = {
        re.sub(r"@\d+", "@k", metric)
        for metric in (*METRICS, *summary.ROLLING, *summary.RANKING, "novelty", "popularity_lift")
    }
    assert shown <= list_code(TEXT)


def test_every_field_of_the_criteria_is_named():
    fields = {field.name for field in dataclasses.fields(Promotion)} - {"metric"}
    assert not {field for field in fields if field not in TEXT}


TABLE = TEXT[TEXT.index("| case |") : TEXT.index("There are many slices")]


@pytest.mark.parametrize("words", re.findall(r'"([^"|]+)"[^"|]*\|$', TABLE, re.MULTILINE))
def test_what_the_verdict_is_said_to_say_is_in_its_words(words):
    source = "".join(
        (ROOT / "components" / "evaluation" / name).read_text()
        for name in ("verdict.py", "verdict_words.py", "judging.py")
    )
    for part in re.split(r"\.\.\.|'new users'", words):
        assert part.strip(" :") in source.replace("{name!r} ", " ")


def test_the_declarations_in_the_text_are_valid():
    space = {"Rules": Rules, "Promotion": Promotion, "Boost": Boost}
    shown = re.findall(r"^    ((?:rules|boosts)=.*),$", CLONE, re.MULTILINE)
    assert [line.partition("=")[0] for line in shown] == ["rules", "boosts"]
    rules, boosts = (eval(line.partition("=")[2], space) for line in shown)
    assert isinstance(rules, Rules)
    assert dataclasses.replace(Catalogue("items", "item"), boosts=boosts).columns() == ("item", "brand", "in_stock")
    (criteria,) = re.findall(r"Promotion\(metric.*?\)\)", CLONE)
    assert eval(criteria, space).margin == 0.02 and "significantly above 2%" in CLONE
    assert set(BUILT_IN_RULES) <= list_code(CLONE)
