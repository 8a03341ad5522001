"""Measures the evaluation: `make bench-evaluation`, options by ARGS="--help".

First ranks by counting beside `tfrs.metrics.FactorizedTopK`, as the tutorials of TensorFlow Recommenders use it (candidates in batches of
128, the default k): the same random vectors, queries per CPU-second; "with lists" also finds the ten best items, of which coverage, novelty
and popularity lift come and which FactorizedTopK does not give. Then what the step RetrievalEvaluator does, on generated logs of several sizes: rules
and a model of one epoch, CPU-seconds and peak memory, in a process of its own.
"""

import argparse
import dataclasses
import functools
import json
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402 (the folders to look in come first)

DIM, K = 32, 10
QUERIES = {1_000: 20_000, 20_000: 8_000, 200_000: 2_000}


def cpu(work):
    """CPU-seconds of a call, after one that warms up."""
    work()
    began = time.process_time()
    work()
    return time.process_time() - began


def counted(query, item, target, lists=0):
    """Ranks of all queries, and so many of the best items, by the functions that the evaluation uses."""
    import tensorflow as tf

    from components.evaluation import queries

    count, ids = len(query), np.array([b"%d" % row for row in range(len(item))], object)
    rows, none, vectors = np.arange(count), np.zeros(0, np.int64), tf.constant(item)
    asked = queries.Queries(rows, rows, rows[:, None], ids[target], rows, {}, none, ids[none], 0)
    return queries.ask(lambda known: np.asarray(tf.matmul(query[known.history[:, 0]], vectors, transpose_b=True)), ids, asked, recommended=lists)


def tutorial(query, item, target):
    """Recall@10 by FactorizedTopK."""
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    metric = tfrs.metrics.FactorizedTopK(candidates=tf.data.Dataset.from_tensor_slices(item).batch(128))
    for start in range(0, len(query), 1024):
        batch = slice(start, start + 1024)
        metric.update_state(tf.constant(query[batch]), tf.constant(item[target[batch]]))
    return {metric.name: float(metric.result()) for metric in metric.metrics}[f"factorized_top_k/top_{K}_categorical_accuracy"]


def against_the_tutorial(sizes):
    names = ("items", "queries", "counting", "with lists", "FactorizedTopK", "ratio", "recall@10", "and theirs")
    print("queries per CPU-s\n" + "".join(f"{name:>15}" for name in names), flush=True)
    for size in sizes:
        rng = np.random.default_rng(size)
        item, target = rng.normal(size=(size, DIM)).astype(np.float32), rng.integers(size, size=QUERIES[size])
        # Near the item that is asked for, so that some are hit and some are not.
        query = (0.5 * rng.normal(size=(len(target), DIM)) + 0.4 * item[target]).astype(np.float32)
        few = query[: max(len(query) // 20, 100)], item, target[: max(len(query) // 20, 100)]
        ours, lists = (len(query) / cpu(functools.partial(counted, query, item, target, best)) for best in (0, K))
        theirs = len(few[0]) / cpu(functools.partial(tutorial, *few))
        recalls = float((counted(*few).ranks <= K).mean()), tutorial(*few)
        speeds = f"{size:>15,}{len(query):>15,}{ours:>15,.0f}{lists:>15,.0f}{theirs:>15,.0f}"
        print(speeds + f"{ours / theirs:>13.1f} x" + "".join(f"{recall:>15.3f}" for recall in recalls), flush=True)


def prepare(folder, events):
    """A generated log, and the rules and a model made from it, saved to the folder."""
    import pyarrow.parquet as pq
    import toy_shop

    from components.features import item_table
    from components.features.event_table import MISSING_INT, EventTable
    from components.features.training_data import TrainingData
    from components.models import export
    from components.models import training as model_training
    from components.rules import training as rules_training
    from pipeline import launches

    subprocess.run([sys.executable, ROOT / "data" / "generate.py", "--events", str(events), "--out", folder], check=True, capture_output=True)
    rows = pq.read_table(folder / "events.parquet", columns=["user_id", "item_id", "timestamp", "event"])
    shop = launches.load("shop")
    log = dataclasses.replace(shop.log, impression=None, request=None, context=())
    launch = dataclasses.replace(shop, log=log, catalogue=None, model=dataclasses.replace(shop.model, epochs=1))
    names = [np.array([value.encode() for value in rows[name].to_pylist()], object) for name in ("user_id", "item_id")]
    moment = rows["timestamp"].to_numpy() * 1000
    late = moment >= np.sort(moment)[int(0.9 * len(moment))]
    positive = np.isin(np.array(rows["event"].to_pylist()), launch.positive_events)
    table = EventTable(*names, moment, positive, np.full(len(moment), MISSING_INT), {}, {}, late)
    early = table.rows(~late)
    data = TrainingData(launch, early, item_table.build(None, {}, early.item), toy_shop.transform())
    served = rules_training.counted(data, np.ones(len(early), bool), "covisitation")
    export.save(served, str(folder / "rules"), {"kind": "rules", "rule": "covisitation"})
    export.save(model_training.trained(data), str(folder / "model"), {"kind": "model"})
    (folder / "log.pickle").write_bytes(pickle.dumps((launch, table)))


def measure(folder):
    """Runs the comparison; prints what it took as JSON."""
    from components.evaluation import comparison

    launch, table = pickle.loads((folder / "log.pickle").read_bytes())
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    found = comparison.compare(launch, table, str(folder / "model"), str(folder / "rules"), "")
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began
    seconds = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    figures = {"cpu": seconds, "wall": wall, "start": used.ru_maxrss / 1024, "peak": after.ru_maxrss / 1024, "queries": found["queries"]}
    items = len(set(table.item[table.positive & ~table.late].tolist()))
    print(json.dumps(figures | {"items": items, "slices": len(found["slices"]["tables"])}))


def of_a_run(events):
    print("\nfour contenders, twice each")
    print(f"{'events':>11} {'queries':>9} {'items':>7} {'slices':>7} {'CPU-s':>8} {'wall s':>8} {'start MB':>9} {'peak MB':>8}", flush=True)
    for count in events:
        with tempfile.TemporaryDirectory() as name:
            for part in ("prepare", "measure"):
                command = [sys.executable, __file__, f"--{part}", name, "--events", str(count)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
            figures = json.loads(done.stdout.strip().splitlines()[-1])
            sizes = f"{count:>11,} {figures['queries']:>9,} {figures['items']:>7,} {figures['slices']:>7}"
            print(f"{sizes} {figures['cpu']:>8.1f} {figures['wall']:>8.1f} {figures['start']:>9.0f} {figures['peak']:>8.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, nargs="*", default=list(QUERIES), choices=list(QUERIES), help="catalogues to rank (default: all three)")
    parser.add_argument("--events", type=int, nargs="*", default=[100_000, 1_000_000], help="logs to evaluate on (default: 100000 1000000)")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepare(options.prepare, *options.events)
    elif options.measure:
        measure(options.measure)
    else:
        against_the_tutorial(options.items)
        of_a_run(options.events)


if __name__ == "__main__":
    main()
