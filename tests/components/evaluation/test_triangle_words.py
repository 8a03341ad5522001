import copy

import pytest
from triangle_results import MOMENTS, RESULT, interval

from components.evaluation.triangle_words import find_takeover, list_known, list_takes, list_unknown


def changed(**changes):
    return copy.deepcopy(RESULT) | changes


@pytest.mark.parametrize(
    ("lows", "margin", "expected"),
    [
        ((0.1, 0.1, 0.1), 0.0, 0),
        ((-0.1, 0.1, 0.1), 0.0, 1),
        ((0.1, -0.1, 0.1), 0.0, 2),
        ((0.1, 0.1, -0.1), 0.0, None),
        ((0.1, 0.1, 0.1), 0.2, None),
        ((0.1, None, 0.1), 0.0, 2),
        ((), 0.0, None),
    ],
)
def test_the_takeover_is_the_first_moment_from_which_the_gain_stays_above_the_margin(lows, margin, expected):
    moments = [{"days": day, "gain": None if low is None else {"low": low}} for day, low in enumerate(lows)]
    takeover = find_takeover(moments, margin)
    assert (None if takeover is None else takeover["days"]) == expected


def test_what_is_known_names_day_age_and_range():
    text = " ".join(list_known(RESULT, 0.0))
    assert "day 6.2" in text and "6,400 actions" in text
    assert "20.8 days earlier has lost 18% (8.0% to 27%)" in text and "24 days earlier has lost 50%" in text


def test_what_it_takes_names_twice_the_users_the_prediction_before_with_its_truth_and_when_to_retrain():
    takes = list(list_takes(RESULT))
    assert "+14% (+7.0% to +21%)" in takes[0]
    assert "+14% (+7.0% to +22%)" in takes[1] and "+16% (+10% to +22%)" in takes[1]
    assert "20.8 days" in takes[2]


def test_an_age_without_significant_loss_gives_no_advice():
    result = changed(ages=[{"days": 20.8, "loss": interval(0.01, -0.02, 0.04)}])
    assert "not significantly worse" in " ".join(list_known(result, 0.0))
    assert not any("Retrain" in text for text in list_takes(result))


def test_what_could_not_be_told_is_said():
    users = RESULT["users"] | {"next": {"gain": None, "refusal": "412 queries, 500 are needed"}}
    result = changed(users=users, moments=MOMENTS[:1], left_out=["model of the first 10%: no"])
    unknown = " ".join(list_unknown(result, 0.0))
    assert "not by the end of this log" in unknown and "412 queries" in unknown and "the first 10%: no" in unknown


def test_a_log_that_could_not_be_measured_has_one_sentence():
    result = {"metric": "mrr", "problem": "too small", "moments": [], "ages": [], "users": None, "left_out": []}
    assert list(list_known(result, 0.0)) == list(list_takes(result)) == []
    assert len(list(list_unknown(result, 0.0))) == 1
