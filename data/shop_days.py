"""The sample's world played day by day, with a policy of choice: what a rehearsal of a launch needs.

`Traffic` plays all first visits, then all second ones; here a day's visits are played before the next day begins, so
that what is shown tomorrow may depend on what was clicked today. Shapes as in `shop_traffic`: n requests, I items, L
shown items. Imports numpy only.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from shop_traffic import AGAIN, EXAMINATION, MOST_STEPS, RELEVANT_MATCH, SHARPNESS, STOP, Traffic, make_visits
from shop_world import DAY_MS, LENGTH, START_MS, Size, make_shop

RULES_SHOW, MODEL_SHOWS = 0, 1
DECAY = 0.7


@dataclasses.dataclass(frozen=True)
class Requests:
    """The requests and the lists shown on a day.

    Attributes:
      user: [n] int64.
      time: [n] int64, seconds since the epoch.
      policy: [n] int64, `RULES_SHOW` or `MODEL_SHOWS`.
      clicks: [n] float64.
      value: [n] float64, the clicks that were to be expected of the list shown.
      best: [n] float64, those of the best list there is.
    """

    user: np.ndarray
    time: np.ndarray
    policy: np.ndarray
    clicks: np.ndarray
    value: np.ndarray
    best: np.ndarray


# (traffic, users [n], moments [n] int64 ms) -> who gets the model, [n] bool, and the lists that they get, [n, L].
Choose = Callable[["DailyTraffic", np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class DailyTraffic(Traffic):
    """Traffic by day; `choose` says who gets the model and what it shows, everybody else gets the shop's rules."""

    def __init__(self, size: Size):
        """Makes a world of that size, by its seed; nobody gets a model yet."""
        rng = np.random.default_rng(size.seed)
        shop = make_shop(rng, size)
        super().__init__(rng, size, shop, make_visits(rng, size))
        self.choose: Choose | None = None
        self.followed = np.zeros((size.items, size.items))
        self._profile = np.zeros((size.users, size.items), np.float32)
        self._parts: list[Requests] = []
        self._day = (self._visits.start_ms - START_MS) // DAY_MS

    def play_day(self, day: int) -> Requests:
        """Plays all visits that begin on a day, counted from 0; returns its requests."""
        self._parts = []
        self._play_visits(np.flatnonzero(self._day == day))
        fields = [field.name for field in dataclasses.fields(Requests)]
        joined = {name: [getattr(part, name) for part in self._parts] for name in fields}
        return Requests(**{name: np.concatenate([np.zeros(0), *parts]) for name, parts in joined.items()})

    def _play_visits(self, today: np.ndarray) -> None:
        """Plays some visits of a day, those of one user one after the other; today: [n] int64, indexes of visits."""
        order = self._visits.rank[today] - _first_of(self._visits.user[today], self._visits.rank[today])
        for rank in range(int(order.max(initial=-1)) + 1):
            visit = today[order == rank]
            self._begin(visit)
            clock = self._visits.start_ms[visit]
            steps = np.minimum(1 + self._rng.geometric(STOP, len(visit)), MOST_STEPS)
            for step in range(steps.max(initial=0)):
                going = steps > step
                visit, clock, steps = visit[going], clock[going], steps[going]
                self._begin_step()
                clock = self._step(visit, clock + self._rng.integers(5_000, 60_000, len(visit)))
                self._end_step()

    def _begin_step(self) -> None:
        """Called before each step of the visits; nothing by default."""

    def _end_step(self) -> None:
        """Called after each step of the visits; nothing by default."""

    def profile(self, user: np.ndarray) -> np.ndarray:
        """[n, I] float32, what each user acted on, the last item with weight 1 and `DECAY` for each one before."""
        return self._profile[user]

    def find_acted(self, user: np.ndarray) -> np.ndarray:
        """[n, I] bool, what each user acted on before."""
        return self._acted[user]

    def on_sale(self, at_ms: int) -> np.ndarray:
        """[I] bool."""
        return self._shop.sold(np.array([at_ms]))[0]

    def _show(
        self, visit: np.ndarray, clock: np.ndarray, period: np.ndarray, context: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        item, propensity = super()._show(visit, clock, period, context)
        user, policy = self._visits.user[visit], np.zeros(len(visit), np.int64)
        if self.choose is not None and len(visit):
            chosen, lists = self.choose(self, user, clock)
            item = np.where(chosen[:, None], lists, item)
            policy = np.where(chosen, MODEL_SHOWS, RULES_SHOW)
        value, best = self._values(user, period, item)
        self._parts.append(Requests(user, clock // 1000, policy, np.zeros(len(visit)), value, best))
        return item, propensity

    def _request(self, visit: np.ndarray, clock: np.ndarray, state: np.ndarray) -> np.ndarray:
        before = len(self.rows)
        done = super()._request(visit, clock, state)
        first, clicked = self._requests - len(visit), self.rows[before + 1]["request"]
        counted = np.bincount(clicked - first, minlength=len(visit)).astype(np.float64)
        self._parts[-1] = dataclasses.replace(self._parts[-1], clicks=counted)
        return done

    def _move(self, visit: np.ndarray, item: np.ndarray) -> None:
        user = self._visits.user[visit]
        np.add.at(self.followed.T, item, self._profile[user])
        self._profile[user] *= DECAY
        self._profile[user, item] += 1.0
        super()._move(visit, item)

    def _values(self, user: np.ndarray, period: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expected clicks of the lists shown and of the best ones: two [n] float64."""
        match = self._interest[user] @ self._shop.vectors.T
        logit = SHARPNESS * (match - RELEVANT_MATCH) + self.appeal[period]
        relevance = np.where(self._acted[user], AGAIN, 1.0) / (1 + np.exp(-logit))
        relevance *= self._shop.sold(self._size.period_start_ms())[period]
        examined = np.array(EXAMINATION)
        shown = np.take_along_axis(relevance, item, axis=1) @ examined
        best = -np.sort(-relevance, axis=1)[:, :LENGTH] @ examined
        return shown, best


def _first_of(user: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """[v] int64, the lowest rank of each visit's user among these visits."""
    lowest = np.full(int(user.max(initial=0)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(lowest, user, rank)
    return lowest[user]
