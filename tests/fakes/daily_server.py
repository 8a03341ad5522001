"""An experiment lived through day by day: a server over HTTP with a clock of its own, its traffic log, and a run a day.

The models are dictionaries; how much users like what they are shown is known. What a run does is what the steps Outcome, Verdict and
Pusher do, without TFX: read the log, assess, decide, apply.
"""

import dataclasses
import types
from pathlib import Path

import numpy as np
from small_server import LAUNCH, SmallModel, push, serving

from components.declaration import Experiment
from components.declaration.outcome_view import OutcomeView
from components.evaluation.launch_action import choose
from components.experiment import run_outcome
from components.experiment.declared_log import read_traffic
from components.ingest.log_files import find_files
from components.registry import experiment_push
from components.registry.experiment_state import find_control, read_state, write_state
from components.serving import service as serving_service
from components.serving.arms import Arms
from components.serving.event_log import EventLog
from components.serving.model_holder import ModelHolder
from components.serving.predict_request import Limits
from components.serving.prometheus_metrics import Metrics
from components.serving.service import Service

DAY = 86_400
RULES, MODEL = 10, 20
BATCH = 200
BEGIN = {"launch": "toy", "days": 14, "holdout": 0.1, "planned_variance": 0.01}


def small(version):
    model = SmallModel(version.number)
    model.card = {"kind": "model" if version.number == MODEL else "rules"}
    return model


class DailyServer:
    """A launch whose experiment runs: `live` plays a day over HTTP, `run` is the run after it."""

    def __init__(self, folder: Path, monkeypatch, start: int, users=300, clicks=(0.4, 0.4), ramp=(0.5, 1.0), seed=0):
        """`clicks` are the chances of a click per request under the rules and under the model."""
        self.launch = dataclasses.replace(
            LAUNCH,
            experiment=Experiment("click", ramp=ramp, min_users=20, days=BEGIN["days"], holdout=BEGIN["holdout"]),
        )
        self.served, self.log = folder / "toy", folder / "log"
        push(self.served, MODEL)
        push(find_control(self.served), RULES)
        self.state = experiment_push.begin_state(BEGIN | {"ramp": ramp}, RULES, MODEL, start)
        write_state(self.served, self.state)
        self.users, self.now = [f"u{seed}-{number}" for number in range(users)], start
        self.rng, self.chances = np.random.default_rng(seed), {str(RULES): clicks[0]}
        self.model_chance = clicks[1]
        monkeypatch.setattr(serving_service, "time", types.SimpleNamespace(time_ns=lambda: self.now * 1_000_000_000))

    def make_arms(self):
        arms = Arms(ModelHolder(self.served, small), ModelHolder(find_control(self.served), small))
        for part in (arms.served, arms.control, arms):
            part.check()
        return arms

    def live(self, requests=1):
        """A day: every user asks, some click; returns how many rows each arm got."""
        arms, log = self.make_arms(), EventLog(self.log)
        answering = Service(self.launch, arms.served, log, Metrics(), Limits(), arms=arms)
        arm_counts = {}
        with serving(answering) as client:
            for number in range(requests):
                self.now += DAY // requests - (1 if number else 60)
                for first in range(0, len(self.users), BATCH):
                    for arm in self._ask(client, self.users[first : first + BATCH]):
                        arm_counts[arm] = arm_counts.get(arm, 0) + 1
        log.close()
        return arm_counts

    def _ask(self, client, users):
        status, answer = client.predict({"instances": [{"user_id": user} for user in users]})
        assert status == 200, answer
        events = []
        rows = zip(users, answer["predictions"], answer["request_ids"], answer["model_versions"], strict=True)
        for user, shown, request, version in rows:
            if self.rng.random() < self.chances.get(version, self.model_chance):
                clicked = {"user_id": user, "item_id": shown["item_ids"][0], "event": "click", "request_id": request}
                events.append(clicked)
        if events:
            status, reply = client.ask("POST", "/v1/events", {"events": events})
            assert status == 200, reply
        return answer["arms"]

    def run(self):
        """What a run reads and does; returns `outcome.json`'s content."""
        traffic = read_traffic(self.launch, find_files(str(self.log), "*.jsonl"), str(self.log))
        outcome = run_outcome.measure(OutcomeView.of(self.launch), traffic, str(self.served))
        action = choose("champion", "model", outcome).action
        if action.experiment:
            experiment_push.apply_decision(self.served, action, self.now + experiment_push.SETTLE_SECONDS)
        self.state = read_state(self.served).state
        return outcome

    def play(self, days=16, requests=1):
        """Days and runs until the decision is final; returns the outcomes."""
        outcomes = []
        for _ in range(days):
            self.live(requests)
            outcomes.append(self.run())
            decision = outcomes[-1]["decision"]
            if decision is None or decision["kind"] in ("void", "harm", "won", "ended"):
                break
        return outcomes
