"""What `make bench-quality` compares with: counting, closed forms and factorisations, each as published, tuned on the validation part.

Letters: u training users, N rows of the item table, A candidates, b queries of a batch. A rival is fitted to a
  `Problem` and scores candidates for
a batch of queries: [b, A]. Settings are tried on the rolling questions of the training's own last tenth
  (`bench_protocols.validation`).
"""

import dataclasses
import itertools

import numpy as np
import scipy.sparse as sp
from bench_protocols import ROLLING, Asked, Problem, answers, validation

from components.features.histories import order_by_user_and_time
from components.features.id_codes import codes
from components.metrics import rank_metrics


def interactions(problem: Problem) -> sp.csr_matrix:
    """[u, N] float32: 1 where a user acted on an item."""
    user, ids = codes(problem.data.events.user)
    item = problem.data.item_rows
    matrix = sp.csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=(len(ids), len(problem.data.items)))
    matrix.data[:] = 1
    return matrix


def history_matrix(asked: Asked, batch: slice, size: int, decay: float = 1.0) -> sp.csr_matrix:
    """[b, N] float32: decay^(how many items ago) for the items of each history, the nearest where an item comes twice."""
    history = asked.history[batch]
    count = (history > 0).sum(axis=1)
    query, place = np.nonzero(history)
    weight = np.power(decay, count[query] - 1 - place).astype(np.float32)
    last = np.unique((query * size + history[query, place])[::-1], return_index=True)[1]
    kept = len(query) - 1 - last
    return sp.csr_matrix((weight[kept], (query[kept], history[query, place][kept])), shape=(len(history), size))


@dataclasses.dataclass
class Popularity:
    """How often each item was acted on in the last `share` of the training events."""

    share: float = 1.0

    def fit(self, problem: Problem) -> None:
        time = problem.data.events.time
        recent = time >= np.sort(time)[int(len(time) * (1 - self.share))]
        self.counts = np.bincount(problem.data.item_rows[recent], minlength=len(problem.data.items))[
            problem.candidates
        ].astype(np.float32)

    def score(self, asked: Asked, batch: slice) -> np.ndarray:
        return np.broadcast_to(self.counts, (len(asked.history[batch]), len(self.counts)))


@dataclasses.dataclass
class CoVisitation:
    """sum over the last W items, j-th last, of decay^j x how often the candidate came within W after it, nearer ones counting more."""

    window: int = 3
    decay: float = 0.7

    def fit(self, problem: Problem) -> None:
        data, size = problem.data, len(problem.data.items)
        user, _ = codes(data.events.user)
        order = order_by_user_and_time(user, data.events.time, data.launch.seed, tie=data.events.tie)
        user, item = user[order], data.item_rows[order]
        self.counts = sp.csr_matrix((size, size), dtype=np.float32)
        for distance in range(1, self.window + 1):
            same_user = user[distance:] == user[:-distance]
            weight = np.full(same_user.sum(), self.decay ** (distance - 1), np.float32)
            self.counts += sp.csr_matrix(
                (weight, (item[:-distance][same_user], item[distance:][same_user])), shape=(size, size)
            )
        self.counts = self.counts[:, problem.candidates]

    def score(self, asked: Asked, batch: slice) -> np.ndarray:
        last = dataclasses.replace(asked, history=asked.last(batch, self.window))
        return (history_matrix(last, slice(None), self.counts.shape[0], self.decay) @ self.counts).toarray()


@dataclasses.dataclass
class Ease:
    """EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8), with a history that may decay."""

    penalty: float
    decay: float = 1.0

    def fit(self, problem: Problem) -> None:
        matrix = interactions(problem)
        gram = (matrix.T @ matrix).toarray().astype(np.float64)
        gram[np.diag_indices_from(gram)] += self.penalty
        inverse = np.linalg.inv(gram)
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        self.weights = weights[:, problem.candidates].astype(np.float32)

    def score(self, asked: Asked, batch: slice) -> np.ndarray:
        return history_matrix(asked, batch, len(self.weights), self.decay) @ self.weights


@dataclasses.dataclass
class ImplicitALS:
    """iALS of the package `implicit`; the users of the queries are folded in from their histories."""

    factors: int
    regularization: float
    alpha: float

    def fit(self, problem: Problem) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        seed = problem.data.launch.seed
        options = {
            "factors": self.factors,
            "regularization": self.regularization,
            "alpha": self.alpha,
            "iterations": 15,
        }
        self.model = AlternatingLeastSquares(**options, num_threads=1, random_state=seed)
        self.model.fit(interactions(problem), show_progress=False)
        self.items, self.candidates = self.model.item_factors, problem.candidates

    def score(self, asked: Asked, batch: slice) -> np.ndarray:
        history = history_matrix(asked, batch, len(self.items))
        users = self.model.recalculate_user(np.arange(history.shape[0]), history)
        return users @ self.items[self.candidates].T


@dataclasses.dataclass
class ItemKNN:
    """The sum of the cosines between a candidate and the items of the history, the nearest K of each item kept."""

    neighbours: int

    def fit(self, problem: Problem) -> None:
        from implicit.nearest_neighbours import CosineRecommender

        model = CosineRecommender(K=self.neighbours, num_threads=1)
        model.fit(interactions(problem), show_progress=False)
        self.similarity = model.similarity.tocsr()[:, problem.candidates]

    def score(self, asked: Asked, batch: slice) -> np.ndarray:
        return (history_matrix(asked, batch, self.similarity.shape[0]) @ self.similarity).toarray()


GRIDS = {
    "EASE": [Ease(penalty) for penalty in (100.0, 250.0, 500.0, 1000.0)],
    "EASE, decayed history": [Ease(penalty, 0.8) for penalty in (100.0, 250.0, 500.0, 1000.0)],
    "iALS": [ImplicitALS(64, *pair) for pair in itertools.product((0.01, 1.0), (1.0, 10.0))],
    "item-kNN": [ItemKNN(count) for count in (20, 100, 500)],
    "popularity": [Popularity()],
    "popular in the last 5%": [Popularity(0.05)],
    "co-visitation": [CoVisitation()],
}


def tuned(name: str, problem: Problem) -> object:
    """The setting of a rival that is best on the validation part, not fitted yet."""
    settings = GRIDS[name]
    if len(settings) == 1:
        return settings[0]
    inner = validation(problem)
    return max(settings, key=lambda rival: _validated(dataclasses.replace(rival), inner))


def _validated(rival: object, problem: Problem) -> float:
    rival.fit(problem)
    protocol_queries = problem.by_protocol[ROLLING]
    matrix = answers(rival.score, protocol_queries, problem.data.items.ids[problem.candidates])
    return float(rank_metrics.gains("recall@10", matrix.ranks).mean())
