import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.declaration import Launch, Log, Objective, Split
from components.declaration.views import IngestView
from components.errors import LogError
from components.ingest.labels import NO_LABEL, check_positives, key_columns, label_rows

SHOP = Launch(
    name="shop",
    log=Log("log.csv", "user", "item", "time", event="event", impression="shown", request="request", value="value"),
    objectives=(Objective("click", event="click"), Objective("long", event="watch", value_at_least=30.0)),
    split=Split(eval_share=0.5),
)
RATINGS = Launch(
    name="films",
    log=Log("log.csv", "user", "item", "time", value="rating"),
    objectives=(Objective("like", value_at_least=4.0),),
    split=Split(eval_share=0.5),
)
NONE = NO_LABEL


def label(rows, cut, launch=SHOP):
    """Labels of rows (time, event, request, item, value)."""
    columns = list(zip(*rows, strict=True))
    kinds = (pa.string(), pa.string(), pa.string(), pa.float64())
    names = ("event", "request", "item", "value")
    keys = pa.table(
        {name: pa.array(values, kind) for name, values, kind in zip(names, columns[1:], kinds, strict=True)}
    )
    label_columns = label_rows(keys, np.array(columns[0]), cut, launch)
    return {name: values.tolist() for name, values in label_columns.items()}


def test_an_impression_is_labelled_by_the_actions_of_its_request_and_item():
    rows = [
        (1, "shown", "r1", "a", None),
        (1, "shown", "r1", "b", None),
        (1, "shown", "r2", "a", None),
        (2, "click", "r1", "a", None),
        (2, "click", None, "b", None),
    ]

    assert label(rows, cut=9)["label_click"] == [1, 0, 0, NONE, NONE]


def test_an_action_before_its_impression_does_not_count_one_at_the_same_time_does():
    rows = [
        (5, "shown", "r1", "a", None),
        (4, "click", "r1", "a", None),
        (5, "shown", "r2", "a", None),
        (5, "click", "r2", "a", None),
    ]

    assert label(rows, cut=9)["label_click"] == [0, NONE, 1, NONE]


def test_no_label_of_train_comes_from_after_the_cut():
    rows = [(1, "shown", "r1", "a", None), (9, "shown", "r1", "a", None), (10, "click", "r1", "a", None)]

    assert label(rows, cut=9)["label_click"] == [0, 1, NONE]
    assert label(rows, cut=11)["label_click"] == [1, 1, NONE]


def test_an_objective_may_ask_for_a_value():
    rows = [(1, "shown", "r", "a", None), (1, "shown", "r", "b", None), (1, "shown", "r", "c", None)]
    rows += [(2, "watch", "r", "a", 30.0), (2, "watch", "r", "b", 29.9), (2, "watch", "r", "c", None)]

    assert label(rows, cut=9)["label_long"] == [1, 0, 0, NONE, NONE, NONE]


def test_an_impression_without_request_gets_no_label_because_nothing_can_be_joined():
    rows = [(1, "shown", None, "a", None), (1, "shown", "r", "a", None)]

    assert label(rows, cut=9)["label_click"] == [NONE, 0]


def test_without_impressions_every_value_is_a_label_and_zero_is_a_value():
    keys = pa.table({"rating": [5, 4, 3, 0, None]})

    labels = label_rows(keys, np.arange(5), 3, RATINGS)

    assert {name: values.tolist() for name, values in labels.items()} == {"label_like": [1, 1, 0, 0, NONE]}
    assert key_columns(RATINGS) == ("rating",)


def test_without_impressions_only_rows_of_the_objective_s_event_are_labelled():
    launch = dataclasses.replace(
        RATINGS,
        log=dataclasses.replace(RATINGS.log, event="event"),
        objectives=(Objective("like", event="rate", value_at_least=4.0), Objective("view", event="view")),
    )
    keys = pa.table({"event": ["rate", "rate", "view", None], "rating": [5.0, 1.0, 5.0, 5.0]})

    labels = label_rows(keys, np.arange(4), 2, launch)

    assert {name: values.tolist() for name, values in labels.items()} == {"label_like": [1, 0, NONE, NONE]}


def test_a_log_without_values_and_impressions_has_no_labels_and_needs_no_columns():
    launch = Launch("plain", Log("log.csv", "user", "item", "time"), Split(eval_share=0.5), (Objective("play"),))

    assert key_columns(launch) == ()
    assert label_rows(pa.table({"time": [1, 2]}), np.array([1, 2]), 2, launch) == {}


def test_a_log_without_the_declared_impressions_says_which_events_it_has():
    with pytest.raises(
        LogError,
        match=r"column 'event': needs rows with 'shown' and a 'request' before the cut, found none; events are: 'click', 'view'",
    ):
        label([(1, "view", "r", "a", None), (1, "click", "r", "a", None)], cut=9)


def test_values_that_are_text_are_named():
    with pytest.raises(
        LogError, match=r"column 'rating': needs numbers \(launch.log.value\), got string, such as 'good'"
    ):
        label_rows(pa.table({"rating": [None, "good"]}), np.arange(2), 1, RATINGS)


def without_requests(rows, cut, seconds=3600.0):
    """Labels of rows (time, event, user, item) of a log that has impressions and no requests."""
    log = dataclasses.replace(SHOP.log, request=None, value=None, attribution_seconds=seconds)
    launch = dataclasses.replace(SHOP, log=log, objectives=(Objective("click", event="click"),))
    assert key_columns(launch) == ("event", "item", "user")
    keys = pa.table({name: [row[at] for row in rows] for at, name in ((1, "event"), (2, "user"), (3, "item"))})
    return label_rows(keys, np.array([row[0] for row in rows]), cut, launch)["label_click"].tolist()


