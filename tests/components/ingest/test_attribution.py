import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from components.ingest.attribution import NONE, first_actions, leads_to


def led(impressions, actions, window=10, last_only=False):
    """For (pair, time) tuples."""
    columns = [np.array([row[at] for row in rows], np.int64) for rows in (impressions, actions) for at in (0, 1)]
    return leads_to(*columns, window, last_only).tolist()


def test_an_action_counts_from_the_moment_of_the_impression_to_the_end_of_the_window():
    assert led([(1, 100)] * 1, [(1, 99)]) == [False]
    assert led([(1, 100)], [(1, 100)]) == [True]
    assert led([(1, 100)], [(1, 110)]) == [True]
    assert led([(1, 100)], [(1, 111)]) == [False]
    assert led([(1, 100)], [(2, 105)]) == [False]


def test_an_action_belongs_to_all_impressions_of_a_request_but_to_the_last_of_a_user_and_item():
    shown = [(1, 100), (1, 103), (1, 108)]

    assert led(shown, [(1, 105)]) == [True, True, False]
    assert led(shown, [(1, 105)], last_only=True) == [False, True, False]


def test_impressions_of_one_moment_share_an_action():
    assert led([(1, 100), (1, 100), (1, 90)], [(1, 101)], last_only=True, window=50) == [True, True, False]


def test_nothing_leads_to_nothing():
    assert led([], [(1, 1)]) == []
    assert led([(1, 1)], []) == [False]


def spelled_out(impressions, actions, window, last_only):
    """The same by looking at each pair of rows."""

    def later(pair, time, action_time):
        return any(other == pair and time < again <= action_time for other, again in impressions)

    return [
        any(
            other == pair and 0 <= at - time <= window and not (last_only and later(pair, time, at))
            for other, at in actions
        )
        for pair, time in impressions
    ]


events = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), max_size=25)


@given(events, events, st.integers(0, 15), st.booleans())
def test_the_join_is_that_of_looking_at_each_pair_of_rows(impressions, actions, window, last_only):
    assert led(impressions, actions, window, last_only) == spelled_out(impressions, actions, window, last_only)


def test_it_is_the_first_action_that_is_named():
    pairs, times = np.array([1, 2, 1]), np.array([100, 100, 107])
    actions = np.array([2, 1, 1]), np.array([101, 108, 104])
    assert first_actions(pairs, times, *actions, 10, False).tolist() == [2, 0, 1]
    assert first_actions(pairs, times, *actions, 3, False).tolist() == [NONE, 0, 1]
