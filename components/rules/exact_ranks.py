"""Exact ranks of targets by counted rules, without a score for every candidate: the choice of the serving rule costs no product of queries and items.

Letters: q queries, A candidates, L items of history, R base rows, p overrides (pairs of a query and a candidate).

A rule by item or by context scores all candidates alike for every query, or for every query of a slice: a base row. A rule by the last items says
something of a few hundred candidates only: overrides of the base row. A rank is counted in the sorted base row and corrected by the overrides and
by what the user has seen, so that the items without a count of their own share the mid-rank of their ties. The scores are those of the served graph
(`rule_scores`), by the same formula. Cost: O(R A log A) once and O(overrides + seen items) per query.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from components.features.item_table import ItemTable
from components.rules.rule_forms import TIE, NextItems, PerContext, PerItem, Rule, context_keys

PAIRS_AT_ONCE = 4_000_000
UNKNOWN = -1


@dataclasses.dataclass(frozen=True)
class RuleQueries:
    """Queries as rows and columns of the item table.

    Attributes:
      history: [q, L] int32 rows of the item table, oldest first, right-padded with 0.
      target: [q] int64 columns of candidates; -1 for an item that is none.
      context: column to [q], as the log has it.
      seen_query, seen_column: pairs of a query, ascending, and the column of a candidate that its user had seen.
    """

    history: np.ndarray
    target: np.ndarray
    context: dict[str, np.ndarray]
    seen_query: np.ndarray
    seen_column: np.ndarray

    def __len__(self) -> int:
        """Returns the number of queries."""
        return len(self.target)

    def batch(self, rows: slice) -> "RuleQueries":
        """Some consecutive queries."""
        pairs = slice(*np.searchsorted(self.seen_query, [rows.start, rows.stop]))
        context = {name: column[rows] for name, column in self.context.items()}
        return RuleQueries(
            self.history[rows], self.target[rows], context, self.seen_query[pairs] - rows.start, self.seen_column[pairs]
        )


@dataclasses.dataclass
class _Scores:
    """Scores of a batch: base rows [R, A], the row of each query [q], and overrides as ascending keys query x A + column [p] with values [p]."""

    base: np.ndarray
    row: np.ndarray
    keys: np.ndarray
    values: np.ndarray

    def at(self, keys: np.ndarray) -> np.ndarray:
        """Returns the scores at some keys: [k] float32."""
        size = self.base.shape[1]
        scores = self.base[self.row[keys // size], keys % size]
        if len(self.keys):
            place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            scores = np.where(self.keys[place] == keys, self.values[place], scores)
        return scores


class ExactRanks:
    """Ranks by the rules of an order, for the candidates of an item table."""

    def __init__(self, rules: Mapping[str, Rule], table: ItemTable):
        """Takes counted rules by name, and the items: which are candidates, and what is boosted."""
        self._rules, self._active = rules, np.flatnonzero(table.active)
        self._columns = np.full(len(table), len(self._active))
        self._columns[self._active] = np.arange(len(self._active))
        self._boost = np.ones(len(self._active), np.float32) if table.boost is None else table.boost[self._active]

    def ranks(self, order: Iterable[str], queries: RuleQueries) -> np.ndarray:
        """Returns the rank of each target: [q] float64 from 1, ties at the middle rank; inf if it is no candidate.

        Args:
          order: names of rules, each once; where one has nothing to say, the next does.
          queries: the questions.
        """
        names = tuple(order)
        parts = [self._batch_ranks(names, queries.batch(rows)) for rows in self._batches(names, len(queries))]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _batches(self, names: tuple[str, ...], count: int) -> Iterator[slice]:
        pairs = sum(
            rule.window * rule.neighbours.shape[1]
            for rule in map(self._rules.__getitem__, names)
            if isinstance(rule, NextItems)
        )
        size = max(PAIRS_AT_ONCE // max(pairs, 1), 1)
        return (slice(start, min(start + size, count)) for start in range(0, count, size))

    def _batch_ranks(self, names: tuple[str, ...], queries: RuleQueries) -> np.ndarray:
        count, size = len(queries), len(self._active)
        none = np.zeros(0, np.int64)
        scores = _Scores(np.zeros((1, size), np.float32), np.zeros(count, np.int64), none, np.zeros(0, np.float32))
        for level, name in enumerate(reversed(names)):
            scores = self._stack(self._rules[name], level, scores, queries)
        return _count_ranks(scores, queries, size)

    def _stack(self, rule: Rule, level: int, below: _Scores, queries: RuleQueries) -> _Scores:
        """Returns the scores with one more rule on top."""
        if isinstance(rule, NextItems):
            return self._next_items(rule, level, below, queries)
        if isinstance(rule, PerItem):
            rule_scores, row, old = rule.scores[self._active][None], below.row, np.arange(len(below.base))
            own_row = np.zeros(len(old), np.int64)
        else:
            rule_scores = rule.scores[:, self._active]
            pairs, row = np.unique(below.row * len(rule_scores) + _slices(rule, queries), return_inverse=True)
            old, own_row = pairs // len(rule_scores), pairs % len(rule_scores)
        rule_scores = rule_scores * self._boost
        best = np.maximum(rule_scores.max(axis=1, initial=0.0), 0.0)
        base = _on_top(rule_scores[own_row], best[own_row][:, None], below.base[old], level)
        query, column = below.keys // rule_scores.shape[1], below.keys % rule_scores.shape[1]
        of_query = own_row[row][query]
        return _Scores(
            base, row, below.keys, _on_top(rule_scores[of_query, column], best[of_query], below.values, level)
        )

    def _next_items(self, rule: NextItems, level: int, below: _Scores, queries: RuleQueries) -> _Scores:
        """Returns the scores with a rule by the last items on top: new overrides."""
        size = below.base.shape[1]
        keys, sums = self._neighbour_sums(rule, queries.history)
        best = np.zeros(len(queries), np.float32)
        np.maximum.at(best, keys // size, sums)
        everything = np.union1d(keys, below.keys)
        key_sums = np.zeros(len(everything), np.float32)
        key_sums[np.searchsorted(everything, keys)] = sums
        return _Scores(
            below.base, below.row, everything, _on_top(key_sums, best[everything // size], below.at(everything), level)
        )

    def _neighbour_sums(self, rule: NextItems, history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ascending keys of the candidates that a rule scores [p], and their boosted scores [p] float32."""
        place = (history > 0).sum(axis=1, keepdims=True) - 1 - np.arange(rule.window)
        last = np.where(place >= 0, np.take_along_axis(history, np.maximum(place, 0), axis=1), 0)
        weights = rule.weights[last] * (rule.decay ** np.arange(rule.window, dtype=np.float32))[:, None]
        columns, size = self._columns[rule.neighbours[last]], len(self._active)
        query, *_ = np.nonzero(kept := (weights > 0) & (columns < size))
        keys, place = np.unique(query * size + columns[kept], return_inverse=True)
        sums = np.bincount(place.ravel(), weights[kept], minlength=len(keys)) * self._boost[keys % size]
        return keys[sums > 0], sums[sums > 0].astype(np.float32)


