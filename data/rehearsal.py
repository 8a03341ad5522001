"""A launch rehearsed on the sample's world: never, at once, or by the ramp, day by day, compared with the best possible.

Rules are the shop's own, the model counts which items follow which (`--model inverted` shows what hardly anybody wants,
`--model rules` is no model at all). It is counted anew every day, but for the experiment, whose version stands still.
Everything that the ramp does is decided by the functions that a run uses: `components.experiment`. Figures are clicks
per request; "true" is what was to be expected of the lists shown.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import rehearsal_chart  # noqa: E402
from shop_days import MODEL_SHOWS, Choose, DailyTraffic, Requests  # noqa: E402
from shop_world import DAY_MS, LENGTH, START_MS, Size  # noqa: E402

from components.declaration.experiment import Experiment  # noqa: E402
from components.experiment import outcome, run_outcome  # noqa: E402
from components.experiment.assignment import assign_users, hold_out_users  # noqa: E402
from components.experiment.decision_words import format_share  # noqa: E402
from components.experiment.plan import project_variance  # noqa: E402
from components.registry.experiment_push import begin_state, move_state  # noqa: E402
from components.registry.experiment_state import State  # noqa: E402

WARM_UP, DAY = 8, 86_400
RULES_VERSION, MODEL_VERSION = 1, 2
DECLARED = Experiment("click", ramp=(0.2, 1.0), days=14, min_users=20)
# (traffic, users [n], how often one item followed another [I, I], what is on sale [I]) -> lists [n, L].
Rank = Callable[[DailyTraffic, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Day:
    """One day of a future.

    Attributes:
      day: counted from the launch.
      requests, clicks: what happened.
      true, best: expected clicks per request of what was shown, and of the best there is.
      treated: the share of the users that get the model.
      verdict: what the experiment says; "" without one.
    """

    day: int
    requests: int
    clicks: int
    true: float
    best: float
    treated: float
    verdict: str = ""


@dataclasses.dataclass(frozen=True)
class Future:
    """A future: its days, how its experiment ended ("" without one), and the gain that was read, with its range."""

    name: str
    days: tuple[Day, ...]
    ending: str = ""
    gain: tuple[float, float, float] | None = None
    true_gain: float | None = None

    @property
    def clicks(self) -> int:
        """All clicks from the launch on."""
        return sum(day.clicks for day in self.days)


def rank_counted(traffic: DailyTraffic, user: np.ndarray, followed: np.ndarray, sale: np.ndarray) -> np.ndarray:
    """Ranks what followed the user's last items most often, per popularity, then popular items: [n, L] int64."""
    popular = followed.sum(axis=0)
    scores = traffic.profile(user) @ (followed / np.sqrt(popular + 5)) + 1e-3 * popular / (popular.max() + 1)
    return _top(traffic, user, scores, sale)


def rank_inverted(traffic: DailyTraffic, user: np.ndarray, followed: np.ndarray, sale: np.ndarray) -> np.ndarray:
    """Ranks the items that hardly anybody took: [n, L] int64."""
    return _top(traffic, user, np.broadcast_to(-followed.sum(axis=0), (len(user), len(followed))), sale)


def _top(traffic: DailyTraffic, user: np.ndarray, scores: np.ndarray, sale: np.ndarray) -> np.ndarray:
    """Returns the best items that are on sale and that the user did not act on: [n, L] int64."""
    hidden = traffic.find_acted(user) | ~sale
    return np.argsort(np.where(hidden, -np.inf, scores), axis=1, kind="stable")[:, : -LENGTH - 1 : -1]


MODELS: dict[str, Rank | None] = {"counted": rank_counted, "inverted": rank_inverted, "rules": None}


def play_future(size: Size, name: str, model: Rank | None) -> Future:
    """Plays one future: "never", "at once" or "by the ramp"."""
    traffic = DailyTraffic(size)
    users = [f"u{number}" for number in range(size.users)]
    log = [traffic.play_day(day) for day in range(WARM_UP)]
    state = _begin(size, users, log) if name == "by the ramp" else None
    frozen, ending, last, tried = traffic.followed.copy(), "", None, WARM_UP
    days: list[Day] = []
    for day in range(WARM_UP, size.days):
        treated = _find_treated(name, state, users)
        running = state is not None and state.phase == "ramp"
        followed = frozen if running else traffic.followed.copy()
        traffic.choose = None if model is None else _chooser(traffic, model, treated, followed, day)
        log.append(traffic.play_day(day))
        verdict = ""
        if state is not None and running:
            last = outcome.assess(_read(log, users, state), state, DECLARED)
            verdict, moved = last.decision.kind, move_state(state, last.decision.kind, last.looks, _midnight(day + 1))
            if verdict in ("harm", "won", "ended", "void"):
                ending = verdict
            state, tried = moved, len(log)
        days.append(_describe(log[-1], day - WARM_UP, float(treated.mean()), verdict))
    if last is None or last.objective.gain is None:
        return Future(name, tuple(days), ending)
    gain = last.objective.gain
    return Future(
        name, tuple(days), ending, (gain.relative, *gain.bounds(last.objective.deviations)), _true_gain(log[:tried])
    )


