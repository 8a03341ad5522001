"""The questions of the evaluation against plain Python, and the laws of point in time."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from small_recommenders import LAUNCH, events

from components.features import histories
from components.metrics import queries
from components.metrics.queries import Queries

pytestmark = pytest.mark.tensorflow

SEEDS = range(6)
NO_MASK = dataclasses.replace(LAUNCH, exclude_seen=False)


def random_log(seed, count=120, users=7, items=15, times=20):
    """A log with impressions, many equal times, and users that come late; ids of one length sort as their numbers do."""
    rng = np.random.default_rng(seed)
    time = rng.integers(times, size=count)
    user, item, positive = (
        10 + rng.integers(users, size=count),
        10 + rng.integers(items, size=count),
        rng.random(count) < 0.7,
    )
    return events(user, item, time, positive, late=time >= 12, context={"hour": rng.random(count).astype(np.float32)})


def oracle(log, launch, cut=None):
    """What each asked row knows, by going through the log event by event: row -> (history, seen, repeated, ages)."""
    order = histories.order_by_user_and_time(log.user.astype(int) - 10, log.time, launch.seed, tie=log.tie)
    acted: dict[bytes, list[tuple[bytes, int]]] = {}
    answers = {}
    for row in order.tolist():
        past = acted.setdefault(log.user[row], [])
        if log.late[row] and log.positive[row]:
            past_items = [item for item, _ in past]
            history = [(item, log.time[row] - time) for item, time in past if cut is None or time < cut]
            items, ages = ([pair[place] for pair in history[-launch.model.history :]] for place in (0, 1))
            answers[row] = items, past_items, log.item[row] in past_items, ages
        if log.positive[row]:
            past.append((log.item[row], log.time[row]))
    return answers


def unpadded(row):
    """The items of a history; padding may only follow them."""
    items = [item for item in row if item]
    assert list(row) == items + [b""] * (len(row) - len(items))
    return items


def ages_of(asked):
    """The ages of each history in the log's microseconds; padding has -1."""
    assert np.array_equal(asked.ages < 0, asked.history == b"")
    return [np.rint(1e6 * ages[ages >= 0].astype(float)).tolist() for ages in asked.ages]


def seen_of(asked, index):
    return asked.seen_item[asked.seen_query == index].tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_rolling_agrees_with_the_oracle(seed):
    log = random_log(seed)
    answers = oracle(log, LAUNCH)
    rows = sorted(row for row, (_, _, repeated, _) in answers.items() if not repeated)

    evals = queries.rolling(LAUNCH, log, log.late)

    assert evals.target.tolist() == log.item[rows].tolist()
    assert evals.user_id.tolist() == log.user[rows].tolist()
    assert evals.time.tolist() == log.time[rows].tolist()
    assert np.array_equal(evals.context["hour"], log.context["hour"][rows])
    assert [unpadded(row) for row in evals.history] == [answers[row][0] for row in rows]
    assert ages_of(evals) == [answers[row][3] for row in rows]
    assert [seen_of(evals, index) for index in range(len(rows))] == [answers[row][1] for row in rows]
    assert evals.repeats == len(answers) - len(rows) > 0
    assert np.array_equal(evals.user[:, None] == evals.user, evals.user_id[:, None] == evals.user_id)


@pytest.mark.parametrize("seed", SEEDS)
def test_frozen_asks_the_same_with_the_histories_of_the_cut(seed):
    log = random_log(seed)
    answers = oracle(log, LAUNCH, cut=12)
    rows = sorted(row for row, (_, _, repeated, _) in answers.items() if not repeated)

    evals, rolling = queries.frozen(LAUNCH, log, log.late, cut=12), queries.rolling(LAUNCH, log, log.late)

    assert [unpadded(row) for row in evals.history] == [answers[row][0] for row in rows]
    assert ages_of(evals) == [answers[row][3] for row in rows]  # the time since then goes on
    for name in ("target", "user", "time", "seen_query", "seen_item", "repeats"):
        assert np.array_equal(getattr(evals, name), getattr(rolling, name))