def _slices(rule: PerContext, queries: RuleQueries) -> np.ndarray:
    """Returns the slice of each query: [q] int64; the last one, of everybody, for an unknown context."""
    place = {key: number for number, key in enumerate(rule.keys.tolist())}
    keys = context_keys([queries.context[name] for name in rule.columns])
    return np.array([place.get(key, len(place)) for key in keys.tolist()], np.int64)


def _on_top(scores: np.ndarray, best: np.ndarray, below: np.ndarray, level: int) -> np.ndarray:
    """Scores of a rule over those of the rules below it; see `RuleScores.__call__`."""
    share = np.divide(scores, best, out=np.zeros_like(scores, np.float32), where=best > 0)
    settled = (share + np.float32(TIE) * below / np.float32(max(level, 1))) / np.float32(1.0 + TIE)
    return np.where(scores > 0, level + settled, below).astype(np.float32)


def _count_ranks(scores: _Scores, queries: RuleQueries, size: int) -> np.ndarray:
    """Ranks [q] by counting in the sorted base rows, corrected at the overrides and at what was seen."""
    is_candidate = queries.target >= 0
    target_score = (
        scores.at(np.arange(len(queries)) * size + np.maximum(queries.target, 0))
        if size
        else np.zeros(len(queries), np.float32)
    )
    above, tied = np.zeros(len(queries)), np.zeros(len(queries))
    for row, ascending in enumerate(np.sort(scores.base, axis=1)):
        in_row = scores.row == row
        first, last = (
            np.searchsorted(ascending, target_score[in_row]),
            np.searchsorted(ascending, target_score[in_row], side="right"),
        )
        above[in_row], tied[in_row] = size - last, last - first
    seen_keys = np.unique(queries.seen_query * size + queries.seen_column)
    special = np.union1d(scores.keys, seen_keys)
    query = special // max(size, 1)
    _add(above, tied, query, scores.base[scores.row[query], special % max(size, 1)], target_score, -1)
    shown = np.setdiff1d(scores.keys, seen_keys, assume_unique=True)
    _add(above, tied, shown // max(size, 1), scores.at(shown), target_score, 1)
    return np.where(is_candidate, 1 + above + 0.5 * (tied - 1), np.inf)


def _add(
    above: np.ndarray, tied: np.ndarray, query: np.ndarray, scores: np.ndarray, own: np.ndarray, times: int
) -> None:
    """Counts some more candidates, or some fewer, by their queries [k] and scores [k]."""
    above += times * np.bincount(query[scores > own[query]], minlength=len(above))
    tied += times * np.bincount(query[scores == own[query]], minlength=len(tied))
