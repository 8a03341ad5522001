import json

import pytest

from components.errors import DeclarationError
from pipeline import launches
from pipeline.kubeflow import run_parameters

SHOP = launches.load("shop")
TRAINER = {"custom_config": json.dumps({"code": "abc", "launch": SHOP.to_json()}), "run_fn": "x"}


def test_without_parameters_of_the_run_a_step_keeps_its_own():
    assert run_parameters.applied(TRAINER) == TRAINER


def test_a_default_changes_nothing():
    assert run_parameters.applied(TRAINER | {"epochs": float(SHOP.model.epochs)}) == TRAINER


@pytest.mark.parametrize(
    ("log", "below", "folder"),
    [("/log", ".", "/log"), ("/log/", "days", "/log/days"), ("/log", "/else/where", "/else/where")],
)
def test_a_folder_of_the_log_is_where_relative_ones_start(log, below, folder):
    assert run_parameters.applied({"input_base": below, "log": log}) == {"input_base": folder}


def test_a_value_that_the_declaration_does_not_allow_is_told_by_its_field():
    with pytest.raises(DeclarationError, match=r"launch\.model\.epochs needs .* got 0"):
        run_parameters.applied(TRAINER | {"epochs": 0.0})
