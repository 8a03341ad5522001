"""The experiment's readings held against known truth, with the repetitions that a test has no time for (`make bench-launch`).

Each line is one claim: what was played, how often, the share seen, and the required share. Exit status 1 where one fails.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "components" / "experiment")]
sys.path[:0] = [str(Path(__file__).parents[1] / "fakes"), str(Path(__file__).parents[2] / "data")]

import rehearsal  # noqa: E402
from shop_world import Size  # noqa: E402
from simulated_experiment import World, play_launch, read_daily  # noqa: E402
from test_experiment_truth import DAYS, play_repeats  # noqa: E402

from components.declaration.experiment import Experiment  # noqa: E402
from components.experiment.assignment import split_users  # noqa: E402

DEFAULT = Experiment("click")
Claim = tuple[str, float, str, bool]


def claim_looks(repeats: int) -> Iterator[Claim]:
    """A/A and power over 14 daily looks of returning users."""
    sequential, naive = play_repeats(repeats)
    yield (
        f"A/A, {repeats} experiments x 14 looks: false alarms, group sequential",
        sequential,
        "<= .07",
        sequential <= 0.07,
    )
    yield "  the same, usual 95% interval at every look", naive, "> .07", naive > 0.07
    for cuped in (False, True):
        power, _ = play_repeats(repeats // 2, 2.8, cuped=cuped)
        name = f"power at 2.8 standard errors, {repeats // 2} experiments{', CUPED' if cuped else ''}"
        yield name, power, ">= .65", power >= 0.65


def claim_variance(repeats: int) -> Iterator[Claim]:
    """What CUPED keeps of the variance."""
    kept = []
    for seed in range(repeats):
        plain, cuped = (
            read_daily(World(seed, 1500), split_users(f"cuped-{seed}", World(seed, 1500).ids), 0.0, DAYS, way)[-1]
            for way in (False, True)
        )
        kept.append(cuped.variance / plain.variance)
    yield (
        f"CUPED: share of the variance kept, {repeats} worlds",
        float(np.mean(kept)),
        "< .9",
        bool(np.mean(kept) < 0.9),
    )


def play_all(seeds: int, effect: float, users: int, lost: Callable | None = None, growth: float = 0.0) -> list:
    """Returns what `play_launch` says of each seed."""
    return [
        play_launch(World(seed, users), DEFAULT, effect, f"launch-{100 * effect:.0f}-{seed}", growth, 20, lost)
        for seed in range(seeds)
    ]


def claim_launches(seeds: int, users: int) -> Iterator[Claim]:
    """Complete launches by the default ramp of 2%, 10% and 100%, a run a day."""
    same = np.mean([read.decision.kind == "won" for read, _, _ in play_all(seeds, 0.0, users)])
    yield f"model equals rules, {seeds} launches of {users:,} users: won", float(same), "<= .07", bool(same <= 0.07)
    good = play_all(seeds, 0.15, users, growth=0.03)
    won = np.mean([read.decision.kind == "won" for read, _, _ in good])
    yield f"model +15%, clicks growing 3% a day, {seeds} launches: won", float(won), ">= .90", bool(won >= 0.9)
    bounds = [read.objective.gain.bounds(read.objective.boundary) for read, _, _ in good]
    covered = np.mean([low < 0.15 < high for low, high in bounds])
    yield "  the true gain inside the reading's range", float(covered), ">= .90", bool(covered >= 0.9)
    bad = play_all(seeds, -0.5, users)
    back = np.mean([read.decision.kind == "harm" and treated < 0.12 for read, _, treated in bad])
    yield (
        f"inverted model, -50%, {seeds} launches: rolled back before 12% were treated",
        float(back),
        "= 1",
        bool(back == 1),
    )


def claim_void(seeds: int, users: int) -> Iterator[Claim]:
    """A tenth of the treated users lost on the way to the log."""

    def lose(arm: np.ndarray) -> np.ndarray:
        return (arm == 1) & (np.arange(len(arm)) % 10 == 0)

    void = np.mean([read.decision.kind == "void" for read, _, _ in play_all(seeds, 0.0, users, lose)])
    yield (
        f"10% of the treated users lost, {seeds} launches of {users:,} users: void",
        float(void),
        ">= .95",
        bool(void >= 0.95),
    )


def claim_rehearsals(seeds: int) -> Iterator[Claim]:
    """Launches in the sample's world, whose true values are known; see data/rehearsal.py."""
    good, same, bad = (
        [rehearsal.play_future(Size(50_000, 2_500, 400, 30, seed), "by the ramp", model) for seed in range(seeds)]
        for model in (rehearsal.rank_counted, None, rehearsal.rank_inverted)
    )
    won = np.mean([future.ending == "won" for future in good])
    yield f"rehearsal, {seeds} worlds, counted model: won", float(won), ">= .90", bool(won >= 0.9)
    read = [future for future in good if future.gain is not None and future.true_gain is not None]
    covered = np.mean([future.gain[1] < future.true_gain < future.gain[2] for future in read])
    yield "  its true gain inside the reading's range", float(covered), ">= .90", bool(covered >= 0.9)
    nothing = np.mean([future.ending != "won" for future in same])
    yield f"rehearsal, {seeds} worlds, model equals rules: not won", float(nothing), ">= .93", bool(nothing >= 0.93)
    back = np.mean([future.ending == "harm" for future in bad])
    yield f"rehearsal, {seeds} worlds, inverted model: rolled back", float(back), "= 1", bool(back == 1)


def main() -> int:
    """Prints the claims; returns 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions")
    share = 10 if parser.parse_args().quick else 1
    failed = 0
    groups = (
        lambda: claim_looks(600 // share),
        lambda: claim_variance(40 // share),
        lambda: claim_launches(40 // share, 20_000),
        lambda: claim_void(40 // share, 20_000),
        lambda: claim_rehearsals(40 // share),
    )
    for group in groups:
        began = time.process_time()
        for text, value, needed, holds in group():
            failed += not holds
            print(f"{'ok  ' if holds else 'FAIL'} {text}: {value:.3f} (needed {needed})", flush=True)
        print(f"     {time.process_time() - began:.0f} CPU-s", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
