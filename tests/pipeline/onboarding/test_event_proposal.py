import pyarrow as pa
import pytest

from components.declaration import Objective
from pipeline.onboarding.column_profile import Column
from pipeline.onboarding.event_proposal import event_column, from_events, from_value, impression_value


def events(*values, name="event"):
    return Column(name, pa.array(values))


@pytest.mark.parametrize(
    "column",
    [
        events("view", "addtocart", "transaction"),
        events("Add to Cart", "page_view", "odd one", name="what"),
        events(1, 2, 3, name="action_type"),
    ],
)
def test_events_are_known_by_their_words_or_their_name(column):
    other = [Column("country", pa.array(["DE", "FR", "DE"])), Column("user", pa.array(["a", "b", "c"]))]
    assert event_column([*other, column]) is column


@pytest.mark.parametrize(
    "column",
    [events("red", "blue"), events("click", "click"), events(1, 2, name="count"), events("DE", "FR", name="type")],
)
def test_what_holds_no_events_is_none(column):
    assert event_column([column]) is None


def test_the_more_certain_column_wins():
    kind = events("click", "purchase", name="kind")
    assert event_column([events("click", "scroll", name="x"), kind]) is kind


def test_a_view_is_an_impression_only_where_a_request_joins_it():
    views = events("view", "view", "buy")
    assert impression_value(views, has_request=True) == "view"
    assert impression_value(views, has_request=False) is None
    assert impression_value(events("view", "shown", "buy"), has_request=False) == "shown"


def test_each_action_becomes_an_objective_and_its_words_say_its_weight():
    proposed, against = from_events(
        events("impression", "click", "Add to cart", "purchase", "dislike", "wave"), "impression"
    )
    assert list(proposed.values()) == [
        Objective("click", weight=1.0, event="click"),
        Objective("wave", weight=1.0, event="wave"),
        Objective("add_to_cart", weight=3.0, event="Add to cart"),
        Objective("purchase", weight=5.0, event="purchase"),
    ]
    assert against == ["dislike"]


def test_names_that_would_be_equal_or_begin_with_a_digit_get_their_own():
    proposed, _ = from_events(events("a b", "a-b", "1"), None)
    assert {objective.event: objective.name for objective in proposed.values()} == {
        "a b": "a_b",
        "a-b": "a_b_",
        "1": "event_1",
    }


@pytest.mark.parametrize(
    ("values", "objective"),
    [
        ([1, 2, 3, 4, 5], Objective("like", value_at_least=4.0, auc_decides=False)),
        ([0.5, 4.5, 5.0], Objective("like", value_at_least=4.0, auc_decides=False)),
        ([1, 9, 10], Objective("like", value_at_least=8.0, auc_decides=False)),
        ([10.0, 20.0, 30.0], Objective("high_seconds", value_at_least=20.0, auc_decides=False)),
        ([0, 0, 0, 7], Objective("high_seconds", value_at_least=7.0, auc_decides=False)),
    ],
)
def test_success_begins_at_the_upper_ratings_or_about_the_median(values, objective):
    assert from_value(Column("seconds", pa.array(values)))[1] == objective


def test_true_is_a_success():
    assert from_value(Column("Liked it", pa.array([True, False, None])))[1] == Objective("liked_it", value_at_least=1.0)
    assert from_value(Column("liked", pa.array([True, None]))) is None


def test_a_value_that_never_varies_gives_no_objective():
    assert from_value(Column("seconds", pa.array([3, 3]))) is None
