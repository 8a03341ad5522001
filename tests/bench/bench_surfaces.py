"""Pages, filters, similar items and lists of a pushed version of the shop: exact, judged, timed. `make bench-surfaces`.

make run && make bench-surfaces
make bench-surfaces ARGS="--workspace runs --seconds 10"

filters   1,000 random requests against a loop over the catalogue's file and the scores of the whole catalogue
similar   pairs of items that a user acted on one after the other in the held-out part of the log: of the items
          like the first, how often is the second among the first ten (recall@10), by several ways to tell
time      p50 beside today's answer, in process for one client and over HTTP for 1 and 16
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bench"), str(ROOT / "tests" / "fakes")]

from bench_client import Connection, measure, message  # noqa: E402 (the folders to look in come first)
from server_process import ServerProcess  # noqa: E402

REQUESTS, BATCH, K, MOST_PAIRS = 1_000, 50, 10, 4_000
NOTHING = {"device": "", "country": ""}
CATEGORIES, NUMBER = ("category", "brand"), "price"


def constant(lists, width=None):
    """Lists of texts as a padded tensor."""
    import tensorflow as tf

    width = max([*map(len, lists), width or 0])
    return tf.constant([[*texts, *[""] * (width - len(texts))] for texts in lists], tf.string, [len(lists), width])


def inputs_of(count, **changes):
    """The inputs of a page that asks for nothing special, for so many rows."""
    import tensorflow as tf

    texts = {
        name: constant([[]] * count) for name in ("exclude_ids", "filter_category", "filter_brand", "filter_title")
    }
    texts |= {name: tf.fill([count], value) for name, value in NOTHING.items()}
    numbers = {"n": tf.fill([count], tf.constant(K, tf.int64)), "offset": tf.zeros([count], tf.int64)}
    return texts | numbers | {"filter_price": tf.fill([count, 2], np.nan)} | changes


def check_filters(model, catalogue, seed):
    """How many of the random requests are answered as by a loop; how many pages were full."""
    import tensorflow as tf

    rng, ids = (
        np.random.default_rng(seed),
        [item.decode() for item in model.signatures["catalogue"]()["item_ids"].numpy()],
    )
    rows = {row["item_id"]: row for row in catalogue}
    right = full = 0
    for _ in range(REQUESTS // BATCH):
        history = [list(rng.choice(ids, rng.integers(0, 9), replace=False)) for _ in range(BATCH)]
        filters = {
            name: [list(rng.choice(sorted({row[name] for row in catalogue}), rng.integers(0, 4))) for _ in range(BATCH)]
            for name in CATEGORIES
        }
        ends = np.sort(rng.choice([row[NUMBER] for row in catalogue], (BATCH, 2)), axis=1).astype(np.float32)
        ends[rng.random((BATCH, 2)) < 0.5] = np.nan
        n, offset = rng.integers(1, 101, BATCH), rng.integers(0, 40, BATCH) * (rng.random(BATCH) < 0.5)
        common = {"user_id": tf.fill([BATCH], "u"), "history": constant(history)} | {
            name: tf.fill([BATCH], value) for name, value in NOTHING.items()
        }
        scores = model.signatures["score_catalogue"](**common)["scores"].numpy()
        page = inputs_of(
            BATCH,
            n=tf.constant(n),
            offset=tf.constant(offset),
            filter_price=tf.constant(ends),
            **{f"filter_{name}": constant(values) for name, values in filters.items()},
        )
        ages = tf.fill(common["history"].shape, -1.0)
        answer = model.signatures["recommend_page"](**common | page, history_ages=ages)["item_ids"].numpy()
        for row in range(BATCH):
            order = [ids[column] for column in np.argsort(-scores[row], kind="stable")]
            kept = [
                item
                for item in order
                if item not in history[row]
                and _passes(rows[item], {name: values[row] for name, values in filters.items()}, ends[row])
            ]
            expected = kept[offset[row] :][: n[row]]
            right += [item.decode() for item in answer[row] if item] == expected
            full += len(expected) == n[row]
    return right, full


def _passes(row, wanted, ends):
    low, high = ends
    price = np.float32(row[NUMBER])
    return all(not values or row[name] in values for name, values in wanted.items()) and not (
        price < low or price > high
    )


def held_out_pairs(events, share=0.1):
    """Pairs of different items that a user acted on one after the other, both in the last part of the log."""
    actions = events.filter(
        np.isin(events["event"].combine_chunks().to_numpy(zero_copy_only=False), ("click", "purchase"))
    )
    time_, user, item = (
        actions[name].combine_chunks().to_numpy(zero_copy_only=False) for name in ("timestamp", "user_id", "item_id")
    )
    cut = np.quantile(events["timestamp"].to_numpy(), 1 - share)
    order = np.lexsort((time_, user))
    order = order[time_[order] >= cut]
    first, second = order[:-1], order[1:]
    kept = (user[first] == user[second]) & (item[first] != item[second])
    return item[first][kept], item[second][kept]


def judge_similar(model, rules, events, seed):
    """The recall@10 of each way to tell which items are like another, over held-out pairs: name to figure."""
    import tensorflow as tf

    first, second = held_out_pairs(events)
    ids = [item.decode() for item in model.signatures["catalogue"]()["item_ids"].numpy()]
    in_catalogue = np.isin(second, ids) & np.isin(first, ids)
    chosen = np.random.default_rng(seed).permutation(np.flatnonzero(in_catalogue))[:MOST_PAIRS]
    seeds, place = np.unique(first[chosen], return_inverse=True)
    answers = {}
    for name, version in (("similar_items, the model", model), ("similar_items, the rules", rules)):
        page = inputs_of(len(seeds))
        similar = version.signatures["similar_items"](item_ids=constant([[item] for item in seeds]), **page)
        answers[name] = similar["item_ids"].numpy().astype(str)
    common = {"user_id": tf.fill([len(seeds)], ""), "history": constant([[item] for item in seeds])} | {
        name: tf.fill([len(seeds)], value) for name, value in NOTHING.items()
    }
    is_seed = np.array([[item == seed for item in ids] for seed in seeds])
    names = {"co-visitation, fallbacks": "covisitation", "recent popularity": "recent_popularity"}
    scored = {name: rules.signatures[f"score_rule_{rule}"](**common)["scores"].numpy() for name, rule in names.items()}
    if "embed_items" in model.signatures:
        vectors = model.signatures["embed_items"](item_ids=tf.constant(ids))["embedding"].numpy()
        scored["cosine of the item vectors"] = vectors[[ids.index(item) for item in seeds]] @ vectors.T
    for name, scores in scored.items():
        best = np.argsort(-np.where(is_seed, -np.inf, scores), axis=1, kind="stable")[:, :K]
        answers[name] = np.array(ids)[best]
    hits = {
        name: (similar[place.ravel()] == second[chosen][:, None]).any(axis=1).mean()
        for name, similar in answers.items()
    }
    return len(chosen), hits


CALLS = {
    "recommendation, today": ("/v1/models/shop:predict", {"instances": [{"user_id": "u00012"}]}),
    "n = 100": ("/v1/models/shop:predict", {"instances": [{"user_id": "u00012"}], "n": 100}),
    "a later page": ("/v1/models/shop:predict", {"instances": [{"user_id": "u00012"}], "n": 10, "offset": 40}),
    "two filters": (
        "/v1/models/shop:predict",
        {"instances": [{"user_id": "u00012"}], "filters": {"category": ["kitchen", "bath"], "price": {"to": 30}}},
    ),
    "similar": ("/v1/similar", {"item_ids": ["i00041"], "user_id": "u00012"}),
    "list": ("/v1/lists/popularity", {"user_id": "u00012", "filters": {"category": "kitchen"}}),
}


def time_calls(workspace, seconds, show=print):
    """p50 and p99 of each call over HTTP."""
    server = ServerProcess(workspace)
    try:
        server.wait_ready(seconds=300)
        show(f"{'over HTTP':<24}{'1 client':>10}{'16 clients':>12}{'p99':>8}{'answers/s':>11}")
        for name, (path, body) in CALLS.items():
            content = message(path, json.dumps(body).encode())

            def once(content=content):
                connection = Connection(server.client.port, b"")

                def ask():
                    status, answer = connection.send(content)
                    assert status == 200, answer

                return ask

            alone, (p50, p99, rate) = measure(once, 1, seconds), measure(once, 16, seconds)
            show(f"{name:<24}{alone[0]:>7.2f} ms{p50:>9.1f} ms{p99:>5.0f} ms{rate:>11,.0f}")
    finally:
        server.end()


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tests/bench/bench_surfaces.py", description=__doc__.splitlines()[0])
    parser.add_argument("--workspace", type=Path, default=ROOT / "runs", help="of the shop's run (default: runs/)")
    parser.add_argument("--data", type=Path, help="the folder of the log and the catalogue (default: sample/ in it)")
    parser.add_argument("--seconds", type=float, default=3.0, help="per timed call (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the requests (default: %(default)s)")
    options = parser.parse_args(arguments)
    data = options.data or options.workspace / "sample"
    folders = sorted((options.workspace / "shop" / "serving" / "shop").glob("[0-9]*"), key=lambda path: int(path.name))
    counted = sorted(
        (options.workspace / "shop" / "artifacts" / "Rules" / "model").glob("*/Format-Serving"),
        key=lambda path: int(path.parent.name),
    )
    if not folders or not counted:
        sys.exit(f"a version of the shop is needed in {options.workspace}. Run `make run` first.")
    import tensorflow as tf

    model, rules = (tf.saved_model.load(str(paths[-1])) for paths in (folders, counted))
    began = time.monotonic()
    right, full = check_filters(model, pq.read_table(data / "items.parquet").to_pylist(), options.seed)
    print(f"filters: {right:,} of {REQUESTS:,} random requests as by a loop over the catalogue, {full:,} full pages")
    pairs, hits = judge_similar(model, rules, pq.read_table(data / "events.parquet"), options.seed)
    print(f"similar: recall@{K} over {pairs:,} held-out pairs ({time.monotonic() - began:.0f} s)")
    for name, figure in sorted(hits.items(), key=lambda pair: -pair[1]):
        print(f"  {name:<28}{figure:.3f}")
    time_calls(options.workspace, options.seconds)
    return 0 if right == REQUESTS else 1


if __name__ == "__main__":
    sys.exit(main())
