"""The shop and MovieLens, compiled by TFX."""

import dataclasses
import json
from pathlib import Path

import kubeflow_workflow
import pytest
import yaml
from kfp import components
from kubeflow_cluster import table_for

from components.declaration import CustomStep
from pipeline import launches, steps
from pipeline.beam_profiles import BeamProfile
from pipeline.cli.compile_pipeline import RESOURCES
from pipeline.kubeflow import compiler, contract, packing
from pipeline.kubeflow.resources import ResourcesError
from pipeline.kubeflow.spec import UNCACHED, kebab
from pipeline.settings import Settings

pytestmark = pytest.mark.tensorflow

TABLE = compiler.table_for(RESOURCES, None)


def settings(**how):
    """Settings of this machine; their folders do not exist in the pods."""
    return Settings("shop", Path("/here"), Path("/here"), Path("/here"), **how)


def unpacked(constant):
    return packing.unpack(constant) if isinstance(constant, str) else constant


def constants_of(text):
    """The texts that tasks are given, unpacked: (task, parameter) -> text."""
    tasks = next(yaml.safe_load_all(text))["root"]["dag"]["tasks"]
    sources = {
        (task, key): source for task in tasks for key, source in tasks[task]["inputs"].get("parameters", {}).items()
    }
    constants = {
        name: source["runtimeValue"]["constant"] for name, source in sources.items() if "runtimeValue" in source
    }
    return {name: unpacked(constant) for name, constant in constants.items() if isinstance(constant, str)}


@pytest.fixture(scope="module")
def text():
    return compiler.compile_launch(launches.load("shop"), TABLE)


@pytest.fixture(scope="module")
def spec(text):
    return next(yaml.safe_load_all(text))


def test_compiling_twice_gives_the_same_bytes(text):
    assert compiler.compile_launch(launches.load("shop"), TABLE) == text


@pytest.mark.parametrize("name", launches.available())
def test_every_launch_compiles_to_the_steps_that_it_has_when_it_runs_locally(name):
    launch = launches.load(name)
    text = compiler.compile_launch(launch, TABLE)
    assert contract.problems(text) == []
    assert set(next(yaml.safe_load_all(text))["root"]["dag"]["tasks"]) == {
        kebab(step.name) for step in steps.of(launch)
    }


def test_a_launchs_own_step_compiles_with_the_defaults_of_the_table():
    component, inputs = "components.validation.drift_steps.DriftBaseline", {"statistics": "StatisticsGen.statistics"}
    step = CustomStep("OwnProbe", component, inputs, {"champion": ""}, before=("Trainer",))
    text = compiler.compile_launch(dataclasses.replace(launches.load("shop"), steps=(step,)), TABLE)
    assert contract.problems(text) == []
    spec, platform = yaml.safe_load_all(text)
    assert "own-probe" in spec["root"]["dag"]["tasks"]["trainer"]["dependentTasks"]
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["exec-own-probe"] == executors["exec-transform"]  # whose row changes memory alone


def test_the_workflow_stays_far_below_the_size_at_which_the_server_stops_telling_states(text):
    """As written before texts were packed: 1.2 MB by this arithmetic, more than 1.5 MB as seen, where Argo packs the status above 1 MiB."""
    nodes, spec = kubeflow_workflow.node_bytes(text), kubeflow_workflow.spec_bytes(text)
    print(f"nodes {nodes:,} bytes, spec {spec:,} bytes")
    assert nodes + spec < 700_000


def test_kfps_own_loader_takes_it(spec):
    loaded = components.load_component_from_text(yaml.safe_dump(spec))
    assert loaded.name == "shop"


def test_paths_are_those_of_the_pods_and_nothing_is_made_here(tmp_path):
    table = table_for(tmp_path, "/nowhere/log", workspace="/nowhere/runs", schema="/nowhere/schema")
    text = compiler.compile_launch(launches.load("shop"), table)
    constants = constants_of(text)
    assert constants["example-gen", "input_base"] == "."
    assert constants["schema", "schema_file"] == "/nowhere/schema/shop/log/schema.pbtxt"
    assert constants["retrieval-evaluator", "champion"] == "/nowhere/runs/shop/serving/shop"
    pushed = json.loads(constants["pusher", "push_destination"])
    assert pushed["filesystem"]["base_directory"] == "/nowhere/runs/shop/serving/shop"