@pytest.mark.parametrize("seed", SEEDS)
def test_where_seen_items_may_come_again_every_positive_event_is_asked_and_nothing_is_masked(seed):
    log = random_log(seed)
    answers = oracle(log, NO_MASK)

    evals = queries.rolling(NO_MASK, log, log.late)

    assert [unpadded(row) for row in evals.history] == [answers[row][0] for row in sorted(answers)]
    assert (evals.repeats, len(evals.seen_query), len(evals.seen_item)) == (0, 0, 0)


def test_by_eye():
    user, item, time = ["u", "u", "u", "v", "u", "v"], ["a", "b", "c", "d", "a", "a"], [1, 2, 3, 4, 5, 6]
    log = events(user, item, time, positive=[1, 0, 1, 1, 1, 1], late=[0, 0, 1, 1, 1, 1])

    evals = queries.rolling(LAUNCH, log, log.late)

    # u takes a again at 5, which is not asked; v appears at 4 for the first time.
    assert evals.target.tolist() == [b"c", b"d", b"a"]
    assert [unpadded(row) for row in evals.history] == [[b"a"], [], [b"d"]]
    assert evals.repeats == 1


def test_an_event_without_an_item_is_neither_asked_nor_remembered():
    log = events("uuu", ["a", "", "b"], [1, 2, 3], late=[0, 1, 1])
    evals = queries.rolling(LAUNCH, log, log.late)
    assert evals.target.tolist() == [b"b"]
    assert unpadded(evals.history[0]) == [b"a"]


@pytest.mark.parametrize("positive", [[], [0, 0]])
def test_nothing_to_ask(positive):
    count = len(positive)
    log = events("uu"[:count], "ab"[:count], range(count), positive, late=[True] * count)
    for evals in (queries.rolling(LAUNCH, log, log.late), queries.frozen(LAUNCH, log, log.late, cut=0)):
        assert len(evals) == 0
        assert evals.history.shape == (0, LAUNCH.model.history)
        assert not list(evals.batches(10))
        answers = queries.ask(lambda known: np.zeros((0, 1)), np.array([b"a"], object), evals, recommended=10)
        assert answers.ranks.shape == (0,)
        assert answers.recommended.shape == (0, 10)


def log_without_ties(seed):
    log = random_log(seed)
    return dataclasses.replace(log, time=np.random.default_rng(seed).permutation(len(log)))


