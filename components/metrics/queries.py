"""The queries of the evaluation: each positive event of a time range, with the history of its moment.

Whoever answers is handed a `Known` and nothing else: neither the item that was then taken nor the moment, and not even
the user's id: with it, a model that had seen the eval events in training could look the answer up.

Letters: q queries, n events, A candidates, L items of history, k recommended items.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration.views import QueriesView
from components.features import histories
from components.features.event_table import EventTable
from components.features.id_codes import codes
from components.metrics import ranks

CELLS_AT_ONCE = 8_000_000
MAX_QUERIES_AT_ONCE = 1024
RECOMMENDED = 10
Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
_Ranked = list[tuple[np.ndarray, np.ndarray]]


class Known(NamedTuple):
    """A contender's inputs for a batch of queries.

    Attributes:
      history: [batch, L] object, item ids as bytes, oldest first, right-padded with b"".
      context: column to [batch], as the log has it.
      ages: [batch, L] float32, seconds since each item of the history; -1 in padding. None if they are not known.
    """

    history: np.ndarray
    context: dict[str, np.ndarray]
    ages: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Queries:
    """Queries and what is known at the moment of each.

    Attributes:
      user: [q] int64 codes.
      user_id: [q] object, ids as bytes.
      history: [q, L] object, item ids as bytes, oldest first, right-padded with b"".
      target: [q] object, the item that was acted on.
      time: [q] int64 microseconds.
      context: column to [q], as the log has it.
      seen_query, seen_item: pairs of a query's index and the id of an item its user had acted on: what is not
        recommended again.
      repeats: how many events were left out because they repeat an item that is not recommended again.
      possible: how many queries there were to draw from; more than these if they are a sample.
      ages: [q, L] float32, seconds from each item of the history to the query; -1 in padding. None if they are not known.
    """

    user: np.ndarray
    user_id: np.ndarray
    history: np.ndarray
    target: np.ndarray
    time: np.ndarray
    context: dict[str, np.ndarray]
    seen_query: np.ndarray
    seen_item: np.ndarray
    repeats: int
    possible: int = 0
    ages: np.ndarray | None = None

    def __len__(self) -> int:
        """Returns the number of queries."""
        return len(self.target)

    def known(self, batch: slice) -> Known:
        """Returns what is known when the queries of a batch are made."""
        context = {name: column[batch] for name, column in self.context.items()}
        return Known(self.history[batch], context, None if self.ages is None else self.ages[batch])

    def batches(self, candidates: int) -> Iterator[slice]:
        """Slices of queries whose score matrices stay within memory: at most `CELLS_AT_ONCE` scores each."""
        size = int(np.clip(CELLS_AT_ONCE // max(candidates, 1), 1, MAX_QUERIES_AT_ONCE))
        return (slice(start, start + size) for start in range(0, len(self), size))


def rolling(launch: QueriesView, events: EventTable, asked: np.ndarray, most: int | None = None) -> Queries:
    """Queries with everything known up to each event's moment; the model that answers is not retrained in between.

    Args:
      launch: the declaration.
      events: all events, earlier ones included.
      asked: [n] bool, the events to make queries of; only positive ones become queries.
      most: how many queries at most; beyond, a seeded sample of the users, each with all of their queries.
    """
    return _queries(launch, events, asked, frozen_at=None, most=most)


def frozen(launch: QueriesView, events: EventTable, asked: np.ndarray, cut: int, most: int | None = None) -> Queries:
    """Returns the same queries with histories frozen at `cut` (microseconds): what a stale caller would get."""
    return _queries(launch, events, asked, frozen_at=cut, most=most)


def _queries(
    launch: QueriesView, events: EventTable, asked: np.ndarray, frozen_at: int | None, most: int | None
) -> Queries:
    user, _ = codes(events.user)
    item, ids = codes(events.item)
    positive = events.positive & (events.item != b"")  # an event without an item's id tells nothing
    log_columns = (user, item, events.time, positive)
    candidates = asked & positive
    repeated = (
        candidates & histories.seen_before(*log_columns, launch.seed, events.tie)
        if launch.exclude_seen
        else np.zeros(len(events), bool)
    )
    every = np.flatnonzero(candidates & ~repeated)
    rows = every if most is None else every[whole_users(user[every], most, launch.seed)]
    past = _past(launch, (user, np.arange(len(user)), events.time, positive), rows, frozen_at, events.tie)
    seen_query, seen_item = _seen(launch, log_columns, rows, events.tie)
    return Queries(
        user=user[rows],
        user_id=events.user[rows],
        history=np.append(ids, b"")[np.append(item, -1)[past]],  # the padding code -1 takes the last element
        target=events.item[rows],
        time=events.time[rows],
        context={name: column[rows] for name, column in events.context.items()},
        seen_query=seen_query,
        seen_item=ids[seen_item],
        repeats=int(repeated.sum()),
        possible=len(every),
        ages=_ages(events.time, rows, past),
    )


def _past(
    launch: QueriesView, log_columns: Columns, rows: np.ndarray, frozen_at: int | None, tie: np.ndarray
) -> np.ndarray:
    """Returns the events of the histories, before each query's event or before `frozen_at`: [q, L] int32, right-padded with -1."""
    length, seed = launch.model.history, launch.seed
    if frozen_at is None:
        return histories.rolling_histories(*log_columns, rows, length, seed, tie)
    return histories.frozen_histories(*log_columns, log_columns[0][rows], frozen_at, length, seed, tie)


