"""Histories agree with a plain Python oracle and are point in time."""

import itertools

import numpy as np
import pytest

from components.features import histories

SEEDS = range(8)


def _events(seed, n=60, users=5, items=7, times=12):
    """Returns a small random log with many equal times."""
    rng = np.random.default_rng(seed)
    return rng.integers(users, size=n), rng.integers(items, size=n), rng.integers(times, size=n), rng.random(n) < 0.6


def _past(events, row, seed):
    """Returns the positive rows in the history of `row`, oldest first: the oracle."""
    user, item, time, positive = events
    order = histories.order_by_user_and_time(user, time, seed, item).tolist()
    positives = [other for other in order if user[other] == user[row] and positive[other]]
    if positive[row]:
        return [other for other in positives if order.index(other) < order.index(row)]
    return [other for other in positives if time[other] < time[row]]


def _padded(values, length):
    return (list(values[-length:]) + [-1] * length)[:length]


def test_order_by_user_then_time():
    user, time = np.array([1, 0, 1, 0]), np.array([5, 9, 3, 2])
    assert histories.order_by_user_and_time(user, time, seed=0).tolist() == [3, 1, 2, 0]


def test_equal_times_come_in_either_order_by_the_seed():
    user, time, item = np.zeros(2, int), np.zeros(2, int), np.array([4, 9])
    firsts = [int(histories.order_by_user_and_time(user, time, seed, item)[0]) for seed in range(200)]
    assert 70 < sum(firsts) < 130


def test_two_items_that_tie_again_need_not_keep_their_order():
    time = np.repeat(np.arange(200), 2)
    item, user = np.tile([4, 9], 200), np.zeros(400, int)
    order = histories.order_by_user_and_time(user, time, seed=3, item=item)
    assert 70 < int((item[order][::2] == 4).sum()) < 130


@pytest.mark.parametrize("seed", SEEDS)
def test_order_does_not_depend_on_the_order_of_the_rows(seed):
    user, item, time, _ = _events(seed)
    shuffled = np.random.default_rng(seed).permutation(len(user))
    order = histories.order_by_user_and_time(user, time, seed, item)
    again = shuffled[histories.order_by_user_and_time(user[shuffled], time[shuffled], seed, item[shuffled])]
    assert np.array_equal(item[again], item[order])


def test_rolling_histories_of_five_rows():
    user = np.array([0, 0, 0, 1, 0])
    item = np.array([10, 11, 12, 13, 14])
    time = np.array([1, 2, 3, 2, 4])
    positive = np.array([True, False, True, True, True])
    got = histories.rolling_histories(user, item, time, positive, np.arange(5), length=2, seed=0)
    assert got.tolist() == [[-1, -1], [10, -1], [10, -1], [-1, -1], [10, 12]]


def test_an_impression_has_no_action_of_the_same_time_in_its_history():
    user, item, time = np.zeros(2, int), np.array([1, 2]), np.array([5, 5])
    for seed in SEEDS:
        got = histories.rolling_histories(user, item, time, np.array([True, False]), np.array([1]), length=1, seed=seed)
        assert got.tolist() == [[-1]]


@pytest.mark.parametrize("seed", SEEDS)
def test_rolling_histories_and_seen_pairs_agree_with_the_oracle(seed, monkeypatch):
    monkeypatch.setattr(histories, "ROWS_AT_ONCE", 1 + 7 * seed)  # 40 rows in 40 chunks, in a few, in one
    events = _events(seed)
    rows = np.random.default_rng(seed).permutation(len(events[0]))[:40]
    pasts = [events[1][_past(events, row, seed)].tolist() for row in rows]
    got = histories.rolling_histories(*events, rows, length=4, seed=seed)
    assert got.tolist() == [_padded(past, 4) for past in pasts]
    query, item = histories.seen_pairs(*events, rows, seed)
    assert [item[query == index].tolist() for index in range(len(rows))] == pasts


@pytest.mark.parametrize("seed", SEEDS)
def test_frozen_histories_agree_with_the_oracle(seed):
    user, item, time, positive = events = _events(seed)
    order = histories.order_by_user_and_time(user, time, seed, item)
    users = np.array([3, 0, 99, 3])
    expected = [
        _padded([int(item[row]) for row in order if user[row] == who and positive[row] and time[row] < 6], 3)
        for who in users
    ]
    assert histories.frozen_histories(*events, users, cut=6, length=3, seed=seed).tolist() == expected


