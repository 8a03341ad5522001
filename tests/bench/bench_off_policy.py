"""Values of policies from logs of others, beside published ones: the Open Bandit sample. `make bench-off-policy`.

    make bench-off-policy ARGS="--data FOLDER"     seconds

FOLDER is `obp/dataset/obd` of the package obp 0.4.1 (10,000 rows of each log; `pip download obp --no-deps`, unzip).
In each campaign two policies showed items: a random one, and Bernoulli Thompson sampling (BTS). Of all rows of the full
data, BTS earned 1.31 times the clicks of the random policy for men and 1.33 times for women (Saito et al., "Open Bandit
Dataset and Pipeline", NeurIPS 2021). Each log here has some 50 clicks, so the ranges are wide; a line says the ratio
that the log of one policy gives for the other, or why none is said.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[2])]

from components.experiment.off_policy import Refusal, Rows, estimate_snips  # noqa: E402

PUBLISHED = {"men": 1.31, "women": 1.33}


def read_log(folder, policy, campaign):
    """(item, position from 0, click, propensity) of a log, [n] each."""
    file = folder / policy / campaign / f"{campaign}.csv"
    item, position, click, propensity = np.genfromtxt(file, delimiter=",", skip_header=1, usecols=(2, 3, 4, 5)).T
    return item.astype(int), position.astype(int) - 1, click, propensity


def find_ratio(bts, random):
    """The ratio of two estimates, and its 95% range."""
    ratio, error = bts.value / random.value, math.hypot(bts.error / bts.value, random.error / random.value)
    return ratio, ratio * math.exp(-1.96 * error), ratio * math.exp(1.96 * error)


def compare(folder, campaign):
    """Yields a line for each direction, and whether a range that is said holds the published ratio."""
    logs = {policy: read_log(folder, policy, campaign) for policy in ("random", "bts")}
    items = 1 + max(int(item.max()) for item, *_ in logs.values())
    shown = np.zeros((3, items))
    np.add.at(shown, (logs["bts"][1], logs["bts"][0]), 1.0)
    shown /= shown.sum(axis=1, keepdims=True)
    for policy, other in (("random", "bts"), ("bts", "random")):
        item, position, click, propensity = logs[policy]
        target = shown[position, item] if other == "bts" else np.full(len(item), 1 / items)
        itself = estimate_snips(Rows(np.arange(len(item)), position, propensity, propensity, click))
        estimate = estimate_snips(Rows(np.arange(len(item)), position, propensity, target, click))
        head = f"{campaign:<6} log of {policy:<7} value of {other:<7}"
        if isinstance(estimate, Refusal):
            yield f"{head} refused: {'; '.join(estimate.reasons)}", True
            continue
        pair = (estimate, itself) if other == "bts" else (itself, estimate)
        (ratio, low, high), published = find_ratio(*pair), PUBLISHED[campaign]
        text = f"{head} BTS over random {ratio:.2f} [{low:.2f}, {high:.2f}], published {published}, effective rows {estimate.effective:.0f}"
        yield text, low <= published <= high


def main():
    """Prints the lines; returns 1 where a range misses the published ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder obp/dataset/obd")
    folder, missed = parser.parse_args().data, 0
    for campaign in PUBLISHED:
        for text, holds in compare(folder, campaign):
            missed += not holds
            print(f"{'ok  ' if holds else 'FAIL'} {text}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
