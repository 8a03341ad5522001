"""Pages, filters, similar items and lists of what is served, against a plain loop over the catalogue: 1,000 random requests."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from small_recommenders import LAUNCH as RING
from small_recommenders import Table
from toy_shop import KERAS_SEEDS, LAUNCH, saved

from components.declaration import Catalogue, Filter
from components.features import item_table
from components.registry.withheld import MOST as MOST_WITHHELD

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

COUNT, BATCH, REQUESTS = 60, 50, 1000
DECLARED = Catalogue(
    *("items", "id"),
    categories=("kind",),
    texts=("tags",),
    numbers=("price",),
    filters=(Filter("age_limit", "<=", context="age"),),
)
KINDS, TAGS = ["", "mug", "hat", "Sock d'été", "one of a kind"], ["red", "blue", "old", "très"]


def catalogue(seed):
    """Columns of a catalogue: each item may lack a kind, tags, a price or an age limit."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(KINDS[:4], size=COUNT).tolist()
    kinds[7] = KINDS[4]
    tags = [" ".join(rng.choice(TAGS, size=rng.integers(4))) for _ in range(COUNT)]
    price = np.where(rng.random(COUNT) < 0.2, np.nan, rng.integers(1, 9, COUNT) / 2)
    texts = {
        name: np.array([text.encode() for text in column], object) for name, column in (("kind", kinds), ("tags", tags))
    }
    ids = np.array([b"%d" % place for place in range(COUNT)], object)
    limit = rng.choice([0.0, 18.0, np.nan], size=COUNT).astype(np.float32)
    return {"id": ids, "price": price.astype(np.float32), "age_limit": limit} | texts


@pytest.fixture(scope="module", params=[1, 2])
def world(request, tmp_path_factory):
    """Random scores by the last item; some are equal, so that the order of the catalogue has to decide."""
    columns = catalogue(request.param)
    launch = dataclasses.replace(RING, catalogue=DECLARED, log=dataclasses.replace(RING.log, context=("age",)))
    table = item_table.build(DECLARED, columns, columns["id"])
    matrix = np.random.default_rng(request.param).integers(0, 20, (COUNT + 1, COUNT))
    model = Table(matrix, launch, table, {"age": tf.float32})
    folder = str(tmp_path_factory.mktemp("pages"))
    tf.saved_model.save(model, folder, signatures=model.signatures())
    order = [int(item) for item in table.ids[1:]]  # the table's rows are sorted by id
    return tf.saved_model.load(folder), columns, matrix, order


def wanted(rng):
    """A request: history, excluded items, age, n, offset, kinds, tags, range."""
    ids = [str(item) for item in rng.integers(0, COUNT + 5, rng.integers(0, 9))]
    kinds = list(rng.choice([*KINDS[1:], "unknown"], size=rng.integers(0, 3)))
    tags = list(rng.choice(TAGS, size=rng.integers(0, 2)))
    low, high = sorted(rng.integers(1, 9, 2) / 2)
    ends = [low if rng.random() < 0.6 else np.nan, high if rng.random() < 0.6 else np.nan]
    n, offset = int(rng.choice([-1, 0, 1, 3, 60, 100, 500])), int(rng.choice([-2, 0, 0, 1, 7, 59, 60, 10**9]))
    age = float(rng.choice([5, 18, np.nan]))
    return {"history": ids[:3], "excluded": ids[3:], "age": age, "n": n, "offset": offset} | {
        "kinds": kinds,
        "tags": tags,
        "ends": ends,
    }


def brute_force(request, columns, scores, hidden):
    """The page by a loop over the catalogue: ids best first."""

    def passes(item):
        limit, price, (low, high) = columns["age_limit"][item], columns["price"][item], request["ends"]
        if not np.isnan(limit) and not limit <= request["age"]:
            return False
        if request["kinds"] and columns["kind"][item].decode() not in request["kinds"]:
            return False
        if request["tags"] and not set(request["tags"]) & set(columns["tags"][item].decode().split()):
            return False
        if np.isnan(low) and np.isnan(high):
            return True
        return not (np.isnan(price) or price < low or price > high)

    n = request["n"] if request["n"] > 0 else RING.model.top_k
    kept = [item for item in scores if passes(item) and str(item) not in hidden]
    return [str(item) for item in kept][max(request["offset"], 0) :][: min(n, 100)]


def padded(lists):
    width = max(map(len, lists), default=0)
    return tf.constant([[*ids, *[""] * (width - len(ids))] for ids in lists], tf.string, [len(lists), width])


def inputs_of(requests):
    return {
        "exclude_ids": padded([request["excluded"] for request in requests]),
        "age": tf.constant([request["age"] for request in requests], tf.float32),
        "n": tf.constant([request["n"] for request in requests], tf.int64),
        "offset": tf.constant([request["offset"] for request in requests], tf.int64),
        "filter_kind": padded([request["kinds"] for request in requests]),
        "filter_tags": padded([request["tags"] for request in requests]),
        "filter_price": tf.constant([request["ends"] for request in requests], tf.float32),
    }


def answers(output):
    ids, scores = output["item_ids"].numpy(), output["scores"].numpy()
    assert ((ids == b"") == np.isneginf(scores)).all()
    return [[item.decode() for item in row if item] for row in ids]


