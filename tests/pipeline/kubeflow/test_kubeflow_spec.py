import copy
import json

import kubeflow_cluster
import pytest
import yaml

from pipeline import steps
from pipeline.kubeflow import packing
from pipeline.kubeflow import spec as kubeflow_spec
from pipeline.kubeflow.resources import Cluster, StepResources, Table
from pipeline.kubeflow.spec import adapt, kebab, platform, to_yaml

ROW = StepResources(
    cpu_request=0.5, cpu_limit=2.0, memory_limit=4.0, retries=2, backoff=30, image_pull_policy="Always", timeout=60
)


def container(**more):
    return {
        "container": {
            "image": "dayone:1",
            "command": ["python"],
            "args": ["--executor_class_path", "x.Y", "{{$}}"],
            **more,
        }
    }


def tfx_spec():
    """Three steps in the form that TFX's runner gives."""
    source = {"taskOutputArtifact": {"producerTask": "ExampleGen", "outputArtifactKey": "examples"}}
    names = ("ExampleGen", "StatisticsGen", "Pusher")
    tasks = {
        name: {"taskInfo": {"name": name}, "componentRef": {"name": name}, "cachingOptions": {"enableCache": True}}
        for name in names
    }
    tasks["StatisticsGen"] |= {"inputs": {"artifacts": {"examples": source}}, "dependentTasks": ["ExampleGen"]}
    tasks["Pusher"]["dependentTasks"] = ["StatisticsGen", "ExampleGen"]
    executors = {f"{name}_executor": container() for name in names}
    executors["ExampleGen_executor"] = container(lifecycle={"preCacheCheck": {"command": ["python"]}})
    return {
        "pipelineInfo": {"name": "shop"},
        "schemaVersion": "2.1.0",
        "components": {name: {"executorLabel": f"{name}_executor"} for name in names},
        "deploymentSpec": {"executors": executors},
        "root": {"dag": {"tasks": tasks}},
    }


def table(**rows):
    return Table(Cluster("dayone:1", "/data", "/runs"), {step.name: rows.get(step.name, ROW) for step in steps.STEPS})


@pytest.fixture
def spec():
    return adapt(tfx_spec(), table())[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ExampleGen", "example-gen"),
        ("SchemaGate", "schema-gate"),
        ("my_shop", "my-shop"),
        ("shop", "shop"),
        ("top10Items", "top10-items"),
    ],
)
def test_kebab(name, expected):
    assert kebab(name) == expected


def test_every_steps_name_stays_a_name_of_its_own():
    names = [kebab(step.name) for step in steps.STEPS]
    assert len(set(names)) == len(steps.STEPS)
    assert all(len(name) <= 63 for name in names)


def test_names_are_those_that_kubernetes_takes_and_kfps_tools_expect(spec):
    assert set(spec["root"]["dag"]["tasks"]) == {"example-gen", "statistics-gen", "pusher"}
    assert set(spec["components"]) == {"comp-example-gen", "comp-statistics-gen", "comp-pusher"}
    assert set(spec["deploymentSpec"]["executors"]) == {"exec-example-gen", "exec-statistics-gen", "exec-pusher"}
    for name, task in spec["root"]["dag"]["tasks"].items():
        assert task["taskInfo"]["name"] == name
        assert task["componentRef"]["name"] == f"comp-{name}"
        assert spec["components"][f"comp-{name}"]["executorLabel"] == f"exec-{name}"


def test_references_follow_the_names(spec):
    tasks = spec["root"]["dag"]["tasks"]
    assert (
        tasks["statistics-gen"]["inputs"]["artifacts"]["examples"]["taskOutputArtifact"]["producerTask"]
        == "example-gen"
    )
    assert tasks["pusher"]["dependentTasks"] == ["example-gen", "statistics-gen"]


def test_what_looks_at_the_world_is_never_taken_from_the_cache(spec):
    cached = {name for name, task in spec["root"]["dag"]["tasks"].items() if task.get("cachingOptions")}
    assert cached == {"statistics-gen"}


def test_every_container_runs_our_entrypoint_and_no_two_are_the_same(spec):
    executors = spec["deploymentSpec"]["executors"]
    for name, executor in executors.items():
        assert executor["container"]["command"] == kubeflow_spec.ENTRYPOINT
        assert executor["container"]["args"] == [
            *(["--writes", "/runs"] if name == "exec-example-gen" else []),
            *("--step", name.removeprefix("exec-"), "--threads", "2", "--executor", "x.Y", "{{$}}"),
        ]
        assert "lifecycle" not in executor["container"]


def test_steps_whose_workers_run_elsewhere_keep_the_uris_of_the_store():
    spec, _ = adapt(tfx_spec(), table(), remote=("StatisticsGen",))
    remote = {
        name
        for name, executor in spec["deploymentSpec"]["executors"].items()
        if "--remote" in executor["container"]["args"]
    }
    assert remote == {"exec-statistics-gen"}


