import json

import numpy as np

from components.serving import predict_answer
from components.serving.predict_request import PredictRequest


def request(rows, columns=False):
    return PredictRequest("serving_default", rows, columns, None, True)


def answer(rows, outputs, columns=False, **more):
    parsed = request(rows, columns)
    return json.loads(predict_answer.encode(parsed, predict_answer.rows(parsed, outputs), more))


RECOMMENDED = {
    "item_ids": np.array([[b"A", b"B"], ["\u00e9".encode(), b""]], object),
    "scores": np.array([[0.5, 0.25], [0.5, -np.inf]], np.float32),
}


def test_padding_is_cut_off():
    assert answer([{}, {}], RECOMMENDED) == {
        "predictions": [{"item_ids": ["A", "B"], "scores": [0.5, 0.25]}, {"item_ids": ["\u00e9"], "scores": [0.5]}],
    }


def test_columns_and_what_is_added():
    body = answer([{}, {}], RECOMMENDED, columns=True, model_version="7")
    assert body == {
        "outputs": {"item_ids": [["A", "B"], ["\u00e9"]], "scores": [[0.5, 0.25], [0.5]]},
        "model_version": "7",
    }


def test_ranked_rows_have_the_length_that_was_asked():
    body = answer([{"item_ids": [b"A"]}, {"item_ids": [b"A", b"B"]}], {"click": np.array([[0.5, 0.0], [0.5, 0.25]])})
    assert body == {"predictions": [[0.5], [0.5, 0.25]]}  # one output: its bare value, as TF Serving answers


def test_no_number_is_null():
    assert answer([{}], {"a": np.array([np.nan]), "b": np.array([1.5])}) == {"predictions": [{"a": None, "b": 1.5}]}


def test_k_cuts_recommendations_only():
    answers = [{"item_ids": ["A", "B"], "scores": [2, 1]}, {"click": [1, 2]}]
    predict_answer.cut(answers, 1)
    assert answers == [{"item_ids": ["A"], "scores": [2]}, {"click": [1, 2]}]
