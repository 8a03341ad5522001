"""Simulates the users of the sample's shop: they arrive, visit, view lists, click, search, buy, and their tastes drift.

    P(click) = examination[position] x relevance(interest, item, popularity)
    P(found by search) ~ exp(sharpness x <interest, item> + popularity)

Letters as in `shop_world`, and U users, V visits, n visits that are simulated at the same time. Imports numpy only.
"""

import dataclasses
from typing import Any

import numpy as np
from shop_world import DAY_MS, DIM, EVENTS_PER_VISIT, LENGTH, START_MS, LoggingPolicy, Shop, Size, unit

EXAMINATION = (1.0, 0.8, 0.66, 0.55, 0.46, 0.39, 0.33, 0.28)
SHARPNESS = 7.0
APPEAL = 0.4  # log odds of an item that is e times as popular as the mean of the items on sale
RELEVANT_MATCH = 0.6  # the match <interest, item> at which an examined item is clicked half the time
EXPLORATION, OWN_CATEGORY = 0.15, 0.75  # shares of requests: exploration; of the others, on a category's page
SEARCH = 0.5  # the share of steps that are a search rather than a request
STOP, MOST_STEPS, MOST_VISITS = 0.3, 10, 40
RETURN = 0.7  # P(a returning user keeps the interest of the last visit)
SWITCH = 0.04  # P(a new interest at a step)
PULL = 0.25  # how far an action moves the interest towards its item
TASTE = 2.0
AGAIN = 0.1  # relevance of an item that the user acted on before, relative to the first time
DEVICES, DEVICE_SHARES = ("mobile", "desktop", "tablet"), (0.6, 0.32, 0.08)
COUNTRIES, COUNTRY_SHARES = ("DE", "FR", "NL", "PL", "ES", "SE"), (0.32, 0.2, 0.16, 0.13, 0.11, 0.08)


@dataclasses.dataclass
class Visits:
    """One entry per visit, sorted by user and time.

    Attributes:
      user: [V] int64.
      rank: [V] int64, the number of the visit among its user's, from 0.
      start_ms: [V] int64.
      taste: [V, D] float32, the user's taste at that time; filled during the simulation.
    """

    user: np.ndarray
    rank: np.ndarray
    start_ms: np.ndarray
    taste: np.ndarray


def make_visits(rng: np.random.Generator, size: Size) -> Visits:
    """Draws the visits: users arrive throughout the log, return more or less often, and leave."""
    joined = np.where(rng.random(size.users) < 0.2, 0.0, rng.random(size.users) ** 0.6 * 0.995)  # the shop grows
    stay = np.minimum(1 - joined, rng.exponential(0.35, size.users) + 0.01)
    weight = rng.lognormal(0, 0.9, size.users) * (stay + 0.05)
    return_visits = max(int(size.events / EVENTS_PER_VISIT * 1.3) + 10 - size.users, 0)
    visits = np.minimum(1 + rng.multinomial(return_visits, weight / weight.sum()), MOST_VISITS)
    user = np.repeat(np.arange(size.users), visits)
    day = (joined[user] + rng.random(len(user)) * stay[user]) * size.days
    hour = rng.normal(16, 4.5, len(user)) % 24
    start = START_MS + day.astype(np.int64) * DAY_MS + (hour * 3_600_000).astype(np.int64)
    order = np.lexsort((start, user))
    first = np.concatenate([[0], np.cumsum(visits)[:-1]])
    return Visits(user, np.arange(len(user)) - first[user], start[order], np.zeros((len(user), DIM), np.float32))


