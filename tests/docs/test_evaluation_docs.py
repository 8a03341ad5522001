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
from components.evaluation.findings import Area, Champion, Findings, Traffic
from components.evaluation.verdict import decide
from components.metrics.bootstrap import Interval

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


def gain(point, reach=0.05):
    return Interval(point, point - reach, point + reach, error=reach / 2)


GOOD = Findings(5000, 0.2, 0.1, "popularity", gain(0.3), metrics={"ndcg@10": gain(0.05)})
AREA = Area("click", Interval(0.42, 0.39, 0.45), 0.5)
CHAMPION = Champion("model", 0.2, gain(0.01), gain(-0.1))
CASES = (
    {},
    {"model_problem": "it answers NaN", "champion_problem": "its folder does not load"},
    {"queries": 120},
    {"champion": Champion("model", 0.2, Interval(0.0, 0.0, 0.0), gain(-0.1))},
    {"model_gain": gain(0.01), "traffic": Traffic("rules", 0.97)},
    {"areas": (AREA,)},
    {"areas": (dataclasses.replace(AREA, auc=Interval(0.49, 0.4, 0.6)),)},
    {"metrics": {"ndcg@10": gain(-0.2)}},
    {"champion": CHAMPION},
    {"slices": {"known users": gain(-0.2)}},
)


def plain(text):
    """The text without its figures."""
    return re.sub(r"[-+]?\d+([.,]\d+)*", "#", text)


def list_sentences():
    """What the verdict says in each case, without figures."""
    promotion = dataclasses.replace(Promotion(), guards=("ndcg@10", "new users"))
    verdicts = [decide(dataclasses.replace(GOOD, **case), promotion) for case in CASES]
    return plain(" ".join(text for verdict in verdicts for text in (verdict.headline, *verdict.reasons)))


TABLES = TEXT[TEXT.index("| obstacle |") : TEXT.index("**One policy's own traffic.**")]
QUOTED = [words for line in TABLES.splitlines() if line.startswith("|") for words in re.findall(r'"([^"|]+)"', line)]


@pytest.mark.parametrize("words", QUOTED)
def test_what_the_verdict_is_quoted_with_is_what_it_says(words):
    assert len(QUOTED) >= 14
    for part in words.split("..."):
        assert plain(part).strip(" :;") in list_sentences()


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
