"""The graph of every kind of launch: its components, and that all training comes after the gates."""

import dataclasses
import json
import shutil

import pytest
from tfx.components import ExampleValidator, StatisticsGen
from tfx.dsl.compiler import compiler
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.common.resolver import Resolver
from tfx.types import channel_utils
from tfx.types.channel import OutputChannel

from components.declaration import Experiment, Insight, Rules
from components.declaration.views import RetrievalView
from pipeline import code_digest, steps
from pipeline.beam_profiles import BEAM_STEPS, BeamProfile
from pipeline.graph import create_pipeline
from pipeline.launches import movielens, shop
from pipeline.settings import PROJECT, Settings

pytestmark = pytest.mark.tensorflow

LAUNCHES = {
    "experiment": dataclasses.replace(shop.LAUNCH, experiment=Experiment("click", guards=("purchase",))),
    "insight": dataclasses.replace(shop.LAUNCH, insight=Insight()),
    "shop": shop.LAUNCH,
    "movielens": movielens.LAUNCH,
    "no catalogue": dataclasses.replace(shop.LAUNCH, catalogue=None),
    "no ranking head": dataclasses.replace(
        shop.LAUNCH, log=dataclasses.replace(shop.LAUNCH.log, impression=None, request=None)
    ),
    "search": dataclasses.replace(
        shop.LAUNCH, model=dataclasses.replace(shop.LAUNCH.model, tuning_trials=2, warm_start=True), insight=Insight()
    ),
    "refit": dataclasses.replace(shop.LAUNCH, promotion=dataclasses.replace(shop.LAUNCH.promotion, refit=True)),
    "bare": dataclasses.replace(
        movielens.LAUNCH,
        catalogue=None,
        objectives=tuple(dataclasses.replace(one, value_at_least=None) for one in movielens.LAUNCH.objectives),
    ),
}


@pytest.fixture(params=LAUNCHES)
def launch(request):
    return LAUNCHES[request.param]


def build(launch, folder, champion=""):
    """Builds the pipeline of a launch; its data need not exist."""
    settings = Settings(launch=launch.name, workspace=folder / "runs", data=folder, schema=PROJECT / "schema")
    return create_pipeline(launch, settings, champion)


def nodes_of(pipeline):
    return {node.id: node for node in pipeline.components}


def upstream(node):
    """Returns the ids of all components that run before a component."""
    queue, names = list(node.upstream_nodes), set()
    while queue:
        component = queue.pop()
        if component.id not in names:
            names.add(component.id)
            queue.extend(component.upstream_nodes)
    return names


def producers(node):
    """Returns pairs of artifact type and producing component for all inputs of a component."""
    channels = [part for channel in node.inputs.values() for part in channel_utils.get_individual_channels(channel)]
    return {
        (channel.type.TYPE_NAME, channel.producer_component_id)
        for channel in channels
        if isinstance(channel, OutputChannel)
    }


def test_the_launches_differ_in_catalogue_and_ranking_head():
    assert {name: (one.catalogue is not None, one.has_ranking_head) for name, one in LAUNCHES.items()} == {
        "experiment": (True, True),
        "insight": (True, True),
        "shop": (True, True),
        "movielens": (True, True),
        "no catalogue": (False, True),
        "no ranking head": (True, False),
        "search": (True, True),
        "refit": (True, True),
        "bare": (False, False),
    }


def test_the_nodes_are_the_declared_steps(launch, tmp_path):
    pipeline = build(launch, tmp_path)
    assert sorted(node.id for node in pipeline.components) == sorted(step.name for step in steps.of(launch))


def test_nothing_reads_examples_before_their_gate_but_what_the_gate_needs(launch, tmp_path):
    gates = {steps.EXAMPLE_GEN: steps.GATE, steps.CATALOGUE_EXAMPLE_GEN: steps.CATALOGUE_GATE}
    readers = {gate: set() for gate in gates.values()}
    for node in build(launch, tmp_path).components:
        for kind, producer in producers(node):
            if kind == "Examples" and producer in gates and not isinstance(node, StatisticsGen):
                readers[gates[producer]].add(node.id)
                assert gates[producer] in upstream(node), node.id
    ranking = {steps.RANKING_EXAMPLES} if launch.has_ranking_head else set()
    search = {steps.TUNER} if launch.model.tuning_trials else set()
    ranking |= {steps.OUTCOME} if launch.experiment else set()
    insight = {steps.TRIANGLE} if launch.insight else set()
    training = search | insight | ({steps.REFIT} if launch.promotion.refit else set())
    optional = ranking | training
    assert (
        readers[steps.GATE]
        == {steps.DRIFT_GATE, steps.TRANSFORM, steps.RULES, steps.TRAINER, steps.RETRIEVAL_EVALUATOR} | optional
    )
    assert readers[steps.CATALOGUE_GATE] == (
        {steps.DRIFT_GATE, steps.RULES, steps.TRAINER} | training if launch.catalogue else set()
    )


