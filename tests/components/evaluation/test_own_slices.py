"""Declared slices, by eye: a category of the item taken, and functions of the queries."""

import dataclasses
import sys
import types

import numpy as np
import pytest
from small_recommenders import LAUNCH, events

from components.declaration import Catalogue, Promotion
from components.declaration.views import RetrievalView
from components.errors import DeclarationError
from components.evaluation import own_slices
from components.metrics import queries

pytestmark = pytest.mark.tensorflow

LOG = events([*"uvwx"], [*"abcd"], [1, 2, 3, 4], late=[1] * 4)
CATALOGUE = {"id": np.array([b"a", b"b", b"c"], object), "kind": np.array([b"tea", b"pot", b"tea"], object)}


def masks(*names):
    catalogue = Catalogue("items.csv", "id", categories=("kind",))
    launch = dataclasses.replace(LAUNCH, catalogue=catalogue, promotion=Promotion(slices=names))
    view = RetrievalView.of(launch)
    assert own_slices.columns(view) == (("id", "kind") if "kind" in names else ())
    masks_by_name = own_slices.masks(view, queries.rolling(launch, LOG, LOG.late), CATALOGUE)
    return {name: mask.tolist() for name, mask in masks_by_name.items()}


@pytest.fixture(autouse=True)
def house(monkeypatch):
    module = types.ModuleType("components.house_slices")
    module.early = lambda asked: asked.time < 3
    module.half = lambda asked: np.where(asked.target == b"a", "first", "second")
    module.count = lambda asked: np.arange(len(asked))
    module.never = lambda asked: asked.time < 0
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_a_category_of_the_item_taken():
    # d is not in the catalogue, so in no slice.
    assert masks("kind") == {"kind=pot": [False, True, False, False], "kind=tea": [True, False, True, False]}


def test_functions_of_the_queries():
    assert masks("components.house_slices.early") == {"early": [True, True, False, False]}
    assert masks("components.house_slices.half") == {
        "half=first": [True, False, False, False],
        "half=second": [False, True, True, True],
    }
    assert masks("components.house_slices.never") == {}


@pytest.mark.parametrize(("name", "text"), [("count", "a truth or a text"), ("none", "a function none")])
def test_a_function_that_does_not_fit_is_named(name, text):
    with pytest.raises(DeclarationError, match=text):
        masks(f"components.house_slices.{name}")