def _midnight(day: int) -> int:
    return (START_MS + day * DAY_MS) // 1000


def _begin(size: Size, users: Sequence[str], log: Sequence[Requests]) -> State:
    """Begins the experiment as a run does, planned from the days before."""
    begin = {"launch": "rehearsal", "ramp": DECLARED.ramp, "days": DECLARED.days, "holdout": DECLARED.holdout}
    state = begin_state(begin | {"planned_variance": 1.0}, RULES_VERSION, MODEL_VERSION, _midnight(WARM_UP))
    state = dataclasses.replace(state, id=f"rehearsal-{size.seed}")
    rows = run_outcome.plan_experiment(_read(log, users, state), DECLARED)
    return dataclasses.replace(state, planned_variance=project_variance(rows, DECLARED.days))


def _find_treated(name: str, state: State | None, users: Sequence[str]) -> np.ndarray:
    """[users] bool, who gets the model."""
    if name == "at once":
        return np.ones(len(users), bool)
    if state is None:
        return np.zeros(len(users), bool)
    if state.phase == "holdout":
        return ~hold_out_users(state.launch, state.holdout, users)
    return assign_users(state.id, state.share, users) == 1


def _chooser(traffic: DailyTraffic, model: Rank, treated: np.ndarray, followed: np.ndarray, day: int) -> Choose:
    """Returns the hook of a day: who gets the model, and the lists of what is on sale that day."""
    sale = traffic.on_sale(START_MS + day * DAY_MS)

    def choose(world: DailyTraffic, user: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return treated[user], model(world, user, followed, sale)

    return choose


def _read(log: Sequence[Requests], users: Sequence[str], state: State) -> outcome.Traffic:
    """Returns the log as the step Outcome reads it."""
    user, time, policy, clicks = (
        np.concatenate([getattr(day, name) for day in log]) for name in ("user", "time", "policy", "clicks")
    )
    version = np.where(policy == MODEL_SHOWS, state.treatment, state.control).astype(np.int64)
    return outcome.Traffic(users, user.astype(np.int64), time.astype(np.int64), {"click": clicks}, version)


def _describe(requests: Requests, day: int, treated: float, verdict: str) -> Day:
    count = len(requests.user)
    true, best = (float(part.mean()) if count else 0.0 for part in (requests.value, requests.best))
    return Day(day, count, int(requests.clicks.sum()), true, best, treated, verdict)


def _true_gain(log: Sequence[Requests]) -> float | None:
    """Returns the relative gain in expected clicks of the model over the rules on the same days."""
    days = [day for day in log if len(set(day.policy.tolist())) == 2]
    if not days:
        return None
    values = [np.concatenate([day.value[day.policy == policy] for day in days]).mean() for policy in (0, 1)]
    return float(values[1] / values[0] - 1)


def render(futures: Sequence[Future]) -> str:
    """Returns the table, a line per day, and its summary."""
    lines = ["day   " + "".join(f"{future.name:>14}" for future in futures) + f"{'best':>8}   the experiment"]
    for rows in zip(*(future.days for future in futures), strict=True):
        cells = "".join(f"{row.true:>8.2f} {100 * row.treated:>4.0f}%" for row in rows)
        lines.append(f"{rows[0].day + 1:>3}   {cells}{rows[0].best:>8.2f}   {rows[-1].verdict}")
    lines.append("clicks" + "".join(f"{future.clicks:>14,}" for future in futures))
    ramp = futures[-1]
    if ramp.gain is not None:
        point, low, high = map(format_share, ramp.gain)
        truth = "" if ramp.true_gain is None else f", true {format_share(ramp.true_gain)}"
        lines.append(f"the experiment: {ramp.ending or 'still runs'}, clicks {point} (range {low} to {high}{truth})")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python data/rehearsal.py", description=__doc__)
    parser.add_argument("--model", choices=MODELS, default="counted", help="what is launched (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a smaller world: seconds instead of a minute")
    parser.add_argument("--seed", type=int, default=7, help="of the world (default: %(default)s)")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw the days to a file: .svg or .png")
    options = parser.parse_args(arguments)
    size = (
        Size(50_000, 2_500, 400, 30, options.seed) if options.quick else Size(150_000, 6_000, 1_000, 38, options.seed)
    )
    names = ("never", "at once", "by the ramp")
    futures = [play_future(size, name, MODELS[options.model]) for name in names]
    print(render(futures))
    if options.chart:
        rehearsal_chart.draw(futures, options.chart)
    return 0


if __name__ == "__main__":
    sys.exit(main())
