"""What only a generated sample can show, as its truth is known: `make bench-sample`, options by ARGS="--help".

    make bench-sample                                     three samples of 100,000 events (about five minutes)
    make bench-sample ARGS="--seeds 1 --events 20000"

For each seed a sample is made and cut as ExampleGen does it, and models are trained as the step Trainer does: with the
declared catalogue, and with one that declares no features of its items. They and the rules are evaluated on every
first-time action of the eval part; "new" are those on an item that nobody acted on in training. The ranking head is
trained twice more on the model's towers, from the same random start, with the logged positions and without, and asked
about every impression of the eval part as `rank` answers: the rank correlation of P(click) with the relevance that the
generator knows, the area under the ROC curve, and the calibration error: the mean distance of the predicted and the
observed share over ten groups of equal size. Figures are means over the seeds, but where each seed's are shown.
"""

import argparse
import dataclasses
import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fakes")]

import numpy as np  # noqa: E402 (the folders to look in come first)

CUTS = (10, 20, 50)
GROUPS = 10
MODEL, BARE = "model", "model without item features"
WITH, WITHOUT = "with the position", "without"


def recalls(ranks, new):
    """The share of ranks within each cut: of all, and of those for new items."""
    return {
        (part, cut): float((ranks[mask] <= cut).mean())
        for part, mask in (("all", new | True), ("new", new))
        for cut in CUTS
    }


def retrieval(sample, recommenders):
    """The recalls of recommenders, and how many questions there are; `recommenders` is name to (model, its scores of a history and a context)."""
    import tensorflow as tf

    from components.declaration import slice_names
    from components.evaluation import slices
    from components.metrics import queries

    eval_queries = queries.rolling(sample.launch, sample.events, sample.events.late)
    new = slices.masks(sample.events, eval_queries).get(slice_names.NEW_ITEMS, np.zeros(len(eval_queries), bool))

    def ranks(model, scores):
        def score(known):
            context = {name: tf.constant(column) for name, column in known.context.items()}
            return scores(model.history_rows(tf.constant(known.history, tf.string)), context).numpy()

        return queries.ask(score, model.catalogue()["item_ids"].numpy(), eval_queries).ranks

    return {name: recalls(ranks(*one), new) for name, one in recommenders.items()}, {
        "all": len(new),
        "new": int(new.sum()),
    }


def rules(data):
    """Each declared rule, counted on all of the training part, as a recommender."""
    from components.rules import training

    counted = training.count_rules(data, np.ones(len(data.events), bool), data.launch.rules.names[0])
    return {
        name: (counted, lambda history, context, name=name: counted.rule_scores(name, history, context))
        for name in data.launch.rules.names
    }


def without_features(launch):
    """The same launch, whose catalogue says nothing of its items but which of them are active."""
    return dataclasses.replace(
        launch, catalogue=dataclasses.replace(launch.catalogue, categories=(), texts=(), numbers=())
    )


def without_positions(data):
    """The same events, shown nobody knows where."""
    return dataclasses.replace(data, events=dataclasses.replace(data.events, position=np.full(len(data.events), -1)))


def calibration_error(probability, label):
    """The mean over ten groups of equal size, by probability, of |mean probability - share of ones|."""
    groups = np.array_split(np.argsort(probability, kind="stable"), GROUPS)
    return float(np.mean([abs(probability[group].mean() - label[group].mean()) for group in groups]))


def area(probability, label):
    """The area under the ROC curve: how often a one has the larger probability than a zero."""
    from scipy import stats

    ones = int(label.sum())
    above = stats.rankdata(probability)[label == 1].sum() - ones * (ones + 1) / 2
    return float(above / max(ones * (len(label) - ones), 1))


