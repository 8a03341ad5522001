import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.declaration import Split
from components.errors import LogError
from components.ingest.event_time import DAY
from components.ingest.time_split import cut_time


def test_a_share_cuts_before_the_last_events():
    times = np.array([50, 10, 40, 20, 30, 60, 70, 80, 90, 100])

    assert cut_time(times, Split(eval_share=0.3)) == 80  # 80, 90 and 100 are 3 of 10


def test_events_at_the_cut_all_go_to_eval():
    assert cut_time(np.array([1, 2, 3, 3, 3]), Split(eval_share=0.2)) == 3


def test_the_last_days_end_with_the_last_event():
    midnights = np.arange(10) * DAY

    assert np.count_nonzero(midnights >= cut_time(midnights, Split(eval_days=2.0))) == 2


@pytest.mark.parametrize("moment", ["1970-01-06", "1970-01-06T00:00:00Z", "1970-01-06T01:00:00+01:00"])
def test_a_moment_is_the_cut(moment):
    assert cut_time(np.arange(10) * DAY, Split(eval_from=moment)) == 5 * DAY


@pytest.mark.parametrize(
    ("split", "side"),
    [
        (Split(eval_share=0.5), "train"),
        (Split(eval_days=30.0), "train"),
        (Split(eval_from="1969-01-01"), "train"),
        (Split(eval_from="2030-01-01"), "eval"),
    ],
)
def test_a_side_without_events_is_an_error_that_says_where_the_log_lies(split, side):
    text = f"leaves no event for {side}: the 3 events lie from 1970-01-02T00:00:00 to 1970-01-02T00:00:01 (UTC)"

    with pytest.raises(LogError, match=re.escape(text)):
        cut_time(np.array([DAY, DAY, DAY + 1_000_000]), split)


def test_events_of_one_moment_cannot_be_cut_and_that_is_what_is_said():
    text = "needs events of several moments, got 3 events, all of 1970-01-02T00:00:00 (UTC)"
    with pytest.raises(LogError, match=re.escape(text)):
        cut_time(np.array([DAY, DAY, DAY]), Split(eval_share=0.5))


@given(st.lists(st.integers(0, 60), min_size=2, max_size=60), st.floats(0.01, 0.5))
def test_eval_holds_the_share_and_more_only_for_ties(drawn, share):
    times = np.array(drawn)
    expected = max(1, round(len(times) * share))
    try:
        cut = cut_time(times, Split(eval_share=share))
    except LogError:
        assume(False)

    in_eval = times >= cut
    assert times[~in_eval].max() < times[in_eval].min()
    assert np.count_nonzero(times > cut) < expected <= np.count_nonzero(in_eval)


def test_nothing_cannot_be_cut():
    with pytest.raises(LogError, match="there is no row that is right"):
        cut_time(np.zeros(0, np.int64), Split(eval_share=0.1))


@pytest.mark.parametrize("times", [[], [7], [7, 7, 7]])
def test_a_log_that_starts_empty_may_have_nothing_to_judge_by(times):
    times = np.array(times, np.int64)
    cut = cut_time(times, Split(eval_share=0.25), may_be_empty=True)
    assert np.count_nonzero(times < cut) == len(times)
    with pytest.raises(LogError):
        cut_time(times, Split(eval_share=0.25))
