"""Logs of who took what and when, in two forms on which recommenders differ most: `generate.py --form sparse` and `--form dense`.

    sparse   a large catalogue with a long tail, about 13 events an item, short histories: what a shop or a marketplace has
    dense    3,000 items, long histories: what a film or a music service has

There are no impressions and no context. Every item belongs to a taste; it has a category (a group of tastes), a brand (a taste's own ones, mostly)
and a few items that tend to follow it. A user has one to three tastes, and takes next one of these followers, an item of their tastes, or whatever
is popular. A fifth of the items is launched during the log and is popular at first. Imports numpy only.
"""

import dataclasses

import numpy as np
from shop_world import DAY_MS, START_MS, SampleError

FORMS = ("sparse", "dense")
FOLLOWERS = 6
PERIODS = 30
LAUNCHED, PULL, PULL_DAYS = (
    0.2,
    6.0,
    3.0,
)  # the share of items launched during the log; extra weight on the first day; days until it is a third
FOLLOWED, LIKED = (
    0.35,
    0.45,
)  # how often the next item is a follower of the last, or of a taste; else it is one that everybody takes
SAME_SITTING = 0.75
TASTE_ITEMS = {"sparse": 60, "dense": 150}
REPEATED = {"sparse": 1.35, "dense": 1.75}  # takes for an event that is kept: what a user takes again is not an event


@dataclasses.dataclass(frozen=True)
class PlainWorld:
    """The items of a form, I of them.

    Attributes:
      taste, category, brand: [I] int64.
      followers: [I, FOLLOWERS] int64.
      launched_ms: [I] int64, when the item is sold from; 0 for always.
      order: [I] int64, the items by taste.
      bounds: [tastes + 1] int64, where the items of each taste begin in the order.
      mass: [PERIODS, I + 1] float64, the running sum of the items' weights in that order, from 0.
    """

    taste: np.ndarray
    category: np.ndarray
    brand: np.ndarray
    followers: np.ndarray
    launched_ms: np.ndarray
    order: np.ndarray
    bounds: np.ndarray
    mass: np.ndarray

    def draw_items(self, rng: np.random.Generator, period: np.ndarray, taste: np.ndarray | None) -> np.ndarray:
        """Draws one item for each moment [k], by weight: out of a taste [k], or out of all items if `taste` is None."""
        low = np.zeros(len(period), int) if taste is None else self.bounds[taste]
        high = np.full(len(period), len(self.order)) if taste is None else self.bounds[taste + 1]
        place = np.zeros(len(period), int)
        value = rng.random(len(period))
        for number in np.unique(period):
            rows, mass = period == number, self.mass[number]
            mass_drawn = mass[low[rows]] + value[rows] * (mass[high[rows]] - mass[low[rows]])
            place[rows] = np.clip(
                np.searchsorted(mass, mass_drawn, side="right") - 1, low[rows], np.maximum(high[rows] - 1, low[rows])
            )
        return self.order[np.minimum(place, len(self.order) - 1)]


def check(form: str, events: int, users: int, items: int) -> None:
    """Raises `SampleError` for a size that the form cannot have."""
    if items < 40 or users < 20 or events < 2 * users:
        raise SampleError(
            f"--form {form} needs 40 items, 20 users and two events a user at least, got {items:,}, {users:,} and {events:,} events."
        )


