"""The overlays that run Beam on Flink and on Spark fit the profiles, the lock and each other."""

import json
import re

import manifests
import pytest
import yaml

from pipeline import beam_profiles


def rendered(name):
    return manifests.render(manifests.KUBEFLOW / "overlays" / name)


def containers(objects):
    return [container for _, _, spec in manifests.pods(objects) for container in spec["containers"]]


def object_of(objects, kind, name):
    return next(entry for entry in objects if entry["kind"] == kind and entry["metadata"]["name"] == name)


def options_of(profile):
    return dict(option.lstrip("-").split("=", 1) for option in beam_profiles.load()[profile].args)


def flink(name):
    deployment = object_of(rendered("beam-flink"), "Deployment", name)
    (container,) = [
        image for image in deployment["spec"]["template"]["spec"]["containers"] if image["image"].startswith("flink:")
    ]
    (properties,) = [variable["value"] for variable in container["env"] if variable["name"] == "FLINK_PROPERTIES"]
    return deployment, yaml.safe_load(properties)


def test_flink_has_the_slots_buffers_and_classes_that_the_profile_needs():
    options = options_of("flink")
    deployment, properties = flink("flink-task-manager")
    slots = properties["taskmanager.numberOfTaskSlots"]
    assert int(options["parallelism"]) == deployment["spec"]["replicas"] * slots
    assert int(options["sdk_worker_parallelism"]) == slots
    # StatisticsGen failed with Flink's default of 512: "Insufficient number of network buffers".
    assert properties["taskmanager.network.sort-shuffle.min-buffers"] == 64
    for name in ("flink-task-manager", "flink-job-manager"):
        assert flink(name)[1]["classloader.resolve-order"] == "parent-first"
        assert "/opt/flink/lib/beam-job-server.jar" in json.dumps(flink(name)[0])


def test_spark_has_a_worker_for_every_core():
    (server,) = [container for container in containers(rendered("beam-spark")) if container["name"] == "job-server"]
    (cores,) = re.findall(r"local\[(\d+)\]", " ".join(server["args"]))
    assert options_of("spark")["sdk_worker_parallelism"] == cores


@pytest.mark.parametrize("profile", ["flink", "spark"])
def test_python_workers_outlive_a_stage_and_jvms_use_their_memory(profile):
    assert int(options_of(profile)["environment_cache_millis"]) >= 60_000
    (server,) = [
        container for container in containers(rendered(f"beam-{profile}")) if container["name"] == "job-server"
    ]
    assert "-XX:MaxRAMPercentage" in json.dumps(server["env"])


def test_what_the_job_server_stages_is_seen_by_whoever_reads_it():
    for name in ("beam-flink", "beam-spark"):
        (server,) = [container for container in containers(rendered(name)) if container["name"] == "job-server"]
        (folder,) = re.findall(r"--artifacts-dir=(/\w+/\w+)", " ".join(server["args"]))
        readers = [
            container
            for container in containers(rendered(name))
            if container["name"] in ("task-manager", "worker-pool", "job-server")
        ]
        assert all(folder in {mount["mountPath"] for mount in container["volumeMounts"]} for container in readers)


def test_beams_release_is_the_locked_one():
    lock = (manifests.ROOT / "uv.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r'name = "apache-beam"\nversion = "([\d.]+)"', lock))
    images = {container["image"] for name in ("beam-flink", "beam-spark") for container in containers(rendered(name))}
    servers = {image for image in images if "job_server" in image}
    # The image of the steps has Python 3.11, so the newer of the two.
    servers |= set(re.findall(r"FROM (apache/beam\S+) AS beam", (manifests.KUBEFLOW / "Dockerfile").read_text()))
    assert {image.rpartition(":")[2] for image in servers} == {
        max(locked, key=lambda text: [int(part) for part in text.split(".")])
    }
