"""Checks a compiled pipeline against the rules of Kubeflow Pipelines: names whatever it would refuse, or accept and fail on.

The kfp SDK loads specs that the backend refuses. These are the rules of the backend's api-server
(`template/v2_template.go`), compiler (`compiler/visitor.go`, `compiler/argocompiler`), driver and launcher, read in
2.0.5 to 2.17: strict parse, schema version, references, executors, constants, types and names.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from components.errors import DayoneError
from pipeline.kubeflow.kubernetes import executor_problems

SCHEMA_VERSION = "2.1.0"
EXECUTOR_INPUT = "{{$}}"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KINDS = {
    "NUMBER_DOUBLE": "number_value",
    "NUMBER_INTEGER": "number_value",
    "STRING": "string_value",
    "BOOLEAN": "bool_value",
    "LIST": "list_value",
    "STRUCT": "struct_value",
}


class ContractError(DayoneError):
    """The backend would refuse the compiled pipeline, or fail on it."""

    def __init__(self, name: str, problems: list[str]):
        """Builds the message from the pipeline's or file's name and what is wrong with it."""
        self.problems = problems
        super().__init__("\n  ".join([f"{name}: Kubeflow Pipelines would refuse it:", *problems]))


def check(text: str, name: str) -> None:
    """Checks a compiled pipeline.

    Raises:
      ContractError: with everything that is wrong.
    """
    refused = problems(text)
    if refused:
        raise ContractError(name, refused)


def problems(text: str) -> list[str]:
    """Everything that the backend would refuse or fail on, one sentence each; empty if it runs."""
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        return [f"the text is no YAML: {' '.join(str(error).split())}"]
    if not all(isinstance(document, dict) for document in documents):
        return ["each YAML document must hold entries"]
    platforms = [document for document in documents if "platforms" in document]
    specs = [document for document in documents if "platforms" not in document]
    if len(specs) != 1 or len(platforms) > 1:
        return [f"one pipeline spec and at most one platform spec are needed, got {len(specs)} and {len(platforms)}"]
    return [
        *_spec_problems(specs[0]),
        *(problem for document in platforms for problem in _platform_problems(document, specs[0])),
    ]


def _spec_problems(document: dict[str, Any]) -> list[str]:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    try:
        spec = json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec())
        # The backend lets unknown fields of this part pass.
        executors = json_format.ParseDict(
            document.get("deploymentSpec", {}), pipeline_spec_pb2.PipelineDeploymentConfig(), ignore_unknown_fields=True
        ).executors
    except json_format.ParseError as error:
        return [f"the pipeline spec does not parse: {error}"]
    reasons = list(_head_problems(spec))
    for name, component in spec.components.items():
        reasons += _component_problems(name, component, executors)
    for name, task in spec.root.dag.tasks.items():
        reasons += _task_problems(name, task, spec)
    return reasons + _cycle_problems(spec.root.dag.tasks)


def _head_problems(spec: Any) -> Iterator[str]:
    if spec.schema_version != SCHEMA_VERSION:
        yield f"schemaVersion must be {SCHEMA_VERSION}, got {spec.schema_version!r}"
    if not _NAME.fullmatch(spec.pipeline_info.name):
        yield f"pipelineInfo.name must be of lower-case letters, digits, - and ., got {spec.pipeline_info.name!r}"
    if not spec.HasField("root") or not spec.root.dag.tasks:
        yield "root must be a dag with tasks"
    if "root" in spec.components:
        yield "components: the name root is reserved"
    for name, parameter in spec.root.input_definitions.parameters.items():
        if not parameter.is_optional and not parameter.HasField("default_value"):
            yield f"root.inputDefinitions.parameters.{name} has no default: a run would have to give it"


def _component_problems(name: str, component: Any, executors: Any) -> Iterator[str]:
    where = f"components.{name}"
    if component.executor_label not in executors:
        yield f"{where}: its executorLabel {component.executor_label!r} is not in deploymentSpec.executors"
    else:
        yield from _executor_problems(component.executor_label, executors[component.executor_label])
    for side in (component.input_definitions, component.output_definitions):
        for key, artifact in side.artifacts.items():
            if not _title(artifact.artifact_type):
                yield f"{where}: artifact {key!r} has no type title, and the driver would die of it"
        for key, parameter in side.parameters.items():
            if not parameter.parameter_type:
                yield f"{where}: parameter {key!r} has no parameterType"


def _title(kind: Any) -> str:
    if kind.WhichOneof("kind") == "instance_schema":
        schema = yaml.safe_load(kind.instance_schema)
        return str(schema.get("title") or "") if isinstance(schema, dict) else ""
    return kind.schema_title


def _executor_problems(label: str, executor: Any) -> Iterator[str]:
    where, kind = f"deploymentSpec.executors.{label}", executor.WhichOneof("spec")
    if kind == "importer":
        return
    if kind != "container":
        yield f"{where}: only containers and importers run, got {kind or 'nothing'}"
        return
    container = executor.container
    if not container.image:
        yield f"{where}: it has no image"
    if not container.command:
        yield f"{where}: it has no command"
    if EXECUTOR_INPUT not in container.args:
        yield f"{where}: no argument is {EXECUTOR_INPUT}, so the step would not learn its inputs"
    if container.HasField("lifecycle"):
        yield f"{where}: lifecycle is ignored by the backend, so what it names would never run"


def _task_problems(name: str, task: Any, spec: Any) -> Iterator[str]:
    where, tasks = f"task {name}", spec.root.dag.tasks
    if not _LABEL.fullmatch(name):
        yield f"{where}: a task's name must be of at most 63 lower-case letters, digits and -"
    if task.task_info.name != name:
        yield f"{where}: its taskInfo.name is {task.task_info.name!r}; consumers look it up by its name in the dag"
    yield from (
        f"{where}: it depends on task {other!r}, which is not there"
        for other in task.dependent_tasks
        if other not in tasks
    )
    if task.component_ref.name not in spec.components:
        yield f"{where}: its componentRef {task.component_ref.name!r} is not in components"
        return
    declared = spec.components[task.component_ref.name].input_definitions
    yield from _artifact_problems(where, task, declared, spec)
    yield from _parameter_problems(where, task, declared, spec)


def _artifact_problems(where: str, task: Any, declared: Any, spec: Any) -> Iterator[str]:
    artifacts = task.inputs.artifacts
    yield from (
        f"{where}: input {key!r} is not declared by its component" for key in artifacts if key not in declared.artifacts
    )
    for key, artifact in declared.artifacts.items():
        if key not in artifacts and not artifact.is_optional:
            yield f"{where}: input {key!r} is not given"
    for key, source in artifacts.items():
        if source.WhichOneof("kind") != "task_output_artifact":
            yield f"{where}: input {key!r} must be another task's output"
            continue
        producer, output = source.task_output_artifact.producer_task, source.task_output_artifact.output_artifact_key
        if producer not in spec.root.dag.tasks:
            yield f"{where}: input {key!r} comes from task {producer!r}, which is not there"
        elif output not in _outputs(producer, spec):
            yield f"{where}: input {key!r} is output {output!r} of task {producer!r}, which has none of that name"


def _outputs(task: str, spec: Any) -> Any:
    """Returns the output artifacts that a task's component declares; none where there is no such component, which to look up would make one."""
    component = spec.root.dag.tasks[task].component_ref.name
    return spec.components[component].output_definitions.artifacts if component in spec.components else {}