def size_of(form: str, events: int) -> tuple[int, int]:
    """Returns how many users and items a form with that many events has."""
    return (
        (max(events // 9, 20), max(events // 13, 40))
        if form == "sparse"
        else (max(events // 120, 20), min(max(events // 20, 40), 3000))
    )


def make_world(rng: np.random.Generator, form: str, items: int, days: int) -> PlainWorld:
    """Items with tastes, features, followers and the popularity of each period."""
    tastes = max(items // TASTE_ITEMS[form], 4)
    taste = rng.integers(tastes, size=items)
    order = np.argsort(taste, kind="stable")
    bounds = np.searchsorted(taste[order], np.arange(tastes + 1))
    weight = 1.0 / np.arange(1, items + 1) ** 0.8
    launched = np.where(
        rng.random(items) < LAUNCHED, START_MS + (rng.random(items) * days * DAY_MS).astype(np.int64), 0
    )
    now = START_MS + (np.arange(PERIODS)[:, None] + 0.5) * days * DAY_MS / PERIODS
    age = (now - launched) / DAY_MS
    pull = np.where(launched > 0, 1 + PULL * np.exp(-np.maximum(age, 0) / PULL_DAYS), 1.0)
    of_period = np.where(age >= 0, weight[rng.permutation(items)] * pull, 0.0)[:, order]
    mass = np.concatenate([np.zeros((PERIODS, 1)), np.cumsum(of_period, axis=1)], axis=1)
    brand = np.where(
        rng.random(items) < 0.7, taste * 3 + rng.integers(3, size=items), rng.integers(tastes * 3, size=items)
    )
    near = np.where(rng.random((items, FOLLOWERS)) < 0.8, taste[:, None], rng.integers(tastes, size=(items, FOLLOWERS)))
    followers = order[
        np.minimum(bounds[near] + (rng.random(near.shape) ** 2 * np.diff(bounds)[near]).astype(int), items - 1)
    ]
    return PlainWorld(taste, taste // 3, brand, followers, launched, order, bounds, mass)


def make_events(
    rng: np.random.Generator, world: PlainWorld, form: str, events: int, users: int, days: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Makes the log: user, item and time in milliseconds, [n] int64 each, by time; and the users' tastes, [users, 3] int64.

    No user takes an item twice.
    """
    spread = 1.0 if form == "sparse" else 0.8
    length = np.maximum(rng.lognormal(0.0, spread, users), 0.2)
    length = np.clip(
        (length / length.mean() * events / users * REPEATED[form]).astype(int), 2, len(world.taste) // 4 + 2
    )
    tastes = rng.integers(len(world.bounds) - 1, size=(users, 3))[
        np.arange(users)[:, None], rng.integers(3, size=(users, 3))
    ]
    share = rng.random(users) * 0.9  # of the log's time before the user's first event
    time, pause_days = START_MS + share * days * DAY_MS, (1 - share) * days / (length * (1 - SAME_SITTING) + 1)
    last = np.full(users, -1)
    rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for step in range(int(length.max())):
        user = np.flatnonzero((length > step) & (time < START_MS + days * DAY_MS))
        item = _draw_next(rng, world, time[user], days, last[user], tastes[user, rng.integers(3, size=len(user))])
        rows.append((user, item, time[user].astype(np.int64)))
        last[user] = item
        pause = np.where(
            rng.random(len(user)) < SAME_SITTING,
            rng.exponential(120_000, len(user)),
            rng.exponential(pause_days[user] * DAY_MS),
        )
        time[user] += 1000 + pause
    user, item, moment = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.lexsort((user, moment))
    kept = order[np.sort(np.unique((user * len(world.taste) + item)[order], return_index=True)[1])]
    return user[kept], item[kept], moment[kept], tastes


def _draw_next(
    rng: np.random.Generator, world: PlainWorld, time: np.ndarray, days: int, last: np.ndarray, taste: np.ndarray
) -> np.ndarray:
    """Draws the next item of each user: [k]."""
    period = _period(time, days)
    why = rng.random(len(time))
    item = np.where(why < FOLLOWED + LIKED, world.draw_items(rng, period, taste), world.draw_items(rng, period, None))
    follower = world.followers[np.maximum(last, 0), rng.integers(FOLLOWERS, size=len(time))]
    return np.where((why < FOLLOWED) & (last >= 0) & (world.launched_ms[follower] <= time), follower, item)


def next_chances(world: PlainWorld, time: np.ndarray, days: int, last: np.ndarray, tastes: np.ndarray) -> np.ndarray:
    """Returns the probability that each item is the next, as `_draw_next` draws it: [k, I] float64.

    Args:
      world: the items.
      time: [k] int64, in milliseconds.
      days: length of the log.
      last: [k] int64, the user's last item; -1 for none.
      tastes: [k, 3] int64, of the user.
    """
    row, follower = np.arange(len(time))[:, None], world.followers[np.maximum(last, 0)]
    follows = (last[:, None] >= 0) & (world.launched_ms[follower] <= time[:, None])
    liked = LIKED + FOLLOWED * (1 - follows.mean(axis=1, keepdims=True))
    everybody, in_taste = (shares[_period(time, days)] for shares in _shares(world))
    chances = liked * (tastes[:, :, None] == world.taste).mean(axis=1) * in_taste
    chances += (1 - FOLLOWED - LIKED) * everybody
    np.add.at(chances, (row, follower), FOLLOWED / FOLLOWERS * follows)
    return chances


def _shares(world: PlainWorld) -> tuple[np.ndarray, np.ndarray]:
    """Returns each item's share of the weight of all items, and of the items of its taste: [PERIODS, I] float64 each."""
    weight = np.empty((PERIODS, len(world.taste)))
    weight[:, world.order] = np.diff(world.mass, axis=1)
    of_taste = np.diff(world.mass[:, world.bounds], axis=1)[:, world.taste]
    in_taste = np.divide(weight, of_taste, out=np.zeros_like(weight), where=of_taste > 0)
    return weight / weight.sum(axis=1, keepdims=True), in_taste


def _period(time: np.ndarray, days: int) -> np.ndarray:
    return np.clip(((time - START_MS) * PERIODS / (days * DAY_MS)).astype(int), 0, PERIODS - 1)