def test_training_evaluation_and_push_wait_for_every_gate(launch, tmp_path):
    nodes = nodes_of(build(launch, tmp_path))
    gates = {steps.GATE, steps.CATALOGUE_GATE, steps.DRIFT_GATE} & set(nodes)
    after = {
        steps.TRANSFORM,
        steps.RULES,
        steps.TUNER,
        steps.TRAINER,
        steps.RETRIEVAL_EVALUATOR,
        steps.EVALUATOR,
        steps.TRIANGLE,
        steps.VERDICT,
        steps.REFIT,
        steps.PUSHER,
    }
    for name in after & set(nodes):
        assert gates <= upstream(nodes[name]), name


def test_a_gate_reads_the_anomalies_of_its_own_data(launch, tmp_path):
    nodes = nodes_of(build(launch, tmp_path))
    assert producers(nodes[steps.GATE]) == {
        ("ExampleAnomalies", steps.EXAMPLE_VALIDATOR),
        ("ExampleStatistics", steps.STATISTICS_GEN),
    }
    assert ("Schema", steps.SCHEMA) in producers(nodes[steps.EXAMPLE_VALIDATOR])
    if launch.catalogue:
        counted = ("ExampleStatistics", steps.CATALOGUE_STATISTICS_GEN)
        assert producers(nodes[steps.CATALOGUE_GATE]) == {("ExampleAnomalies", steps.CATALOGUE_VALIDATOR), counted}
        assert isinstance(nodes[steps.CATALOGUE_VALIDATOR], ExampleValidator)
        assert ("Schema", steps.CATALOGUE_SCHEMA) in producers(nodes[steps.CATALOGUE_VALIDATOR])


def test_the_pusher_gets_the_winner_and_its_blessing(launch, tmp_path):
    nodes = nodes_of(build(launch, tmp_path))
    pushed = ("Model", steps.REFIT if launch.promotion.refit else steps.VERDICT)
    assert producers(nodes[steps.PUSHER]) == {pushed, ("ModelBlessing", steps.VERDICT)}
    # The Evaluator's blessing knows no interval: the verdict reads its figures.
    judged = {("ModelEvaluation", steps.EVALUATOR)} if launch.has_ranking_head else set()
    evaluated = {("ModelEvaluation", steps.RETRIEVAL_EVALUATOR), ("Model", steps.TRAINER), ("Model", steps.RULES)}
    judged |= {("ModelEvaluation", steps.OUTCOME)} if launch.experiment else set()
    judged |= {("ModelEvaluation", steps.TRIANGLE)} if launch.insight else set()
    assert producers(nodes[steps.VERDICT]) == evaluated | judged | {("ExampleStatistics", steps.STATISTICS_GEN)}


def test_open_source_kubeflow_can_run_it(launch, tmp_path):
    for node in build(launch, tmp_path).components:
        assert not isinstance(node, Resolver)
        assert not node.exec_properties.get("module_file"), node.id
        assert not node.exec_properties.get("module_path"), node.id


def test_the_projects_steps_carry_launch_and_code(launch, tmp_path):
    nodes = nodes_of(build(launch, tmp_path))
    code = {
        steps.EXAMPLE_GEN: "components.ingest.executor",
        steps.CATALOGUE_EXAMPLE_GEN: "components.ingest.executor",
        steps.STATISTICS_GEN: "components.validation.statistics_gen",
        steps.CATALOGUE_STATISTICS_GEN: "components.validation.statistics_gen",
        steps.TRANSFORM: "components.features.transform",
        steps.RULES: "components.rules.training",
        steps.TUNER: "components.models.tuning.tuner_fn",
        steps.TRAINER: "components.models.training",
        steps.RETRIEVAL_EVALUATOR: "components.evaluation.retrieval_step",
        steps.RANKING_EXAMPLES: "components.evaluation.ranking_step",
        steps.EVALUATOR: "components.evaluation.head_figures",
        steps.TRIANGLE: "components.evaluation.triangle_step",
        steps.VERDICT: "components.evaluation.verdict_step",
        steps.REFIT: "components.evaluation.refit_step",
    }
    for name, module in code.items():
        if name in nodes:
            properties = repr(dict(nodes[name].exec_properties))
            assert code_digest.of_module(module) in properties, name


