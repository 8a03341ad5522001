"""The sample's world with a real server in it: its users ask over HTTP, see what is answered, and click by the known truth.

`ServedTraffic` is the sample's traffic (`data/shop_days.py`), in which every list comes from the server, and every
click, purchase and search is told to it. Letters as in `shop_traffic`: n requests at a time, I items, L shown items.
"""

import dataclasses
import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "data")]

from generate import _item_ids, _item_table  # noqa: E402 (the folder to look in comes first)
from shop_days import DailyTraffic  # noqa: E402
from shop_world import DAY_MS, LENGTH, START_MS  # noqa: E402

BLOCKS = 6  # parts of a day, whose visits are played at the same time
KINDS = {1: "click", 2: "purchase"}


@dataclasses.dataclass(frozen=True)
class Day:
    """What happened on a day, per request: clicks; and what was to be expected of the list that was shown, of the rule
    of the first day, and of the best list there is.
    """

    requests: int
    clicks: float
    shown: float
    first_rule: float
    best: float
    policies: dict


class ServedTraffic(DailyTraffic):
    """Traffic whose lists a server answers; `ask` and `tell` are how it is asked and told."""

    def __init__(self, size, clock):
        """Takes the size of the world, and the file that the server reads the time from."""
        super().__init__(size)
        self.ask = self.tell = None
        self._ids, self._clock, self._now = np.array(_item_ids(size.items)), clock, START_MS * 1_000
        self._places = {name: place for place, name in enumerate(self._ids)}
        self._items = _item_table(np.random.default_rng(size.seed), self._shop)
        self._answers, self._first, self._told = {}, [], []
        self._listed = np.zeros(size.items, bool)
        self._policies = {}
        self.tick(0)

    def tick(self, microseconds):
        """Moves the server's clock on."""
        self._now += microseconds
        partial = self._clock.with_suffix(".new")
        partial.write_text(str(self._now))
        os.replace(partial, self._clock)

    def write_catalogue(self, path, day):
        """Writes the items that are there on the morning of a day, the withdrawn ones as not active."""
        moment = START_MS + day * DAY_MS
        self._listed = (self._shop.launched_ms <= moment) & (self._shop.withdrawn_ms > moment)
        items = self._items.filter(pa.array(self._shop.launched_ms <= moment))
        active = pa.array(self._listed[self._shop.launched_ms <= moment])
        items = items.set_column(items.schema.get_field_index("active"), "active", active)
        pq.write_table(items, path)

    def live(self, day):
        """Plays a day; returns what happened."""
        self._parts, self._first, self._policies = [], [], {}
        self._now = (START_MS + day * DAY_MS) * 1_000
        today = np.flatnonzero(self._day == day)
        block = (self._visits.start_ms[today] - START_MS - day * DAY_MS) * BLOCKS // DAY_MS
        for number in range(BLOCKS):
            self.tick(DAY_MS * 1_000 // BLOCKS // 2 if number else 0)
            self._play_visits(today[block == number])
        clicks = np.concatenate([part.clicks for part in self._parts])
        shown, best = (np.concatenate([getattr(part, name) for part in self._parts]) for name in ("value", "best"))
        figures = [float(values.mean()) for values in (clicks, shown, np.concatenate(self._first), best)]
        return Day(len(clicks), *figures, self._policies)

    def _begin_step(self):
        self.tick(30_000_000)

    def _show(self, visit, clock, period, context):
        if len(visit):
            self.choose = self._answered
        return super()._show(visit, clock, period, context)

    def _answered(self, world, user, clock):
        """The server's lists, for everybody."""
        del world
        answer = self.ask([f"u{code:05d}" for code in user], LENGTH)
        for place, request in enumerate(answer["request_ids"]):
            self._answers[self._requests + place] = request
        for policy in answer["policies"]:
            self._policies[policy] = self._policies.get(policy, 0) + 1
        shown = [row["item_ids"] for row in answer["predictions"]]
        lists = np.array([[self._places[item] for item in row] for row in shown], np.int64)
        self._first.append(self._values(user, self._period(clock), self._newest(user))[0])
        return np.ones(len(user), bool), lists

    def _newest(self, user):
        """What the rule of the first day would show: the newest listed items that the user did not act on, [n, L]."""
        age = np.where(self._listed, -self._shop.launched_ms, np.iinfo(np.int64).max)
        age = np.where(self._acted[user], np.iinfo(np.int64).max, age[None])
        return np.argsort(age, axis=1, kind="stable")[:, :LENGTH]

    def _add(self, kind, visit, state, item, clock, **shown):
        super()._add(kind, visit, state, item, clock, **shown)
        if kind not in KINDS:
            return
        requests = shown.get("request", np.full(len(item), -1))
        for user, code, request in zip(self._visits.user[visit], item, requests, strict=True):
            event = {"user_id": f"u{user:05d}", "item_id": str(self._ids[code]), "event": KINDS[kind]}
            self._told.append(event | ({"request_id": self._answers[int(request)]} if request >= 0 else {}))

    def _end_step(self):
        """Tells the server what was done in a step, a second after it was shown."""
        self.tick(1_000_000)
        if self._told:
            self.tell(self._told)
        self._told = []
