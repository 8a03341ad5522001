"""`n`, `offset` and `filters` of a request: what is read, what is refused, what the answering signature gets."""

import dataclasses
import json
import math
import types

import pytest
from small_server import INPUTS, LAUNCH

from components.declaration import Catalogue
from components.serving import page_request
from components.serving.page_request import Page
from components.serving.request_errors import RequestError
from components.serving.signature_input import Input

SHOP = dataclasses.replace(LAUNCH, catalogue=Catalogue("items", "id", categories=("kind",), numbers=("price",)))
PRICE = Input("filter_price", "float32", 2)
VALUES = {"hat": None, "mug": None, "7": None}
MODEL = types.SimpleNamespace(
    number=5,
    inputs={"recommend_page": (*INPUTS["recommend_page"], PRICE)},
    choices=lambda: {"rules": {"newest": None}, "filter_kind": VALUES, "filter_price": [1.0, 9.0]},
)


def inputs(**values):
    return page_request.to_inputs(page_request.parse(values), "recommend_page", MODEL, SHOP)


def test_a_page_without_keys_is_the_default_answer():
    assert page_request.parse({"n": None, "offset": None, "filters": None}) == Page(None, 0, {})
    assert Page().fits(10) and Page(10).fits(10)
    assert not any(page.fits(10) for page in (Page(11), Page(1, 1), Page(1, 0, {"kind": "mug"})))


def test_the_signature_gets_every_input_and_no_less_than_the_default_answer():
    answer = inputs(n=3, offset=7, filters={"kind": ["mug", 7]})
    assert (answer["n"], answer["offset"], answer["filter_kind"]) == (SHOP.model.top_k, 7, [b"mug", b"7"])
    assert all(math.isnan(end) for end in answer["filter_price"])
    assert inputs(n=50)["n"] == 50 and inputs(n=50)["filter_kind"] == []


@pytest.mark.parametrize(
    ("wanted", "ends"),
    [({"from": 1}, (1, None)), ({"to": 2.5}, (None, 2.5)), ({"from": 2, "to": 2}, (2, 2)), (4, (4, 4))],
)
def test_a_range_has_two_ends_one_or_is_a_number(wanted, ends):
    got = inputs(filters={"price": wanted})["filter_price"]
    assert [None if math.isnan(end) else end for end in got] == list(ends)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        *[({"n": n}, "n needs an integer from 1 to 100, got") for n in (0, 101, -1, True, 1.0, "3", [1], 10**30)],
        *[({"offset": offset}, "offset needs an integer from 0 to") for offset in (-1, 2**31, False, 0.5, "1")],
        *[({"filters": filters}, "filters needs an object") for filters in (1, "kind=mug", ["kind"], True)],
        ({"filters": {"colour": "red"}}, 'filters has no "colour"; it may hold kind, price'),
        ({"filters": {"kind": "mugs"}}, 'that an item of version 5 has, one of 7, hat, mug; got "mugs"'),
        ({"filters": {"kind": ["mug", "x"]}}, 'got "x"'),
        ({"filters": {"kind": []}}, "filters.kind needs 1 to 100 values, got 0"),
        ({"filters": {"kind": ["mug"] * 101}}, "filters.kind needs 1 to 100 values, got 101"),
        *[
            ({"filters": {"kind": value}}, "filters.kind needs a text")
            for value in (None, True, 1.5, {"from": 1}, [[]])
        ],
        ({"filters": {"price": {"from": 3, "to": 2}}}, "filters.price needs from <= to"),
        *[
            ({"filters": {"price": value}}, "filters.price")
            for value in (None, "cheap", True, [], [1, 2], {}, {"from": None}, {"from": "1"}, {"above": 1}, 10**400)
        ],
    ],
)
def test_what_is_wrong_is_named(values, said):
    with pytest.raises(RequestError) as raised:
        inputs(**values)
    assert said in str(raised.value)
    assert raised.value.status == 400


def test_of_many_values_the_nearest_are_named():
    many = {f"brand {number}": None for number in range(10_000)} | {"lark": None}
    model = types.SimpleNamespace(number=5, inputs=MODEL.inputs, choices=lambda: {"filter_kind": many})
    with pytest.raises(RequestError) as raised:
        page_request.to_inputs(Page(filters={"kind": "brand 77x"}), "recommend_page", model, SHOP)
    assert "brand 77" in str(raised.value) and len(str(raised.value)) < 200


def test_a_version_without_the_signature_says_so():
    old = types.SimpleNamespace(number=4, inputs={"serving_default": ()}, choices=dict)
    with pytest.raises(RequestError, match="version 4 has no signature recommend_page") as raised:
        page_request.to_inputs(Page(20), "recommend_page", old, SHOP)
    assert raised.value.status == 404


def test_the_metadata_tell_lists_and_filters():
    described = page_request.describe_choices(MODEL, SHOP)
    assert described == {
        "lists": ["newest"],
        "filters": {"kind": ["hat", "mug", "7"], "price": {"from": 1.0, "to": 9.0}},
    }
    assert json.dumps(described, allow_nan=False)
