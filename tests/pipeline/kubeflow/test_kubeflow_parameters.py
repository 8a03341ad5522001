"""What a run sets reaches the steps as if the declaration had said it: the compiled spec of another declaration is the oracle."""

import dataclasses
import json

import pytest
import yaml
from kubeflow_cluster import table_for

from components.declaration import Users
from components.declaration.views import TrainerView
from pipeline import launches
from pipeline.kubeflow import compiler, run_parameters

pytestmark = pytest.mark.tensorflow

SHOP = launches.load("shop")


def changed(launch=SHOP, log=None, model=None):
    return dataclasses.replace(
        launch, log=dataclasses.replace(launch.log, **log or {}), model=dataclasses.replace(launch.model, **model or {})
    )


class Compiled:
    """A compiled launch, and what its steps get."""

    def __init__(self, folder, launch=SHOP, data="/data"):
        self.spec = next(yaml.safe_load_all(compiler.compile_launch(launch, table_for(folder, data))))
        self.declared = self.spec["root"]["inputDefinitions"]["parameters"]

    def sees(self, step, **given):
        """What the executor of a step sees when a run sets these parameters; JSON in them as values."""
        run = {name: parameter["defaultValue"] for name, parameter in self.declared.items()} | given
        sources = self.spec["root"]["dag"]["tasks"][step]["inputs"]["parameters"]
        values = {
            key: run[source["componentInputParameter"]]
            if "componentInputParameter" in source
            else source["runtimeValue"]["constant"]
            for key, source in sources.items()
        }
        applied = run_parameters.apply(values)
        return applied | ({"custom_config": json.loads(applied["custom_config"])} if "custom_config" in applied else {})

    def takers(self, name):
        tasks = self.spec["root"]["dag"]["tasks"].items()
        return {step for step, task in tasks if name in task["inputs"].get("parameters", {})}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return Compiled(tmp_path_factory.mktemp("shop"))


def test_the_defaults_are_those_of_the_declaration_and_the_table(shop):
    assert shop.declared == {
        "epochs": {"parameterType": "NUMBER_INTEGER", "defaultValue": SHOP.model.epochs, "isOptional": True},
        "log": {"parameterType": "STRING", "defaultValue": "/data", "isOptional": True},
    }
    assert (shop.takers("epochs"), shop.takers("log")) == ({"trainer"}, {"example-gen", "catalogue-example-gen"})
    assert shop.sees("trainer")["custom_config"]["launch"] == TrainerView.of(SHOP).to_json()
    assert shop.sees("example-gen")["input_base"] == shop.sees("catalogue-example-gen")["input_base"] == "/data"


def test_epochs_reach_the_trainer_as_if_they_were_declared(shop, tmp_path):
    # Kubeflow hands every number over as a float.
    assert shop.sees("trainer", epochs=3.0) == Compiled(tmp_path, changed(model={"epochs": 3})).sees("trainer")
    assert shop.sees("trainer", epochs=3.0) != shop.sees("trainer")


def test_epochs_reach_the_tuner_too(tmp_path):
    searching = Compiled(tmp_path, changed(model={"tuning_trials": 2}))
    assert searching.takers("epochs") == {"tuner", "trainer"}
    assert searching.sees("tuner", epochs=3.0) == Compiled(
        tmp_path, changed(model={"tuning_trials": 2, "epochs": 3})
    ).sees("tuner")


@pytest.mark.parametrize(("path", "folder"), [("users.csv", "/data"), ("x/users.csv", "/data/x"), ("/y/u.csv", "/y")])
def test_the_table_of_the_users_lies_in_the_folder_of_the_log_wherever_a_run_says_it_is(tmp_path, path, folder):
    users = Users(path, "id", ("plan",))
    joined = Compiled(tmp_path, changed(log={"users": users}))
    carried = joined.sees("example-gen")["custom_config"]["custom_config"]["value"]
    assert (carried["users_folder"], carried["users_pattern"]) == (folder, path.rpartition("/")[2])
    moved = joined.sees("example-gen", log="/moved")["custom_config"]["custom_config"]["value"]
    assert moved["users_folder"] == folder.replace("/data", "/moved")
    assert "users_folder" not in json.dumps(joined.sees("catalogue-example-gen"))


@pytest.mark.parametrize("path", ["events.parquet", "days/events.parquet", "/elsewhere/events.parquet"])
def test_a_log_reaches_the_example_gens_as_if_the_table_had_said_it(tmp_path, path):
    launch = changed(log={"path": path})
    direct = Compiled(tmp_path / "there", launch, "/mnt/november")
    for step in ("example-gen", "catalogue-example-gen"):
        assert Compiled(tmp_path / "here", launch, "/data").sees(step, log="/mnt/november/") == direct.sees(step)


def test_a_window_of_spans_reaches_example_gen_as_if_it_were_declared(tmp_path):
    dated = {"path": "days/{YYYY}-{MM}-{DD}/*.parquet", "spans": 7}
    week = Compiled(tmp_path / "week", changed(log=dated))
    assert week.declared["spans"]["defaultValue"] == 7 and week.takers("spans") == {"example-gen"}
    assert week.sees("example-gen", spans=28.0) == Compiled(
        tmp_path / "month", changed(log=dated | {"spans": 28})
    ).sees("example-gen")


def test_a_launch_without_a_window_has_no_such_parameter(shop):
    assert "spans" not in shop.declared
