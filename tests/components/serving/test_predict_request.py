import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_server import INPUTS

from components.features.item_table import MISSING_INT
from components.serving import predict_request
from components.serving.page_request import Page
from components.serving.predict_request import Limits
from components.serving.request_errors import RequestError
from components.serving.signature_input import Input

LIMITS = Limits(rows=4, ids=3)


def parse(body, signatures=INPUTS):
    return predict_request.parse(body if isinstance(body, bytes) else json.dumps(body).encode(), signatures, LIMITS)


def test_the_smallest_request_is_a_user_id():
    request = parse({"instances": [{"user_id": "u1"}]})
    (row,) = request.rows
    assert (request.signature, request.columns, request.page, request.log) == (
        *("serving_default", False),
        *(Page(), True),
    )
    assert (
        row["user_id"] == b"u1"
        and row["history"] is None
        and row["exclude_ids"] == []
        and row["device"] == b""
        and np.isnan(row["age"])
    )


def test_rows_and_columns_say_the_same():
    rows = parse(
        {"instances": [{"user_id": "u", "history": ["A"], "age": 3}, {"user_id": 7, "history": [], "age": 4.5}]}
    )
    columns = parse({"inputs": {"user_id": ["u", 7], "history": [["A"], []], "age": [3, 4.5]}})
    assert rows.rows == columns.rows
    assert rows.rows[1]["user_id"] == b"7"
    assert columns.columns


def test_a_small_request_cannot_ask_for_a_large_answer():
    limits = Limits(ids=3, ranked=5)

    def rank(*sizes):
        rows = [{"user_id": "u", "item_ids": ["A"] * size} for size in sizes]
        return predict_request.parse(json.dumps({"signature_name": "rank", "instances": rows}).encode(), INPUTS, limits)

    assert len(rank(3, 2).rows) == 2
    with pytest.raises(RequestError, match="at most 5 ids in all rows together, got 6") as raised:
        rank(3, 3)
    assert raised.value.status == 413


def test_lists_are_padded_on_the_right():
    rows = [{"user_id": b"u", "history": [b"A", b"B"], "n": 1}, {"user_id": b"v", "history": [], "n": 2}]
    columns = predict_request.arrays(
        rows, (Input("user_id", "string", 1), Input("history", "string", 2), Input("n", "int64", 1))
    )
    assert columns["history"].tolist() == [[b"A", b"B"], [b"", b""]]
    assert columns["user_id"].tolist() == [b"u", b"v"]
    assert columns["n"].dtype == np.int64


def test_no_history_at_all_has_no_columns():
    columns = predict_request.arrays([{"history": []}], (Input("history", "string", 2),))
    assert columns["history"].shape == (1, 0)


def test_a_signature_with_one_input_takes_bare_values():
    rows = [{"item_ids": b"A"}, {"item_ids": b"B"}]
    for given_form in (
        {"instances": ["A", "B"]},
        {"instances": [{"item_ids": "A"}, {"item_ids": "B"}]},
        {"inputs": ["A", "B"]},
        {"inputs": {"item_ids": ["A", "B"]}},
    ):
        assert parse({"signature_name": "embed_items"} | given_form).rows == rows


def test_bytes_are_base64():
    signatures = {"rank_examples": (Input("examples", "string", 1),)}
    request = {"signature_name": "rank_examples", "instances": [{"b64": "AAH/"}]}
    assert parse(request, signatures).rows == [{"examples": b"\x00\x01\xff"}]
    for wrong in ("AAH/", {"b64": "?"}, {"b64": 1}):
        with pytest.raises(RequestError, match="b64"):
            parse(request | {"instances": [{"examples": wrong}]}, signatures)