@pytest.mark.parametrize(("make", "item"), [(random_log, b"11"), (log_without_ties, b"0new"), (random_log, b"0new")])
@pytest.mark.parametrize("seed", SEEDS)
def test_later_events_of_a_user_change_nothing_in_earlier_queries(seed, make, item):
    log = make(seed)
    cut = np.sort(log.time)[len(log) * 3 // 4]
    early = log.time < cut
    mask = early & (log.time > cut // 2)
    in_early = np.isin(log.item.astype(bytes), log.item[early].astype(bytes))  # the set of ids must not change
    item = np.where(early | ~in_early, log.item, item)
    more = dataclasses.replace(
        log, item=item, positive=log.positive ^ ~early, time=np.where(early, log.time, log.time + 30)
    )
    assert_equal_questions(queries.rolling(LAUNCH, more, mask), queries.rolling(LAUNCH, log, mask))


@pytest.mark.parametrize(("make", "item"), [(random_log, b"11"), (log_without_ties, b"0new"), (random_log, b"0new")])
@pytest.mark.parametrize("seed", SEEDS)
def test_other_users_change_nothing(seed, make, item):
    log = make(seed)
    mine = log.user == b"12"
    first = np.isin(np.arange(len(log)), np.unique(log.item.astype(bytes), return_index=True)[1])
    other = dataclasses.replace(log, item=np.where(mine | first, log.item, item), positive=log.positive | ~mine)
    assert_equal_questions(queries.rolling(LAUNCH, other, mine), queries.rolling(LAUNCH, log, mine))


def assert_equal_questions(one, other):
    """Equal in all but the codes of users."""
    assert len(one) == len(other) > 0
    for name in ("user_id", "history", "target", "time", "seen_query", "seen_item", "repeats"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def questions(count):
    column, none = np.zeros(count), np.zeros(0)
    return Queries(column, column, column[:, None], column, column, {}, none, none, 0)


@pytest.mark.parametrize("count", [0, 1, 7, 1024, 3000])
@pytest.mark.parametrize("candidates", [1, 5000, 200_000, 3 * queries.CELLS_AT_ONCE])
def test_batches_hold_every_query_once_and_fit_into_memory(count, candidates):
    batches = list(questions(count).batches(candidates))
    assert [index for batch in batches for index in range(count)[batch]] == list(range(count))
    for batch in batches:
        size = len(range(count)[batch])
        assert size == 1 or size * candidates <= queries.CELLS_AT_ONCE
        assert size <= queries.MAX_QUERIES_AT_ONCE


def asked_and_candidates(seed, launch=LAUNCH):
    log = random_log(seed)
    return queries.rolling(launch, log, log.late), np.unique(log.item)


def perfect(asked, candidates):
    """Scores of an oracle, and the order of the queries."""
    batches = asked.batches(len(candidates))
    return lambda known: (asked.target[next(batches), None] == candidates).astype(np.float32)


@pytest.mark.parametrize("cells", [8, 40, queries.CELLS_AT_ONCE])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_perfect_scorer_has_rank_one_and_a_constant_one_the_middle_of_the_unseen(seed, cells, monkeypatch):
    monkeypatch.setattr(queries, "CELLS_AT_ONCE", cells)
    evals, candidates = asked_and_candidates(seed)
    done = []

    best = queries.ask(perfect(evals, candidates), candidates, evals, done.append, recommended=1)
    same = queries.ask(lambda known: np.zeros((len(known.history), len(candidates))), candidates, evals)

    unseen = [len(set(candidates) - set(seen_of(evals, index))) for index in range(len(evals))]
    assert best.ranks.tolist() == [1] * len(evals)
    assert candidates[best.recommended[:, 0]].tolist() == evals.target.tolist()
    assert same.ranks.tolist() == [(count + 1) / 2 for count in unseen]
    assert sum(done) == len(evals)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_seen_is_never_recommended_and_all_the_rest_is(seed):
    evals, candidates = asked_and_candidates(seed)
    rng = np.random.default_rng(seed)

    answers = queries.ask(
        lambda known: rng.random((len(known.history), len(candidates))), candidates, evals, recommended=10
    )

    for index, row in enumerate(answers.recommended):
        shown, unseen = (
            [candidates[column] for column in row if column >= 0],
            set(candidates) - set(seen_of(evals, index)),
        )
        assert len(set(shown)) == len(shown) == min(10, len(unseen))
        assert set(shown) <= unseen


@pytest.mark.parametrize("seed", SEEDS)
def test_a_target_that_is_no_candidate_is_a_miss_and_leaves_the_others(seed):
    evals, candidates = asked_and_candidates(seed)
    gone = evals.target[0]
    fewer = candidates[candidates != gone]

    answers = queries.ask(perfect(evals, fewer), fewer, evals)

    assert answers.ranks.tolist() == [np.inf if target == gone else 1 for target in evals.target]


@pytest.mark.parametrize("shape", [(1, 3), (2, 1)])
def test_scores_of_another_shape_are_refused(shape):
    log = events("uv", "ab", [1, 2], late=[True, True])
    evals = queries.rolling(LAUNCH, log, log.late)
    with pytest.raises(ValueError, match=r"2 queries and 3 candidates, got shape"):
        queries.ask(lambda known: np.zeros(shape), np.array([b"a", b"b", b"c"], object), evals)


def test_ids_are_found_as_a_dictionary_finds_them():
    candidates, ids = (
        np.array([b"b", b"", b"\xff\x00", b"a"], object),
        np.array([b"a", b"A", b"\xff\x00", b"", b"b", b"\xff"], object),
    )
    place = {item: column for column, item in enumerate(candidates)}
    assert queries.columns_of(ids, candidates).tolist() == [place.get(item, -1) for item in ids]
    assert pa.types.is_integer(pa.array(queries.columns_of(ids[:0], candidates)).type)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_who_answers_is_told_what_was_taken_nor_anything_later(seed):
    log = log_without_ties(seed)
    evals, candidates = queries.rolling(LAUNCH, log, log.late), np.unique(log.item)
    parts = []

    queries.ask(lambda batch: parts.append(batch) or np.zeros((len(batch.history), len(candidates))), candidates, evals)

    assert {type(batch)._fields for batch in parts} == {("history", "context", "ages")}
    assert set(parts[0].context) == set(log.context)
    rows = np.concatenate([batch.history for batch in parts])
    for history, target, time, user in zip(rows, evals.target, evals.time, evals.user_id, strict=True):
        before = log.item[(log.user == user) & (log.time < time)]
        assert set(unpadded(history)) <= set(before)
        assert target not in unpadded(history)


def test_a_question_whose_answer_is_hidden_is_refused():
    log = events("uu", "ab", [1, 2], late=[0, 1])
    evals = dataclasses.replace(queries.rolling(LAUNCH, log, log.late), seen_item=np.array([b"b"], object))
    with pytest.raises(ValueError, match="1 of 1 queries ask for an item that their user had seen"):
        queries.ask(lambda known: np.zeros((1, 2)), np.array([b"a", b"b"], object), evals)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_history_asks_a_sample_of_the_same_questions(seed):
    evals, _ = asked_and_candidates(seed)
    blank, rows = queries.without_history(evals, 10, seed)
    assert len(blank) == len(set(rows)) == 10 and not blank.history.any() and blank.ages is None
    assert blank.target.tolist() == evals.target[rows].tolist()
    assert [seen_of(blank, index) for index in range(10)] == [seen_of(evals, row) for row in rows]
    assert np.array_equal(blank.context["hour"], evals.context["hour"][rows])
    assert len(queries.without_history(evals, 10**6, seed)[0]) == len(evals)


@pytest.mark.parametrize(("items", "count"), [(1_000, 1100), (20_000, 60), (200_000, 12)])
def test_over_any_catalogue_ranks_and_lists_are_those_of_a_sort_in_float64(items, count):
    rng = np.random.default_rng(items)
    query, item = (
        rng.integers(-2, 3, size=(size, 6)).astype(np.float32) for size in (count, items)
    )  # exact products, many ties
    target, pairs = rng.integers(items, size=count), np.sort(rng.integers(count, size=5 * count))
    seen_items = (target[pairs] + rng.integers(1, items, size=len(pairs))) % items
    ids, rows, moment = np.array([b"%d" % place for place in range(items)], object), np.arange(count), np.zeros(count)
    evals = Queries(rows, rows, rows[:, None], ids[target], moment, {}, pairs, ids[seen_items], 0)

    answers = queries.ask(lambda known: query[known.history[:, 0]] @ item.T, ids, evals, recommended=10)

    exact = query.astype(np.float64) @ item.astype(np.float64).T
    exact[pairs, seen_items] = -np.inf
    for row in rows[-60:]:
        order = np.sort(-exact[row])
        first, last = (np.searchsorted(order, -exact[row, target[row]], side=side) for side in ("left", "right"))
        assert answers.ranks[row] == (first + 1 + last) / 2
        assert answers.recommended[row].tolist() == np.argsort(-exact[row], kind="stable")[:10].tolist()


def _crowd(count=60, each=5):
    """A log of users with several events each, all of them late."""
    user, step = np.repeat(np.arange(count), each), np.tile(np.arange(each), count)
    return events(user, step, step * 1000 + user, late=np.ones(count * each, bool))


@pytest.mark.parametrize("most", [20, 100, 299])
def test_a_sample_holds_all_or_none_of_a_user_s_queries(most):
    log = _crowd()
    every, some = queries.rolling(LAUNCH, log, log.late), queries.rolling(LAUNCH, log, log.late, most)
    assert most - 5 < len(some) <= most and some.possible == len(every) == every.possible == 300
    counts = dict(zip(*np.unique(every.user, return_counts=True), strict=True))
    assert all(counts[user] == count for user, count in zip(*np.unique(some.user, return_counts=True), strict=True))
    frozen = queries.frozen(LAUNCH, log, log.late, 0, most)
    assert frozen.target.tolist() == some.target.tolist()
    other = queries.rolling(dataclasses.replace(LAUNCH, seed=LAUNCH.seed + 1), log, log.late, most)
    assert set(other.user) != set(some.user)


def test_where_every_user_asks_more_than_the_limit_queries_are_drawn():
    assert queries.whole_users(np.zeros(10, int), 4, 0).shape == (4,)
    assert set(queries.whole_users(np.array([0] * 10 + [1, 1]), 4, 0)) == {10, 11}
