"""The sample: the columns of its tables, agreement with its ground truth, and that a model can learn from it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "data" / "generate.py"
HOUR_MS = 3_600_000


def load():
    """Loads the script by its path, as the pipeline does."""
    spec = importlib.util.spec_from_file_location("sample_generate", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = load()


class Sample:
    """The columns of a written sample as numpy arrays; ids as indexes into the catalogue."""

    def __init__(self, folder):
        self.log, self.items = pq.read_table(folder / "events.parquet"), pq.read_table(folder / "items.parquet")
        with np.load(folder / "truth" / "truth.npz") as arrays:
            self.truth = dict(arrays)
        self.item = self.log["item_id"].combine_chunks().dictionary_encode()
        ids = {item: index for index, item in enumerate(self.items["item_id"].to_pylist())}
        self.item = np.array([ids[item] for item in self.item.dictionary.to_pylist()])[self.item.indices.to_numpy()]
        self.user, self.event, self.policy, self.request = (
            self.log[name].to_numpy() for name in ("user_id", "event", "policy", "request_id")
        )
        self.time, self.position, self.propensity = (
            self.log[name].to_numpy() for name in ("timestamp", "position", "propensity")
        )
        self.shown = self.event == "impression"
        self.organic = self.log["request_id"].is_null().to_numpy()
        self.active = self.items["active"].to_numpy()


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    generate.generate(folder, events=40_000, items=400, seed=7)
    return Sample(folder)


def test_the_tables_have_the_columns_and_types_of_the_shop(sample):
    text = pa.string()
    assert {field.name: field.type for field in sample.log.schema} == {
        "user_id": text, "item_id": text, "timestamp": pa.int64(), "event": text, "request_id": text, "position": pa.int64(),
        "policy": text, "propensity": pa.float64(), "model_version": text, "device": text, "country": text,
    }  # fmt: skip
    assert {field.name: field.type for field in sample.items.schema} == {
        "item_id": text, "title": text, "category": text, "brand": text, "price": pa.float64(), "active": pa.bool_(), "launched_ms": pa.int64(),
    }  # fmt: skip


def test_only_organic_actions_have_nulls_and_they_have_them_in_all_columns_of_the_answer(sample):
    for name in sample.log.column_names:
        is_null = sample.log[name].is_null().to_numpy()
        of_the_answer = name in ("request_id", "position", "policy", "propensity", "model_version")
        assert (is_null == (sample.organic if of_the_answer else False)).all(), name
    assert not (sample.organic & sample.shown).any()


def test_sizes_and_shares_are_as_asked(sample):
    assert 0.97 * 40_000 <= len(sample.time) <= 40_000
    assert len(np.unique(sample.user)) == 40_000 // 60
    assert 0.74 < sample.shown.mean() < 0.82
    assert sample.organic[~sample.shown].mean() > 0.4
    last_tenth = sample.time >= sample.time[int(0.9 * len(sample.time))]
    newcomers = set(sample.user[last_tenth]) - set(sample.user[~last_tenth])
    assert len(newcomers) > 0.05 * 40_000 // 60


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    for folder, seed in (("one", 1), ("again", 1), ("two", 2)):
        generate.generate(tmp_path / folder, events=3_000, seed=seed)
    for name in ("events.parquet", "items.parquet", "truth/truth.npz"):
        one, again, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "again", "two"))
        assert one == again
        assert one != two


def test_rows_are_in_the_order_of_time_and_actions_come_after_their_impression(sample):
    assert (np.diff(sample.time) >= 0).all()
    answered = ~sample.organic
    keys = zip(sample.request[answered], sample.item[answered], strict=True)
    shown = {}
    rows = zip(
        keys,
        sample.shown[answered],
        sample.time[answered],
        sample.position[answered],
        sample.propensity[answered],
        strict=True,
    )
    for key, is_shown, time, position, propensity in rows:
        if is_shown:
            assert key not in shown
            shown[key] = (time, position, propensity)
        else:
            assert shown[key][0] < time < shown[key][0] + HOUR_MS / 2
            assert shown[key][1:] == (position, propensity)


def test_every_list_fills_its_positions_once(sample):
    requests, lengths = np.unique(sample.request[sample.shown].astype(str), return_counts=True)
    assert (lengths == 8).all()
    assert (np.bincount(sample.position[sample.shown].astype(int)) == len(requests)).all()


def test_items_appear_only_while_they_are_sold(sample):
    launched, withdrawn = sample.items["launched_ms"].to_numpy(), sample.truth["item_withdrawn_ms"]
    assert (sample.time >= launched[sample.item]).all()
    # An action may happen after the withdrawal if its impression was before it.
    assert (sample.time[sample.shown] < withdrawn[sample.item[sample.shown]]).all()
    assert (sample.time - HOUR_MS < withdrawn[sample.item]).all()
    assert ((withdrawn == np.iinfo(np.int64).max) == sample.active).all()
    assert 0 < (~sample.active).mean() < 0.05


def test_one_item_in_five_is_launched_during_the_log_and_late_ones_are_wanted(sample):
    launched = sample.items["launched_ms"].to_numpy()
    cut = sample.time[int(0.9 * len(sample.time))]
    assert (launched >= sample.truth["period_start_ms"][0]).mean() == pytest.approx(0.2, abs=0.005)
    late = sample.time >= cut
    assert (launched[sample.item[late & ~sample.shown]] >= cut).mean() > 2 * (launched[sample.active] >= cut).mean()


def test_titles_are_two_to_four_words_and_name_a_thing_of_the_category(sample):
    for title, category in zip(sample.items["title"].to_pylist(), sample.items["category"].to_pylist(), strict=True):
        assert 2 <= len(title.split()) <= 4
        assert title.endswith(generate.CATEGORIES[category])


@pytest.mark.parametrize("context", [0, generate.LoggingPolicy.popular, generate.LoggingPolicy.exploration])
def test_the_share_of_lists_with_an_item_at_a_position_is_its_propensity(context):
    size, rng = generate.Size(events=1_000, users=20, items=60, days=10, seed=3), np.random.default_rng(3)
    shop = generate.make_shop(rng, size)
    policy, lists, period = generate.LoggingPolicy(size, shop), 40_000, 6
    shown, propensity = policy.show(rng, np.full(lists, period), np.full(lists, context))
    everywhere = np.tile(np.arange(60)[:, None], shown.shape[1])
    expected = policy.propensity(np.full(60, period), np.full(60, context), everywhere)  # of each item at each position
    np.testing.assert_allclose(expected.sum(axis=0), 1)
    assert ((expected == 0) == ~shop.sold(size.period_start_ms()[period])[:, None]).all(), (
        "all that is on sale can stand anywhere"
    )
    for position in range(shown.shape[1]):
        share, chance = np.bincount(shown[:, position], minlength=60) / lists, expected[:, position]
        assert (abs(share - chance) <= 5 * np.sqrt(chance * (1 - chance) / lists)).all()
    assert (propensity == expected[shown, np.arange(shown.shape[1])]).all()
    assert all(len(set(items)) == len(items) for items in shown[:100].tolist())


def test_popular_items_come_first_and_are_relevant(sample):
    popularity, relevance = sample.truth["item_popularity"], sample.truth["event_relevance"]
    period = np.searchsorted(sample.truth["period_start_ms"], sample.time, side="right") - 1
    by_rules = sample.shown & (sample.policy != "exploration")
    for mask, falls in ((by_rules, True), (sample.shown & ~by_rules, False)):
        first, last = mask & (sample.position == 0), mask & (sample.position == 7)
        popular, liked = (
            values[first].mean() - values[last].mean() for values in (popularity[period, sample.item], relevance)
        )
        assert (popular > 1) == falls
        assert (liked > 0.03) == falls


def test_inverse_propensities_of_exploration_count_the_items_on_sale(sample):
    """E[1 / propensity] = the number of items on sale, here per half of the catalogue by price."""
    explored = sample.shown & (sample.policy == "exploration")
    starts = sample.truth["period_start_ms"]
    start = starts[np.searchsorted(starts, sample.time[explored], side="right") - 1]
    price = sample.items["price"].to_numpy()
    launched, withdrawn = sample.items["launched_ms"].to_numpy(), sample.truth["item_withdrawn_ms"]
    for half in (price < np.median(price), price >= np.median(price)):
        on_sale = ((launched[half] <= start[:, None]) & (start[:, None] < withdrawn[half])).sum(axis=1)
        difference = half[sample.item[explored]] / sample.propensity[explored] - on_sale
        assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(len(difference))


def test_clicks_fall_with_the_position_as_the_examination_says(sample):
    examination, relevance = sample.truth["examination"], sample.truth["event_relevance"]
    clicked = (sample.event == "click") & ~sample.organic
    rates = []
    for position, examined in enumerate(examination):
        shown = sample.shown & (sample.position == position)
        chance = examined * relevance[shown]
        clicks = (clicked & (sample.position == position)).sum()
        assert abs(clicks - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())
        rates.append(clicks / shown.sum())
    assert rates[0] > 1.5 * rates[3] > 1.5 * 1.5 * rates[7]


def test_the_relevance_is_its_formula(sample):
    truth, shown = sample.truth, sample.shown
    state, item = truth["states"][truth["event_state"][shown]], sample.item[shown]
    period = np.searchsorted(truth["period_start_ms"], sample.time[shown], side="right") - 1
    match = np.einsum("nd,nd->n", state, truth["item_vectors"][item])
    logit = truth["sharpness"] * (match - truth["relevant_match"]) + truth["appeal"][period, item]
    ratio = truth["event_relevance"][shown] * (1 + np.exp(-logit))
    assert (np.isclose(ratio, 1, atol=1e-4) | np.isclose(ratio, 0.1, atol=1e-4)).all(), (
        "a tenth for an item acted on before"
    )


def is_hit(scores, target, excluded):
    """Returns whether the target is among the best ten items that are not excluded."""
    scores = np.where(excluded, -np.inf, scores)
    return (scores > scores[target]).sum() < 10


def recalls(sample):
    """Returns recall@10 of popularity, co-visitation and the truth on the last tenth, without seen items."""
    count, cut = len(sample.active), int(0.9 * len(sample.time))
    popular, together = np.zeros(count), np.zeros((count, count))
    histories, hits = {}, []
    for row in np.flatnonzero(~sample.shown):
        history, item = histories.setdefault(sample.user[row], []), sample.item[row]
        if item in history:
            continue
        if row < cut:
            popular[item] += 1
            for back, earlier in enumerate(reversed(history[-3:])):
                together[earlier, item] += 0.7**back
        elif sample.active[item]:
            excluded = ~sample.active
            excluded[history] = True
            decay = 0.7 ** np.arange(len(history))[::-1]
            state = sample.truth["states"][sample.truth["event_state"][row]]
            period = np.searchsorted(sample.truth["period_start_ms"], sample.time[row], side="right") - 1
            true = (
                sample.truth["sharpness"] * sample.truth["item_vectors"] @ state
                + sample.truth["item_popularity"][period]
            )
            candidates = popular, decay @ together[history] + 1e-9 * popular, true
            hits.append([is_hit(scores, item, excluded) for scores in candidates])
        history.append(item)
    return len(hits), np.mean(hits, axis=0)


def test_covisitation_beats_popularity_and_the_truth_beats_covisitation(sample):
    queries, (popularity, covisitation, oracle) = recalls(sample)
    assert queries > 400
    assert covisitation > 1.3 * popularity
    assert oracle > 1.3 * covisitation


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("events", 10, "--events needs a number from 200 to 5,000,000, got 10."),
        ("users", 4_000, "--users needs a number from 10 to 150 (a visit makes about 20 events), got 4,000."),
        ("items", 3, "--items needs a number from 40 to 20,000, got 3."),
        ("days", 0, "--days needs a number from 2 to 3,650, got 0."),
        ("seed", -1, "--seed needs a number from 0 to 4,294,967,295, got -1."),
    ],
)
def test_a_size_out_of_range_is_a_one_line_error(tmp_path, capsys, option, value, text):
    options = {"events": 3_000} | {option: value}
    arguments = [part for name, number in options.items() for part in (f"--{name}", str(number))]
    assert generate.main(["--out", str(tmp_path / "sample"), *arguments]) == 2
    assert capsys.readouterr().err == f"data/generate.py: {text}\n"
    assert not (tmp_path / "sample").exists()


@pytest.mark.parametrize(
    "sizes",
    [{"events": 200}, {"events": 500}, {"events": 20_000, "users": 67, "items": 40}, {"events": 3_000, "days": 400}],
)
def test_extreme_sizes_are_close_to_the_request(tmp_path, sizes):
    generate.generate(tmp_path, **sizes)
    rows = pq.read_metadata(tmp_path / "events.parquet").num_rows
    assert 0.97 * sizes["events"] - 60 <= rows <= sizes["events"], "all but less than a visit"


def test_the_command_prints_a_summary(tmp_path, capsys):
    assert generate.main(["--out", str(tmp_path), "--events", "500"]) == 0
    rows = pq.read_metadata(tmp_path / "events.parquet").num_rows
    assert capsys.readouterr().out.startswith(f"{rows} events (")


def test_a_failed_write_keeps_the_existing_file(tmp_path):
    generate.generate(tmp_path, events=500)
    before = (tmp_path / "events.parquet").read_bytes()

    def half(path):
        path.write_bytes(before[:100])
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        generate._write(tmp_path / "events.parquet", half)
    assert (tmp_path / "events.parquet").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.parquet", "items.parquet", "truth"]


def test_it_runs_as_a_script_from_anywhere(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "--events" in done.stdout
