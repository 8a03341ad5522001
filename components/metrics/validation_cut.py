"""Questions from the last tenth of the training time: what epochs, weights and settings are chosen by. The eval split is never read.

Letters: q questions, L items of history, A candidates, S candidates that are scored for a question.

Whoever chooses trains on the events before the cut first, and is asked for the positive events after it, each with the
history of its moment.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from components.features import histories
from components.features.id_codes import codes
from components.features.training_data import TrainingData

SHARE = 0.1
MOST_QUESTIONS = 2000
MOST_CANDIDATES = 4096
BATCH_CELLS = 4_000_000


@dataclasses.dataclass(frozen=True)
class Questions:
    """What is asked.

    Attributes:
      rows: [q] int64, the events asked for.
      history: [q, L] int32 rows of the item table, oldest first, right-padded with 0.
      target: [q] int64, the column of the item that was acted on.
      sample: [S - 1] int64, columns of candidates: all of them, or a uniform sample of a large catalogue.
      offset: [q, S] float32, to be added to scores: -inf for what is not shown (seen before, or the target itself),
        else the log of how many candidates a sampled one stands for; the last place is the target's.
    """

    rows: np.ndarray
    history: np.ndarray
    target: np.ndarray
    sample: np.ndarray
    offset: np.ndarray

    def __len__(self) -> int:
        """The number of questions."""
        return len(self.rows)

    def batches(self, candidates: int) -> list[slice]:
        """Slices of questions whose scores of all candidates stay within memory."""
        size = max(BATCH_CELLS // max(candidates, 1), 1)
        return [slice(start, start + size) for start in range(0, len(self), size)]

    def chosen(self, scores: np.ndarray, batch: slice) -> np.ndarray:
        """Of scores [batch, A], or [1, A] for whoever asks, those of the sample and, last, of the target: [batch, S]."""
        wide = np.broadcast_to(scores, (len(self.target[batch]), scores.shape[1]))
        return np.concatenate(
            [wide[:, self.sample], np.take_along_axis(wide, self.target[batch, None], axis=1)], axis=1
        )

    def gain(self, score: Callable[[slice], np.ndarray], candidates: int) -> float:
        """How well scores rank the targets: the mean of 1 / log2(1 + rank), NDCG without a cut; 0 without questions.

        Args:
          score: of a batch of questions, all candidates: [batch, A].
          candidates: A.
        """
        gains = []
        for batch in self.batches(candidates):
            scores = self.chosen(score(batch), batch)
            above = (scores[:, :-1] > scores[:, -1:]) * np.exp(self.offset[batch, :-1])
            gains.append(1 / np.log2(2 + above.sum(axis=1)))
        return float(np.concatenate(gains).mean()) if gains else 0.0


def cut(data: TrainingData) -> int:
    """The moment, in microseconds, from which on the last tenth of the positive events lies; later than all of them if there are too few."""
    time = np.sort(data.events.time[data.events.positive])
    return int(time[int(len(time) * (1 - SHARE))]) if len(time) > 1 else int(data.events.time.max(initial=0)) + 1


def before(data: TrainingData, moment: int) -> TrainingData:
    """The same items with the events before a moment."""
    return dataclasses.replace(data, events=data.events.rows(data.events.time < moment))


def questions(data: TrainingData, moment: int) -> Questions:
    """The positive events from a moment on whose user has a history and whose item may be shown."""
    user, _ = codes(data.events.user)
    known = (user, data.item_rows, data.events.time, data.events.positive & (data.item_rows > 0))
    settings = (data.launch.seed, data.events.tie)
    wanted = known[3] & (data.events.time >= moment) & data.items.active[data.item_rows]
    if data.launch.exclude_seen:
        wanted &= ~histories.seen_before(*known, *settings)
    rng, rows = np.random.default_rng(data.launch.seed), np.flatnonzero(wanted)
    rows = np.sort(rng.choice(rows, MOST_QUESTIONS, replace=False)) if len(rows) > MOST_QUESTIONS else rows
    history = np.maximum(histories.rolling_histories(*known, rows, data.launch.model.history, *settings), 0)
    rows, history = rows[history[:, 0] > 0], history[history[:, 0] > 0]
    active = np.flatnonzero(data.items.active)
    sample = (
        np.arange(len(active))
        if len(active) <= MOST_CANDIDATES
        else np.sort(rng.choice(len(active), MOST_CANDIDATES, replace=False))
    )
    target = np.searchsorted(active, data.item_rows[rows])
    seen = (
        histories.seen_pairs(*known, rows, *settings)
        if data.launch.exclude_seen
        else (np.zeros(0, int), np.zeros(0, int))
    )
    return Questions(rows, history, target, sample, _offset(active, sample, target, seen))


def _offset(
    active: np.ndarray, sample: np.ndarray, target: np.ndarray, seen: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """See `Questions.offset`; `seen` are pairs of a question and a row of the item table."""
    offset = np.full((len(target), len(sample) + 1), np.log(max(len(active) / max(len(sample), 1), 1.0)), np.float32)
    offset[:, -1] = 0.0
    question, row = seen
    place = _places(active[sample], row)
    offset[question[place >= 0], place[place >= 0]] = -np.inf
    own = _places(sample, target)
    offset[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf
    return offset


def _places(ascending: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where each value stands in an ascending array, -1 where it does not: [k] int64."""
    if not len(ascending):
        return np.full(len(values), -1)
    place = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    return np.where(ascending[place] == values, place, -1)