def test_each_step_carries_its_view_of_the_declaration(launch, tmp_path):
    nodes = nodes_of(build(launch, tmp_path))
    for step in steps.of(launch):
        if step.view is not None and step.name != steps.EVALUATOR:
            # How often the JSON is quoted differs between the components, so quotes of quotes do not count.
            text = step.view.of(launch).to_json().replace("\\", "")
            properties = json.dumps(dict(nodes[step.name].exec_properties), default=str).replace("\\", "")
            assert text in properties, step.name


def test_an_edit_of_a_custom_rule_repeats_counting_and_training_but_not_the_search(tmp_path, monkeypatch):
    shutil.copytree(PROJECT / "components", tmp_path / "components", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_digest, "PROJECT", tmp_path)
    house = tmp_path / "components" / "rules" / "house.py"
    launch = dataclasses.replace(
        LAUNCHES["search"], rules=Rules(names=("popularity", "components.rules.house.cheapest"))
    )

    def properties(text):
        house.write_text(text)
        code_digest.of_module.cache_clear()
        nodes = nodes_of(build(launch, tmp_path))
        return {
            name: nodes[name].exec_properties["custom_config"] for name in (steps.RULES, steps.TUNER, steps.TRAINER)
        }

    before, after = properties("x = 1"), properties("x = 2")
    code_digest.of_module.cache_clear()
    assert [before[name] == after[name] for name in (steps.RULES, steps.TUNER, steps.TRAINER)] == [False, True, False]


@pytest.mark.parametrize(
    "module",
    ["models.tuning.search", "models.tuning.tuner", "models.retrieval.retrieval_training", "features.event_table"],
)
def test_an_edit_of_the_code_of_a_trial_repeats_the_search(tmp_path, monkeypatch, module):
    shutil.copytree(PROJECT / "components", tmp_path / "components", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_digest, "PROJECT", tmp_path)
    configurations = []
    for edit in ("", "\nEDITED = 1\n"):
        with tmp_path.joinpath("components", *module.split(".")).with_suffix(".py").open("a") as file:
            file.write(edit)
        code_digest.of_module.cache_clear()
        configurations.append(
            nodes_of(build(LAUNCHES["search"], tmp_path))[steps.TUNER].exec_properties["custom_config"]
        )
    code_digest.of_module.cache_clear()
    assert configurations[0] != configurations[1]


def test_a_curated_schema_carries_its_digest(launch, tmp_path):
    nodes = nodes_of(build(launch, tmp_path))
    for name, data in ((steps.SCHEMA, "log"), (steps.CATALOGUE_SCHEMA, "catalogue")):
        if name in nodes:
            file = PROJECT / "schema" / launch.name / data / "schema.pbtxt"
            assert file.is_file()
            assert nodes[name].exec_properties == {"schema_file": str(file), "digest": code_digest.of_file(file)}


def test_the_champion_is_a_parameter(tmp_path):
    nodes = nodes_of(build(shop.LAUNCH, tmp_path, champion="serving/7"))
    assert nodes[steps.DRIFT_BASELINE].exec_properties["champion"] == "serving/7"
    node = nodes[steps.RETRIEVAL_EVALUATOR]
    assert node.exec_properties["champion"] == "serving/7"
    assert RetrievalView.from_json(node.exec_properties["launch"]) == RetrievalView.of(shop.LAUNCH)


def test_it_compiles(launch, tmp_path):
    compiled = compiler.Compiler().compile(build(launch, tmp_path))
    order = [node.pipeline_node.node_info.id for node in compiled.nodes]
    assert sorted(order) == sorted(step.name for step in steps.of(launch))
    for node in compiled.nodes:
        for before in node.pipeline_node.upstream_nodes:
            assert order.index(before) < order.index(node.pipeline_node.node_info.id)
    assert compiled.pipeline_info.id == launch.name


def test_the_beam_steps_are_those_of_the_profiles_and_get_their_options(tmp_path):
    profile = BeamProfile("two", ("--direct_num_workers=2",), {steps.EVALUATOR: ()})
    settings = Settings(
        launch="shop",
        workspace=tmp_path,
        data=tmp_path,
        schema=PROJECT / "schema",
        beam_profile=profile,
        beam_args=("--job_name=x",),
    )
    nodes = nodes_of(create_pipeline(shop.LAUNCH, settings, ""))
    options = {
        name: node.executor_spec.beam_pipeline_args
        for name, node in nodes.items()
        if isinstance(node, BaseBeamComponent)
    }
    assert set(options) == set(BEAM_STEPS)
    assert options.pop(steps.EVALUATOR) == []
    assert all(args == ["--direct_num_workers=2", "--job_name=x"] for args in options.values())
