"""Declared filters in what is served and what is judged: by eye, and against a plain loop."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from small_recommenders import LAUNCH, Table, events, save_rules

from components.declaration import Catalogue, Filter, Rules
from components.errors import DeclarationError
from components.evaluation import contender
from components.features import item_table
from components.metrics import queries
from components.registry.item_filter import ItemFilter

pytestmark = pytest.mark.tensorflow

COLUMNS = {
    "id": np.array([b"0", b"1", b"2", b"3"], object),
    "age_limit": np.array([0, 12, 18, np.nan], np.float32),
    "sold_in": np.array([b"de fr", b"fr", b"", b"de"], object),
    "stock": np.array([1, 1, 0, 5], np.int64),
}
AGE = Filter("age_limit", "<=", context="age")
COUNTRY = Filter("sold_in", "contains", context="country")


def launch_with(*filters):
    log = dataclasses.replace(LAUNCH.log, context=("age", "country"))
    return dataclasses.replace(LAUNCH, log=log, catalogue=Catalogue("items", "id", filters=filters))


def table_of(launch):
    return item_table.build(launch.catalogue, COLUMNS, COLUMNS["id"])


def shown(*filters, age=99.0, country=b"de"):
    """The items that `serving_default` answers, best first; all score alike."""
    launch = launch_with(*filters)
    table = table_of(launch)
    dtypes = {"age": tf.float32, "country": tf.string}
    model = Table(np.ones((len(table), int(table.active.sum()))), launch, table, dtypes)
    context = {"age": tf.constant([age], tf.float32), "country": tf.constant([country])}
    nothing = tf.constant([[b""]])
    answer = model.recommend(tf.constant([b"u"]), nothing, nothing, **context)
    scores = model.score_catalogue(tf.constant([b"u"]), nothing, **context)["scores"].numpy()[0]
    ids = [item for item in answer["item_ids"].numpy()[0] if item]
    judged = [
        item for item, score in zip(model.catalogue()["item_ids"].numpy(), scores, strict=True) if score > -np.inf
    ]
    assert ids == judged
    return b"".join(ids).decode()


def test_without_filters_everything_is_shown():
    assert shown() == "0123"


@pytest.mark.parametrize(("age", "items"), [(99, "0123"), (12, "013"), (5, "03"), (np.nan, "3")])
def test_a_number_is_compared_and_an_item_without_one_is_shown(age, items):
    assert shown(AGE, age=age) == items


@pytest.mark.parametrize(("country", "items"), [(b"de", "023"), (b"fr", "012"), (b"it", "2"), (b"", "2")])
def test_one_of_the_words_is_meant(country, items):
    assert shown(COUNTRY, country=country) == items


def test_equal_and_unequal_texts():
    assert shown(Filter("sold_in", "==", context="country"), country=b"fr") == "12"
    assert shown(Filter("sold_in", "!=", context="country"), country=b"fr") == "023"
    assert shown(Filter("sold_in", "!=", context="country"), country=b"") == "2"


def test_all_filters_have_to_hold_and_a_constant_takes_the_item_out():
    assert shown(AGE, COUNTRY, age=12, country=b"de") == "03"
    assert shown(Filter("stock", ">", value=0)) == "013"
    assert shown(Filter("sold_in", "contains", value="fr")) == "012"
    assert shown(Filter("sold_in", "!=", value="de")) == "012"
    assert shown(Filter("stock", ">", value=0), AGE, age=5) == "03"


def test_rules_are_judged_and_served_alike(tmp_path):
    launch = dataclasses.replace(launch_with(AGE), rules=Rules(names=("popularity",)))
    table = table_of(launch)
    filters = [ItemFilter(AGE, table.filtered[0][1:], tf.float32)]
    assert filters[0]({"age": tf.constant([5.0])}).numpy().tolist() == [[True, False, False, True]]
    log = events([*"uuvvw"], [*"01230"], range(5), late=[0, 0, 0, 0, 1])
    log = dataclasses.replace(log, context={"age": np.full(5, 5, np.float32)})
    plain = dataclasses.replace(launch, log=dataclasses.replace(launch.log, context=("age",)))
    folder = save_rules(tmp_path / "rules", log, plain, table=table, context={"age": tf.float32})
    loaded = contender.load(folder)
    eval_queries = queries.rolling(plain, log, log.late)
    for signature in ("score_catalogue", "score_rule_popularity"):
        scores = loaded.by(signature).score(eval_queries.known(slice(0, 1)))[0]
        assert (scores > -np.inf).tolist() == [True, False, False, True]
    ids, _ = loaded.recommend(eval_queries, 0)
    assert set(ids) - {b""} == {b"0", b"3"}


@pytest.mark.parametrize(
    ("declared", "dtype", "text"), [(AGE, tf.string, "a column of numbers"), (COUNTRY, tf.float32, "text or integers")]
)
def test_a_context_column_of_another_kind_is_named(declared, dtype, text):
    values = np.zeros(2) if declared.is_numeric else np.array([b"de", b"fr"], object)
    with pytest.raises(DeclarationError, match=text):
        ItemFilter(declared, values, dtype)