def ranked(matrix, order, history):
    """Candidates best first by the last known item; equal ones in the table's order."""
    catalogued = [item for item in history if int(item) < COUNT]
    last = order.index(int(catalogued[-1])) + 1 if catalogued else 0
    return [order[column] for column in np.argsort(-matrix[last], kind="stable")]


def test_a_page_is_what_a_loop_over_the_catalogue_finds(world):
    model, columns, matrix, order = world
    rng, full = np.random.default_rng(3), 0
    for _ in range(REQUESTS // BATCH):
        requests = [wanted(rng) for _ in range(BATCH)]
        history = padded([request["history"] for request in requests])
        ages = tf.zeros(tf.shape(history))
        users = tf.fill([BATCH], "u")
        output = model.signatures["recommend_page"](
            user_id=users, history=history, history_ages=ages, **inputs_of(requests)
        )
        for request, answer in zip(requests, answers(output), strict=True):
            hidden = {*request["history"], *request["excluded"]}
            best = ranked(matrix, order, request["history"])
            assert answer == brute_force(request, columns, best, hidden), request
            full += bool(answer)
    assert full > REQUESTS // 4, "requests that nothing answers prove little"


def test_similar_items_are_those_of_a_history_of_these_items_without_themselves(world):
    model, columns, matrix, order = world
    rng = np.random.default_rng(4)
    for _ in range(4):
        requests = [wanted(rng) for _ in range(BATCH)]
        output = model.signatures["similar_items"](
            item_ids=padded([request["history"] for request in requests]), **inputs_of(requests)
        )
        names = output["answered_by"].numpy().tolist()
        for request, answer, name in zip(requests, answers(output), names, strict=True):
            hidden = {*request["history"], *request["excluded"]}
            best = ranked(matrix, order, request["history"])
            assert answer == brute_force(request, columns, best, hidden)
            assert name == (b"model" if any(int(item) < COUNT for item in request["history"]) else b"")


def test_a_filter_may_name_many_values_and_an_exclusion_many_items(world):
    model, columns, matrix, order = world
    request = {"history": [], "age": 99.0, "n": 100, "offset": 0, "tags": [], "ends": [np.nan] * 2}
    request |= {"kinds": ["mug"] * 99 + ["hat"], "excluded": ["nobody"] * (MOST_WITHHELD - 1) + ["3"]}
    history = padded([[]])
    output = model.signatures["recommend_page"](
        user_id=tf.constant(["u"]), history=history, history_ages=tf.zeros([1, 0]), **inputs_of([request])
    )
    assert answers(output) == [brute_force(request, columns, ranked(matrix, order, []), {"3"})]


def test_the_choices_are_the_values_that_candidates_have(world):
    model, columns, *_ = world
    choices = {name: values.numpy().tolist() for name, values in model.signatures["choices"]().items()}
    assert choices["filter_kind"] == sorted({kind for kind in columns["kind"] if kind})
    assert choices["filter_tags"] == sorted(tag.encode() for tag in TAGS)
    assert choices["filter_price"] == [np.nanmin(columns["price"]), np.nanmax(columns["price"])]
    assert choices["rules"] == []


@pytest.mark.parametrize("kind", ["rules", "model"])
def test_the_first_page_is_the_default_answer(kind):
    model = tf.saved_model.load(saved(kind))
    common = {
        "user_id": tf.constant(["u"] * 3),
        "history": tf.constant([["A", "B"], ["never", ""], ["", ""]]),
        "exclude_ids": tf.constant([["C"]] * 3),
        "device": tf.constant(["tv"] * 3),
        "age_float": tf.constant([4.0] * 3),
    }
    plain = model.signatures["serving_default"](**common)
    blank = {"filter_kind": tf.constant([[""]] * 3), "filter_price": tf.fill([3, 2], np.nan)}
    blank |= {"n": tf.constant([0] * 3, tf.int64), "offset": tf.constant([0] * 3, tf.int64)}
    blank |= {"history_ages": tf.fill([3, 2], -1.0)}
    page = model.signatures["recommend_page"](**common, **blank)
    for name, values in plain.items():
        np.testing.assert_array_equal(page[name], values)
    assert page["item_ids"].shape[1] == LAUNCH.model.top_k


@pytest.mark.parametrize("kind", ["rules", "model"])
def test_lists_and_similar_items_of_what_the_template_trains(kind):
    model = tf.saved_model.load(saved(kind))
    blank = {"exclude_ids": tf.constant([["B"]] * 2), "device": tf.constant(["tv"] * 2), "age_float": tf.zeros(2)}
    blank |= {"filter_kind": tf.constant([["mug"], [""]]), "filter_price": tf.fill([2, 2], np.nan)}
    blank |= {"n": tf.constant([9, 9], tf.int64), "offset": tf.constant([0, 1], tf.int64)}
    lists = model.signatures["list_items"](rule=tf.constant(["catalogue_order", "no such rule"]), **blank)
    assert answers(lists) == [["A", "E", "G"], []]
    alike = model.signatures["similar_items"](item_ids=tf.constant([["A", "C"], ["never", ""]]), **blank)
    # A and C are what the others should be like; nothing is known of an unknown item: the first list answers.
    assert set(answers(alike)[0]) == {"E", "G"}
    assert alike["answered_by"].numpy().tolist() == [
        b"model" if kind == "model" else b"covisitation",
        b"recent_popularity",
    ]
    assert (
        answers(alike)[1]
        == answers(model.signatures["list_items"](rule=tf.constant(["popularity", "recent_popularity"]), **blank))[1]
    )