def _parameter_problems(where: str, task: Any, declared: Any, spec: Any) -> Iterator[str]:
    parameters = task.inputs.parameters
    for key, parameter in declared.parameters.items():
        if key not in parameters and not parameter.is_optional and not parameter.HasField("default_value"):
            yield f"{where}: parameter {key!r} is not given"
    for key, source in parameters.items():
        if key not in declared.parameters:
            yield f"{where}: parameter {key!r} is not declared by its component"
            continue
        kind = source.WhichOneof("kind")
        if kind == "component_input_parameter":
            if source.component_input_parameter not in spec.root.input_definitions.parameters:
                yield f"{where}: parameter {key!r} comes from {source.component_input_parameter!r}, which is no input of the pipeline"
        elif kind != "runtime_value" or source.runtime_value.WhichOneof("value") != "constant":
            yield f"{where}: parameter {key!r} must be runtimeValue.constant, got {_form(source)}"
        else:
            yield from _constant_problems(
                f"{where}: parameter {key!r}", declared.parameters[key].parameter_type, source.runtime_value.constant
            )


def _form(source: Any) -> str:
    kind = source.WhichOneof("kind")
    return f"runtimeValue.{source.runtime_value.WhichOneof('value')}" if kind == "runtime_value" else str(kind)


def _constant_problems(where: str, declared: int, constant: Any) -> Iterator[str]:
    from kfp.pipeline_spec import pipeline_spec_pb2

    name, kind = pipeline_spec_pb2.ParameterType.ParameterTypeEnum.Name(declared), constant.WhichOneof("kind")
    if kind in (None, "null_value"):
        yield f"{where} must not be null"
    elif name in _KINDS and kind != _KINDS[name]:
        yield f"{where} must be a {name}, got a {kind.removesuffix('_value')}"


def _cycle_problems(tasks: Any) -> list[str]:
    waiting = {
        name: {
            *task.dependent_tasks,
            *(source.task_output_artifact.producer_task for source in task.inputs.artifacts.values()),
        }
        for name, task in tasks.items()
    }
    while ready := [name for name, needs in waiting.items() if not needs & set(waiting)]:
        for name in ready:
            del waiting[name]
    return [f"tasks wait for each other: {', '.join(sorted(waiting))}"] if waiting else []


def _platform_problems(document: dict[str, Any], spec: dict[str, Any]) -> Iterator[str]:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    try:
        json_format.ParseDict(document, pipeline_spec_pb2.PlatformSpec())
    except json_format.ParseError as error:
        yield f"the platform spec does not parse: {error}"
        return
    if set(document["platforms"] or {}) != {"kubernetes"}:
        yield f"platforms: only kubernetes is read, got {', '.join(document['platforms'] or {}) or 'none'}"
        return
    executors = (spec.get("deploymentSpec") or {}).get("executors") or {}
    configs = document["platforms"]["kubernetes"].get("deploymentSpec", {}).get("executors", {})
    for label, config in configs.items():
        if label not in executors:
            yield f"the platform spec has an executor {label!r}, which the pipeline spec has not: it would be ignored"
        yield from executor_problems(f"the platform spec's executor {label}", config)
