"""Our rules and model compared with other methods on the same log and the same queries: `make bench-quality`.

    make bench-quality ARGS="--data log.csv"                       any log with a user, an item and a time column: a file, or a folder with one
    make bench-quality ARGS="--data ml-100k --launch movielens"    MovieLens 100K: a folder with ml-100k.inter and ml-100k.item
    make bench-quality ARGS="--data runs/sample --launch shop"     any launch, with the folder of its log and catalogue

Every fit runs in a process of its own, forked after the log was read: its CPU-seconds (all threads) are those of the
fit alone, its MB what its memory grew by at the peak, fit and answers together. Ranks are exact, over all active items,
by the pipeline's own code; ties have the middle of their ranks. "part" rows are the parts of our model's score, each
alone, ties broken by popularity; "rule" rows are the declared rules with their fallbacks; "oracle" knows the truth
behind a log of `make sample ARGS="--form sparse"` or `dense`: about the ceiling. Rivals with settings are
tuned on the training's last tenth before (not counted in their CPU-seconds; our model's own choices are counted). The
figures are means over the seeds; SE is the standard error of R@10 for the questions of one seed.
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
from bench_oracle import Oracle, truth_of  # noqa: E402

from components.metrics import rank_metrics  # noqa: E402
from pipeline import launches  # noqa: E402

NEED_IMPLICIT = ("iALS", "item-kNN")
OURS, WITHOUT_AGES, TUTORIAL, ORACLE = "our model", "our model, not told ages", "TFRS tutorial", "oracle"
RULES = ("popularity", "recent_popularity", "covisitation")
RULE = "rule "
NOT_REFITTED = "our model, not refitted"
NAMES = (OURS, *(RULE + name for name in RULES), *rivals.GRIDS, TUTORIAL, ORACLE)
SHOWN = {
    "recall@10": "R@10",
    "recall@20": "R@20",
    "recall@50": "R@50",
    "ndcg@10": "NDCG@10",
    "mrr": "MRR",
    "coverage": "coverage",
    "SE": "SE",
}


class OurModel:
    """What the step Trainer trains, without the export; the fits of its choices included."""

    def fit(self, problem):
        from components.models import training

        self.recommender, choice, _ = training.chosen_and_trained(problem.data)
        self.length, self.passes = problem.data.launch.model.history, choice.passes

    def score(self, asked, batch):
        import tensorflow as tf

        history, ages = asked.queries.history[batch], asked.queries.ages[batch]
        history = tf.constant(history.tolist(), tf.string, history.shape)
        return self.recommender.score_with_ages(tf.fill([len(ages)], ""), history, tf.constant(ages))["scores"].numpy()

    def alone(self):
        """What else is asked of the fitted model: its name, and a contender that needs no fit."""
        from components.models.retrieval.score_parts import STRONG

        names = enumerate(self.recommender.parts.names)
        parts = [("part " + name, OnePart(self, place)) for place, name in names if STRONG not in name]
        return [(WITHOUT_AGES, WithoutAges(self)), *parts]


class NotRefitted(OurModel):
    """Our model as it is pushed without `Promotion.refit`: it has not learnt from the newest tenth, which judged it."""

    def fit(self, problem):
        super().fit(protocols.validation(problem))

    def alone(self):
        return []


class WithoutAges:
    """The fitted model, asked as a caller does who does not say how old the history is."""

    def __init__(self, ours):
        self.ours = ours

    def score(self, asked, batch):
        import tensorflow as tf

        return self.ours.recommender.scores(tf.constant(asked.last(batch, self.ours.length), tf.int32), {}).numpy()


class OnePart:
    """One part of a fitted model's score, ties broken by popularity."""

    def __init__(self, ours, place):
        names = ours.recommender.parts.names
        self.ours, self.weights = ours, np.array([{"recent": 1e-3, "popular": 1e-5}.get(name, 0.0) for name in names])
        self.weights[place] += 1.0

    def score(self, asked, batch):
        import tensorflow as tf

        history = tf.constant(asked.last(batch, self.ours.length), tf.int32)
        return self.ours.recommender.weighted_scores(history, {}, self.weights).numpy()


class OneRule:
    """A declared rule and its fallbacks, counted as the step Rules does."""

    def __init__(self, name):
        self.name = name

    def fit(self, problem):
        from components.rules import event_counts
        from components.rules.rule_scores import RuleScores

        names = (self.name, *problem.data.launch.rules.fallback_order)
        rules = event_counts.count_events(problem.data, np.ones(len(problem.data.events), bool), names)
        self.order, self.scores = tuple(dict.fromkeys(names)), RuleScores(rules, problem.data.items)
        self.length = problem.data.launch.model.history

    def score(self, asked, batch):
        import tensorflow as tf

        scores = self.scores(self.order, tf.constant(asked.last(batch, self.length), tf.int32), {})
        return np.broadcast_to(scores, (len(asked.history[batch]), scores.shape[1]))


def contender(name, folder, problem):
    """An unfitted contender, its settings chosen on the validation part."""
    if name == ORACLE:
        return Oracle(truth_of(folder))
    if name in (OURS, NOT_REFITTED):
        return OurModel() if name == OURS else NotRefitted()
    if name == TUTORIAL:
        from bench_tutorial import Tutorial

        return Tutorial()
    return OneRule(name.removeprefix(RULE)) if name.startswith(RULE) else rivals.tuned(name, problem)