def test_requests_limits_accelerator_and_retries_stand_in_the_spec():
    spec, _ = adapt(tfx_spec(), table(Pusher=StepResources(gpu=("nvidia.com/gpu", 1))))
    resources = {
        name: executor["container"]["resources"] for name, executor in spec["deploymentSpec"]["executors"].items()
    }
    assert resources["exec-example-gen"] == {"cpuRequest": 0.5, "cpuLimit": 2.0, "memoryLimit": 4.0}
    assert resources["exec-pusher"] == {"accelerator": {"type": "nvidia.com/gpu", "count": 1}}
    tasks = spec["root"]["dag"]["tasks"]
    assert (
        tasks["example-gen"]["retryPolicy"]
        == {
            "maxRetryCount": 2,
            "backoffDuration": "30s",
            "backoffFactor": 2,
            "backoffMaxDuration": f"{3 * (60 + 600) + 30 + 60}s",  # three attempts, each with its start, and the waits between them
        }
    )
    assert "retryPolicy" not in tasks["pusher"]


def policy(**row):
    return adapt(tfx_spec(), table(Pusher=StepResources(**row)))[0]["root"]["dag"]["tasks"]["pusher"]["retryPolicy"]


@pytest.mark.parametrize("retries", [1, 2, 3, 5])
@pytest.mark.parametrize("seconds", [1, 60, 6 * 3600])
def test_an_attempt_that_uses_its_whole_timeout_is_retried_as_often_as_the_table_says(retries, seconds):
    retry_policy = policy(retries=retries, timeout=seconds, backoff=45)
    assert kubeflow_cluster.attempts(retry_policy, seconds) == retries + 1
    # What Kubeflow Pipelines did with the constant of an hour that stood here.
    if seconds == 6 * 3600:
        assert kubeflow_cluster.attempts(retry_policy | {"backoffMaxDuration": "3600s"}, seconds) == 1


def test_a_step_without_a_timeout_may_take_a_week_with_all_attempts():
    assert kubeflow_cluster.attempts(policy(retries=2, backoff=1), 2 * 24 * 3600) == 3


def test_long_texts_are_packed_and_short_ones_can_be_read():
    original = tfx_spec()
    long = json.dumps({str(number): "text" for number in range(50)})
    constants = {"long": long, "short": "/data", "number": 6.0}
    original["root"]["dag"]["tasks"]["Pusher"]["inputs"] = {
        "parameters": {name: {"runtimeValue": {"constant": value}} for name, value in constants.items()}
    }
    packed = adapt(original, table())[0]["root"]["dag"]["tasks"]["pusher"]["inputs"]["parameters"]
    assert {name: source["runtimeValue"]["constant"] for name, source in packed.items()} == constants | {
        "long": packing.pack(long)
    }
    assert packing.unpack(packing.pack(long)) == long != packing.pack(long)


def test_of_a_type_only_the_title_stays_in_the_component_and_in_the_argument():
    original, schema = tfx_spec(), "title: tfx.Model\ntype: object\nproperties:\n  version:\n    type: integer\n"
    declared = {"artifacts": {"model": {"artifactType": {"instanceSchema": schema}}}}
    original["components"]["Pusher"]["inputDefinitions"] = declared
    original["deploymentSpec"]["executors"]["Pusher_executor"]["container"]["args"] += [
        "--json_serialized_inputs_spec_args",
        json.dumps(declared, indent=2),
    ]
    spec = adapt(original, table())[0]
    expected = {"artifacts": {"model": {"artifactType": {"instanceSchema": "title: tfx.Model"}}}}
    assert spec["components"]["comp-pusher"]["inputDefinitions"] == expected
    arguments = spec["deploymentSpec"]["executors"]["exec-pusher"]["container"]["args"]
    assert arguments[-2:] == ["--inputs", "model:tfx.Model;"]


def test_what_only_kubernetes_knows_stands_in_the_platform_spec():
    row = StepResources(
        image_pull_policy="Never",
        timeout=60,
        node_selector={"pool": "gpu"},
        tolerations=({"key": "gpu", "operator": "Exists"},),
        volumes=(("data", "/data"),),
        secrets=(("store", "token", "TOKEN"),),
        scratch="20Gi",
        image_pull_secrets=("registry",),
        security={"run_as_user": 1000, "run_as_non_root": True},
    )
    executors = platform({"Trainer": row, "SchemaGate": StepResources()})["platforms"]["kubernetes"]["deploymentSpec"][
        "executors"
    ]
    assert executors == {
        "exec-trainer": {
            "imagePullPolicy": "Never",
            "imagePullSecret": [{"secretName": "registry"}],
            "securityContext": {"runAsUser": 1000, "runAsNonRoot": True},
            "activeDeadlineSeconds": 60,
            "nodeSelector": {"labels": {"pool": "gpu"}},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "pvcMount": [{"constant": "data", "mountPath": "/data"}],
            "emptyDirMounts": [{"volumeName": "scratch", "mountPath": "/tmp", "sizeLimit": "20Gi"}],
            "secretAsEnv": [{"secretName": "store", "keyToEnv": [{"secretKey": "token", "envVar": "TOKEN"}]}],
        },
        "exec-schema-gate": {},
    }


def test_the_input_is_not_changed():
    original = tfx_spec()
    before = copy.deepcopy(original)
    adapt(original, table())
    assert original == before


def test_the_text_is_two_documents_whatever_the_order_of_the_entries():
    spec, platform_spec = adapt(tfx_spec(), table())
    text = to_yaml(spec, platform_spec)
    assert list(yaml.safe_load_all(text)) == [spec, platform_spec]
    assert to_yaml(dict(reversed(spec.items())), platform_spec) == text