def test_missing_integers_are_the_smallest_one():
    signatures = {"serving_default": (Input("user_id", "string", 1), Input("visits", "int64", 1))}
    assert parse({"instances": [{"user_id": "u", "visits": None}]}, signatures).rows[0]["visits"] == MISSING_INT


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body needs JSON: Expecting value"),
        (b"\xff", "needs UTF-8 text, got byte 0xff at 0"),
        (b"[1]", "needs a JSON object, got [1]"),
        (b'{"instances": NaN}', "NaN is no JSON number"),
        (b"[" * 100_000, "nested too deeply"),
        (
            {"instances": [], "typo": 1},
            'the request has no "typo"; it may hold filters, inputs, instances, log, n, offset, signature_name',
        ),
        (
            {"signature_name": "nope"},
            'signature_name needs one of embed_items, list_items, rank, recommend_page, serving_default, similar_items, got "nope"',
        ),
        ({"signature_name": ["rank"]}, 'got ["rank"]'),
        ({}, "needs either instances (rows) or inputs (columns)"),
        ({"instances": [], "inputs": {}}, "needs either instances"),
        ({"instances": {}}, "instances needs a list, got {}"),
        ({"instances": []}, "at least one row"),
        ({"instances": [{"user_id": "u"}] * 5}, "instances needs at most 4 rows, got 5"),
        ({"instances": ["u"]}, "instances[0] needs an object with age, device, exclude_ids, history, user_id"),
        ({"instances": [{}]}, "instances[0].user_id is missing"),
        ({"instances": [{"user_id": None}]}, "instances[0].user_id is missing"),
        ({"instances": [{"user_id": True}]}, "needs an id (text or an integer), got true"),
        ({"instances": [{"user_id": 1.5}]}, "got 1.5"),
        ({"instances": [{"user_id": "u" * 513}]}, "needs at most 512 bytes, got 513"),
        ({"instances": [{"user_id": "u", "history": "A"}]}, 'instances[0].history needs a list of ids, got "A"'),
        (
            {"instances": [{"user_id": "u", "history": [["A"]]}]},
            'instances[0].history[0] needs an id (text or an integer), got ["A"]',
        ),
        ({"instances": [{"user_id": "u", "history": ["A"] * 4}]}, "instances[0].history needs at most 3 ids, got 4"),
        ({"instances": [{"user_id": "u", "device": 5}]}, "instances[0].device needs text, got 5"),
        ({"instances": [{"user_id": "u", "age": "5"}]}, 'instances[0].age needs a number, got "5"'),
        ({"instances": [{"user_id": "u", "age": 10**400}]}, "needs a number that a float32 holds"),
        ({"instances": [{"user_id": "u", "devise": "tv"}]}, 'instances[0] has no "devise"'),
        (b'{"instances": [{"user_id": "\\ud800"}]}', "half a surrogate pair"),
        ({"instances": [{"user_id": "u"}], "n": 0}, "n needs an integer from 1 to 100, got 0"),
        ({"instances": [{"user_id": "u"}], "n": "3"}, 'got "3"'),
        ({"instances": [{"user_id": "u"}], "log": 1}, "log needs true or false, got 1"),
        ({"inputs": {"user_id": "u"}}, 'inputs.user_id needs a list with a value per row, got "u"'),
        ({"inputs": {"user_id": ["u"], "age": [1, 2]}}, "columns of one length, got user_id: 1, age: 2"),
        ({"inputs": {"users": ["u"]}}, 'inputs has no "users"'),
        ({"inputs": 3}, "inputs needs an object of columns, got 3"),
        ({"inputs": {}}, "inputs needs at least one row"),
        (
            {"signature_name": "rank", "instances": [{"user_id": "u"}]},
            "instances[0].item_ids is missing: it needs a list of ids",
        ),
    ],
)
def test_what_is_wrong_is_named(body, said):
    with pytest.raises(RequestError) as raised:
        parse(body)
    assert said in str(raised.value)
    assert raised.value.status in (400, 413)


def test_whole_numbers_have_bounds():
    signatures = {"serving_default": (Input("user_id", "string", 1), Input("visits", "int64", 1))}
    assert parse({"instances": [{"user_id": "u", "visits": 2**63 - 1}]}, signatures).rows[0]["visits"] == 2**63 - 1
    for wrong in (2**63, 1.0):
        with pytest.raises(RequestError, match="visits needs an integer of 64 bits"):
            parse({"instances": [{"user_id": "u", "visits": wrong}]}, signatures)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
names = st.sampled_from(["user_id", "history", "exclude_ids", "device", "age", "item_ids"])


@given(
    st.fixed_dictionaries(
        {"instances": anything | st.lists(st.dictionaries(names, anything))},
        optional={"n": anything, "signature_name": st.sampled_from([*INPUTS])},
    )
)
def test_whatever_is_sent_is_read_or_refused(body):
    try:
        request = parse(body)
    except RequestError:
        return
    columns = predict_request.arrays(request.rows, INPUTS[request.signature])
    assert {len(values) for values in columns.values()} == {len(request.rows)}