def choose(name, folder, problem, pipe):
    """Sends the contender with the settings that are best on the validation part."""
    pipe.send(contender(name, folder, problem))


def measure(name, own, problem, pipe):
    """Fits a contender in this process and sends what it reached: name to protocol to metrics and costs, its parts' too."""
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
    own.fit(problem)
    seconds = time.process_time() - began
    tables = {name: reached(own, problem)}
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used.ru_maxrss) / 1024
    events = len(problem.data.events) * getattr(own, "passes", 1)
    costs = {"CPU-s": seconds, "events/CPU-s": events / max(seconds, 1e-9), "MB": grown}
    tables[name] = {protocol: table | costs for protocol, table in tables[name].items()}
    nothing = dict.fromkeys(costs, 0.0)
    for part, alone in own.alone() if hasattr(own, "alone") else ():
        tables[part] = {protocol: table | nothing for protocol, table in reached(alone, problem).items()}
    pipe.send(tables)


def reached(fitted, problem):
    """Protocol to the metrics of a fitted contender."""
    ids, tables = problem.data.items.ids[problem.candidates], {}
    for protocol, protocol_queries in problem.by_protocol.items():
        answered = protocols.answers(fitted.score, protocol_queries, ids)
        recall = float((answered.ranks <= protocols.RECOMMENDED).mean())
        tables[protocol] = rank_metrics.table(answered.ranks) | {
            "coverage": rank_metrics.coverage(answered.recommended, len(ids)),
            "SE": (recall * (1 - recall) / max(len(answered.ranks), 1)) ** 0.5,
        }
    return tables


def forked(task, name, subject, problem):
    """What a task sends from a child of this process, whose memory and CPU-seconds are its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=task, args=(name, subject, problem, theirs))
    child.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        raise SystemExit(f"{name} died; what it said stands above.") from None
    finally:
        child.join()


def show(results):
    """Prints a table per protocol: results[protocol][name] is a list of rank_metrics, one per seed."""
    for protocol, named in results.items():
        count = next(iter(named.values()))[0]["queries"]
        print(
            f"\n{protocol + f' ({count:,} queries)':<32}"
            + "".join(f"{text:>9}" for text in SHOWN.values())
            + "    CPU-s  events/CPU-s     MB"
        )
        for name, runs in named.items():
            mean = {key: np.mean([run[key] for run in runs]) for key in runs[0]}
            quality = "".join(f"{mean[key]:9.4f}" for key in SHOWN)
            print(f"{name:<32}{quality}{mean['CPU-s']:9.2f}{mean['events/CPU-s']:14,.0f}{mean['MB']:7.0f}")


def possible(names, folder):
    """The contenders that can be had here; says which cannot."""
    if ORACLE in names and truth_of(folder) is None:
        print(
            f"{ORACLE} is left out: {folder} has no truth/truth.npz of a log of the forms sparse and dense.", flush=True
        )
        names = [name for name in names if name != ORACLE]
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
    parser.add_argument("--data", required=True, help="the log, or the folder of the log and the catalogue")
    parser.add_argument(
        "--launch", help="the declaration that says what the columns are (default: by the names of the columns)"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="default: 1 2 3")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=(*NAMES, NOT_REFITTED),
        default=NAMES,
        metavar="NAME",
        help=f"some of: {'; '.join(NAMES).replace('%', '%%')} (the default: all of these); {NOT_REFITTED}",
    )
    parser.add_argument(
        "--queries", type=int, default=10_000, help="of each protocol at most, a random sample (default: 10000)"
    )
    parser.add_argument(
        "--protocols", nargs="+", choices=("leave-one-out", "temporal"), default=("leave-one-out", "temporal")
    )
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parsed(arguments)
    declared = launches.load(options.launch) if options.launch else protocols.by_column_names(options.data)
    folder = protocols.folder_of(options.data)
    names = possible(options.only, folder)
    made = {"leave-one-out": protocols.leave_one_out, "temporal": protocols.temporal}
    events, catalogue = protocols.read_events(declared, folder), protocols.read_catalogue(declared, folder)
    print(f"{len(events):,} positive events; {len(names)} contenders, seeds {options.seeds}", flush=True)
    results, began = {}, time.monotonic()
    for seed in options.seeds:
        for kind in options.protocols:
            problem = made[kind](protocols.plain(declared, seed), events, catalogue)
            problem = protocols.limited(problem, options.queries, seed)
            for name in names:
                measured_tables = forked(measure, name, forked(choose, name, folder, problem), problem)
                for row, tables in measured_tables.items():
                    for protocol, table in tables.items():
                        results.setdefault(protocol, {}).setdefault(row, []).append(table)
                first = next(iter(measured_tables[name].values()))
                print(
                    f"{time.monotonic() - began:6.0f} s  seed {seed}, {kind}: {name}: R@10 {first['recall@10']:.4f}",
                    file=sys.stderr,
                    flush=True,
                )
    show(results)


if __name__ == "__main__":
    main()
