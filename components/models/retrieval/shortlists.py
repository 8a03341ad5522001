"""The candidates that matter to a question: the best by each part of the score, and a few that stand for all others.

Letters: q questions, A candidates, S slots of a shortlist, P parts.

A weighted sum of parts is decided among the candidates that some part puts in front. These are taken exactly; of the rest a uniform sample stands
for all. So weights can be learnt and compared, to ten decimals, without the scores of the full catalogue at every try.
"""

import dataclasses
import functools

import numpy as np

from components.models.retrieval import part_values
from components.models.retrieval.part_values import Values

BEST = 60
SAMPLED = 200


@dataclasses.dataclass(frozen=True)
class Shortlists:
    """Parts of the scores of some candidates.

    Attributes:
      parts: [q, S, P] float32; the last slot is the target's.
      offset: [q, S] float32: 0 for a candidate that is taken exactly, the log of how many a sampled one stands for, -inf for an empty slot.
    """

    parts: np.ndarray
    offset: np.ndarray

    def __len__(self) -> int:
        """Returns the number of questions."""
        return len(self.parts)

    @property
    def target(self) -> np.ndarray:
        """[q] int, the slot of each target."""
        return np.full(len(self.parts), self.parts.shape[1] - 1)

    def ranks(self, weights: np.ndarray) -> np.ndarray:
        """Returns the rank of each target by the weighted sum of the parts: [q] float64, ties at the middle rank."""
        return self.ranks_of(self.parts @ weights.astype(np.float32))

    def ranks_of(self, scores: np.ndarray) -> np.ndarray:
        """Returns the rank of each target by scores [q, S]: [q] float64."""
        target_score = scores[:, -1:]
        above, tied = (scores[:, :-1] > target_score), (scores[:, :-1] == target_score)
        return 1 + np.einsum("qs,qs->q", above, self.stands_for) + 0.5 * np.einsum("qs,qs->q", tied, self.stands_for)

    @functools.cached_property
    def stands_for(self) -> np.ndarray:
        """How many candidates each slot but the last stands for: [q, S - 1] float32, 0 for an empty one."""
        return np.exp(self.offset[:, :-1])

    def of(self, rows: np.ndarray) -> "Shortlists":
        """Returns the shortlists of some questions."""
        return Shortlists(self.parts[rows], self.offset[rows])


def join(lists: list[Shortlists]) -> Shortlists:
    """Joins several; shorter ones are padded with empty slots."""
    if len(lists) == 1:
        return lists[0]
    width = max(shortlist.parts.shape[1] for shortlist in lists)

    def wider(each: Shortlists) -> Shortlists:
        more = width - each.parts.shape[1]
        return Shortlists(
            np.pad(each.parts, ((0, 0), (more, 0), (0, 0))),
            np.pad(each.offset, ((0, 0), (more, 0)), constant_values=-np.inf),
        )

    return Shortlists(
        np.concatenate([wider(shortlist).parts for shortlist in lists]),
        np.concatenate([wider(shortlist).offset for shortlist in lists]),
    )


def empty(parts: int) -> Shortlists:
    """Returns the shortlists of no question, with `parts` parts."""
    return Shortlists(np.zeros((0, 1, parts), np.float32), np.zeros((0, 1), np.float32))


def shorten(
    parts: list[Values],
    target: np.ndarray,
    seen: tuple[np.ndarray, np.ndarray],
    seed: int,
    leading: list[int] | None = None,
) -> Shortlists:
    """Returns the shortlists of a batch of questions.

    Args:
      parts: P of them, the first one dense.
      target: [q] int, columns.
      seen: pairs of a question and the column of a candidate that is not shown.
      seed: of the sample.
      leading: the places of the parts whose best candidates are taken, where others rank as one of them does; None for all.
    """
    count, size = len(target), parts[0].candidates
    question = np.arange(count)[:, None]
    best = _leaders(parts, leading, count)
    state = np.zeros((count, size), bool)  # what is on the list already, or may not be
    state[seen] = True
    state[question[:, 0], target] = True
    exact = ~(_repeated(best) | state[question, best])
    state[question, best] = True
    best, exact = _compact(best, exact)
    sample = np.random.default_rng(seed).permutation(size)[:SAMPLED]
    drawn = ~state[:, sample]
    with np.errstate(divide="ignore"):
        stands_for = np.log((size - state.sum(axis=1)) / np.maximum(drawn.sum(axis=1), 1))
    column = np.concatenate([best, np.broadcast_to(sample, (count, len(sample))), target[:, None]], axis=1)
    offset = np.concatenate(
        [np.where(exact, 0.0, -np.inf), np.where(drawn, stands_for[:, None], -np.inf), np.zeros((count, 1))], axis=1
    )
    return Shortlists(part_values.stack(parts, column), offset.astype(np.float32))


def _leaders(parts: list[Values], leading: list[int] | None, count: int) -> np.ndarray:
    """Returns the columns of the best candidates by each leading part, sorted: [q, up to BEST times their number]."""
    places = range(len(parts)) if leading is None else leading
    return np.sort(np.concatenate([parts[place].best(count, BEST) for place in places], axis=1), axis=1)


def _compact(columns: np.ndarray, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns columns [q, k] and whether each is taken, those that are not behind the others and, as far as all have some, left out."""
    kept = np.argsort(~taken, axis=1, kind="stable")[:, : taken.sum(axis=1).max(initial=0)]
    return np.take_along_axis(columns, kept, axis=1), np.take_along_axis(taken, kept, axis=1)


def _repeated(columns: np.ndarray) -> np.ndarray:
    """Returns which of sorted columns [q, k] stand to the left, too: [q, k] bool."""
    return np.concatenate([np.zeros((len(columns), 1), bool), columns[:, 1:] == columns[:, :-1]], axis=1)