def heads(sample, data, model, towers, choice):
    """The figures of the head that learns with the position and of the one that does not, on the eval part."""
    import tensorflow as tf

    from components.models.ranking import ranking_training
    from components.models.retrieval.context import RequestContext

    context = RequestContext(data.launch.log.context, data.transform).of_rows(sample.events.context)
    all_data = dataclasses.replace(data, events=sample.events)
    late = sample.events.late
    rows = np.flatnonzero(late & np.all([label >= 0 for label in sample.events.labels.values()], axis=0))
    batch, figures = ranking_training.examples(all_data, towers, context, rows), {}
    weights = choice.blend.weights
    batch["score"] = ranking_training.score_rows(all_data, model.parts, weights, batch["query"].numpy(), rows)
    for name, train_data in ((WITH, data), (WITHOUT, without_positions(data))):
        tf.keras.utils.set_random_seed(data.launch.seed)
        head = ranking_training.train(
            train_data, towers, {column: values[~late] for column, values in context.items()}, choice
        )
        figures[name] = judged(
            head.objectives, tf.sigmoid(head(batch)).numpy(), batch["label"].numpy(), sample.relevance[rows]
        )
    return figures


def judged(objectives, probabilities, labels, relevance):
    """What is told of probabilities [k, O]: the correlation of the first objective's, and the others' figures by (objective, figure)."""
    from scipy import stats

    measures = {"correlation": float(stats.spearmanr(probabilities[:, 0], relevance).statistic)}
    for name, probability, label in zip(objectives, probabilities.T, labels.T, strict=True):
        measures |= {
            (name, "AUC"): area(probability, label),
            (name, "calibration error"): calibration_error(probability, label),
        }
        measures |= {(name, "predicted"): float(probability.mean()), (name, "observed"): float(label.mean())}
    return measures


def measured(sample):
    """Everything about one sample: recalls, the number of questions, and the figures of the heads."""
    from components.models import training

    data, bare = sample.training(), sample.training(without_features(sample.launch))
    model, choice, towers = training.chosen_and_trained(data)
    other = training.train(bare)
    recall, counts = retrieval(sample, rules(data) | {MODEL: (model, model.scores), BARE: (other, other.scores)})
    return recall, counts, heads(sample, data, model, towers, choice)


def mean(figures):
    """The means of several dicts with the same keys."""
    return {key: float(np.mean([one[key] for one in figures])) for key in figures[0]}


def show(seeds, runs):
    """Prints the tables; `runs` holds what `measured` gives, one per seed."""
    recall, counts, head = (list(column) for column in zip(*runs, strict=True))
    print(
        f"questions: {' + '.join(str(one['all']) for one in counts)}, of them for new items: {' + '.join(str(one['new']) for one in counts)}\n"
    )
    heading = [f"@{cut} {part}" for part in ("all", "new") for cut in CUTS]
    print(f"{'recall':<30}" + "".join(f"{text:>9}" for text in heading) + f"   @{CUTS[0]} new, by seed")
    for name in recall[0]:
        figures = "".join(f"{value:>9.3f}" for value in mean([one[name] for one in recall]).values())
        print(f"{name:<30}{figures}   " + " ".join(f"{one[name]['new', CUTS[0]]:.3f}" for one in recall))
    print(f"\n{'ranking head':<30}{'correlation':>12}   by seed ({' '.join(map(str, seeds))})")
    for name in head[0]:
        by_seed = [one[name]["correlation"] for one in head]
        print(f"{name:<30}{np.mean(by_seed):>12.4f}   " + " ".join(f"{value:.4f}" for value in by_seed))
    columns = [key for key in head[0][WITH] if key != "correlation"]
    for objective in dict.fromkeys(objective for objective, _ in columns):
        shown = [figure for name, figure in columns if name == objective]
        print(f"\n{objective:<30}" + "".join(f"{figure:>19}" for figure in shown) + "   calibration error by seed")
        for name in head[0]:
            figures = mean([one[name] for one in head])
            errors = " ".join(f"{one[name][objective, 'calibration error']:.4f}" for one in head)
            print(f"{name:<30}" + "".join(f"{figures[objective, figure]:>19.4f}" for figure in shown) + f"   {errors}")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="make bench-sample", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[1, 2, 3], help="of samples and models alike (default: 1 2 3)"
    )
    parser.add_argument("--events", type=int, default=100_000, help="the size of each sample (default: %(default)s)")
    options = parser.parse_args(arguments)
    import sample_split

    runs = []
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            runs.append(measured(sample_split.generated(folder, options.events, seed)))
        print(f"seed {seed}: recall@10 {runs[-1][0][MODEL]['all', 10]:.4f}", file=sys.stderr, flush=True)
    show(options.seeds, runs)


if __name__ == "__main__":
    main()
