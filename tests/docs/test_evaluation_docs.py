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
from components.rules.rule_forms import PerItem

ROOT = Path(__file__).resolve().parents[2]
TEXT, CLONE = ((ROOT / "docs" / name).read_text() for name in ("evaluation.md", "clone.md"))


def named(text):
    return set(re.findall(r"`([^`]+)`", text))


def test_every_slice_has_its_name_in_the_table_and_every_name_a_slice():
    table = TEXT[TEXT.index("## The slices") : TEXT.index("## The intervals")]
    assert named(table) == {*SLICES, "device=mobile", "device=other"}


def test_every_figure_is_explained():
    shown = {
        re.sub(r"@\d+", "@k", metric)
        for metric in (*METRICS, *summary.ROLLING, *summary.RANKING, "novelty", "popularity_lift")
    }
    assert shown <= named(TEXT)


def test_every_field_of_the_gate_is_named():
    fields = {field.name for field in dataclasses.fields(Promotion)} - {"metric"}
    assert not {field for field in fields if field not in TEXT}


TABLE = TEXT[TEXT.index("| case |") : TEXT.index("Many slices are")]


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
    assert len(shown) == 3
    made = [eval(line.partition("=")[2], space) for line in shown]
    assert isinstance(made[0], Rules) and isinstance(made[1], Rules)
    assert dataclasses.replace(Catalogue("items", "item"), boosts=made[2]).columns() == ("item", "brand", "in_stock")
    for gate in re.findall(r"Promotion\(metric.*?\)\)", CLONE):
        assert eval(gate, space).margin == 0.02
    assert set(BUILT_IN_RULES) <= named(CLONE)


def test_the_rule_in_the_text_runs():
    import numpy as np

    from components.features.item_table import ItemTable
    from components.rules.rule_forms import RuleLog

    code = re.search(r'    """The rules of our house.*?0\)\)\n', CLONE, re.DOTALL).group()
    space = {}
    exec(re.sub(r"^    ", "", code, flags=re.MULTILINE), space)
    price = np.array([[0.0], [2.0], [1.0]])
    table = ItemTable(np.arange(3), np.arange(3), np.array([False, True, True]), np.zeros((3, 1)), 0, price)
    found = space["cheapest"](None, RuleLog(*[np.zeros(0)] * 4, {}, table))
    assert isinstance(found, PerItem) and found.scores.tolist() == [0, 1, 2]
