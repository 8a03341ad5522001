import re

import pytest
import yaml

from pipeline import steps
from pipeline.cli.compile_pipeline import RESOURCES
from pipeline.kubeflow import resources
from pipeline.kubeflow.resources import ResourcesError, StepResources

CLUSTER = {"image": "dayone:1.0", "data": "/data", "workspace": "/runs"}


def load(tmp_path, **content):
    path = tmp_path / "resources.yaml"
    path.write_text(yaml.safe_dump({"cluster": CLUSTER, **content}, sort_keys=False))
    return resources.load(path)


def test_the_table_that_ships_has_a_row_for_every_step():
    table = resources.load(RESOURCES)
    assert set(table.rows) == {step.name for step in steps.STEPS}
    assert table.rows[steps.TRAINER].cpu_limit > table.rows[steps.STATISTICS_GEN].cpu_limit
    assert all(row.volumes for row in table.rows.values())


def test_a_step_takes_from_the_defaults_what_it_does_not_say(tmp_path):
    table = load(
        tmp_path,
        defaults={"cpu_limit": 2, "timeout": "1h"},
        steps={"Trainer": {"cpu_limit": "3500m"}, "SchemaGate": None},
    )
    assert table.rows["Trainer"] == StepResources(cpu_limit=3.5, timeout=3600)
    assert table.rows["SchemaGate"] == table.rows["Pusher"] == StepResources(cpu_limit=2.0, timeout=3600)


def test_a_step_takes_back_what_the_defaults_say(tmp_path):
    table = load(
        tmp_path, defaults={"cpu_limit": 2, "timeout": "1h"}, steps={"Trainer": {"cpu_limit": None, "timeout": None}}
    )
    assert (table.rows["Trainer"].cpu_limit, table.rows["Trainer"].timeout, table.rows["SchemaGate"].timeout) == (
        None,
        None,
        3600,
    )


def test_values_come_in_the_units_that_kubeflow_counts_in(tmp_path):
    step = {
        "cpu_request": "250m",
        "memory_request": "512Mi",
        "memory_limit": "4G",
        "gpu": {"type": "nvidia.com/gpu", "count": 2},
        "node_selector": {"pool": "gpu"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
        "volumes": [{"claim": "logs", "path": "/data"}],
        "scratch": "20Gi",
        "secrets": [{"secret": "store", "key": "token", "variable": "TOKEN"}],
        "image_pull_policy": "Always",
        "image_pull_secrets": ["registry"],
        "security": {"run_as_user": 1000, "run_as_group": 1000, "run_as_non_root": True},
        "timeout": "90m",
        "retries": 0,
        "backoff": "45s",
    }
    row = load(tmp_path, steps={"Trainer": step}).rows["Trainer"]
    assert row == StepResources(
        cpu_request=0.25,
        memory_request=round(512 * 2**20 / 1e9, 6),
        memory_limit=4.0,
        gpu=("nvidia.com/gpu", 2),
        node_selector={"pool": "gpu"},
        tolerations=({"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},),
        volumes=(("logs", "/data"),),
        scratch="20Gi",
        secrets=(("store", "token", "TOKEN"),),
        image_pull_policy="Always",
        image_pull_secrets=("registry",),
        security={"run_as_user": 1000, "run_as_group": 1000, "run_as_non_root": True},
        timeout=90 * 60,
        retries=0,
        backoff=45,
    )


WRONG_ROWS = [
    ("cpu_limit", "2 cores", "cores such as 2, 0.5 or 500m"),
    ("cpu_limit", 0, "cores such as"),
    ("cpu_limit", True, "cores such as"),
    ("cpu_request", "1Gi", "cores such as"),
    ("memory_limit", "4 GB", "a quantity with its unit such as 512Mi or 4G"),
    ("memory_limit", 4, "a quantity with its unit"),
    ("memory_request", "500m", "a quantity with its unit"),
    ("gpu", {"type": "nvidia.com/gpu"}, "{type: nvidia.com/gpu, count: 1}"),
    ("gpu", {"type": "nvidia.com/gpu", "count": 0}, "{type: nvidia.com/gpu, count: 1}"),
    ("gpu", 1, "{type: nvidia.com/gpu, count: 1}"),
    ("node_selector", {"pool": 1}, "labels, all text"),
    ("tolerations", [{"key": "x", "operator": "Is"}], "a list of {key, operator"),
    ("tolerations", [{"kee": "x"}], "a list of {key, operator"),
    ("tolerations", [{"key": "x", "effect": "NoSchedule", "tolerationSeconds": 60}], "a list of {key, operator"),
    ("tolerations", [{"key": "x", "tolerationSeconds": 60}], "a list of {key, operator"),
    ("security", {"run_as_user": 0}, "{run_as_user: 1000"),
    ("security", {"runAsUser": 1000}, "{run_as_user: 1000"),
    ("image_pull_secrets", "registry", "a list of the names of secrets"),
    ("volumes", [{"claim": "data", "path": "data"}], "a list of {claim: NAME, path: /FOLDER}"),
    ("volumes", [{"claim": "My_Claim", "path": "/data"}], "a list of {claim"),
    ("scratch", "20", "a quantity with its unit such as 512Mi or 4G"),
    ("scratch", 20, "a quantity with its unit"),
    ("secrets", [{"secret": "a", "key": "b"}], "a list of {secret"),
    ("image_pull_policy", "Sometimes", "one of Always, IfNotPresent, Never"),
    ("timeout", "1 hour", "a time such as 90s, 30m or 2h"),
    ("timeout", 3600, "a time such as 90s, 30m or 2h"),
    ("retries", -1, "an integer, 0 or more"),
    ("retries", 1.5, "an integer, 0 or more"),
    ("retries", False, "an integer, 0 or more"),
]


@pytest.mark.parametrize(("name", "value", "needed"), WRONG_ROWS)
@pytest.mark.parametrize("place", ["defaults", "steps.Trainer"])
def test_a_wrong_value_is_told_by_its_place(tmp_path, place, name, value, needed):
    content = {"defaults": {name: value}} if place == "defaults" else {"steps": {"Trainer": {name: value}}}
    with pytest.raises(ResourcesError, match=re.escape(f"resources: {place}.{name} needs {needed}")) as caught:
        load(tmp_path, **content)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"steps": {"Trainr": {}}}, "resources: steps needs entries among .*got 'Trainr'. Did you mean Trainer?"),
        (
            {"steps": {"Trainer": {"cpu_limits": 1}}},
            "resources: steps.Trainer needs entries among .*Did you mean cpu_limit?",
        ),
        (
            {"stesp": {}},
            "resources: the file needs entries among cluster, defaults, steps, got 'stesp'. Did you mean steps?",
        ),
        (
            {"steps": {"Trainer": {"cpu_request": 2, "cpu_limit": 1}}},
            "steps.Trainer.cpu_request needs at most cpu_limit, which is 1.0, got 2.0",
        ),
        ({"steps": {"Trainer": 4}}, "resources: steps.Trainer needs entries among"),
        (
            {"cluster": {**CLUSTER, "image": "dayone:latest"}},
            "cluster.image needs an image with a tag other than latest",
        ),
        ({"cluster": {**CLUSTER, "image": "registry:5000/dayone"}}, "cluster.image needs an image with a tag"),
        ({"cluster": {**CLUSTER, "image": "Reg.example/Day One:v1"}}, r"The name holds capitals \(D, O\) and blanks\."),
        ({"cluster": {**CLUSTER, "image": "team/:v1"}}, r"The name has a part that is empty or begins or ends with"),
        ({"cluster": {**CLUSTER, "image": "team//x:v1"}}, r"The name has a part that is empty"),
        ({"cluster": {**CLUSTER, "image": ".x:v1"}}, r"The name has a part that is empty or begins"),
        ({"cluster": {**CLUSTER, "image": "http://r.example/x:v1"}}, r"The name holds an address such as http://\."),
        ({"cluster": {**CLUSTER, "image": "x:v1@sha256:zz"}}, r"needs a digest of 64 hexadecimal digits"),
        ({"cluster": {**CLUSTER, "image": "x:" + "v" * 129}}, r"needs an image with a tag"),
        (
            {"cluster": {**CLUSTER, "data": "gs://bucket/log"}},
            "cluster.data needs an absolute path as the pods see it, got 'gs://bucket/log'. Mount",
        ),
        ({"cluster": {"image": "dayone:1.0", "data": "/d"}}, "cluster.workspace needs a value"),
        ({"cluster": None}, "resources: cluster needs entries among"),
        ({"cluster": {**CLUSTER, "beam_args": ["runner=x"]}}, "cluster.beam_args needs a list of options"),
    ],
)
def test_a_wrong_table_is_told_by_its_place(tmp_path, content, message):
    with pytest.raises(ResourcesError, match=message):
        load(tmp_path, **content)