def test_without_requests_an_action_belongs_to_the_last_impression_of_its_user_and_item():
    rows = [
        (1, "shown", "u", "a"),
        (3, "shown", "u", "a"),
        (3, "shown", "v", "a"),
        (3, "shown", "u", "b"),
        (5, "click", "u", "a"),
        (6, "click", "w", "a"),
    ]

    assert without_requests(rows, cut=9) == [0, 1, 0, 0, NONE, NONE]


def test_what_happens_after_the_window_is_ignored_with_requests_and_without():
    second = 1_000_000
    rows = [
        (0, "shown", "r", "a"),
        (0, "shown", "r", "b"),
        (60 * second, "click", "r", "a"),
        (61 * second, "click", "r", "b"),
    ]
    minute = dataclasses.replace(SHOP, log=dataclasses.replace(SHOP.log, attribution_seconds=60.0))

    assert without_requests(rows, cut=99 * second, seconds=60.0) == [1, 0, NONE, NONE]
    assert label([(*row, None) for row in rows], 99 * second, minute)["label_click"] == [1, 0, NONE, NONE]


def test_without_requests_no_label_of_train_comes_from_after_the_cut():
    rows = [(1, "shown", "u", "a"), (9, "shown", "u", "b"), (10, "click", "u", "a"), (10, "click", "u", "b")]

    assert without_requests(rows, cut=9) == [0, 1, NONE, NONE]


@pytest.mark.parametrize("event", [["click"], ["shown", None]])
def test_a_log_without_a_positive_event_before_the_cut_is_refused(event):
    keys = pa.table({"event": [*event, "click"]})

    check_positives(pa.table({"event": ["click", "shown"]}), np.array([1, 9]), 5, SHOP)
    with pytest.raises(
        LogError, match="needs a row with 'click' or 'watch' before the cut, found none; events are: 'click'"
    ):
        check_positives(keys, np.arange(5, 6 + len(event)), 5, SHOP)


def test_events_that_are_no_text_are_named():
    keys = pa.table({"event": [b"\xff"], "request": ["r"], "item": ["a"], "value": [1.0]})

    with pytest.raises(LogError, match=r"launch.log.event: the event column needs UTF-8 text or numbers, got binary"):
        label_rows(keys, np.array([1]), 2, SHOP)


rows_of_a_log = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["shown", "click", "watch"]),
        st.sampled_from(["r1", "r2", None]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([None, 10.0, 50.0]),
    ),
    max_size=25,
)


def spelled_out(rows, cut, objective):
    """The same by looking at each pair of rows."""
    labels = []
    for time, event, request, item, _ in rows:
        later = [
            action
            for action in rows
            if request is not None
            and action[1:4] == (objective.event, request, item)
            and action[0] >= time
            and (time >= cut or action[0] < cut)
        ]
        if objective.value_at_least is not None:
            later = [action for action in later if action[4] is not None and action[4] >= objective.value_at_least]
        labels.append(NONE if event != "shown" or request is None else int(bool(later)))
    return labels


@given(rows_of_a_log, st.integers(1, 9))
def test_labels_are_those_of_looking_at_each_pair_of_rows(rows, cut):
    rows = [(0, "shown", "r0", "a", None), *rows]

    assert label(rows, cut) == {objective.label: spelled_out(rows, cut, objective) for objective in SHOP.objectives}


def test_where_each_row_is_an_impression_each_has_the_label_of_its_own_outcome():
    log = Log("x", "user", "item", "time", event="taken", impression="no", rows_are_impressions=True)
    launch = Launch("a", log, Split(eval_share=0.5), (Objective("take", event="yes"),))
    keys = pa.table({"taken": ["no", "yes", "no", "yes"], "item": ["i"] * 4, "user": ["u"] * 4})
    times = np.arange(4)

    label_columns = label_rows(keys, times, 2, IngestView.of(launch))

    assert label_columns["label_take"].tolist() == [0, 1, 0, 1]
    assert set(key_columns(IngestView.of(launch))) <= set(keys.schema.names)


def test_the_id_of_a_row_joins_nothing_so_users_do():
    log = Log("x", "user", "item", "time", event="what", impression="shown", request="row_id")
    launch = Launch("a", log, Split(eval_share=0.5), (Objective("buy", event="buy"),))
    keys = pa.table(
        {"what": ["shown", "buy", "shown"], "item": ["i"] * 3, "user": ["u", "u", "v"], "row_id": ["1", "2", "3"]}
    )

    label_columns = label_rows(keys, np.arange(3) * 1_000_000, 3_000_000, IngestView.of(launch))

    assert label_columns["label_buy"].tolist() == [1, NO_LABEL, 0]


@pytest.mark.parametrize("shown", ["position", "propensity"])
def test_where_nothing_says_what_was_taken_a_run_stops(shown):
    launch = Launch(
        "a", Log("x", "user", "item", "time", **{shown: "slot"}), Split(eval_share=0.5), (Objective("any"),)
    )
    with pytest.raises(
        LogError, match=r"column 'slot' says where an item was shown, and launch\.log\.event is not declared"
    ):
        check_positives(pa.table({}), np.arange(3), 2, IngestView.of(launch))