def _seen(
    launch: QueriesView, log_columns: Columns, rows: np.ndarray, tie: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns pairs of a query, ascending, and the code of an item that its user had seen; none if seen items may come again."""
    if not launch.exclude_seen:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return histories.seen_pairs(*log_columns, rows, launch.seed, tie)


def _ages(time: np.ndarray, rows: np.ndarray, past: np.ndarray) -> np.ndarray:
    """Returns the seconds from each event of the histories [q, L] to its query's; -1 in padding."""
    return np.where(past >= 0, (time[rows][:, None] - time[past]) / 1e6, -1.0).astype(np.float32)


def whole_users(user: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Draws a seeded sample of queries that holds all or none of a user's.

    Users with more than `most` queries are left out; where there are only such users, queries of theirs are drawn.

    Args:
      user: [q] int codes of the users that ask.
      most: the size of the sample at most; its size is close to it, as users are added in random order while they fit.
      seed: of the order.

    Returns:
      [k] int64, ascending row numbers in `user`; all of them if they are no more than `most`.
    """
    if len(user) <= most:
        return np.arange(len(user))
    _, code, count = np.unique(user, return_inverse=True, return_counts=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.flatnonzero(count <= most))
    kept = np.zeros(len(count), bool)
    kept[order[np.cumsum(count[order]) <= most]] = True
    return np.flatnonzero(kept[code.ravel()]) if kept.any() else np.sort(rng.choice(len(user), most, replace=False))


def without_history(queries: Queries, most: int, seed: int) -> tuple[Queries, np.ndarray]:
    """Returns a random sample of at most `most` queries, their histories removed, and their row numbers.

    What was seen is still not recommended: the questions are as hard as before.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(queries))[:most])
    kept = np.isin(queries.seen_query, rows)
    blank = Queries(
        user=queries.user[rows],
        user_id=queries.user_id[rows],
        history=np.full((len(rows), queries.history.shape[1]), b"", object),
        target=queries.target[rows],
        time=queries.time[rows],
        context={name: column[rows] for name, column in queries.context.items()},
        seen_query=np.searchsorted(rows, queries.seen_query[kept]),
        seen_item=queries.seen_item[kept],
        repeats=queries.repeats,
        possible=queries.possible,
    )
    return blank, rows