def test_sequences_of_two_users():
    user, item, time = np.array([0, 0, 0, 0, 0, 1]), np.array([10, 11, 12, 13, 14, 15]), np.array([5, 4, 3, 2, 1, 9])
    windows = histories.sequences(user, item, time, np.ones(6, bool), length=3, seed=0)
    assert windows.items.tolist() == [[14, 13, 12, 11], [11, 10, -1, -1]]
    assert windows.rows.tolist() == [[4, 3, 2, 1], [1, 0, -1, -1]]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("length", [1, 2, 5])
def test_every_next_item_is_a_target_exactly_once(seed, length):
    user, item, time, positive = events = _events(seed)
    windows = histories.sequences(*events, length=length, seed=seed)
    order = [row for row in histories.order_by_user_and_time(user, time, seed, item) if positive[row]]
    expected = [(a, b) for a, b in itertools.pairwise(order) if user[a] == user[b]]
    pairs = np.stack([windows.rows[:, :-1].ravel(), windows.rows[:, 1:].ravel()], axis=1)
    assert sorted(map(tuple, pairs[pairs[:, 1] >= 0].tolist())) == sorted(expected)
    assert np.array_equal(windows.items, np.where(windows.rows >= 0, item[windows.rows], -1))


@pytest.mark.parametrize("seed", SEEDS)
def test_seen_before_agrees_with_the_oracle(seed):
    events = _events(seed)
    expected = [
        bool(events[3][row]) and events[1][row] in events[1][_past(events, row, seed)] for row in range(len(events[0]))
    ]
    assert histories.seen_before(*events, seed).tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_later_events_change_nothing_in_earlier_histories(seed):
    user, item, time, positive = _events(seed)
    early = np.flatnonzero(time < 6)
    before = histories.rolling_histories(user, item, time, positive, early, length=4, seed=seed)
    changed = np.where(time >= 6, (item + 3) % 7, item)
    moved = np.where(time >= 6, time + 2, time)
    flipped = positive ^ (time >= 6)
    assert np.array_equal(
        histories.rolling_histories(user, changed, moved, flipped, early, length=4, seed=seed), before
    )
    gone = histories.rolling_histories(
        user[early], item[early], time[early], positive[early], np.arange(len(early)), 4, seed
    )
    assert np.array_equal(gone, before)


@pytest.mark.parametrize("seed", SEEDS)
def test_another_user_changes_nothing(seed):
    user, item, time, positive = _events(seed)
    mine = np.flatnonzero(user == 2)
    before = histories.rolling_histories(user, item, time, positive, mine, length=4, seed=seed)
    other = np.where(user == 2, item, (item + 1) % 7)
    assert np.array_equal(histories.rolling_histories(user, other, time, positive, mine, length=4, seed=seed), before)
    alone = histories.rolling_histories(
        user[mine], item[mine], time[mine], positive[mine], np.arange(len(mine)), 4, seed
    )
    assert np.array_equal(alone, before)


def test_an_empty_log_has_empty_results():
    none, mask = np.zeros(0, int), np.zeros(0, bool)
    assert histories.rolling_histories(none, none, none, mask, none, 3, 0).shape == (0, 3)
    assert histories.seen_pairs(none, none, none, mask, none, 0)[0].shape == (0,)
    assert histories.sequences(none, none, none, mask, 3, 0).items.shape == (0, 4)
    assert histories.frozen_histories(none, none, none, mask, np.array([1]), 5, 3, 0).tolist() == [[-1, -1, -1]]
    assert histories.seen_before(none, none, none, mask, 0).shape == (0,)


def test_a_tie_hash_replaces_the_codes():
    """Later events may renumber the ids; with a hash of the ids, the order of equal times does not change."""
    rng = np.random.default_rng(0)
    user, item, time = np.zeros(50, np.int64), rng.integers(0, 20, 50), rng.integers(0, 5, 50)
    tie = rng.integers(0, 2**60, 20)[item]
    renumbered = rng.permutation(1000)[item]
    order = histories.order_by_user_and_time(user, time, 3, item, tie)
    assert np.array_equal(histories.order_by_user_and_time(user, time, 3, renumbered, tie), order)
    assert not np.array_equal(
        histories.order_by_user_and_time(user, time, 3, renumbered),
        histories.order_by_user_and_time(user, time, 3, item),
    )
