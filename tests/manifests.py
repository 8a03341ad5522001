"""Renders the manifests of kubeflow/ and says what is wrong with them: `make manifests`, or `python tests/manifests.py [OVERLAY]` to print one.

`kubectl kustomize` renders; the schemas of Kubernetes (the oldest and the newest release that are looked at) and of
KServe judge each object; what no schema can see, how the objects refer to each other, is checked here.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml
from kserve_schema import SCHEMAS

ROOT = Path(__file__).resolve().parents[1]
KUBEFLOW = ROOT / "kubeflow"
OVERLAYS = sorted(path.parent.name for path in (KUBEFLOW / "overlays").glob("*/kustomization.yaml"))
RELEASES = ("1.29", "1.37")
# What the manifests use and others make: people (secrets.template.yaml), and the overlay that brings the base.
SECRETS = {"dayone-store": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}}
WITHOUT_BASE = {"beam-flink": {"dayone"}, "beam-spark": {"dayone"}}
# It changes the owner of the volume, which is root's right.
AS_ROOT = {"prepare"}
# Flink's entrypoint writes its configuration below its root.
WRITING_THEIR_ROOT = {"job-manager", "task-manager"}


def kubectl():
    """The one of this environment, or of the PATH."""
    beside = Path(sys.executable).with_name("kubectl")
    return str(beside) if beside.exists() else shutil.which("kubectl")


def render(folder):
    """The objects of a kustomization."""
    answer = subprocess.run([kubectl(), "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    if answer.returncode:
        raise ValueError(answer.stderr.strip())
    return list(yaml.safe_load_all(answer.stdout))


def problems(objects, claims=frozenset()):
    """What is wrong with objects that are applied together, one sentence each; `claims` are volumes that others bring."""
    listed = [problem for entry in objects for problem in schema_problems(entry)]
    # What has no form cannot be followed.
    return listed or fit_problems(objects, claims)


def fit_problems(objects, claims=frozenset()):
    """What is wrong between objects that have the right form."""
    return [
        *repeated(objects),
        *service_problems(objects),
        *target_problems(objects),
        *kserve_problems(objects),
        *pods_problems(objects, claims),
    ]


def schema_problems(given):
    where = f"{given.get('kind')}/{given.get('metadata', {}).get('name')}"
    try:
        if given.get("kind") in SCHEMAS:
            jsonschema.validate(given, SCHEMAS[given["kind"]])
            if given["kind"] == "ServingRuntime":
                yield from schema_problems(
                    {
                        "apiVersion": "v1",
                        "kind": "Pod",
                        "metadata": given["metadata"],
                        "spec": {"containers": given["spec"]["containers"]},
                    }
                )
            return
        for release in RELEASES:
            kubernetes_validate.validate(given, release, strict=True)
    except jsonschema.ValidationError as error:
        yield f"{where}: {'.'.join(map(str, error.absolute_path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        yield f"{where}: {error.message}"


def repeated(objects):
    names = [(entry["kind"], entry["metadata"]["name"]) for entry in objects]
    yield from (
        f"{kind}/{name} is there twice" for kind, name in sorted({name for name in names if names.count(name) > 1})
    )


def named(objects, kind):
    return {entry["metadata"]["name"]: entry for entry in objects if entry["kind"] == kind}


def pods(objects):
    """(name of the workload, labels, pod spec) of everything that makes pods."""
    for entry in objects:
        where = f"{entry['kind']}/{entry['metadata']['name']}"
        if entry["kind"] in ("Deployment", "Job"):
            yield where, entry["spec"]["template"]["metadata"].get("labels", {}), entry["spec"]["template"]["spec"]
        elif entry["kind"] == "CronJob":
            template = entry["spec"]["jobTemplate"]["spec"]["template"]
            yield where, template["metadata"].get("labels", {}), template["spec"]
        elif entry["kind"] == "ServingRuntime":
            yield where, {}, entry["spec"]


def matches(selector, labels):
    return bool(selector) and selector.items() <= labels.items()


def service_problems(objects):
    for name, service in named(objects, "Service").items():
        chosen = [spec for _, labels, spec in pods(objects) if matches(service["spec"].get("selector"), labels)]
        if len(chosen) != 1:
            yield f"Service/{name}: its selector matches {len(chosen)} workloads"
            continue
        ports = {port.get("name") for container in chosen[0]["containers"] for port in container.get("ports", [])}
        yield from (
            f"Service/{name}: no port {port['targetPort']!r}"
            for port in service["spec"]["ports"]
            if port["targetPort"] not in ports
        )


def target_problems(objects):
    workloads = list(pods(objects))
    for name, deployment in named(objects, "Deployment").items():
        if not matches(
            deployment["spec"]["selector"]["matchLabels"], deployment["spec"]["template"]["metadata"].get("labels", {})
        ):
            yield f"Deployment/{name}: its selector does not match its pods"
    for name, scaler in named(objects, "HorizontalPodAutoscaler").items():
        target = scaler["spec"]["scaleTargetRef"]
        target_object = named(objects, target["kind"]).get(target["name"])
        if target_object is None or target_object["apiVersion"] != target.get("apiVersion"):
            yield f"HorizontalPodAutoscaler/{name}: scales {target['kind']}/{target['name']}, which is not there"
        elif "replicas" in target_object["spec"]:
            yield f"HorizontalPodAutoscaler/{name}: {target['kind']}/{target['name']} says how many replicas as well"
    policies = [
        entry["spec"]["podSelector"].get("matchLabels", {}) for entry in objects if entry["kind"] == "NetworkPolicy"
    ]
    for where, labels, _ in workloads:
        if where.startswith("Deployment/") and not any(matches(selector, labels) for selector in policies):
            yield f"{where}: no NetworkPolicy selects its pods"
    for name, budget in named(objects, "PodDisruptionBudget").items():
        if not any(matches(budget["spec"]["selector"].get("matchLabels"), labels) for _, labels, _ in workloads):
            yield f"PodDisruptionBudget/{name}: its selector matches no pods"


def kserve_problems(objects):
    runtimes = named(objects, "ServingRuntime")
    for name, service in named(objects, "InferenceService").items():
        predictor, mode = (
            service["spec"]["predictor"],
            service["metadata"].get("annotations", {}).get("serving.kserve.io/deploymentMode"),
        )
        model = predictor["model"]
        runtime = runtimes.get(model.get("runtime"))
        if runtime is None:
            yield f"InferenceService/{name}: no runtime {model.get('runtime')!r}"
        elif model["modelFormat"] not in [
            {key: form[key] for key in ("name", "version")} for form in runtime["spec"]["supportedModelFormats"]
        ]:
            yield f"InferenceService/{name}: the runtime does not support {model['modelFormat']}"
        if mode not in ("Serverless", "Knative"):
            yield f"InferenceService/{name}: a canary needs the serverless mode, got {mode!r}"
        if predictor.get("serviceAccountName") not in named(objects, "ServiceAccount"):
            yield f"InferenceService/{name}: no service account {predictor.get('serviceAccountName')!r}"


def pods_problems(objects, claims):
    for entry in objects:
        template = (
            entry.get("spec", {}).get("jobTemplate", entry)["spec"].get("template", {})
            if entry["kind"] in ("Job", "CronJob")
            else None
        )
        if template and template["metadata"].get("annotations", {}).get("sidecar.istio.io/inject") != "false":
            yield f'{entry["kind"]}/{entry["metadata"]["name"]}: needs sidecar.istio.io/inject: "false": with a sidecar a Job never ends'
    for where, _, spec in pods(objects):
        yield from (f"{where}: {problem}" for problem in pod_problems(objects, spec, claims))


def pod_problems(objects, spec, claims):
    account = spec.get("serviceAccountName")
    if account and account not in named(objects, "ServiceAccount"):
        yield f"no service account {account!r}"
    yield from volume_problems(objects, spec, claims)
    for container in (*spec.get("initContainers", []), *spec["containers"]):
        for problem in (*reference_problems(objects, container, spec), *safety_problems(container, spec)):
            yield f"container {container['name']}: {problem}"


def volume_problems(objects, spec, claims):
    volumes = {
        "persistentVolumeClaim": {*named(objects, "PersistentVolumeClaim"), *claims},
        "configMap": named(objects, "ConfigMap"),
        "secret": SECRETS,
    }
    for volume in spec.get("volumes", []):
        for kind, key in (("persistentVolumeClaim", "claimName"), ("configMap", "name"), ("secret", "secretName")):
            if kind in volume and volume[kind][key] not in volumes[kind]:
                yield f"volume {volume['name']}: no {kind} {volume[kind][key]!r}"


def reference_problems(objects, container, spec):
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    yield from (
        f"no volume {mount['name']!r}" for mount in container.get("volumeMounts", []) if mount["name"] not in volumes
    )
    ports = {port.get("name") for port in container.get("ports", [])}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        check = container.get(probe, {})
        port = (check.get("httpGet") or check.get("tcpSocket") or {}).get("port")
        if port is not None and port not in ports:
            yield f"{probe}: no port {port!r}"
    maps = {name: entry.get("data", {}) for name, entry in named(objects, "ConfigMap").items()}
    for variable in container.get("env", []):
        for kind, sources in (("configMapKeyRef", maps), ("secretKeyRef", SECRETS)):
            reference = variable.get("valueFrom", {}).get(kind)
            if reference and reference["key"] not in sources.get(reference["name"], {}):
                yield f"{variable['name']}: no {kind} {reference['name']}/{reference['key']}"
    yield from variable_problems(container)


def variable_problems(container):
    """Kubernetes leaves $(NAME) as it is where nothing before it has that name."""
    names, texts = set(), [*container.get("command", []), *container.get("args", [])]
    for variable in container.get("env", []):
        yield from unknown_names(variable.get("value", ""), names)
        names.add(variable["name"])
    for text in texts:
        yield from unknown_names(text, names)


def unknown_names(text, known):
    yield from (f"$({name}) is not known" for name in re.findall(r"\$\((\w+)\)", text) if name not in known)


def safety_problems(container, spec):
    rights = {**spec.get("securityContext", {}), **container.get("securityContext", {})}
    required = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": container["name"] not in WRITING_THEIR_ROOT,
    }
    if container["name"] in AS_ROOT:
        del required["runAsNonRoot"]
    elif not rights.get("runAsUser"):
        yield "needs the number of a user that is not root"
    yield from (f"{name} must be {value}" for name, value in required.items() if rights.get(name) is not value)
    if rights.get("capabilities", {}).get("drop") != ["ALL"]:
        yield "must drop all capabilities"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= set(resources.get("requests", {})) or "memory" not in resources.get("limits", {}):
        yield "needs requests of cpu and memory, and a limit of memory"
    from pipeline.kubeflow import resources as kubeflow_resources

    try:
        kubeflow_resources.check_image("image", container["image"])
    except kubeflow_resources.ResourcesError as error:
        yield str(error)


def main(arguments):
    """Prints the overlay that is named, or what was found in all of them."""
    parser = argparse.ArgumentParser(
        prog="make manifests", description="Render the cluster's manifests and check them, or print one overlay."
    )
    parser.add_argument("overlay", nargs="?", choices=OVERLAYS, help="print this one instead")
    overlay = parser.parse_args(arguments).overlay
    if overlay:
        print(
            subprocess.run(
                [kubectl(), "kustomize", str(KUBEFLOW / "overlays" / overlay)],
                text=True,
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        )
        return 0
    failed = 0
    for folder in (KUBEFLOW / "base", *(KUBEFLOW / "overlays" / name for name in OVERLAYS)):
        objects = render(folder)
        lines = problems(objects, WITHOUT_BASE.get(folder.name, frozenset()))
        failed += len(lines)
        print(
            "\n  ".join(
                [
                    f"{folder.relative_to(ROOT)}: {len(objects)} objects, {len(lines) or 'no'} problem{'s'[: len(lines) != 1]}",
                    *lines,
                ]
            )
        )
    return bool(failed)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
