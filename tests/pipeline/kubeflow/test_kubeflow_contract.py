"""The compiled shop passes; each mutant of it is refused, with the reason."""

import copy

import pytest
import yaml

from pipeline import launches
from pipeline.cli.compile_pipeline import RESOURCES
from pipeline.kubeflow import compiler, contract
from pipeline.kubeflow.contract import ContractError

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def documents():
    table = compiler.table_for(RESOURCES, None)
    return list(yaml.safe_load_all(compiler.compile_launch(launches.load("shop"), table)))


def task(spec, name):
    return spec["root"]["dag"]["tasks"][name]


def container(spec, name):
    return spec["deploymentSpec"]["executors"][f"exec-{name}"]["container"]


def constant(spec, step, name):
    return task(spec, step)["inputs"]["parameters"][name]["runtimeValue"]


def first(artifacts):
    return next(iter(artifacts.values()))


def kubernetes(platform):
    return platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


# What is done to the pipeline spec and the platform spec, and what is said of it.
MUTANTS = {
    "an older schema": (lambda s, p: s.update(schemaVersion="2.0.0"), "schemaVersion must be 2.1.0, got '2.0.0'"),
    "an unknown field": (
        lambda s, p: s.update(pipelineName="shop"),
        'the pipeline spec does not parse: .*no field named "pipelineName"',
    ),
    "an unknown field of a task": (
        lambda s, p: task(s, "rules").update(retries=3),
        'does not parse: .*no field named "retries"',
    ),
    "no name": (lambda s, p: s["pipelineInfo"].update(name=""), "pipelineInfo.name must be of lower-case"),
    "a name in capitals": (
        lambda s, p: s["pipelineInfo"].update(name="Shop"),
        "pipelineInfo.name must be .*got 'Shop'",
    ),
    "no root": (lambda s, p: s.pop("root"), "root must be a dag with tasks"),
    "a component named root": (
        lambda s, p: s["components"].update(root=s["components"]["comp-rules"]),
        "the name root is reserved",
    ),
    "an input of the run without a default": (
        lambda s, p: s["root"].update(inputDefinitions={"parameters": {"span": {"parameterType": "NUMBER_INTEGER"}}}),
        "root.inputDefinitions.parameters.span has no default",
    ),
    "a resolver": (
        lambda s, p: s["deploymentSpec"]["executors"].update({"exec-schema": {"resolver": {}}}),
        "executors.exec-schema: only containers and importers run, got resolver",
    ),
    "an executor of no kind": (
        lambda s, p: s["deploymentSpec"]["executors"].update({"exec-schema": {}}),
        "exec-schema: only containers and importers run, got nothing",
    ),
    "a renamed executor": (
        lambda s, p: s["deploymentSpec"]["executors"].update(
            {"exec-schema-gates": s["deploymentSpec"]["executors"].pop("exec-schema-gate")}
        ),
        "components.comp-schema-gate: its executorLabel 'exec-schema-gate' is not in deploymentSpec.executors",
    ),
    "a lifecycle": (
        lambda s, p: container(s, "example-gen").update(lifecycle={"preCacheCheck": {"command": ["python"]}}),
        "exec-example-gen: lifecycle is ignored",
    ),
    "no image": (lambda s, p: container(s, "rules").pop("image"), "exec-rules: it has no image"),
    "no command": (lambda s, p: container(s, "rules").pop("command"), "exec-rules: it has no command"),
    "no executor input": (
        lambda s, p: container(s, "rules")["args"].remove("{{$}}"),
        r"exec-rules: no argument is \{\{\$\}\}",
    ),
    "a task's name in capitals": (
        lambda s, p: s["root"]["dag"]["tasks"].update(Pusher=s["root"]["dag"]["tasks"].pop("pusher")),
        "task Pusher: a task's name must be of at most 63 lower-case",
    ),
    "a task that calls itself something else": (
        lambda s, p: task(s, "rules")["taskInfo"].update(name="Rules"),
        "task rules: its taskInfo.name is 'Rules'",
    ),
    "a missing component": (
        lambda s, p: s["components"].pop("comp-rules"),
        "task rules: its componentRef 'comp-rules' is not in components",
    ),
    "a missing producer": (
        lambda s, p: first(task(s, "schema-gate")["inputs"]["artifacts"])["taskOutputArtifact"].update(
            producerTask="ExampleValidator"
        ),
        "task schema-gate: input 'anomalies' comes from task 'ExampleValidator', which is not there",
    ),
    "an output that nobody makes": (
        lambda s, p: first(task(s, "schema-gate")["inputs"]["artifacts"])["taskOutputArtifact"].update(
            outputArtifactKey="anomaly"
        ),
        "input 'anomalies' is output 'anomaly' of task 'example-validator', which has none of that name",
    ),
    "an input from outside": (
        lambda s, p: task(s, "schema-gate")["inputs"]["artifacts"].update(
            anomalies={"componentInputArtifact": "anomalies"}
        ),
        "task schema-gate: input 'anomalies' must be another task's output",
    ),
    "an input that is not given": (
        lambda s, p: task(s, "schema-gate")["inputs"]["artifacts"].clear(),
        "task schema-gate: input 'anomalies' is not given",
    ),
    "an input that is not declared": (
        lambda s, p: s["components"]["comp-schema-gate"]["inputDefinitions"]["artifacts"].clear(),
        "task schema-gate: input 'anomalies' is not declared",
    ),
    "a dependency on nobody": (
        lambda s, p: task(s, "transform")["dependentTasks"].append("SchemaGate"),
        "task transform: it depends on task 'SchemaGate', which is not there",
    ),
    "a circle": (
        lambda s, p: task(s, "example-gen").update(dependentTasks=["pusher"]),
        "tasks wait for each other: .*example-gen.*pusher",
    ),
    "a null constant": (
        lambda s, p: constant(s, "schema-gate", "data").update(constant=None),
        "task schema-gate: parameter 'data' must not be null",
    ),
    "a text for a number": (
        lambda s, p: constant(s, "example-gen", "output_data_format").update(constant="6"),
        "parameter 'output_data_format' must be a NUMBER_INTEGER, got a string",
    ),
    "a number for a text": (
        lambda s, p: constant(s, "schema-gate", "data").update(constant=6),
        "parameter 'data' must be a STRING, got a number",
    ),
    "a runtime parameter": (
        lambda s, p: task(s, "schema-gate")["inputs"]["parameters"].update(
            data={"runtimeValue": {"runtimeParameter": "data"}}
        ),
        "parameter 'data' must be runtimeValue.constant, got runtimeValue.runtime_parameter",
    ),
    "a constant of schema 2.0": (
        lambda s, p: task(s, "schema-gate")["inputs"]["parameters"].update(
            data={"runtimeValue": {"constantValue": {"stringValue": "log"}}}
        ),
        "parameter 'data' must be runtimeValue.constant, got runtimeValue.constant_value",
    ),
    "a parameter from nowhere": (
        lambda s, p: task(s, "schema-gate")["inputs"]["parameters"].update(data={"componentInputParameter": "which"}),
        "parameter 'data' comes from 'which', which is no input of the pipeline",
    ),
    "a parameter that is not given": (
        lambda s, p: task(s, "schema-gate")["inputs"]["parameters"].pop("data"),
        "task schema-gate: parameter 'data' is not given",
    ),
    "a parameter that is not declared": (
        lambda s, p: s["components"]["comp-schema-gate"]["inputDefinitions"]["parameters"].pop("data"),
        "task schema-gate: parameter 'data' is not declared",
    ),
    "a parameter of schema 2.0": (
        lambda s, p: s["components"]["comp-schema-gate"]["inputDefinitions"]["parameters"].update(
            data={"type": "STRING"}
        ),
        "comp-schema-gate: parameter 'data' has no parameterType",
    ),
    "a type without a title": (
        lambda s, p: first(s["components"]["comp-schema-gate"]["outputDefinitions"]["artifacts"]).update(
            artifactType={"instanceSchema": "type: object"}
        ),
        "comp-schema-gate: artifact 'passed' has no type title",
    ),
    "an unknown platform": (
        lambda s, p: p["platforms"].update(vertex=p["platforms"].pop("kubernetes")),
        "platforms: only kubernetes is read, got vertex",
    ),
    "an unknown field of the platform": (
        lambda s, p: p["platforms"]["kubernetes"].update(pods={}),
        "the platform spec does not parse: .*pods",
    ),
    "an unknown field for Kubernetes": (
        lambda s, p: kubernetes(p)["exec-rules"].update(imagePolicy="Always"),
        "exec-rules has the unknown field 'imagePolicy'",
    ),
    "an executor of nobody": (
        lambda s, p: kubernetes(p).update({"exec-x": {}}),
        "has an executor 'exec-x', which the pipeline spec has not",
    ),
}


