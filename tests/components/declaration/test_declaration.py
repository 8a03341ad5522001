"""The declaration: what it derives, and its way through JSON."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.declaration import Catalogue, Launch, Log, Objective, Promotion, Split
from components.declaration.metric_names import METRICS
from components.errors import DeclarationError
from pipeline import launches

LOG = Log(
    path="events.csv",
    user="u",
    item="i",
    time="t",
    event="e",
    impression="shown",
    request="r",
    value="v",
    context=("c",),
)
CATALOGUE = Catalogue(
    path="items.csv", item="i", title="name", categories=("kind",), texts=("name",), numbers=("price",)
)
CLICK = Objective("click", event="click")
LAUNCH = Launch(name="tea", log=LOG, split=Split(eval_share=0.1), objectives=(CLICK,), catalogue=CATALOGUE)


def changed(**fields):
    """LAUNCH with fields replaced: `log={"path": ""}` goes into the nested record."""
    nested = {
        name: dataclasses.replace(getattr(LAUNCH, name), **value) if isinstance(value, dict) else value
        for name, value in fields.items()
    }
    return dataclasses.replace(LAUNCH, **nested)


def test_a_log_without_events_needs_only_user_item_and_time():
    plain = Log(path="x.csv", user="u", item="i", time="t")
    launch = Launch("tea", plain, Split(eval_days=1), (Objective("any"),))
    assert (launch.positive_events, launch.has_ranking_head, launch.ranking_objectives) == ((), False, ())


def test_joined_impressions_give_every_objective_a_head():
    assert LAUNCH.learns_from_impressions and LAUNCH.ranking_objectives == (CLICK,)
    assert CLICK.label == "label_click"


def test_impressions_without_requests_are_joined_by_user_and_item():
    assert changed(log={"request": None}).ranking_objectives == (CLICK,)


def test_without_impressions_nothing_is_joined():
    launch = changed(log={"impression": None})
    assert not launch.learns_from_impressions and not launch.has_ranking_head


def test_values_with_a_threshold_give_a_head_without_impressions():
    like = Objective("like", event="rate", value_at_least=4)
    launch = changed(log={"impression": None}, objectives=(CLICK, like))
    assert launch.has_ranking_head and launch.ranking_objectives == (like,)


def test_positive_events_are_each_named_once():
    long_click = Objective("long_click", event="click", value_at_least=30)
    assert changed(objectives=(CLICK, long_click, Objective("buy", event="buy"))).positive_events == ("click", "buy")


@pytest.mark.parametrize(
    "moment", ["2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00+02:00"]
)
def test_moments_in_iso_8601_are_allowed(moment):
    assert changed(split=Split(eval_from=moment)).split.eval_from == moment


@pytest.mark.parametrize("name", launches.available())
def test_the_launches_that_ship_survive_json(name):
    launch = launches.load(name)
    assert Launch.from_json(launch.to_json()) == launch


@given(
    weight=st.floats(0.01, 10) | st.integers(1, 10),
    margin=st.floats(0, 1) | st.integers(0, 1),
    text=st.text(min_size=1).filter(lambda text: text not in LOG.columns() and not text.startswith("label_")),
    has_catalogue=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_json_gives_back_what_was_declared(weight, margin, text, has_catalogue, seed):
    launch = changed(
        log={"context": ("c", text)},
        objectives=(Objective("click", event="click", weight=weight),),
        promotion=Promotion(margin=margin),
        catalogue=CATALOGUE if has_catalogue else None,
        seed=seed,
    )
    again = Launch.from_json(launch.to_json())
    assert again == launch and again.to_json() == launch.to_json()


def test_equal_declarations_give_equal_json():
    one = changed(objectives=(Objective("click", event="click", weight=1),), split=Split(eval_days=2))
    other = changed(objectives=(Objective("click", event="click", weight=1.0),), split=Split(eval_days=2.0))
    assert one == other and one.to_json() == other.to_json()


def test_any_change_changes_the_json():
    texts = {
        LAUNCH.to_json(),
        changed(seed=8).to_json(),
        changed(model={"dim": 32}).to_json(),
        changed(log={"path": "other.csv"}).to_json(),
    }
    assert len(texts) == 4


@pytest.mark.parametrize(
    ("where", "named"), [((), "launch.colour"), (("log",), "launch.log.colour"), (("model",), "launch.model.colour")]
)
def test_json_with_an_unknown_field_is_refused(where, named):
    values = json.loads(LAUNCH.to_json())
    record = values
    for name in where:
        record = record[name]
    record["colour"] = "red"
    with pytest.raises(DeclarationError, match=rf"{named} needs to be one of the fields .*, got 'red'"):
        Launch.from_json(json.dumps(values))


def test_json_with_a_wrong_value_is_refused():
    values = json.loads(LAUNCH.to_json())
    values["split"]["eval_share"] = 2
    with pytest.raises(DeclarationError, match="eval_share"):
        Launch.from_json(json.dumps(values))


def test_a_declaration_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LAUNCH.name = "coffee"


def test_criteria_measure_what_they_name():
    metric_path = "components.house.hits"
    criteria = Promotion(metric="recall@5", metrics=(metric_path,), guards=("ndcg@20", "mrr", "hits"))
    assert criteria.metrics == (metric_path, "recall@5", "ndcg@20")
    assert list(criteria.metric_paths) == [*METRICS, "hits", "recall@5", "ndcg@20"]
    assert criteria.metric_paths["hits"] == metric_path
    assert dataclasses.replace(criteria, margin=0.1).metrics == criteria.metrics
