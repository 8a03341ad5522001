import json

import pytest

from components.declaration.views import TrainerView
from components.errors import DeclarationError, SettingsError
from pipeline import launches
from pipeline.kubeflow import packing, run_parameters

SHOP = launches.load("shop")
TRAINER = {"custom_config": json.dumps({"code": "abc", "launch": TrainerView.of(SHOP).to_json()}), "run_fn": "x"}


def test_without_parameters_of_the_run_a_step_keeps_its_own():
    assert run_parameters.apply(TRAINER) == TRAINER


def test_a_default_changes_nothing():
    assert run_parameters.apply(TRAINER | {"epochs": float(SHOP.model.epochs)}) == TRAINER


@pytest.mark.parametrize(
    ("log", "below", "folder"),
    [("/log", ".", "/log"), ("/log/", "days", "/log/days"), ("/log", "/else/where", "/else/where")],
)
def test_a_folder_of_the_log_is_where_relative_ones_start(log, below, folder):
    assert run_parameters.apply({"input_base": below, "log": log}) == {"input_base": folder}


def test_the_table_of_the_users_lies_where_the_log_does():
    config = {"custom_config": {"value": {"launch": "...", "users_folder": "tables", "users_pattern": "users.csv"}}}
    applied = run_parameters.apply({"input_base": ".", "custom_config": json.dumps(config), "log": "/log"})
    carried = json.loads(applied["custom_config"])["custom_config"]["value"]
    assert carried == config["custom_config"]["value"] | {"users_folder": "/log/tables"}


def test_a_value_that_the_declaration_does_not_allow_is_told_by_its_field():
    with pytest.raises(DeclarationError, match=r"launch\.model\.epochs needs .* got 0"):
        run_parameters.apply(TRAINER | {"epochs": 0.0})


def test_a_number_that_is_not_whole_is_refused_as_the_server_does_not_refuse_it():
    with pytest.raises(SettingsError, match=r"run parameter epochs needs an integer, got 3\.5"):
        run_parameters.apply(TRAINER | {"epochs": 3.5})


def test_a_packed_text_is_unpacked_before_it_is_changed():
    packed = TRAINER | {"custom_config": packing.pack(TRAINER["custom_config"])}
    assert run_parameters.apply(packed) == TRAINER
