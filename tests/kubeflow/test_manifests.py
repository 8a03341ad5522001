"""The manifests of kubeflow/ render, have the form that Kubernetes and KServe document, and fit together; mutants of them are refused by name."""

import copy
import functools
import json
import subprocess
import sys

import manifests
import pytest
import yaml

from pipeline import launches
from pipeline.cli import rollout
from pipeline.cli.compile_pipeline import RESOURCES
from pipeline.kubeflow import resources
from pipeline.kubeflow.spec import kebab


@functools.cache
def rendered(name):
    return manifests.render(manifests.KUBEFLOW / "overlays" / name)


TABLE = resources.load(RESOURCES)


def object_of(objects, kind, name=None):
    return next(entry for entry in objects if entry["kind"] == kind and name in (None, entry["metadata"]["name"]))


def containers(objects):
    return [container for _, _, spec in manifests.pods(objects) for container in spec["containers"]]


def test_there_is_an_overlay_for_each_way_to_serve_and_to_scale():
    serving = {"kserve", "kserve-experiment", "own-server", "tf-serving", "tf-serving-experiment"}
    assert set(manifests.OVERLAYS) == {"artifact-store", "beam-flink", "beam-spark"} | serving


@pytest.mark.parametrize("name", manifests.OVERLAYS)
def test_an_overlay_is_right(name):
    assert manifests.problems(rendered(name), manifests.WITHOUT_BASE.get(name, frozenset())) == []


def change(path, value):
    """A mutation: sets what lies at a path; None deletes it. "~" stands for "/" in a name."""

    def mutate(document):
        *parents, last = [int(part) if part.isdecimal() else part.replace("~", "/") for part in path.split("/")]
        for part in parents:
            document = document[part]
        if value is None:
            del document[last]
        else:
            document[last] = value

    return mutate


