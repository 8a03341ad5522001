"""What can be judged: real SavedModels, whole and broken."""

import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf
from small_recommenders import LAUNCH, Table, events, items, next_item, save_rules, save_table

from components.evaluation import contender
from components.metrics import queries
from components.registry import export
from components.registry.recommender import ITEMS_SHAPE

pytestmark = pytest.mark.tensorflow

WITH_DEVICE = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, context=("device",)))
LOG = events(
    "uuuv",
    [3, 4, 5, 9],
    [1, 2, 3, 4],
    late=[0, 0, 1, 1],
    context={"device": np.array([b"tv", b"tv", b"tv", b""], object)},
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A recommender of ten items, of which the last is not active."""
    matrix = next_item(count=10)[:, :9]
    return save_table(tmp_path_factory.mktemp("models") / "next", matrix, table=items(10, inactive=(9,)))


@pytest.fixture(scope="module")
def asked():
    return queries.rolling(LAUNCH, LOG, LOG.late)


def test_a_saved_recommender_is_read_through_its_signatures(saved):
    loaded = contender.load(saved)
    assert loaded.candidates.tolist() == [str(item).encode() for item in range(9)]
    assert loaded.titles.tolist() == [f"Item {item}".encode() for item in range(9)]
    assert (loaded.kind, loaded.rule) == ("model", "")


def test_scores_are_those_of_the_history(saved, asked):
    scores = contender.load(saved).score(asked.known(slice(0, 5)))
    # u took 3 and 4, so 5 comes next; v took nothing, which row 0 of the table answers: zeros.
    assert scores.shape == (2, 9)
    assert scores[0].tolist() == [1.0 if item == 5 else 0.0 for item in range(9)]
    assert scores[1].tolist() == [0.0] * 9


def test_serving_excludes_what_was_seen(saved, asked):
    loaded = contender.load(saved)
    ids, scores = loaded.recommend(asked, 0)
    assert ids[0] == b"5" and scores[0] == 1.0
    assert not {b"3", b"4"} & set(ids)
    ids, _ = loaded.recommend(asked, 1)
    assert len(set(ids)) == len(ids) == LAUNCH.model.top_k


def test_a_signature_gets_the_context_it_wants_and_no_more(saved, tmp_path, asked):
    assert "device" in asked.context
    contender.load(saved).score(asked.known(slice(0, 2)))  # does not want it, and would refuse it

    wanting = contender.load(
        save_table(tmp_path / "wanting", next_item(count=10), WITH_DEVICE, context={"device": tf.string})
    )
    assert wanting.score(asked.known(slice(0, 2))).shape == (2, 10)
    without = dataclasses.replace(asked, context={})
    with pytest.raises(
        ValueError, match="its signature score_catalogue asks for device, which the declared log does not give"
    ):
        wanting.score(without.known(slice(0, 2)))
    number = dataclasses.replace(asked, context={"device": np.zeros(2, np.float32)})
    with pytest.raises(ValueError, match="its signature score_catalogue fails: "):
        wanting.score(number.known(slice(0, 2)))


class Aged(Table):
    """Puts the item first whose number is the whole seconds since the newest item of the history."""

    def score_with_ages(self, user_id, history, history_ages):
        ages = tf.where(history_ages < 0, np.inf, history_ages)
        return {"scores": tf.one_hot(tf.cast(tf.reduce_min(ages, axis=1), tf.int32), 10)}

    def recommend_with_ages(self, user_id, history, history_ages, exclude_ids):
        return self.answer(self.score_with_ages(user_id, history, history_ages)["scores"], history, exclude_ids)

    def signatures(self):
        ids, ages = {"user_id": (None,), "history": ITEMS_SHAPE}, {"history_ages": ITEMS_SHAPE}
        more = {"score_with_ages": self.trace(self.score_with_ages, ids, ages)}
        more["recommend_with_ages"] = self.trace(self.recommend_with_ages, ids | {"exclude_ids": ITEMS_SHAPE}, ages)
        return super().signatures() | more


def test_a_model_that_weighs_by_the_age_of_the_history_is_told_it(tmp_path):
    export.save(Aged(next_item(count=10)), str(tmp_path / "aged"), {"kind": "model"})
    log = events("uuu", [3, 4, 5], [0, 2_000_000, 9_000_000], late=[0, 0, 1])
    loaded = contender.load(str(tmp_path / "aged"))
    rolling, frozen = queries.rolling(LAUNCH, log, log.late), queries.frozen(LAUNCH, log, log.late, 1_000_000)
    assert loaded.score(rolling.known(slice(0, 1)))[0].argmax() == 9 - 2
    assert loaded.score(frozen.known(slice(0, 1)))[0].argmax() == 9 - 0
    assert loaded.recommend(rolling, 0)[0][0] == b"7"
    unknown = dataclasses.replace(rolling, ages=None)
    assert loaded.score(unknown.known(slice(0, 1))).shape == (1, 10)


def test_the_rules_can_be_judged_rule_by_rule(tmp_path, asked):
    log = events("uuuv", [3, 4, 5, 3], [1, 2, 3, 4])
    rules = contender.load(save_rules(tmp_path / "rules", log))
    assert (rules.kind, rules.rule) == ("rules", "popularity")
    scores = rules.by("score_rule_popularity").score(asked.known(slice(0, 2)))
    assert np.argsort(-scores, axis=1, kind="stable")[:, :4].tolist() == [[3, 4, 5, 0]] * 2
    assert scores[0, 3] > scores[0, 4] == scores[0, 5] > scores[0, 6] == 0
    assert np.array_equal(rules.score(asked.known(slice(0, 2))), scores)


def write(folder, name, content):
    (folder / name).write_bytes(content)


BROKEN = {
    "missing": shutil.rmtree,
    "empty": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
    "empty file": lambda folder: write(folder, "saved_model.pb", b""),
    "no protobuf": lambda folder: write(folder, "saved_model.pb", b"no model"),
    "cut short": lambda folder: write(folder, "saved_model.pb", (folder / "saved_model.pb").read_bytes()[:1000]),
    "no variables": lambda folder: shutil.rmtree(folder / "variables"),
    "bad variables": lambda folder: write(folder, "variables/variables.index", b"x"),
    "bad card": lambda folder: write(folder, "assets.extra/dayone.json", b"{"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_does_not_load_is_said_in_a_line(saved, tmp_path, broken):
    folder = tmp_path / "model"
    shutil.copytree(saved, folder)
    BROKEN[broken](folder)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the type is the point; the text follows)
        contender.load(str(folder))
    assert type(caught.value) is ValueError
    assert str(caught.value).startswith(f"{folder} does not load as a SavedModel: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_model_without_the_signatures_is_told_which(tmp_path):
    module = tf.Module()
    double = tf.function(lambda x: {"y": 2 * x}, input_signature=[tf.TensorSpec([None])])
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": double})
    with pytest.raises(ValueError, match=r"lacks the signatures catalogue, score_catalogue$"):
        contender.load(str(tmp_path))


def test_a_model_without_a_card_counts_as_a_model(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / "assets.extra")
    assert contender.load(str(tmp_path / "model")).kind == "model"
