"""A compiled pipeline of two steps, as small as the contract allows, with one parameter that a run may set."""

import yaml


def package_text(image="registry.example/dayone:1.4.2", name="shop", **parameters):
    parameters = parameters or {"epochs": ("NUMBER_INTEGER", 8)}
    container = {"image": image, "command": ["python"], "args": ["{{$}}"]}
    tasks, components, executors = {}, {}, {}
    for step, after in (("example-gen", []), ("trainer", ["example-gen"])):
        tasks[step] = {
            "taskInfo": {"name": step},
            "componentRef": {"name": f"comp-{step}"},
            "dependentTasks": after,
            "inputs": {},
        }
        components[f"comp-{step}"] = {"executorLabel": f"exec-{step}"}
        executors[f"exec-{step}"] = {"container": container}
    definitions = {
        key: {"parameterType": kind, "defaultValue": default, "isOptional": True}
        for key, (kind, default) in parameters.items()
    }
    spec = {
        "schemaVersion": "2.1.0",
        "pipelineInfo": {"name": name},
        "root": {"dag": {"tasks": tasks}, "inputDefinitions": {"parameters": definitions}},
        "components": components,
        "deploymentSpec": {"executors": executors},
    }
    platform = {
        "platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-trainer": {"imagePullPolicy": "Always"}}}}}
    }
    return yaml.safe_dump_all([spec, platform])