def test_the_cache_is_for_the_steps_that_look_at_their_inputs_only(spec):
    tasks = spec["root"]["dag"]["tasks"]
    assert {name for name, task in tasks.items() if "cachingOptions" not in task} == {
        kebab(name) for name in UNCACHED
    } & set(tasks)
    without = next(yaml.safe_load_all(compiler.compile_launch(launches.load("shop"), TABLE, settings(cache=False))))
    assert not [name for name, task in without["root"]["dag"]["tasks"].items() if task.get("cachingOptions")]


def test_how_files_are_packed_and_how_many_versions_stay_is_as_in_a_local_run(text):
    custom = compiler.compile_launch(
        launches.load("shop"), TABLE, settings(gzip_level=6, keep_versions=2, beam_args=("--for_this_machine",))
    )
    values = {}
    for name, document in (("default", text), ("given", custom)):
        tasks = next(yaml.safe_load_all(document))["root"]["dag"]["tasks"]
        carried = json.loads(
            unpacked(tasks["example-gen"]["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constant"])
        )
        kept = json.loads(tasks["pusher"]["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constant"])
        values[name] = (int(carried["custom_config"]["value"]["gzip_level"]), kept["keep_versions"])
    assert values == {"default": (1, 5), "given": (6, 2)}
    assert "/here" not in custom + "".join(constants_of(custom).values()) and "--for_this_machine" not in custom


def test_one_image_runs_all_steps_and_may_be_given(spec):
    table = compiler.table_for(RESOURCES, "registry.example/dayone:1.4.2")
    other = next(yaml.safe_load_all(compiler.compile_launch(launches.load("shop"), table)))
    for compiled, image in ((spec, TABLE.cluster.image), (other, "registry.example/dayone:1.4.2")):
        assert {executor["container"]["image"] for executor in compiled["deploymentSpec"]["executors"].values()} == {
            image
        }
    with pytest.raises(ResourcesError, match="--image needs an image with a tag other than latest"):
        compiler.table_for(RESOURCES, "registry.example/dayone")


def test_beams_options_reach_the_steps_that_use_beam(tmp_path):
    table = table_for(tmp_path, "/data", beam_args=["--direct_num_workers=2"])
    spec = next(yaml.safe_load_all(compiler.compile_launch(launches.load("shop"), table)))
    assert "--direct_num_workers=2" in spec["deploymentSpec"]["executors"]["exec-statistics-gen"]["container"]["args"]


def test_the_steps_of_a_remote_profile_keep_the_uris_of_the_store(tmp_path):
    profile = BeamProfile(
        "away", ("--runner=FlinkRunner",), {steps.EXAMPLE_GEN: (), steps.CATALOGUE_EXAMPLE_GEN: ()}, remote=True
    )
    for beam_profile, expected in (
        (profile, {"statistics-gen", "catalogue-statistics-gen", "transform", "evaluator"}),
        (dataclasses.replace(profile, remote=False), set()),
    ):
        spec = next(
            yaml.safe_load_all(
                compiler.compile_launch(launches.load("shop"), TABLE, settings(beam_profile=beam_profile))
            )
        )
        executors = spec["deploymentSpec"]["executors"].items()
        assert {
            name.removeprefix("exec-") for name, executor in executors if "--remote" in executor["container"]["args"]
        } == expected


def test_a_launch_whose_name_kubernetes_would_refuse_is_renamed():
    shop = launches.load("shop")
    text = compiler.compile_launch(dataclasses.replace(shop, name="my_shop"), TABLE)
    assert next(yaml.safe_load_all(text))["pipelineInfo"]["name"] == "my-shop"
    assert "/my_shop/serving/my_shop" in constants_of(text)["pusher", "push_destination"]