class Traffic:
    """Simulates the visits: the first visit of all users at the same time, then their second visits, and so on."""

    def __init__(self, rng: np.random.Generator, size: Size, shop: Shop, visits: Visits):
        """Draws the users; tastes scatter around the mean of the user's country, and no user has acted on an item."""
        self._rng, self._size, self._shop, self._visits = rng, size, shop, visits
        self._policy = LoggingPolicy(size, shop)
        self.country = rng.choice(len(COUNTRIES), size.users, p=COUNTRY_SHARES)
        self.device = rng.choice(len(DEVICES), len(visits.user), p=DEVICE_SHARES)
        self._taste = rng.normal(size=(len(COUNTRIES), DIM))[self.country] * 0.5 + rng.normal(size=(size.users, DIM))
        self._interest = np.zeros((size.users, DIM), np.float32)
        self._page = np.zeros(size.users, np.int64)
        self._acted = np.zeros((size.users, size.items), bool)
        self._price_score = (np.log(shop.price) - np.log(shop.price).mean()) / np.log(shop.price).std()
        on_sale = shop.sold(size.period_start_ms())
        self.appeal = APPEAL * (shop.popularity - np.mean(shop.popularity, axis=1, where=on_sale, keepdims=True))
        self._requests, self._states = 0, 0
        self.states: list[np.ndarray] = []
        self.rows: list[dict[str, np.ndarray]] = []

    def play(self) -> None:
        """Fills `rows` (columns of events, unsorted) and `states` (the users' interest at each step)."""
        for rank in range(self._visits.rank.max() + 1):
            visit = np.flatnonzero(self._visits.rank == rank)
            self._begin(visit)
            clock = self._visits.start_ms[visit]
            steps = np.minimum(1 + self._rng.geometric(STOP, len(visit)), MOST_STEPS)
            for step in range(steps.max()):
                active = steps > step
                visit, clock, steps = visit[active], clock[active], steps[active]
                clock = self._step(visit, clock + self._rng.integers(5_000, 60_000, len(visit)))

    def _begin(self, visit: np.ndarray) -> None:
        """Begins visits: tastes have drifted; most returning users keep their interest, the others choose a new one."""
        user = self._visits.user[visit]
        self._taste[user] = 0.9 * self._taste[user] + 0.44 * self._rng.normal(size=(len(user), DIM))
        self._visits.taste[visit] = self._taste[user]
        returns = (self._visits.rank[visit] > 0) & (self._rng.random(len(user)) < RETURN)
        self._choose_interest(user[~returns])

    def _choose_interest(self, user: np.ndarray) -> None:
        """Draws a category of a brand for each user: P ~ exp(`TASTE` x <taste, interest vector>)."""
        interests = self._shop.interests.reshape(-1, DIM)
        choice = _draw(self._rng, np.exp(TASTE * self._taste[user] @ interests.T))
        self._page[user] = choice // self._shop.interests.shape[1]
        self._interest[user] = interests[choice]

    def _step(self, visit: np.ndarray, clock: np.ndarray) -> np.ndarray:
        """Simulates one step per visit, a request or a search; returns when each step ends, [n] int64 ms."""
        self._choose_interest(self._visits.user[visit[self._rng.random(len(visit)) < SWITCH]])
        searches = self._rng.random(len(visit)) < SEARCH
        state = self._states + np.arange(len(visit))
        self.states.append(self._interest[self._visits.user[visit]].copy())
        self._states += len(visit)
        end = clock.copy()
        end[searches] = self._search(visit[searches], clock[searches], state[searches])
        end[~searches] = self._request(visit[~searches], clock[~searches], state[~searches])
        return end

    def _period(self, clock: np.ndarray) -> np.ndarray:
        return np.clip(
            np.searchsorted(self._size.period_start_ms(), clock, side="right") - 1, 0, self._size.periods - 1
        )

    def _search(self, visit: np.ndarray, clock: np.ndarray, state: np.ndarray) -> np.ndarray:
        """Simulates an organic click, rarely on an item the user acted on before, and sometimes a purchase."""
        item = np.empty(len(visit), np.int64)
        for start in range(0, len(visit), 2048):  # in parts: [n, I] would take gigabytes in a large sample
            part = slice(start, start + 2048)
            user = self._visits.user[visit[part]]
            utility = (
                SHARPNESS * self._interest[user] @ self._shop.vectors.T
                + self._shop.popularity[self._period(clock[part])]
            )
            item[part] = _draw(
                self._rng, np.exp(utility) * self._shop.sold(clock[part]) * np.where(self._acted[user], 1e-3, 1)
            )
        self._add(1, visit, state, item, clock)
        buys = self._buys(visit, item)
        clock = clock + np.where(buys, self._rng.integers(15_000, 90_000, len(visit)), 0)
        self._add(2, visit[buys], state[buys], item[buys], clock[buys])
        self._move(visit, item)
        return clock

    def _request(self, visit: np.ndarray, clock: np.ndarray, state: np.ndarray) -> np.ndarray:
        """Simulates one list per visit: L impressions, clicks by examination and relevance, and purchases."""
        user = self._visits.user[visit]
        kind = self._rng.random(len(visit))
        page = np.where(self._rng.random(len(visit)) < OWN_CATEGORY, self._page[user], self._policy.popular)
        context = np.where(kind < EXPLORATION, self._policy.exploration, page)
        period = self._period(clock)
        item, propensity = self._show(visit, clock, period, context)
        match = np.einsum("nd,nld->nl", self._interest[user], self._shop.vectors[item])
        logit = SHARPNESS * (match - RELEVANT_MATCH) + self.appeal[period[:, None], item]
        relevance = np.where(self._acted[user[:, None], item], AGAIN, 1.0) / (1 + np.exp(-logit))
        clicks = self._rng.random(item.shape) < np.array(EXAMINATION) * relevance
        buys = clicks & self._buys(visit[:, None], item, match)
        click_time, purchase_time = self._times(clock, clicks, buys)
        request = self._requests + np.arange(len(visit))
        self._requests += len(visit)
        impressions = np.ones(item.shape, bool)
        events = ((0, clock[:, None], impressions), (1, click_time, clicks), (2, purchase_time, buys))
        for code, time, mask in events:
            row, slot = np.nonzero(mask)
            shown = {
                "request": request[row],
                "position": slot,
                "context": context[row],
                "propensity": propensity[mask],
            }
            self._add(
                code,
                visit[row],
                state[row],
                item[mask],
                np.broadcast_to(time, item.shape)[mask],
                relevance=relevance[mask],
                **shown,
            )
        for position in range(LENGTH):
            row = np.flatnonzero(clicks[:, position])
            self._move(visit[row], item[row, position])
        return purchase_time[:, -1]

    def _show(
        self, visit: np.ndarray, clock: np.ndarray, period: np.ndarray, context: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lists that are shown, [n, L] int64, and their propensities; a rehearsal overrides this."""
        return self._policy.show(self._rng, period, context)

    def _times(self, clock: np.ndarray, clicks: np.ndarray, buys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the times of clicks and purchases, [n, L] ms each.

        Users read from the top; a click takes seconds, and a purchase takes longer before they read on.
        """
        reading = np.where(clicks, self._rng.integers(2_000, 15_000, clicks.shape), 0)
        buying = np.where(buys, self._rng.integers(15_000, 90_000, clicks.shape), 0)
        after = clock[:, None] + np.cumsum(reading + buying, axis=1)
        return after - buying, after

    def _buys(self, visit: np.ndarray, item: np.ndarray, match: np.ndarray | None = None) -> np.ndarray:
        """Draws which clicked items are bought; a good match, a low price and a desktop help. Same shape as `item`."""
        if match is None:
            match = np.einsum("nd,nd->n", self._interest[self._visits.user[visit]], self._shop.vectors[item])
        logit = -2.6 + 3 * (match - RELEVANT_MATCH) - 0.8 * self._price_score[item] + 0.6 * (self.device[visit] == 1)
        return self._rng.random(item.shape) < 1 / (1 + np.exp(-logit))

    def _move(self, visit: np.ndarray, item: np.ndarray) -> None:
        """Moves the interest towards the item of an action, and marks the item as acted on."""
        user = self._visits.user[visit]
        self._interest[user] = unit((1 - PULL) * self._interest[user] + PULL * self._shop.vectors[item])
        self._acted[user, item] = True

    def _add(
        self, kind: int, visit: np.ndarray, state: np.ndarray, item: np.ndarray, clock: np.ndarray, **shown: np.ndarray
    ) -> None:
        """Adds an event per item; organic ones have no `shown` (request, position, context, propensity, relevance)."""
        columns: dict[str, Any] = {
            "request": -1,
            "position": -1,
            "context": -1,
            "propensity": np.nan,
            "relevance": np.nan,
        } | shown
        columns |= {"visit": visit, "state": state, "item": item, "time": clock, "kind": kind}
        self.rows.append({name: np.broadcast_to(value, item.shape) for name, value in columns.items()})


def _draw(rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """Draws one column per row of weights [n, I], P ~ weight: [n] int64. A column of weight 0 is never drawn."""
    cumulative = np.cumsum(weights, axis=1, dtype=np.float64)
    return (cumulative <= rng.random((len(weights), 1)) * cumulative[:, -1:]).sum(axis=1)