def test_the_compiled_pipeline_has_no_problems(documents):
    assert contract.problems(yaml.safe_dump_all(documents)) == []
    assert contract.problems(yaml.safe_dump_all(documents[:1])) == [], "the platform spec may be missing"


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_refused_with_the_reason(documents, name):
    mutate, reason = MUTANTS[name]
    spec, platform = copy.deepcopy(documents)
    mutate(spec, platform)
    with pytest.raises(ContractError, match=reason):
        contract.check(yaml.safe_dump_all([spec, platform]), "shop.yaml")


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ((), "got 0 and 0"),
        ((1,), "one pipeline spec and at most one platform spec are needed, got 0 and 1"),
        ((0, 0), "got 2 and 0"),
        ((0, 1, 1), "got 1 and 2"),
    ],
)
def test_there_is_one_document_of_each(documents, chosen, reason):
    assert reason in contract.problems(yaml.safe_dump_all([documents[place] for place in chosen]))[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a: [", "the text is no YAML"), ("- a", "must hold entries"), ("just text", "must hold entries")],
)
def test_what_is_no_pipeline_is_said_to_be_none(text, reason):
    with pytest.raises(ContractError, match=reason):
        contract.check(text, "x.yaml")


def test_a_look_at_a_missing_component_does_not_make_it(documents):
    spec, platform = copy.deepcopy(documents)
    for name in [name for name in spec["components"] if name != "comp-pusher"]:
        spec["components"].pop(name)
    problems = contract.problems(yaml.safe_dump_all([spec, platform]))
    assert (
        len([problem for problem in problems if "is not in components" in problem])
        == len(spec["root"]["dag"]["tasks"]) - 1
    )


def test_all_that_is_wrong_is_said_at_once_after_the_files_name(documents):
    spec, platform = copy.deepcopy(documents)
    spec["schemaVersion"] = "2.0.0"
    container(spec, "rules").pop("image")
    with pytest.raises(ContractError) as caught:
        contract.check(yaml.safe_dump_all([spec, platform]), "shop.yaml")
    assert str(caught.value).startswith("shop.yaml: Kubeflow Pipelines would refuse it:\n  ")
    assert len(caught.value.problems) == 2