POD = "spec/template/spec"
MUTANTS = {
    "a wrong apiVersion": (
        "tf-serving",
        "Deployment",
        change("apiVersion", "apps/v1beta9"),
        "Couldn't find schema for kind Deployment",
    ),
    "an unknown field": ("tf-serving", "Deployment", change("spec/replica", 2), "'replica' was unexpected"),
    "a number as text": (
        "tf-serving",
        "Service",
        change("spec/ports/0/port", "http"),
        "spec.ports.0.port: 'http' is not of type 'integer'",
    ),
    "no selector": ("tf-serving", "Deployment", change("spec/selector", None), "'selector' is a required property"),
    "a selector of other pods": (
        "tf-serving",
        "Deployment",
        change("spec/selector/matchLabels", {"app.kubernetes.io/name": "x"}),
        "Deployment/tf-serving: its selector does not match its pods",
    ),
    "a service of other pods": (
        "own-server",
        "Service",
        change("spec/selector", {"app.kubernetes.io/name": "server"}),
        "Service/own-server: its selector matches 0 workloads",
    ),
    "a service's port that no container has": (
        "own-server",
        "Service",
        change("spec/ports/0/targetPort", "web"),
        "Service/own-server: no port 'web'",
    ),
    "an autoscaler of nothing": (
        "tf-serving",
        "HorizontalPodAutoscaler",
        change("spec/scaleTargetRef/name", "tf-server"),
        "HorizontalPodAutoscaler/tf-serving: scales Deployment/tf-server, which is not there",
    ),
    "two who say how many": ("tf-serving", "Deployment", change("spec/replicas", 3), "says how many replicas as well"),
    "a budget of nothing": (
        "tf-serving",
        "PodDisruptionBudget",
        change("spec/selector/matchLabels", {"app": "x"}),
        "PodDisruptionBudget/tf-serving: its selector matches no pods",
    ),
    "a probe of a port that is not there": (
        "tf-serving",
        "Deployment",
        change(f"{POD}/containers/0/readinessProbe/httpGet/port", "rest"),
        "container tf-serving: readinessProbe: no port 'rest'",
    ),
    "a claim that nobody makes": (
        "tf-serving",
        "Deployment",
        change(f"{POD}/volumes/0/persistentVolumeClaim/claimName", "models"),
        "volume dayone: no persistentVolumeClaim 'models'",
    ),
    "a mount of no volume": (
        "own-server",
        "Deployment",
        change(f"{POD}/volumes/1/name", "temp"),
        "container own-server: no volume 'tmp'",
    ),
    "a variable that is not set": (
        "tf-serving",
        "Deployment",
        change(f"{POD}/containers/0/env/0/name", "NAME"),
        "$(LAUNCH) is not known",
    ),
    "a key that the secret lacks": (
        "kserve",
        "CronJob",
        change("spec/jobTemplate/spec/template/spec/containers/0/env/6/valueFrom/secretKeyRef/key", "accesskey"),
        "no secretKeyRef dayone-store/accesskey",
    ),
    "an account that is not there": (
        "tf-serving",
        "Deployment",
        change(f"{POD}/serviceAccountName", "default-editor"),
        "no service account 'default-editor'",
    ),
    "an image that can move": (
        "tf-serving",
        "Deployment",
        change(f"{POD}/containers/0/image", "tensorflow/serving:latest"),
        "an image with a tag other than latest",
    ),
    "root": (
        "tf-serving",
        "Deployment",
        change(f"{POD}/securityContext/runAsUser", 0),
        "needs the number of a user that is not root",
    ),
    "a root that can be written": (
        "own-server",
        "Deployment",
        change(f"{POD}/containers/0/securityContext/readOnlyRootFilesystem", None),
        "readOnlyRootFilesystem must be True",
    ),
    "no limit of memory": (
        "own-server",
        "Deployment",
        change(f"{POD}/containers/0/resources/limits", {}),
        "a limit of memory",
    ),
    "KServe's old version": (
        "kserve",
        "InferenceService",
        change("apiVersion", "serving.kserve.io/v1alpha2"),
        "apiVersion",
    ),
    "a field that KServe lacks": (
        "kserve",
        "InferenceService",
        change("spec/predictor/canaryPercent", 10),
        "'canaryPercent' was unexpected",
    ),
    "a canary above all": (
        "kserve",
        "InferenceService",
        change("spec/predictor/canaryTrafficPercent", 110),
        "110 is greater than the maximum of 100",
    ),
    "a canary in another mode": (
        "kserve",
        "InferenceService",
        change("metadata/annotations/serving.kserve.io~deploymentMode", "RawDeployment"),
        "a canary needs the serverless mode, got 'RawDeployment'",
    ),
    "a server that everybody may ask": (
        "own-server",
        "NetworkPolicy",
        change("spec/podSelector/matchLabels", {"app": "x"}),
        "Deployment/own-server: no NetworkPolicy selects its pods",
    ),
    "an init container that is root": (
        "beam-flink",
        "Deployment",
        change(f"{POD}/initContainers/0/securityContext/runAsUser", 0),
        "container beam-jar: needs the number of a user that is not root",
    ),
    "a Job with a sidecar": (
        "kserve",
        "CronJob",
        change("spec/jobTemplate/spec/template/metadata/annotations", None),
        "CronJob/copy-versions: needs sidecar.istio.io/inject",
    ),
    "a runtime that is not there": (
        "kserve",
        "InferenceService",
        change("spec/predictor/model/runtime", "tf"),
        "no runtime 'tf'",
    ),
    "a format that the runtime lacks": (
        "kserve",
        "InferenceService",
        change("spec/predictor/model/modelFormat/version", "1"),
        "does not support",
    ),
    "a runtime's container that Kubernetes lacks": (
        "kserve",
        "ServingRuntime",
        change("spec/containers/0/resource", {}),
        "'resource' was unexpected",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_refused_with_the_reason(mutant):
    overlay, kind, mutate, reason = MUTANTS[mutant]
    objects = copy.deepcopy(rendered(overlay))
    name = {"CronJob": "copy-versions", "Deployment": "flink-task-manager" if overlay == "beam-flink" else None}.get(
        kind
    )
    mutated = object_of(objects, kind, name)
    mutate(mutated)
    problems = list(manifests.schema_problems(mutated)) or manifests.fit_problems(objects)
    assert any(reason in problem for problem in problems), problems


def test_an_object_that_is_there_twice_is_found():
    twice = [*rendered("tf-serving"), object_of(rendered("kserve"), "ConfigMap", "dayone-launch")]
    assert "ConfigMap/dayone-launch is there twice" in manifests.fit_problems(twice)


def test_the_launch_is_named_in_one_place_and_paths_follow(tmp_path):
    launch = object_of(rendered("tf-serving"), "ConfigMap", "dayone-launch")["data"]["launch"]
    assert launch in launches.available()
    copied = tmp_path / "kubeflow"
    subprocess.run(["cp", "-r", manifests.KUBEFLOW, copied], check=True)
    (copied / "base" / "launch.yaml").write_text(
        (copied / "base" / "launch.yaml").read_text().replace(f": {launch}\n", ": movies\n")
    )

    server = containers(manifests.render(copied / "overlays" / "tf-serving"))
    (tf_serving,) = [container for container in server if container["name"] == "tf-serving"]
    assert {tf_serving[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe")} == {
        "/v1/models/movies/metadata"
    }
    assert (
        object_of(manifests.render(copied / "overlays" / "kserve"), "InferenceService")["metadata"]["name"] == "movies"
    )


def test_servers_look_where_the_pipeline_pushes():
    """The table says where the pods of the pipeline work; servers see the volume at the same path."""
    folder = f"{TABLE.cluster.workspace}/$(LAUNCH)/serving/$(LAUNCH)"
    texts = json.dumps([rendered("tf-serving"), rendered("kserve")])
    assert f"--model_base_path={folder}" in texts and f'"name": "SERVING", "value": "{folder}"' in texts
    variables = [
        variable
        for container in containers(rendered("own-server"))
        for variable in container.get("env", [])
        if variable["name"] == "DAYONE_WORKSPACE"
    ]
    assert {variable["value"] for variable in variables} == {TABLE.cluster.workspace}
    claims = {(volume["persistentVolumeClaim"]["claimName"], mount["mountPath"]) for volume, mount in mounted_claims()}
    assert claims == {volume for row in TABLE.rows.values() for volume in row.volumes}


def mounted_claims():
    for objects in map(rendered, manifests.OVERLAYS):
        for _, _, spec in manifests.pods(objects):
            mounts = [mount for container in spec["containers"] for mount in container.get("volumeMounts", [])]
            claims = [volume for volume in spec.get("volumes", []) if "persistentVolumeClaim" in volume]
            yield from ((volume, mount) for volume in claims for mount in mounts if mount["name"] == volume["name"])


def test_our_image_is_the_one_of_the_table_everywhere():
    images = {container["image"] for objects in map(rendered, manifests.OVERLAYS) for container in containers(objects)}
    assert {image for image in images if image.startswith("dayone")} == {TABLE.cluster.image}


def test_kserve_gets_a_name_that_it_allows(tmp_path):
    copied = tmp_path / "kubeflow"
    subprocess.run(["cp", "-r", manifests.KUBEFLOW, copied], check=True)
    (copied / "base" / "launch.yaml").write_text(
        (copied / "base" / "launch.yaml")
        .read_text()
        .replace(": shop\n", ": my_shop\n", 1)
        .replace(": shop\n", ": my-shop\n")
    )
    objects = manifests.render(copied / "overlays" / "kserve")
    assert object_of(objects, "ConfigMap", "dayone-launch")["data"] == {
        "launch": "my_shop",
        "service": kebab("my_shop"),
        "control": "shop_control",
        "control_service": "shop-control",
    }
    assert (
        object_of(objects, "InferenceService")["metadata"]["name"]
        == rollout.kubectl("my_shop", "kubeflow", rollout.ABORT)[3]
        == "my-shop"
    )


@pytest.mark.parametrize("overlay", ["tf-serving", "own-server", "kserve"])
def test_a_cluster_that_chooses_users_itself_is_asked_for_none(tmp_path, overlay):
    copied = tmp_path / "kubeflow"
    subprocess.run(["cp", "-r", manifests.KUBEFLOW, copied], check=True)
    with open(copied / "overlays" / overlay / "kustomization.yaml", "a") as file:
        file.write("components: [../../components/any-user]\n")
    objects = manifests.render(copied / "overlays" / overlay)
    kinds = ("Deployment", "CronJob")
    users = [spec["securityContext"] for where, _, spec in manifests.pods(objects) if where.startswith(kinds)]
    assert users and not [context for context in users if {"runAsUser", "runAsGroup", "fsGroup"} & set(context)]
    assert all(context["runAsNonRoot"] for context in users)
    assert "Job" not in {entry["kind"] for entry in objects}


def test_the_artifact_store_is_the_backends_unless_an_overlay_names_another():
    bases = [name for name in manifests.OVERLAYS if name != "artifact-store"]
    assert not [entry for name in bases for entry in rendered(name) if entry["metadata"]["name"] == "kfp-launcher"]
    launcher = object_of(rendered("artifact-store"), "ConfigMap", "kfp-launcher")
    (provider,) = yaml.safe_load(launcher["data"]["providers"])
    assert launcher["data"]["defaultPipelineRoot"].startswith(f"{provider}://")
    reference = yaml.safe_load(launcher["data"]["providers"])[provider]["default"]["credentials"]["secretRef"]
    assert {reference["accessKeyKey"], reference["secretKeyKey"]} == manifests.SECRETS[reference["secretName"]]


def test_only_the_job_that_prepares_the_volume_is_root():
    users = {
        name: {**spec.get("securityContext", {})}.get("runAsUser")
        for name, _, spec in manifests.pods(rendered("tf-serving"))
    }
    assert users["Job/dayone-prepare"] == 0 and 0 not in {
        user for name, user in users.items() if name != "Job/dayone-prepare"
    }


def test_no_secret_is_in_the_repository():
    assert not [
        entry for objects in map(rendered, manifests.OVERLAYS) for entry in objects if entry["kind"] == "Secret"
    ]
    template = yaml.safe_load((manifests.KUBEFLOW / "secrets.template.yaml").read_text())
    assert manifests.problems([template]) == []
    assert (
        template["metadata"]["name"] in manifests.SECRETS
        and set(template["stringData"]) == manifests.SECRETS[template["metadata"]["name"]]
    )
    assert set(template["stringData"].values()) == {"FILL-IN"}


@pytest.mark.parametrize("percent", [1, 10, 100])
def test_what_rollout_patches_is_still_right_for_kserve(tmp_path, percent):
    """kubectl itself applies the patches, to the rendered file."""
    objects = [entry for entry in rendered("kserve") if entry["kind"] != "InferenceService"]
    service = object_of(rendered("kserve"), "InferenceService")
    for patch, expected_percent in (
        (rollout.canary_patch("s3://m/shop/7", percent), percent),
        (rollout.PROMOTE, 100),
        (rollout.ABORT, 0),
    ):
        service = patched(service, patch, tmp_path)
        assert list(manifests.schema_problems(service)) == [] == manifests.fit_problems([*objects, service])
        assert service["spec"]["predictor"].get("canaryTrafficPercent", 100) == expected_percent
        assert service["spec"]["predictor"]["model"]["storageUri"] == "s3://m/shop/7"


def patched(given, patch, tmp_path):
    file = tmp_path / "service.yaml"
    file.write_text(yaml.safe_dump(given))
    command = [
        manifests.kubectl(),
        "patch",
        "--local",
        "--filename",
        str(file),
        "--type",
        "merge",
        "--patch",
        json.dumps(patch),
        "--output",
        "yaml",
    ]
    return yaml.safe_load(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


def test_the_manifest_itself_never_moves_traffic():
    predictor = object_of(rendered("kserve"), "InferenceService")["spec"]["predictor"]
    assert "canaryTrafficPercent" not in predictor and "storageUri" not in predictor["model"]


def test_copies_go_where_rollout_looks():
    job = next(container for container in containers(rendered("kserve")) if container["name"] == "copy-versions")
    target = next(variable["value"] for variable in job["env"] if variable["name"] == "TARGET")
    assert target == f"store:{rollout.STORE.removeprefix('s3://')}/$(LAUNCH)"


def test_the_check_is_a_program():
    command = [sys.executable, str(manifests.ROOT / "tests" / "manifests.py"), "beam-spark"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0 and "kind: Deployment" in answer.stdout, answer.stderr