@dataclasses.dataclass(frozen=True)
class Answers:
    """A contender's answers: the ranks of the targets, and recommendations.

    Attributes:
      ranks: [q] float64, the rank of each target among all candidates that were not seen; inf where it is no candidate.
      recommended: [q, k] int64, the best candidates by column; -1 where there were fewer. Without rows if they were not
        asked for.
    """

    ranks: np.ndarray
    recommended: np.ndarray


class Hidden(NamedTuple):
    """What does not compete: pairs of a query, ascending, and the column of a candidate that its user had seen; [pairs] int64 each."""

    query: np.ndarray
    column: np.ndarray

    def without(self, scores: np.ndarray, first: int) -> np.ndarray:
        """Returns a copy of the scores [rows, A] of the queries from `first` on, -inf where they do not compete."""
        pairs = slice(*np.searchsorted(self.query, [first, first + len(scores)]))
        open_scores = np.array(scores)
        open_scores[self.query[pairs] - first, self.column[pairs]] = -np.inf
        return open_scores


def ask(
    score: Callable[[Known], np.ndarray],
    candidates: np.ndarray,
    queries: Queries,
    advance: Callable[[int], object] = lambda done: None,
    recommended: int = 0,
) -> Answers:
    """Ranks every query's target among all candidates; exact, O(q x A).

    Args:
      score: of a batch of queries: [batch, A] float32; only read.
      candidates: [A] object, item ids in the order of the score's columns.
      queries: the questions.
      advance: told how many queries are done after each batch.
      recommended: k, how many of the best candidates to keep; finding ten costs as much as the ranks do.

    Raises:
      ValueError: if the scores are not one number for each query and candidate, or a target was seen.
    """
    column = columns_of(np.concatenate([queries.target, queries.seen_item]), candidates)
    target, seen_column = column[: len(queries)], column[len(queries) :]
    asked_again = int((target[queries.seen_query] == seen_column)[seen_column >= 0].sum())
    if asked_again:
        raise ValueError(f"{asked_again} of {len(queries)} queries ask for an item that their user had seen.")
    is_candidate = seen_column >= 0
    hidden = Hidden(queries.seen_query[is_candidate], seen_column[is_candidate])
    answers, waiting = [(np.zeros(0), np.zeros((0, recommended), np.int64))], deque[Future[_Ranked]]()
    # A batch is ranked while the next one is scored; no more than one waits, as scores are large.
    with ThreadPoolExecutor(1) as ranker:
        for batch in queries.batches(len(candidates)):
            scores = score(queries.known(batch))
            _check_shape(scores, (len(target[batch]), len(candidates)))
            waiting.append(ranker.submit(_rank, scores, target[batch], hidden, batch.start, recommended))
            if len(waiting) > 1:
                answers += waiting.popleft().result()
            advance(len(scores))
        for ranked in waiting:
            answers += ranked.result()
    return Answers(*(np.concatenate(column) for column in zip(*answers, strict=True)))


def _check_shape(scores: np.ndarray, shape: tuple[int, int]) -> None:
    if scores.shape != shape:
        raise ValueError(f"scores must be of {shape[0]} queries and {shape[1]} candidates, got shape {scores.shape}.")


def _rank(scores: np.ndarray, target: np.ndarray, hidden: Hidden, first: int, recommended: int) -> _Ranked:
    """Returns the targets' ranks and the best candidates, by blocks, of the queries from `first` on."""
    ranked = []
    for rows in ranks.blocks(scores):
        block = hidden.without(scores[rows], first + rows.start)
        ranked.append((ranks.ranks_by_counting(block, target[rows]), ranks.top_k(block, recommended)))
    return ranked


def columns_of(ids: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Returns the columns of ids [n] among the candidates: [n] int64, -1 for an id that is no candidate."""
    columns = pc.index_in(pa.array(ids, pa.large_binary()), value_set=pa.array(candidates, pa.large_binary()))
    return columns.fill_null(ranks.UNKNOWN).to_numpy().astype(np.int64)
