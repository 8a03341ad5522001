"""Our rules and model beside what else could be done with the same log, on the same questions: `make bench-quality`.

    make bench-quality ARGS="--data ml-100k"                       MovieLens 100K: a folder with ml-100k.inter and ml-100k.item
    make bench-quality ARGS="--launch shop --data runs/sample"     any launch, with the folder of its log and catalogue

Every fit runs in a process of its own, forked after the log was read: its CPU-seconds (all threads) are those of the
fit alone, its MB what its memory grew by at the peak, fit and answers together. Ranks are exact, over all active items,
by the pipeline's own code. Rivals with settings are tuned on the training's last tenth before (not counted in their
CPU-seconds; our model's own choices are counted). The figures are means over the seeds.
"""

import argparse
import importlib.util
import multiprocessing
import resource
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fakes")]

import bench_protocols as protocols  # noqa: E402
import bench_rivals as rivals  # noqa: E402

from components.metrics import rank_metrics  # noqa: E402
from pipeline import launches  # noqa: E402

NEED_IMPLICIT = ("iALS", "item-kNN")
OURS, TUTORIAL = "our model", "TFRS tutorial"
NAMES = (OURS, *rivals.GRIDS, TUTORIAL)
SHOWN = {
    "recall@10": "R@10",
    "recall@20": "R@20",
    "recall@50": "R@50",
    "ndcg@10": "NDCG@10",
    "mrr": "MRR",
    "coverage": "coverage",
}


class OurModel:
    """What the step Trainer trains, without the export; the fits of its choices included."""

    def fit(self, problem):
        from components.models import training

        self.recommender, choice, _ = training.chosen_and_trained(problem.data)
        self.length, self.passes = problem.data.launch.model.history, choice.passes

    def score(self, asked, batch):
        import tensorflow as tf

        return self.recommender.scores(tf.constant(asked.last(batch, self.length), tf.int32), {}).numpy()


def contender(name, problem):
    """An unfitted contender, its settings chosen on the validation part."""
    if name == OURS:
        return OurModel()
    if name == TUTORIAL:
        from bench_tutorial import Tutorial

        return Tutorial()
    return rivals.tuned(name, problem)


def choose(name, problem, pipe):
    """Sends the contender with the settings that are best on the validation part."""
    pipe.send(contender(name, problem))


def measure(own, problem, pipe):
    """Fits a contender in this process and sends what it reached: protocol to rank_metrics, all with the costs."""
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
    own.fit(problem)
    seconds = time.process_time() - began
    ids, tables = problem.data.items.ids[problem.candidates], {}
    for protocol, asked in problem.asked.items():
        found = protocols.answers(own.score, asked, ids)
        tables[protocol] = rank_metrics.table(found.ranks) | {
            "coverage": rank_metrics.coverage(found.recommended, len(ids))
        }
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used.ru_maxrss) / 1024
    events = len(problem.data.events) * getattr(own, "passes", 1)
    costs = {"CPU-s": seconds, "events/CPU-s": events / seconds, "MB": grown}
    pipe.send({protocol: table | costs for protocol, table in tables.items()})


def forked(task, subject, problem):
    """What a task sends from a child of this process, whose memory and CPU-seconds are its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=task, args=(subject, problem, theirs))
    child.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        raise SystemExit(f"{subject} died; what it said stands above.") from None
    finally:
        child.join()


def show(results):
    """Prints a table per protocol: results[protocol][name] is a list of rank_metrics, one per seed."""
    for protocol, named in results.items():
        asked = next(iter(named.values()))[0]["queries"]
        print(
            f"\n{protocol + f' ({asked:,} queries)':<32}"
            + "".join(f"{text:>9}" for text in SHOWN.values())
            + "    CPU-s  events/CPU-s     MB"
        )
        for name, runs in named.items():
            mean = {key: np.mean([run[key] for run in runs]) for key in runs[0]}
            quality = "".join(f"{mean[key]:9.4f}" for key in SHOWN)
            print(f"{name:<32}{quality}{mean['CPU-s']:9.2f}{mean['events/CPU-s']:14,.0f}{mean['MB']:7.0f}")


def possible(names):
    """The contenders that can be had here; says which cannot."""
    if importlib.util.find_spec("implicit"):
        return list(names)
    print(
        f"{' and '.join(NEED_IMPLICIT)} are left out: they need the package implicit (`uv sync --frozen --group bench`).",
        flush=True,
    )
    return [name for name in names if name not in NEED_IMPLICIT]


def parsed(arguments):
    parser = argparse.ArgumentParser(
        prog="make bench-quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="the folder of the log and the catalogue")
    parser.add_argument(
        "--launch", default="movielens", help="the declaration that says what the columns are (default: %(default)s)"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="default: 1 2 3")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=NAMES,
        default=NAMES,
        metavar="NAME",
        help="some of: " + "; ".join(NAMES).replace("%", "%%"),
    )
    parser.add_argument(
        "--protocols", nargs="+", choices=("leave-one-out", "temporal"), default=("leave-one-out", "temporal")
    )
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parsed(arguments)
    declared, folder = launches.load(options.launch), protocols.folder_of(options.data)
    names = possible(options.only)
    made = {"leave-one-out": protocols.leave_one_out, "temporal": protocols.temporal}
    events, catalogue = protocols.read_events(declared, folder), protocols.read_catalogue(declared, folder)
    print(f"{len(events):,} positive events; {len(names)} contenders, seeds {options.seeds}", flush=True)
    results, began = {}, time.monotonic()
    for seed in options.seeds:
        for kind in options.protocols:
            problem = made[kind](protocols.plain(declared, seed), events, catalogue)
            for name in names:
                tables = forked(measure, forked(choose, name, problem), problem)
                for protocol, table in tables.items():
                    results.setdefault(protocol, {}).setdefault(name, []).append(table)
                first = next(iter(tables.values()))
                print(
                    f"{time.monotonic() - began:6.0f} s  seed {seed}, {kind}: {name}: R@10 {first['recall@10']:.4f}",
                    file=sys.stderr,
                    flush=True,
                )
    show(results)


if __name__ == "__main__":
    main()