def test_a_file_that_is_no_yaml_is_told_by_its_name(tmp_path):
    (tmp_path / "broken.yaml").write_text("cluster: {image")
    with pytest.raises(ResourcesError, match=r"broken\.yaml needs YAML"):
        resources.load(tmp_path / "broken.yaml")


@pytest.mark.parametrize(
    "image",
    [
        "dayone:1.0",
        "registry:5000/team/dayone:v1_2.3-a",
        "r.example/dayone@sha256:" + "a" * 64,
        "dayone:latest@sha256:" + "b" * 64,
        "localhost/dayone:1",
        "registry:5000/dayone:1",
        "Reg.Example/a__b/c--d.e:1",
    ],
)
def test_images_whose_names_do_not_move_are_taken(image):
    resources.check_image("--image", image)


def test_a_file_in_another_encoding_is_an_error(tmp_path):
    (tmp_path / "resources.yaml").write_bytes("cluster: {data: Zürich}".encode("latin1"))
    with pytest.raises(ResourcesError, match="needs UTF-8"):
        resources.load(tmp_path / "resources.yaml")


def test_a_launchs_own_step_may_have_a_row_and_gets_the_defaults_without_one(tmp_path):
    path = tmp_path / "resources.yaml"
    content = {"cluster": {"image": "dayone:1", "data": "/d", "workspace": "/w"}, "defaults": {"retries": 3}}
    path.write_text(yaml.safe_dump(content | {"steps": {"BotGate": {"memory_limit": "1Gi"}}}))
    table = resources.load(path, ("BotGate", "Mailer"))
    assert (table.row("BotGate").memory_limit, table.row("BotGate").retries) == (pytest.approx(1.074, abs=1e-3), 3)
    assert table.row("Mailer") == table.row("NamedNowhere") == table.defaults
    with pytest.raises(resources.ResourcesError, match="BotGate"):
        resources.load(path)
