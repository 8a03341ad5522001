"""The bench's own parts: the queries of each protocol, and the rivals against their formulas."""

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
    sample = problem.by_protocol[protocols.LEAVE_ONE_OUT]
    queries = dict(
        zip(sample.queries.user_id, zip(_ids(problem, sample.history), sample.queries.target, strict=True), strict=True)
    )
    assert queries == {b"u": (b"AB", b"C"), b"v": (b"B", b"C"), b"x": (b"ABC", b"D")}
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
        problem.by_protocol[name] for name in (protocols.ROLLING, protocols.FROZEN, protocols.FIRST_FROZEN)
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
    sample = protocols.Asked(None, np.array([[1, 2, 3, 0], [4, 0, 0, 0]]))
    assert sample.last(slice(0, 2), 2).tolist() == [[2, 3], [4, 0]]


def test_a_decayed_history_counts_from_its_end():
    sample = protocols.Asked(None, np.array([[1, 2, 1, 3, 0]]))
    assert rivals.history_matrix(sample, slice(0, 1), 5, 0.5).toarray().tolist() == [[0, 0.5, 0.25, 1, 0]]


def test_ease_is_its_formula():
    problem = protocols.leave_one_out(PLAIN, log(*ROWS), {})
    rival = rivals.Ease(2.0)
    rival.fit(problem)
    matrix = rivals.interactions(problem).toarray()
    inverse = np.linalg.inv(matrix.T @ matrix + 2.0 * np.eye(matrix.shape[1]))
    expected = np.eye(len(inverse)) - inverse / np.diag(inverse)
    np.testing.assert_allclose(rival.weights, expected[:, problem.candidates], atol=1e-6)


def test_counting_rivals_by_eye():
    problem = protocols.leave_one_out(PLAIN, log(*ROWS), {})  # A, B, C; left are u: A B, v: B, w: A, x: A B C
    sample = problem.by_protocol[protocols.LEAVE_ONE_OUT]
    popular, together = rivals.Popularity(), rivals.CoVisitation()
    popular.fit(problem)
    together.fit(problem)
    assert popular.score(sample, slice(0, 1)).tolist() == [[3, 3, 1]]
    after_b = together.score(protocols.Asked(None, np.array([[2]])), slice(0, 1))
    after_a = together.score(protocols.Asked(None, np.array([[1]])), slice(0, 1))
    np.testing.assert_allclose([after_b[0], after_a[0]], [[0, 0, 1], [0, 2, 0.7]], atol=1e-6)


def test_a_contender_s_figures_are_what_is_shown(capsys):
    ours, theirs = multiprocessing.Pipe(duplex=False)
    bench_quality.measure("popularity", rivals.Popularity(), protocols.leave_one_out(PLAIN, log(*ROWS), {}), theirs)
    assert ours.poll(10)
    figures = ours.recv()["popularity"][protocols.LEAVE_ONE_OUT]
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


class _Constant:
    """Scores every candidate alike."""

    def fit(self, problem):
        self.size = len(problem.candidates)

    def score(self, asked, batch):
        return np.zeros((len(asked.history[batch]), self.size), np.float32)


def test_a_constant_scorer_gets_chance():
    rows = [(b"u%d" % user, b"%02d" % ((user + step) % 50), user + step) for user in range(300) for step in range(5)]
    problem = protocols.leave_one_out(PLAIN, log(*rows), {})
    same = _Constant()
    same.fit(problem)
    table = bench_quality.reached(same, problem)[protocols.LEAVE_ONE_OUT]
    rank = (50 - 4 + 1) / 2  # the middle of all that was not seen
    assert table["mrr"] == pytest.approx(1 / rank)
    assert table["recall@50"] == 1 and table["recall@10"] == table["recall@20"] == table["ndcg@10"] == 0


@pytest.mark.parametrize("part", ["user_id,item_id,timestamp", "uid\tmovie_id\tts"])
def test_a_log_is_recognised_by_the_names_of_its_columns(tmp_path, part):
    separator = "\t" if "\t" in part else ","
    lines = [part, *(separator.join(("u", item, str(1_700_000_000 + place))) for place, item in enumerate("abc"))]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    launch = protocols.by_column_names(str(tmp_path))
    events = protocols.read_events(launch, str(tmp_path))
    assert (events.user.tolist(), events.item.tolist()) == ([b"u"] * 3, [b"a", b"b", b"c"])
    assert np.diff(events.time).tolist() == [1_000_000] * 2
    assert launch.catalogue is None


def test_a_log_without_a_known_column_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("who,item,time\na,b,1\n")
    with pytest.raises(SystemExit, match="needs columns for user"):
        protocols.by_column_names(str(tmp_path / "log.csv"))


def test_a_catalogue_beside_the_log_gives_categories(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"item_id": ["a"], "brand": ["x"], "price": [1.0]}), tmp_path / "items.parquet")
    pq.write_table(
        pa.table({"user_id": ["u"], "item_id": ["a"], "timestamp": [1_700_000_000_000]}), tmp_path / "events.parquet"
    )
    launch = protocols.by_column_names(str(tmp_path))
    assert (launch.catalogue.categories, launch.log.time_unit) == (("brand",), "ms")
    assert protocols.read_catalogue(launch, str(tmp_path))["brand"].tolist() == [b"x"]
