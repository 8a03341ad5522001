"""The bench's own parts: what is asked under each protocol, and the rivals against their formulas."""

import dataclasses
import multiprocessing

import bench_protocols as protocols
import bench_quality
import bench_rivals as rivals
import numpy as np
import pytest
from toy_shop import PLAIN, log

pytestmark = pytest.mark.tensorflow

ROWS = [(b"u", b"A", 1), (b"u", b"B", 2), (b"v", b"B", 2), (b"u", b"C", 3), (b"v", b"C", 4), (b"w", b"A", 5)]
ROWS += [(b"x", item, 10 + place) for place, item in enumerate((b"A", b"B", b"C", b"D"))]


def _ids(problem, rows):
    return [b"".join(problem.data.items.ids[rows[row] * (rows[row] > 0)]) for row in range(len(rows))]


def test_leave_one_out_asks_for_the_last_event_of_whoever_has_two():
    problem = protocols.leave_one_out(PLAIN, log(*ROWS), {})
    asked = problem.asked[protocols.LEAVE_ONE_OUT]
    found = dict(
        zip(asked.queries.user_id, zip(_ids(problem, asked.history), asked.queries.target, strict=True), strict=True)
    )
    assert found == {b"u": (b"AB", b"C"), b"v": (b"B", b"C"), b"x": (b"ABC", b"D")}
    assert len(problem.data.events) == len(ROWS) - 3


def test_equal_times_are_ordered_by_the_seed():
    rows = [(b"u%d" % user, item, 1) for user in range(20) for item in (b"A", b"B")]
    last = {seed: protocols.last_of_each(dataclasses.replace(PLAIN, seed=seed), log(*rows)) for seed in (1, 2)}
    assert [chosen.sum() for chosen in last.values()] == [20, 20]
    assert (last[1] != last[2]).any()


def test_temporal_protocols_ask_for_what_is_later_than_all_training(monkeypatch):
    monkeypatch.setattr(protocols, "EVAL_SHARE", 0.4)
    problem = protocols.temporal(PLAIN, log(*ROWS), {})
    rolling, frozen, first = (
        problem.asked[name] for name in (protocols.ROLLING, protocols.FROZEN, protocols.FIRST_FROZEN)
    )
    assert problem.data.events.time.max() < rolling.queries.time.min()
    assert _ids(problem, rolling.history) == [
        b"",
        b"A",
        b"AB",
        b"ABC",
    ]  # D came after the cut, and is nothing that can be recommended
    assert _ids(problem, frozen.history) == [b""] * 4
    assert first.queries.time.tolist() == [10]


def test_the_last_items_of_a_history():
    asked = protocols.Asked(None, np.array([[1, 2, 3, 0], [4, 0, 0, 0]]))
    assert asked.last(slice(0, 2), 2).tolist() == [[2, 3], [4, 0]]


def test_a_decayed_history_counts_from_its_end():
    asked = protocols.Asked(None, np.array([[1, 2, 1, 3, 0]]))
    assert rivals.history_matrix(asked, slice(0, 1), 5, 0.5).toarray().tolist() == [[0, 0.5, 0.25, 1, 0]]


def test_ease_is_its_formula():
    problem = protocols.leave_one_out(PLAIN, log(*ROWS), {})
    rival = rivals.Ease(2.0)
    rival.fit(problem)
    found = rivals.interactions(problem).toarray()
    inverse = np.linalg.inv(found.T @ found + 2.0 * np.eye(found.shape[1]))
    expected = np.eye(len(inverse)) - inverse / np.diag(inverse)
    np.testing.assert_allclose(rival.weights, expected[:, problem.candidates], atol=1e-6)


def test_counting_rivals_by_eye():
    problem = protocols.leave_one_out(PLAIN, log(*ROWS), {})  # A, B, C; left are u: A B, v: B, w: A, x: A B C
    asked = problem.asked[protocols.LEAVE_ONE_OUT]
    popular, together = rivals.Popularity(), rivals.CoVisitation()
    popular.fit(problem)
    together.fit(problem)
    assert popular.score(asked, slice(0, 1)).tolist() == [[3, 3, 1]]
    after_b = together.score(protocols.Asked(None, np.array([[2]])), slice(0, 1))
    after_a = together.score(protocols.Asked(None, np.array([[1]])), slice(0, 1))
    np.testing.assert_allclose([after_b[0], after_a[0]], [[0, 0, 1], [0, 2, 0.7]], atol=1e-6)


def test_a_contender_s_figures_are_what_is_shown(capsys):
    ours, theirs = multiprocessing.Pipe(duplex=False)
    bench_quality.measure(rivals.Popularity(), protocols.leave_one_out(PLAIN, log(*ROWS), {}), theirs)
    assert ours.poll(10)
    figures = ours.recv()[protocols.LEAVE_ONE_OUT]
    assert figures["queries"] == 3 and figures["recall@10"] == pytest.approx(
        2 / 3
    )  # u and v: x wants an item that training does not know
    assert {*bench_quality.SHOWN, "CPU-s", "events/CPU-s", "MB"} <= set(figures)

    bench_quality.show({protocols.LEAVE_ONE_OUT: {"popularity": [figures, figures | {"recall@10": 0.0}]}})
    heading, line = capsys.readouterr().out.strip().splitlines()
    assert heading.startswith(f"{protocols.LEAVE_ONE_OUT} (3 queries)") and line.split()[:2] == [
        "popularity",
        f"{1 / 3:.4f}",
    ]
