"""Small worlds with known truth for the triangle: events whose next item follows from the last, and learners that count."""

import numpy as np
import pandas as pd

from components.declaration import Insight, Launch, Log, Objective, Promotion, Split
from components.declaration.triangle_view import TriangleView
from components.evaluation.findings import MODEL, RULES
from components.features.event_table import EventTable

DAYS = 10
POPULAR = 10  # items, of equal popularity, ten times as popular as the others: soon learnt, and then there is no more to learn
DAY = 86_400_000_000


def view(seed=1, metric="recall@10", **insight):
    launch = Launch(
        "world",
        Log("e.csv", "user", "item", "time"),
        Split(eval_share=0.1),
        (Objective("act"),),
        exclude_seen=False,
        promotion=Promotion(metric=metric),
        seed=seed,
        insight=Insight(**insight),
    )
    return TriangleView.of(launch)


def table(user, item, time, late_from):
    size = len(user)
    texts = [
        np.array([f"{kind}{code:05d}".encode() for code in column], object)
        for kind, column in (("u", user), ("i", item))
    ]
    return EventTable(*texts, time.astype(np.int64), np.ones(size, bool), np.full(size, -1), {}, {}, time >= late_from)


def play(seed, users, items=200, length=20, followers=10, change_day=None, chained=True, first_user=0):
    """Returns events of `DAYS` days, the last tenth of the time in the eval split.

    Args:
      seed: of everything.
      users, items, length: how many users, items, and events of a user.
      followers: how many items can follow one.
      change_day: from which day on other items are popular, or follow.
      first_user: the number of the first user: other users of the same world.
      chained: whether an item follows from the one before; else by its popularity alone.
    """
    rng = np.random.default_rng(seed)
    draws = np.random.default_rng((seed, users, first_user))
    worlds = [_rules(rng, items, followers, chained) for _ in range(2)]
    time = np.sort(draws.random((users, length)), axis=1) * DAYS * DAY
    item = np.zeros((users, length), np.int64)
    current = draws.integers(items, size=users)
    for step in range(length):
        changed = np.zeros(users, bool) if change_day is None else time[:, step] >= change_day * DAY
        drawn = draws.random(users)
        nexts = [(drawn[:, None] > world[current]).sum(axis=1) for world in worlds]
        current = np.minimum(np.where(changed, nexts[1], nexts[0]), items - 1)
        item[:, step] = current
    return table(first_user + np.repeat(np.arange(users), length), item.ravel(), time.ravel(), 0.9 * DAYS * DAY)


def join(*tables):
    """Returns one table of the rows of several."""
    names = ("user", "item", "time", "positive", "position", "late")
    columns = {name: np.concatenate([getattr(one, name) for one in tables]) for name in names}
    return EventTable(**columns, labels={}, context={})


def _rules(rng, items, followers, chained):
    """Cumulative probabilities of the next item by the last: [items, items]."""
    if not chained:
        popularity = rng.permutation(np.where(np.arange(items) < POPULAR, 10.0, 1.0))
        return np.tile(np.cumsum(popularity / popularity.sum()), (items, 1))
    chance = np.zeros((items, items))
    for row in chance:
        row[rng.choice(items, followers, replace=False)] = 1 / np.arange(1, followers + 1)
    return np.cumsum(chance / chance.sum(axis=1, keepdims=True), axis=1)


class Counted:
    """Scores items by how often they followed the last one (of the model), or by how often they came (of the rules)."""

    def __init__(self, events, candidates, name):
        self.candidates, self._by_item = candidates, name == MODEL
        frame = pd.DataFrame({"user": events.user, "item": events.item, "time": events.time})
        frame = frame.sort_values(["user", "time"], kind="stable")
        code = np.searchsorted(candidates, frame["item"].to_numpy())
        self._popular = np.bincount(code, minlength=len(candidates)).astype(np.float32)
        same = frame["user"].to_numpy()[1:] == frame["user"].to_numpy()[:-1]
        self._follows = np.zeros((len(candidates), len(candidates)), np.float32)
        np.add.at(self._follows, (code[:-1][same], code[1:][same]), 1.0)

    def score(self, known):
        popular = np.tile(self._popular, (len(known.history), 1))
        if not self._by_item:
            return popular
        filled = (known.history != b"").sum(axis=1)
        last = known.history[np.arange(len(filled)), np.maximum(filled - 1, 0)]
        code = np.searchsorted(self.candidates, np.where(filled > 0, last, self.candidates[0]))
        scores = self._follows[code] + popular / popular.max() * 1e-3
        return np.where(filled[:, None] > 0, scores, popular)


def learner(events, seed=1, popular_model=False):
    """Returns the run's own contenders, and `triangle.Train` on the train split of the events.

    Args:
      events: of both splits.
      seed: of the parts.
      popular_model: whether the model counts like the rules, so that it has learnt all there is after some events.
    """
    candidates = np.array(sorted(set(events.item.tolist())), object)
    early = events.rows(~events.late)

    def make(chosen, names):
        kinds = {name: RULES if popular_model else name for name in names}
        return {name: Counted(chosen, candidates, kind) for name, kind in kinds.items()}

    def train(part, names):
        return make(early.rows(part.choose(early, seed)), names)

    return make(early, (MODEL, RULES)), train
