"""Warm-up requests, read back as TF Serving reads them and asked of the saved model."""

import numpy as np
import pytest
import tensorflow as tf
import toy_shop
from small_recommenders import LAUNCH, Table, next_item, save_table
from tensorflow_serving.apis import prediction_log_pb2

from components.registry import warmup

pytestmark = pytest.mark.tensorflow

CONTEXT = {"device": tf.string, "age": tf.float32, "visits": tf.int64}


def requests(folder):
    records = tf.data.TFRecordDataset(f"{folder}/{warmup.WARMUP}")
    logs = [prediction_log_pb2.PredictionLog.FromString(record.numpy()) for record in records]
    return [
        {"signature": log.predict_log.request.model_spec.signature_name} | arrays(log.predict_log.request.inputs)
        for log in logs
    ]


def arrays(inputs):
    return {name: tf.make_ndarray(value) for name, value in inputs.items()}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_table(tmp_path_factory.mktemp("model"), next_item(count=10), context=CONTEXT)


def test_every_warm_up_request_is_answered_by_the_saved_model(saved):
    model = tf.saved_model.load(saved)
    warm_up_requests = requests(saved)
    # The ring has no ranking head, no embeddings and no lists.
    assert len(warm_up_requests) == 3 * len(warmup.SIZES)
    for request, (batch, _) in zip(warm_up_requests, 3 * warmup.SIZES, strict=True):
        answer = model.signatures[request.pop("signature")](
            **{name: tf.constant(value) for name, value in request.items()}
        )
        assert answer["item_ids"].shape == (batch, LAUNCH.model.top_k)


def test_histories_are_known_items_and_context_is_missing(saved):
    last = requests(saved)[len(warmup.SIZES) - 1]
    assert last["history"].tolist() == [[b"0", b"1", b"2"]] * 8
    assert last["exclude_ids"].shape == (8, 0)
    assert last["device"].tolist() == [b""] * 8
    assert np.isnan(last["age"]).all()
    assert last["visits"].tolist() == [np.iinfo(np.int64).min] * 8


def test_a_signature_over_items_alone_gets_known_items(tmp_path):
    lengths = tf.function(lambda item_ids: {"embedding": tf.strings.length(item_ids)})
    signatures = {"embed_items": lengths.get_concrete_function(tf.TensorSpec([None], tf.string, "item_ids"))}
    assert warmup.write(signatures, tf.constant(["A", "BB"]), {}, str(tmp_path)) == len(warmup.SIZES)
    assert [request["item_ids"].tolist() for request in requests(tmp_path)] == [[b"A"], [b"A", b"BB"], [b"A", b"BB"]]


def test_items_for_each_request_where_the_signature_wants_them(tmp_path):
    table = Table(next_item(count=4))
    rank = table.trace(table.score_catalogue, {"user_id": (None,), "history": (None, None)})
    warmup.write({"rank": rank}, tf.constant(["0"]), {tf.string: ""}, str(tmp_path))
    assert [request["history"].shape for request in requests(tmp_path)] == [(1, 0), (1, 1), (8, 1)]


def test_what_is_exported_answers_its_own_warm_up():
    folder = toy_shop.saved("rules")
    assert warmup.replay(folder, tf.saved_model.load(folder)) == len(requests(folder)) > 0


def test_a_warm_up_that_is_answered_with_nan_or_not_at_all_is_refused(tmp_path):
    broken = save_table(tmp_path / "nan", next_item(count=10) + np.nan, context=CONTEXT)
    with pytest.raises(ValueError, match="answers no number for scores"):
        warmup.replay(broken, tf.saved_model.load(broken))
    with pytest.raises(ValueError, match="fails its warm-up"):
        warmup.replay(str(tmp_path), tf.saved_model.load(broken))
