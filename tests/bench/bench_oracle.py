"""What knows the truth behind a generated log, for `make bench-quality`: about the ceiling of any recommender.

It takes the last logged item for the last one taken, though what a user takes again is not logged.
"""

import sys
from pathlib import Path

import numpy as np
from bench_protocols import Asked, Problem

DATA = str(Path(__file__).resolve().parents[2] / "data")
if DATA not in sys.path:  # data/ is a folder of files, not a package
    sys.path.append(DATA)

from plain_world import PlainWorld, next_chances  # noqa: E402


def truth_of(folder: str) -> Path | None:
    """The file with the truth of a log of the forms sparse and dense; None for another log."""
    path = Path(folder) / "truth" / "truth.npz"
    return path if path.exists() and "user_tastes" in np.load(path) else None


class Oracle:
    """Scores a candidate by its probability in the generated world, given the user's tastes and last item."""

    def __init__(self, path: Path):
        arrays = dict(np.load(path))
        self.days, self.tastes = int(arrays.pop("days")), arrays.pop("user_tastes")
        self.world = PlainWorld(**arrays)

    def fit(self, problem: Problem) -> None:
        """Finds the number of every row of the item table and of every candidate; ids are a letter and the number."""
        self.number = np.array([-1] + [int(name[1:]) for name in problem.data.items.ids[1:]])
        self.candidates = self.number[problem.candidates]

    def score(self, asked: Asked, batch: slice) -> np.ndarray:
        """Scores every candidate: [batch, A]."""
        last = self.number[asked.last(batch, 1)[:, 0]]
        user = [int(name[1:]) for name in asked.queries.user_id[batch]]
        milliseconds = asked.queries.time[batch] // 1000
        return next_chances(self.world, milliseconds, self.days, last, self.tastes[user])[:, self.candidates]
