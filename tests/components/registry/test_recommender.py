"""The serving contract, on rules and model alike: saved, loaded in plain TensorFlow, asked."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from toy_shop import KERAS_SEEDS, LAUNCH, PLAIN, saved

from components.declaration.data import Boost
from components.declaration.request_names import input_name

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]

ACTIVE = [b"A", b"B", b"C", b"D", b"E", b"G"]
ITEMS, NEVER = [*ACTIVE, b"F", b"X"], b"never heard of"
TOP_K, LENGTH = LAUNCH.model.top_k, LAUNCH.model.history


@pytest.fixture(scope="module", params=["rules", "model"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def served(kind):
    return tf.saved_model.load(saved(kind))


@pytest.fixture(scope="module")
def plain(kind):
    return tf.saved_model.load(saved(kind, PLAIN))


def padded(lists):
    width = max((len(ids) for ids in lists), default=0)
    return tf.constant([[*ids, *[b""] * (width - len(ids))] for ids in lists], tf.string, [len(lists), width])


def ask(model, signature, history, device=b"tv", age=4.0, user=b"u0", context=True, **lists):
    """Calls a signature for histories given as lists of ids."""
    rows = len(history)
    inputs = {"user_id": tf.fill([rows], user), "history": padded(history)} | {
        name: padded(ids) for name, ids in lists.items()
    }
    if context:
        inputs |= {"device": tf.fill([rows], device), "age_float": tf.fill([rows], tf.constant(age, tf.float32))}
    return {name: value.numpy() for name, value in model.signatures[signature](**inputs).items()}


def recommend(model, history, exclude=None, **more):
    answer = ask(model, "serving_default", history, exclude_ids=exclude or [[]] * len(history), **more)
    return answer["item_ids"].tolist(), answer["scores"]


@pytest.mark.parametrize("seed", range(6))
def test_answers_are_distinct_active_not_seen_not_excluded_and_best_first(served, seed):
    rng = np.random.default_rng(seed)
    history, excluded = (
        [list(rng.choice([*ITEMS, NEVER, b""], size=rng.integers(7))) for _ in range(3)] for _ in range(2)
    )
    answers, scores = recommend(served, history, excluded)
    for ids, past, hidden, score in zip(answers, history, excluded, scores, strict=True):
        allowed = set(ACTIVE) - set(past) - set(hidden)
        shown = [item for item in ids if item]
        assert len(ids) == TOP_K
        assert len(shown) == len(set(shown)) == min(TOP_K, len(allowed))
        assert set(shown) <= allowed
        assert (np.diff(score[: len(shown)]) <= 0).all()
        assert np.isfinite(score[: len(shown)]).all()
        assert ids[len(shown) :] == [b""] * (TOP_K - len(shown))
        assert (score[len(shown) :] == -np.inf).all()


def test_whatever_is_asked_for_is_the_catalogue_s_best(served):
    scores = ask(served, "score_catalogue", [[b"A", b"B"]])["scores"][0]
    order = served.signatures["catalogue"]()["item_ids"].numpy()[np.argsort(-scores, kind="stable")]
    answers, _ = recommend(served, [[b"A", b"B"]])
    assert answers[0] == [item for item in order if item not in (b"A", b"B")][:TOP_K]


def test_the_catalogue_holds_exactly_the_active_items_with_their_titles(served):
    listed = {name: column.numpy().tolist() for name, column in served.signatures["catalogue"]().items()}
    assert listed["item_ids"] == ACTIVE
    assert listed["titles"] == [b"Mug A", b"Mug B", b"Hat C", b"Hat D", b"Mug E", b"G"]
    assert ask(served, "score_catalogue", [[b"A"], []])["scores"].shape == (2, len(ACTIVE))


def test_the_user_is_no_part_of_the_answer(served):
    answer_to_user, unknown = (recommend(served, [[b"A"]], user=user) for user in (b"u1", b"nobody"))
    assert answer_to_user[0] == unknown[0]
    np.testing.assert_array_equal(answer_to_user[1], unknown[1])


def test_no_history_padding_only_and_unknown_items_are_the_same(served):
    answers = [recommend(served, [history])[0] for history in ([], [b"", b""], [NEVER], [b"", NEVER, b""])]
    assert answers == [answers[0]] * 4
    assert all(answers[0][0])


def test_unknown_items_and_padding_in_a_history_are_passed_over(served):
    scores = [
        ask(served, "score_catalogue", [history])["scores"] for history in ([b"A", b"B"], [b"", b"A", NEVER, b"B", b""])
    ]
    np.testing.assert_array_equal(*scores)


def test_only_the_last_items_of_a_long_history_are_read_but_all_are_hidden(served):
    short, long = [b"C", b"D", b"E"], [b"A", b"B", b"F", b"C", b"D", b"E"]
    assert len(short) == LENGTH
    np.testing.assert_array_equal(*(ask(served, "score_catalogue", [history])["scores"] for history in (short, long)))
    assert recommend(served, [long])[0] == [[b"G", b"", b"", b""]]


def test_a_batch_answers_each_request_as_if_it_were_alone(served):
    histories = [[], [b"A"], [b"B", b"X", b"C", b"D", b"E"]]
    together = recommend(served, histories, [[b"G"], [], [b"A", NEVER]])
    for row, (history, hidden) in enumerate(zip(histories, [[b"G"], [], [b"A", NEVER]], strict=True)):
        ids, scores = recommend(served, [history], [hidden])
        assert ids[0] == together[0][row]
        np.testing.assert_allclose(scores[0], together[1][row], atol=1e-6)


def test_inactive_items_and_items_of_the_log_only_speak_in_a_history(served):
    scores = [ask(served, "score_catalogue", [[item]])["scores"] for item in (b"F", b"X", NEVER)]
    assert np.abs(scores[0] - scores[2]).max() > 1e-6
    assert np.abs(scores[1] - scores[2]).max() > 1e-6


def test_what_was_seen_is_shown_where_the_launch_says_so():
    again = dataclasses.replace(LAUNCH, exclude_seen=False)
    answers, _ = recommend(tf.saved_model.load(saved("rules", again)), [[b"A", b"B", b"C", b"D", b"E"]], [[b"G"]])
    assert len(set(answers[0]) & set(ACTIVE) - {b"G"}) == TOP_K


def test_everything_excluded_leaves_nothing(served):
    answers, scores = recommend(served, [[b"A"]], [ACTIVE])
    assert answers == [[b""] * TOP_K]
    assert (scores == -np.inf).all()


def test_a_catalogue_smaller_than_the_answer_gives_a_shorter_one(plain):
    answers, scores = recommend(plain, [[b"A"]], context=False)
    assert sorted(answers[0]) == [b"", b"B", b"C", b"D", b"E", b"F", b"X"]
    assert scores.shape == (1, 7)


def test_the_ranking_gives_probabilities_and_their_worth(served):
    answer = ask(served, "rank", [[b"A"], []], item_ids=[[b"B", NEVER, b"F", b""], [b"B"]])
    assert {name: column.shape for name, column in answer.items()} == dict.fromkeys(("click", "buy", "value"), (2, 4))
    assert ((answer["click"] > 0) & (answer["click"] < 1)).all()
    np.testing.assert_allclose(answer["value"], answer["click"] + 5 * answer["buy"], rtol=1e-5)
    np.testing.assert_array_equal(answer["click"][0, 1], answer["click"][0, 3])  # unknown as no item


def _example(history, item, device=None, age=None):
    features = {"history": history, "item": [item]} | ({"device": [device]} if device is not None else {})
    lists = {name: tf.train.Feature(bytes_list=tf.train.BytesList(value=values)) for name, values in features.items()}
    if age is not None:
        lists["age:float"] = tf.train.Feature(float_list=tf.train.FloatList(value=[age]))
    return tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString()


@pytest.mark.parametrize(("device", "age"), [(b"tv", 0.0), (b"phone", 4.0), (b"", float("nan"))])
def test_serialized_examples_are_ranked_as_requests_are(served, device, age):
    histories, items = [[], [b"A", b"B"], [b"A", NEVER, b"X", b"E", b"F", b"C"]], [b"C", b"F", NEVER]
    context = {"device": device or None, "age": None if np.isnan(age) else age}
    examples = [_example(history, item, **context) for history, item in zip(histories, items, strict=True)]
    ranked = ask(served, "rank", histories, device, age, item_ids=[[item] for item in items])
    for name, column in served.signatures["rank_examples"](tf.constant(examples)).items():
        np.testing.assert_allclose(column.numpy(), ranked[name][:, 0], rtol=1e-5)
    assert set(served.signatures["rank_examples"].structured_outputs) == {"click", "buy"}


def test_without_context_catalogue_and_ranking_head(plain, kind):
    ages = {"recommend_with_ages", "score_with_ages"}
    rules = {f"score_rule_{name}" for name in PLAIN.rules.names}
    more = rules if kind == "rules" else {"embed_query", "embed_items"} | ages
    pages = {"recommend_page", "similar_items", "list_items", "choices"}
    assert set(plain.signatures) == {"serving_default", "score_catalogue", "catalogue"} | pages | more
    answers, _ = recommend(plain, [[b"A"], []], context=False)
    assert set(answers[0]) == set(ITEMS) - {b"A", b"G"} | {b""}
    assert set(answers[1]) == set(ITEMS) - {b"G"}


def test_signatures_ask_for_the_declared_context_by_its_name(served):
    inputs = served.signatures["serving_default"].structured_input_signature[1]
    assert {name: spec.dtype for name, spec in inputs.items()} == {
        "user_id": tf.string,
        "history": tf.string,
        "exclude_ids": tf.string,
        "device": tf.string,
        "age_float": tf.float32,
    }


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("device", "device"),
        ("Device2", "device2"),
        ("device:token", "device_token"),
        ("my device", "my_device"),
        ("1st", "column1st"),
        ("_x", "column_x"),
    ],
)
def test_any_column_has_a_name_that_tensorflow_takes(column, name):
    assert input_name(column) == name
    specs = {name: tf.TensorSpec([None], tf.string, name)}
    answer = tf.function(lambda **inputs: {"same": inputs[name]}).get_concrete_function(**specs)
    assert [spec.name for spec in answer.structured_input_signature[1].values()] == [name]


HATS, FACTOR = (b"C", b"D"), 3.0
# The mug E is hidden, hats count three times.
BOOSTED = dataclasses.replace(
    LAUNCH,
    catalogue=dataclasses.replace(
        LAUNCH.catalogue, boosts=(Boost("kind", "hat", FACTOR), Boost("title", "Mug E", 0.0))
    ),
)


def by_score(kind, launch, history):
    model = tf.saved_model.load(saved(kind, launch))
    return model.signatures["catalogue"]()["item_ids"].numpy(), ask(model, "score_catalogue", [history])["scores"][0]


@pytest.mark.parametrize("history", [[], [b"A"], [b"E", b"A"]])
def test_what_is_hidden_is_never_shown_and_what_is_boosted_is_worth_more(kind, history):
    model = tf.saved_model.load(saved(kind, BOOSTED))
    assert model.signatures["catalogue"]()["item_ids"].numpy().tolist() == [item for item in ACTIVE if item != b"E"]
    answers, _ = recommend(model, [history])
    assert b"E" not in answers[0]
    worth = ask(model, "rank", [history], item_ids=[[b"C", b"E", b"A"]])
    np.testing.assert_allclose(worth["value"], (worth["click"] + 5 * worth["buy"]) * [FACTOR, 0, 1], rtol=1e-5)


MORE_HATS = dataclasses.replace(
    LAUNCH, catalogue=dataclasses.replace(LAUNCH.catalogue, boosts=(Boost("kind", "hat", FACTOR),))
)


@pytest.mark.parametrize("history", [[b"A", b"B"], [b"E"], [b"F", b"G"]])
def test_a_boost_multiplies_the_weights_of_the_model_s_softmax(history):
    (ids, plain), (_, boosted) = by_score("model", LAUNCH, history), by_score("model", MORE_HATS, history)
    gain = np.log(np.where(np.isin(ids.astype("S1"), HATS), FACTOR, 1.0))
    np.testing.assert_allclose(boosted - plain, gain, atol=1e-4)


@pytest.mark.parametrize("history", [[], [b"A"], [b"B", b"D"]])
def test_a_boost_moves_an_item_of_the_rules_forward_and_leaves_the_order_of_the_others(history):
    (ids, plain), (fewer, boosted) = by_score("rules", LAUNCH, history), by_score("rules", BOOSTED, history)
    before = [item for item in ids[np.argsort(-plain, kind="stable")] if item != b"E"]
    after = fewer[np.argsort(-boosted, kind="stable")].tolist()
    assert [item for item in before if item not in HATS] == [item for item in after if item not in HATS]
    assert all(after.index(hat) <= before.index(hat) for hat in HATS)
