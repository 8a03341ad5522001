"""Questions from the last tenth of the training time, on which epochs, weights and settings are chosen. The eval split is never read.

Letters: n events, q questions, L items of history, A candidates, S candidates that are scored for a question.

Whoever chooses learns from other events first, and is evaluated on positive events after the cut, each with the history of
its moment.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from components.features import histories
from components.features.id_codes import codes
from components.features.training_data import TrainingData

SHARE = 0.1
MOST_QUESTIONS = 5000
MOST_CANDIDATES = 4096
BATCH_CELLS = 4_000_000
HELD_OF_USER = 10
HELD_USERS = 0.25
MICROSECONDS_PER_HOUR = 3_600_000_000


@dataclasses.dataclass(frozen=True)
class Questions:
    """The queries of the validation.

    Attributes:
      rows: [q] int64, the events asked for.
      user: [q] int64, codes of their users.
      history: [q, L] int32 rows of the item table, oldest first, right-padded with 0.
      hours: [q] float64, the time since the last item of the history.
      target: [q] int64, the column of the item that was acted on.
      seen_question, seen_column: pairs of a question, ascending, and the column of a candidate that is not shown, as
        its user had seen it.
      sample: [S - 1] int64, columns of candidates: all of them, or a uniform sample of a large catalogue.
      offset: [q, S] float32, to be added to scores: -inf for what is not shown (seen before, or the target itself),
        else the log of how many candidates a sampled one stands for; the last column is the target's.
    """

    rows: np.ndarray
    user: np.ndarray
    history: np.ndarray
    hours: np.ndarray
    target: np.ndarray
    seen_question: np.ndarray
    seen_column: np.ndarray
    sample: np.ndarray
    offset: np.ndarray

    def __len__(self) -> int:
        """Returns the number of questions."""
        return len(self.rows)

    def batches(self, candidates: int) -> list[slice]:
        """Slices of questions whose scores of that many candidates stay within memory."""
        size = max(BATCH_CELLS // max(candidates, 1), 1)
        return [slice(start, min(start + size, len(self))) for start in range(0, len(self), size)]

    def seen(self, batch: slice) -> tuple[np.ndarray, np.ndarray]:
        """Returns what is hidden from the questions of a batch: rows in the batch and columns, [k] each."""
        pairs = slice(*np.searchsorted(self.seen_question, [batch.start, batch.stop]))
        return self.seen_question[pairs] - batch.start, self.seen_column[pairs]

    def gain(self, score: Callable[[slice], np.ndarray]) -> float:
        """Returns the mean of 1 / log2(1 + rank) of the targets, NDCG without a cutoff; 0 without questions.

        Args:
          score: of a batch of questions, the sample's candidates and last the target: [batch, S].
        """
        gains = []
        for batch in self.batches(len(self.sample)):
            scores = score(batch)
            ranks = rank_in_sample(scores[:, :-1], scores[:, -1], self.offset[batch, :-1])
            gains.append(1 / np.log2(1 + ranks))
        return float(np.concatenate(gains).mean()) if gains else 0.0


def rank_in_sample(scores: np.ndarray, own: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Returns the ranks of targets among a weighted sample of candidates; ties get the middle rank."""
    weight = np.exp(offset)
    return 1 + ((scores > own[:, None]) * weight).sum(axis=1) + 0.5 * ((scores == own[:, None]) * weight).sum(axis=1)


def cut(data: TrainingData) -> int:
    """Returns the moment (microseconds) of the last tenth of positive events; later than all if there are too few."""
    time = np.sort(data.events.time[data.events.positive])
    return int(time[int(len(time) * (1 - SHARE))]) if len(time) > 1 else int(data.events.time.max(initial=0)) + 1


def before(data: TrainingData, moment: int) -> TrainingData:
    """Returns the same items with the events before a moment."""
    return without(data, data.events.time >= moment)


def without(data: TrainingData, left_out: np.ndarray) -> TrainingData:
    """Returns the same items without some events, [n] bool."""
    return dataclasses.replace(data, events=data.events.rows(~left_out))


