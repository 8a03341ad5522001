"""The overlays that serve the two arms of an experiment to a caller that splits the users."""

import manifests

from components.registry import experiment_state
from pipeline.cli import rollout
from pipeline.cli.compile_pipeline import RESOURCES
from pipeline.kubeflow import resources
from pipeline.kubeflow.spec import kebab

TABLE = resources.load(RESOURCES)


def rendered(name):
    return manifests.render(manifests.KUBEFLOW / "overlays" / name)


def object_of(objects, kind, name):
    return next(entry for entry in objects if (entry["kind"], entry["metadata"]["name"]) == (kind, name))


def test_an_experiment_has_a_server_for_the_model_and_one_for_the_control():
    objects = rendered("tf-serving-experiment")
    launch = object_of(objects, "ConfigMap", "dayone-launch")["data"]
    assert launch["control"] == launch["launch"] + experiment_state.CONTROL_SUFFIX
    servers = {name: object_of(objects, "Deployment", name) for name in ("tf-serving", "tf-serving-control")}
    for name, server in servers.items():
        (container,) = server["spec"]["template"]["spec"]["containers"]
        model = launch["launch"] if name == "tf-serving" else launch["control"]
        assert container["readinessProbe"]["httpGet"]["path"] == f"/v1/models/{model}/metadata"
        selected = object_of(objects, "Service", name)["spec"]["selector"]["app.kubernetes.io/name"]
        assert selected == name == server["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        assert object_of(objects, "HorizontalPodAutoscaler", name)["spec"]["scaleTargetRef"]["name"] == name
    (control,) = servers["tf-serving-control"]["spec"]["template"]["spec"]["containers"]
    folder = f"{TABLE.cluster.workspace}/$(LAUNCH)/serving/$(CONTROL)"
    assert {"--model_name=$(CONTROL)", f"--model_base_path={folder}"} <= set(control["args"])


def test_on_kserve_the_control_is_a_service_of_its_own_with_copies_of_its_own():
    objects = rendered("kserve-experiment")
    launch = object_of(objects, "ConfigMap", "dayone-launch")["data"]
    assert launch["control_service"] == kebab(launch["control"])
    services = {entry["metadata"]["name"]: entry["spec"] for entry in objects if entry["kind"] == "InferenceService"}
    assert set(services) == {launch["service"], launch["control_service"]}
    assert services[launch["service"]] == services[launch["control_service"]]
    store, folder = rollout.STORE.removeprefix("s3://"), f"{TABLE.cluster.workspace}/$(LAUNCH)/serving"
    for job, name in (("copy-versions", "LAUNCH"), ("copy-versions-control", "CONTROL")):
        (container,) = object_of(objects, "CronJob", job)["spec"]["jobTemplate"]["spec"]["template"]["spec"][
            "containers"
        ]
        places = {variable["name"]: variable.get("value") for variable in container["env"]}
        assert (places["SERVING"], places["TARGET"]) == (f"{folder}/$({name})", f"store:{store}/$({name})")
        order = [variable["name"] for variable in container["env"]]
        assert max(order.index("LAUNCH"), order.index(name)) < order.index("SERVING"), "expanded from those before it"
