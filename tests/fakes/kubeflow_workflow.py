"""The size of the Argo Workflow that Kubeflow Pipelines 2.17 makes of a compiled pipeline, by the arithmetic of its source.

The driver writes one `pod-spec-patch` per step: the launcher's command with the ExecutorInput and the component as JSON, then the step's own
command. It stands in the status of the workflow as often as `COPIES` says (as seen: 6 times on 2.17.0, 4 before), each time as a JSON string.
Above 1 MiB Argo packs the status, and Kubeflow Pipelines, which never unpacks it, stops telling the state of the steps.
"""

import json

import yaml

COPIES = 6
# Names, phases, times and resource use of the six nodes of a step (driver, dag, retry, attempt, pod and its wrapper), without the patch; as seen.
NODE_BYTES = 6 * 1_000
LAUNCHER = {
    "pipeline_name": "shop",
    "run_id": "0f6d5f7a-6b5f-4f0e-8f3d-2a1c9a7be001",
    "execution_id": "12345",
    "pod_name": "$(KFP_POD_NAME)",
    "pod_uid": "$(KFP_POD_UID)",
    "mlmd_server_address": "metadata-grpc-service.kubeflow.svc.cluster.local",
    "mlmd_server_port": "8080",
    "publish_logs": "true",
}
ROOT = "minio://mlpipeline/v2/artifacts/shop/0f6d5f7a-6b5f-4f0e-8f3d-2a1c9a7be001"
SALT = "3b1e4ad2-6a35-4c9a-9d2f-a7cf1ab5e002"
STORE = '{"Provider":"minio","Params":{"fromEnv":"true"}}'
# Of the types that have splits.
SPLITS = {"split_names": '["train", "eval"]'}
WITH_SPLITS = ("tfx.Examples", "tfx.ExampleStatistics", "tfx.ExampleAnomalies")


def node_bytes(text):
    """The bytes of `status.nodes` when all steps have run."""
    spec, _ = documents(text)
    return sum(NODE_BYTES + COPIES * len(as_json(pod_spec_patch(spec, name))) for name in spec["root"]["dag"]["tasks"])


def spec_bytes(text):
    """The bytes of the workflow's own spec: tasks, components, containers and Kubernetes' configuration, each as a JSON string."""
    spec, platform = documents(text)
    executors = spec["deploymentSpec"]["executors"]
    configs = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    parts = [
        *spec["root"]["dag"]["tasks"].values(),
        *spec["components"].values(),
        *executors.values(),
        *configs.values(),
    ]
    return sum(len(as_json(as_json(part))) for part in parts)


def documents(text):
    return list(yaml.safe_load_all(text))


def as_json(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def pod_spec_patch(spec, name):
    """What the driver writes for one step, as text."""
    task = spec["root"]["dag"]["tasks"][name]
    component = spec["components"][task["componentRef"]["name"]]
    container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
    options = {
        **LAUNCHER,
        "executor_input": as_json(executor_input(spec, name, task, component)),
        "component_spec": as_json(component),
    }
    command = ["/kfp-launcher/launch", *(part for key, value in options.items() for part in (f"--{key}", value)), "--"]
    amounts = container.get("resources", {})
    resources = {
        side: {kind: str(amounts[f"{kind}{word}"]) for kind in ("cpu", "memory") if f"{kind}{word}" in amounts}
        for side, word in (("limits", "Limit"), ("requests", "Request"))
    }
    main = {
        "name": "main",
        "image": container["image"],
        "command": command,
        "args": [*container["command"], *container["args"]],
        "env": container.get("env", []),
        "resources": resources,
        "volumeMounts": [{"name": "dayone", "mountPath": "/mnt/dayone"}],
    }
    return as_json(
        {"containers": [main], "volumes": [{"name": "dayone", "persistentVolumeClaim": {"claimName": "dayone"}}]}
    )


def metadata(key, kind):
    """What the launcher and TFX record with an artifact."""
    with_splits = kind["instanceSchema"].endswith(WITH_SPLITS) or any(
        f"{title}\n" in kind["instanceSchema"] for title in WITH_SPLITS
    )
    return {"display_name": key, "store_session_info": STORE} | (SPLITS if with_splits else {})


def executor_input(spec, name, task, component):
    parameters = {}
    for key, source in task.get("inputs", {}).get("parameters", {}).items():
        if "componentInputParameter" in source:
            parameters[key] = spec["root"]["inputDefinitions"]["parameters"][source["componentInputParameter"]][
                "defaultValue"
            ]
        else:
            parameters[key] = source["runtimeValue"]["constant"]
    inputs = {
        key: {
            "artifacts": [
                {
                    "name": "42",
                    "type": {},
                    "uri": f"{ROOT}/{source['taskOutputArtifact']['producerTask']}/{SALT}/{key}",
                    "metadata": metadata(key, component["inputDefinitions"]["artifacts"][key]["artifactType"]),
                }
            ]
        }
        for key, source in task.get("inputs", {}).get("artifacts", {}).items()
    }
    kinds = {
        key: artifact["artifactType"]
        for key, artifact in component.get("outputDefinitions", {}).get("artifacts", {}).items()
    }
    kinds["executor-logs"] = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}
    outputs = {
        key: {"artifacts": [{"name": key, "type": kind, "uri": f"{ROOT}/{name}/{SALT}/{key}"}]}
        for key, kind in kinds.items()
    }
    return {
        "inputs": {"parameterValues": parameters, "artifacts": inputs},
        "outputs": {"artifacts": outputs, "outputFile": "/tmp/kfp_outputs/output_metadata.json"},
    }