def held_out(data: TrainingData, moment: int) -> np.ndarray:
    """Returns the last `HELD_OF_USER` positive events after a moment of random users, with what follows: [n] bool.

    As many users as give `MOST_QUESTIONS` positive events, at most `HELD_USERS` of all users.
    """
    user, names = codes(data.events.user)
    late = np.flatnonzero(data.events.positive & (data.item_rows > 0) & (data.events.time >= moment))
    order = histories.order_by_user_and_time(
        user[late], data.events.time[late], data.launch.seed, tie=data.events.tie[late]
    )[::-1]
    mine = user[late][order]
    start = np.flatnonzero(np.append(True, mine[1:] != mine[:-1]))
    rank = np.arange(len(mine)) - np.repeat(start, np.diff(np.append(start, len(mine))))
    last = order[rank < HELD_OF_USER]
    owner = np.random.default_rng(data.launch.seed).permutation(len(names))[user[late][last]]
    by_user = last[np.argsort(owner, kind="stable")]
    users = np.unique(np.sort(owner), return_inverse=True)[1]
    kept = by_user[(users < HELD_USERS * len(names)) & (np.arange(len(by_user)) < MOST_QUESTIONS)]
    held = np.zeros(len(user), bool)
    held[late[kept]] = True
    learnt = np.full(len(names), np.iinfo(np.int64).min)
    np.maximum.at(learnt, user[data.events.positive & ~held], data.events.time[data.events.positive & ~held])
    return held | (~data.events.positive & np.isin(user, user[held]) & (data.events.time > learnt[user]))


def questions(
    data: TrainingData, moment: int, asked: np.ndarray | None = None, gap: float = 0.0, most: int | None = None
) -> Questions:
    """Returns the positive events from a moment on whose user has a history and whose item may be shown.

    Args:
      data: all training events.
      moment: microseconds.
      asked: [n] bool, the events that may be asked for; None for all.
      most: the largest number of questions, a random sample; None for `MOST_QUESTIONS`.
      gap: hours before each event from which on nothing of the user is known, as if they had been away.
    """
    events, settings = data.events, (data.launch.seed, data.events.tie)
    user, _ = codes(events.user)
    log_columns = (user, data.item_rows, events.time, events.positive & (data.item_rows > 0))
    targets = log_columns[3] & (events.time >= moment) & data.items.active[data.item_rows]
    targets &= True if asked is None else asked
    if data.launch.exclude_seen:
        targets &= ~histories.seen_before(*log_columns, *settings)
    rng, rows = np.random.default_rng(data.launch.seed), np.flatnonzero(targets)
    most = MOST_QUESTIONS if most is None else most
    rows = rows[_sample(rng, len(rows), most)]
    past = _past(log_columns, rows, data.launch.model.history, settings, gap)
    rows, past = rows[past[:, 0] >= 0], past[past[:, 0] >= 0]
    last = past[np.arange(len(past)), (past >= 0).sum(axis=1) - 1]
    active = np.flatnonzero(data.items.active)
    sample = _sample(rng, len(active), MOST_CANDIDATES)
    target = np.searchsorted(active, data.item_rows[rows])
    seen_items = _seen(data, log_columns, rows, settings)
    hours = (events.time[rows] - events.time[last]) / MICROSECONDS_PER_HOUR
    history = np.where(past >= 0, data.item_rows[past], 0).astype(np.int32)
    return Questions(
        rows, user[rows], history, hours, target, *seen_items, sample, _offset(len(active), sample, target, seen_items)
    )


def _sample(rng: np.random.Generator, count: int, most: int) -> np.ndarray:
    """Draws at most `most` of `count` positions, ascending."""
    return np.arange(count) if count <= most else np.sort(rng.choice(count, most, replace=False))


def _past(known: Any, rows: np.ndarray, length: int, settings: Any, gap: float) -> np.ndarray:
    """Returns the events of each question's history: [q, L] int32, right-padded with -1."""
    user, _, time, positive = known
    number = np.arange(len(user))
    if not gap:
        return histories.rolling_histories(user, number, time, positive, rows, length, *settings)
    cut = time[rows] - int(gap * MICROSECONDS_PER_HOUR)
    return histories.frozen_histories(user, number, time, positive, user[rows], cut, length, *settings)


def _seen(data: TrainingData, known: Any, rows: np.ndarray, settings: Any) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a question, ascending, and the column of a candidate that its user had seen."""
    if not data.launch.exclude_seen:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    user, item, time, positive = known
    question, row = histories.seen_pairs(user, item, time, positive, rows, *settings)
    shown = data.items.active[row]
    return question[shown], (np.cumsum(data.items.active) - 1)[row[shown]]


def _offset(candidates: int, sample: np.ndarray, target: np.ndarray, seen: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """See `Questions.offset`; `seen` are pairs of a question and a column."""
    offset = np.full((len(target), len(sample) + 1), np.log(max(candidates / max(len(sample), 1), 1.0)), np.float32)
    offset[:, -1] = 0.0
    place = np.full(candidates + 1, -1)
    place[sample] = np.arange(len(sample))
    for question, column in (seen, (np.arange(len(target)), target)):
        kept = place[column] >= 0
        offset[question[kept], place[column[kept]]] = -np.inf
    return offset
