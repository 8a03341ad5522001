"""The users of an experiment lived by day: which arm each request fell into, and rows that are lost on the way to the log."""

import json

import numpy as np
from day_zero_world import ServedTraffic

from components.experiment.assignment import TREATMENT, split_users


class ArmsTraffic(ServedTraffic):
    """The world, which also notes the arm of each request."""

    def __init__(self, size, clock):
        """Makes it; see `ServedTraffic`."""
        super().__init__(size, clock)
        self.arms = []

    def list_appeal(self):
        """How much each item is wanted, on average over the periods and all users, by its id."""
        return dict(zip(self._ids.tolist(), self.appeal.mean(axis=0).tolist(), strict=True))

    def live_arms(self, day):
        """Plays a day; returns its users, and the expected clicks per request by arm."""
        self.arms = []
        self.live(day)
        values = np.concatenate([part.value for part in self._parts])
        users = len(set(np.concatenate([part.user for part in self._parts]).tolist()))
        arms = np.array(self.arms)
        return users, {arm: values[arms == arm] for arm in set(self.arms)}


def lose_rows(folder, state):
    """Takes three tenths of the treatment's users out of the log that the server wrote."""
    for file in sorted(folder.rglob("*.jsonl")):
        lines = file.read_text().splitlines(keepends=True)
        users = [json.loads(line)["user_id"] for line in lines]
        treated = split_users(state.id, users) == TREATMENT
        lost = [arm and user.endswith(("3", "6", "9")) for arm, user in zip(treated.tolist(), users, strict=True)]
        file.write_text("".join(line for line, gone in zip(lines, lost, strict=True) if not gone))
