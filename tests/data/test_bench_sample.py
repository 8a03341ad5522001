"""Quality on a sample of a quarter of the default size, compared with its ground truth.

New items are recommended by their features, and the ranking head separates position bias from relevance.
"""

import bench_sample
import numpy as np
import pytest
import sample_split
import tensorflow as tf
import test_generate
from bench_sample import BARE, MODEL, WITHOUT
from scipy import stats
from toy_shop import KERAS_SEEDS

from components.models.ranking.ranking_head import MAX_POSITIONS, RankingModel
from components.models.retrieval import fitting

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Returns recalls, numbers of queries, and the metrics of the heads, on 25,000 events."""
    return bench_sample.measured(sample_split.generated(tmp_path_factory.mktemp("sample"), 25_000, 7))


def test_new_items_are_found_by_their_features_alone(measured):
    recall, queries, _ = measured
    assert queries["new"] >= 50
    for cut in (10, 20):  # at 50 of 500 items the list has room for all new ones
        assert recall[MODEL]["new", cut] >= 3 * recall[BARE]["new", cut]
        assert recall[MODEL]["new", cut] > 0.05
        assert recall["popularity"]["new", cut] == recall["covisitation"]["new", cut] == 0, (
            "rules know only items with events"
        )
    assert recall[MODEL]["all", 10] > 1.2 * recall[BARE]["all", 10]


def test_the_predicted_probabilities_are_calibrated(measured):
    for figures in measured[2].values():
        assert all(figures[objective, "calibration error"] < 0.04 for objective in ("click", "purchase"))


@pytest.mark.parametrize("seed", [7, 8])
def test_the_head_ranks_closer_to_the_truth_with_the_position_than_without(tmp_path, seed):
    """Uses the generator's vectors, so that only the head is evaluated."""
    test_generate.generate.generate(tmp_path, events=30_000, seed=seed)
    sample = test_generate.Sample(tmp_path)
    truth, shown, clicks = sample.truth, np.flatnonzero(sample.shown), (sample.event == "click") & ~sample.organic
    clicked = set(zip(sample.request[clicks], sample.item[clicks], strict=True))
    item, period = sample.item[shown], np.searchsorted(truth["period_start_ms"], sample.time[shown], side="right") - 1
    label = np.array([[pair in clicked] for pair in zip(sample.request[shown], item, strict=True)], np.float32)
    query = np.c_[truth["states"][truth["event_state"][shown]], np.ones(len(shown))].astype(np.float32)
    vectors, early = (
        np.c_[truth["item_vectors"][item], truth["appeal"][period, item]].astype(np.float32),
        slice(0, int(0.8 * len(shown))),
    )
    correlations = []
    for position in (sample.position[shown].astype(np.int32) + 1, np.zeros(len(shown), np.int32)):
        tf.keras.utils.set_random_seed(1)
        share = np.bincount(position, minlength=MAX_POSITIONS + 1) / len(position)
        head = RankingModel(("click",), [float(label.mean())], share.tolist())
        rows = {"query": query, "item": vectors, "position": position, "label": label}
        fitting.fit(
            head, {name: column[early] for name, column in rows.items()}, fitting.Schedule(512, 4, 0.01, "test", 1)
        )
        late = {name: column[early.stop :] for name, column in rows.items()}
        correlations.append(stats.spearmanr(head(late)[:, 0], truth["event_relevance"][shown][early.stop :]).statistic)
    assert correlations[0] > correlations[1] + 0.005 > 0.8


def test_the_printed_metrics_are_the_measured_ones(measured, capsys):
    recall, queries, figures = measured
    bench_sample.show([7], [measured])
    printed = capsys.readouterr().out
    assert f"questions: {queries['all']}, of them for new items: {queries['new']}" in printed
    (line,) = [line for line in printed.splitlines() if line.startswith(f"{MODEL}  ")]
    assert line.split()[1:7] == [f"{value:.3f}" for value in recall[MODEL].values()]
    assert f"{figures[WITHOUT]['correlation']:.4f}" in printed


def test_metrics_of_four_rows():
    ranks, new = np.array([1.0, 10, 11, 60]), np.array([True, False, True, True])
    assert list(bench_sample.recalls(ranks, new).values()) == [0.5, 0.75, 0.75, 1 / 3, 2 / 3, 2 / 3]
    probability, label = np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1])
    # Of the four pairs of a 1 and a 0, three are in order and one is tied.
    assert bench_sample.area(probability, label) == 3.5 / 4
    assert bench_sample.calibration_error(np.repeat([0.2, 0.7], 50), np.tile([1, 0], 50)) == pytest.approx(
        (0.3 + 0.2) / 2
    )
