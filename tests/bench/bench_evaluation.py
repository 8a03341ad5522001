"""Measures how fast the evaluation ranks: `make bench-evaluation`, options by ARGS="--help".

Ranks by counting compared with `tfrs.metrics.FactorizedTopK`, as the tutorials of TensorFlow Recommenders use it (candidates
in batches of 128, the default k): the same random vectors, queries per CPU-second, the median of several measurements
that take turns. "with lists" also finds the ten best items, of which coverage, novelty and popularity lift come and
which FactorizedTopK does not give. "exact" is the share of a hundred of the queries whose rank is that of a sort in
float64; scores that differ by less than float32 can tell may swap ranks. What the complete step takes on logs of
several sizes is measured by `make bench-scale`.
"""

import argparse
import functools
import os
import sys
import time
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 (the folders to look in come first)

DIM, K = 32, 10
QUERIES = {1_000: 20_000, 20_000: 8_000, 200_000: 2_000}


def cpu(works, repeats):
    """The median CPU-seconds of each work, one after the other in turn, after a round that warms up."""
    durations = [[] for _ in works]
    for _ in range(repeats + 1):
        for seconds, work in zip(durations, works, strict=True):
            began = time.process_time()
            work()
            seconds.append(time.process_time() - began)
    return [float(np.median(seconds[1:])) for seconds in durations]


def counted(query, item, target, lists=0):
    """Ranks of all queries, and the best items, by the functions that the evaluation uses."""
    import tensorflow as tf

    from components.metrics import queries

    count, ids = len(query), np.array([b"%d" % row for row in range(len(item))], object)
    rows, none, vectors = np.arange(count), np.zeros(0, np.int64), tf.constant(item)
    batch_queries = queries.Queries(rows, rows, rows[:, None], ids[target], rows, {}, none, ids[none], 0)
    return queries.ask(
        lambda known: np.asarray(tf.matmul(query[known.history[:, 0]], vectors, transpose_b=True)),
        ids,
        batch_queries,
        recommended=lists,
    )


def tutorial(query, item, target):
    """Recall@10 by FactorizedTopK."""
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    metric = tfrs.metrics.FactorizedTopK(candidates=tf.data.Dataset.from_tensor_slices(item).batch(128))
    for start in range(0, len(query), 1024):
        batch = slice(start, start + 1024)
        metric.update_state(tf.constant(query[batch]), tf.constant(item[target[batch]]))
    return {metric.name: float(metric.result()) for metric in metric.metrics}[
        f"factorized_top_k/top_{K}_categorical_accuracy"
    ]


def exact(query, item, target):
    """Ranks by a sort of float64 scores, [q]: the middle rank of all items that score like the target."""
    ranks = np.empty(len(query))
    for row, scores in enumerate(query.astype(np.float64) @ item.astype(np.float64).T):
        order, target_score = np.sort(-scores), -scores[target[row]]
        ranks[row] = (np.searchsorted(order, target_score) + 1 + np.searchsorted(order, target_score, side="right")) / 2
    return ranks


def against_the_tutorial(sizes, repeats):
    names = (
        "items",
        "queries",
        "counting",
        "with lists",
        "FactorizedTopK",
        "ratio",
        "recall@10",
        "and theirs",
        "exact",
    )
    print(f"queries per CPU-s, median of {repeats}\n" + "".join(f"{name:>15}" for name in names), flush=True)
    for size in sizes:
        rng = np.random.default_rng(size)
        item, target = rng.normal(size=(size, DIM)).astype(np.float32), rng.integers(size, size=QUERIES[size])
        # Near the target, so that some are hit and some are not.
        query = (0.5 * rng.normal(size=(len(target), DIM)) + 0.4 * item[target]).astype(np.float32)
        few = query[: max(len(query) // 20, 100)], item, target[: max(len(query) // 20, 100)]
        works = [functools.partial(counted, query, item, target, best) for best in (0, K)] + [
            functools.partial(tutorial, *few)
        ]
        ours, lists, theirs = (
            count / seconds
            for count, seconds in zip((len(query), len(query), len(few[0])), cpu(works, repeats), strict=True)
        )
        ranks = counted(*few).ranks
        agreed = float((ranks[:100] == exact(few[0][:100], item, few[2][:100])).mean())
        speeds = f"{size:>15,}{len(query):>15,}{ours:>15,.0f}{lists:>15,.0f}{theirs:>15,.0f}"
        print(
            speeds + f"{ours / theirs:>13.1f} x{(ranks <= K).mean():>15.3f}{tutorial(*few):>15.3f}{agreed:>15.0%}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--items",
        type=int,
        nargs="*",
        default=list(QUERIES),
        choices=list(QUERIES),
        help="catalogues to rank (default: all three)",
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="measurements, of which the median is shown (default: 3)"
    )
    options = parser.parse_args()
    against_the_tutorial(options.items, options.repeats)


if __name__ == "__main__":
    main()
