"""The pipeline, as its list of stages. The same graph runs on a laptop and compiles for a cluster."""

from tfx.components.evaluator.component import Evaluator
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.types import BaseChannel

from components.declaration import Launch
from components.evaluation import own_slices, ranking_config
from components.evaluation.ranking_step import RankingExamples
from components.evaluation.retrieval_step import RetrievalEvaluator
from components.evaluation.verdict_step import Verdict
from components.features.preprocessing import CODE_KEY, LAUNCH_KEY
from components.features.transform import Transform
from components.models.too_early import LEAST_ACTIONS
from components.models.trainer import CatalogueTrainer, Learning
from components.registry.pusher import VersionPusher
from pipeline import code_digest, custom_steps, further_steps, steps
from pipeline.gates import Checked, check_catalogue, check_log, measure_drift, show_statistics
from pipeline.settings import Settings

PREPROCESSING_FN = "components.features.preprocessing.preprocessing_fn"
TUNER_FN = "components.models.tuning.tuner_fn.tuner_fn"


def create_pipeline(launch: Launch, settings: Settings, champion: str) -> tfx_pipeline.Pipeline:
    """Builds the pipeline: read, check, transform, count the rules, train, evaluate, decide, push.

    Args:
      launch: the declaration.
      settings: the run-time settings.
      champion: the folder of the served version; or the serving folder, in which the run looks it up; "" before the
        first push.
    """
    log = check_log(launch, settings)
    catalogue = check_catalogue(launch, settings) if launch.catalogue else None
    page = show_statistics(launch, log, catalogue)
    drift = measure_drift(launch, settings, log, catalogue, champion)
    transform = transform_context(launch, log, drift)
    rules = count_rules(launch, log, transform, catalogue)
    tuner = [tune(launch, log, transform, catalogue)] if launch.model.tuning_trials else []
    learning = describe_learning(launch, log, transform, catalogue, champion, tuner)
    model = CatalogueTrainer(learning).with_id(steps.TRAINER)
    retrieval = evaluate_retrieval(launch, log, model, rules, champion, catalogue)
    ranking = evaluate_ranking(launch, log, model) if launch.has_ranking_head else []
    further = further_steps.build(launch, settings, gather(log, transform, catalogue), [model, rules, *tuner])
    verdict = decide(launch, log, model, rules, [retrieval, *ranking, *further])
    pushing = push(launch, settings, learning, log, verdict)
    gates = [*log.components, *(catalogue.components if catalogue else []), page, *drift]
    standard = [*gates, transform, rules, *tuner, model, retrieval, *ranking, *further, verdict, *pushing]
    return _pipeline(launch, settings, [*standard, *custom_steps.build(launch.steps, standard)])


def _pipeline(launch: Launch, settings: Settings, components: list[BaseNode]) -> tfx_pipeline.Pipeline:
    for component in components:
        if isinstance(component, BaseBeamComponent):
            component.with_beam_pipeline_args(settings.beam_args_of(component.id))
    database = settings.metadata and metadata.sqlite_metadata_connection_config(str(settings.metadata))
    return tfx_pipeline.Pipeline(
        pipeline_name=launch.name,
        pipeline_root=str(settings.pipeline_root),
        components=components,
        enable_cache=settings.cache,
        metadata_connection_config=database,
    )


def transform_context(launch: Launch, log: Checked, drift: list[BaseNode]) -> Transform:
    """Fits the features of a request on the train split, after all gates; the drift gate is the last of them."""
    transform = Transform(
        examples=log.examples,
        schema=log.schema,
        preprocessing_fn=PREPROCESSING_FN,
        custom_config={
            LAUNCH_KEY: steps.view_of(steps.TRANSFORM, launch).to_json(),
            CODE_KEY: code_digest.of_step(steps.TRANSFORM),
        },
        materialize=False,
        disable_statistics=True,
        disable_analyzer_cache=True,
    ).with_id(steps.TRANSFORM)
    transform.add_upstream_node(drift[-1])
    return transform


def count_rules(launch: Launch, log: Checked, transform: Transform, catalogue: Checked | None) -> CatalogueTrainer:
    """Counts the rules on the train split and exports them with the serving signatures."""
    view, code = (
        steps.view_of(steps.RULES, launch),
        code_digest.of_step(steps.RULES, *launch.rules.names, *launch.promotion.metrics),
    )
    items, graph = catalogue.examples if catalogue else None, transform.outputs["transform_graph"]
    learning = Learning(further_steps.RULES_RUN_FN, code, view, log.examples, graph, items)
    return CatalogueTrainer(learning).with_id(steps.RULES)


def describe_learning(
    launch: Launch,
    log: Checked,
    transform: Transform,
    catalogue: Checked | None,
    champion: str,
    tuner: list[BaseNode],
) -> Learning:
    """Returns what training the model is told and reads."""
    view = steps.view_of(steps.TRAINER, launch)
    run_fn, code = further_steps.find_model_run_fn(launch), further_steps.digest_model(launch)
    items, graph = catalogue.examples if catalogue else None, transform.outputs["transform_graph"]
    start = champion if launch.model.warm_start else ""
    best = tuner[0].outputs["best_hyperparameters"] if tuner else None
    least = launch.log.starts_empty * LEAST_ACTIONS
    return Learning(run_fn, code, view, log.examples, graph, items, start, best, least)


def tune(launch: Launch, log: Checked, transform: Transform, catalogue: Checked | None) -> BaseNode:
    """Searches hyperparameters on the validation split of the training time, if the declaration has tuning trials.

    A trial evaluates the model alone, so an edit of a team's rules does not repeat the search; nor does a new champion,
    as trials start from random weights.
    """
    # Here, because it imports Keras Tuner and with it Keras 3: a second of each run, for few launches.
    from components.models.tuning.tuner import CatalogueTuner

    items = catalogue.examples if catalogue else None
    code = code_digest.of_step(steps.TUNER, *launch.model.towers)
    return CatalogueTuner(
        TUNER_FN, code, steps.view_of(steps.TUNER, launch), log.examples, transform.outputs["transform_graph"], items
    ).with_id(steps.TUNER)


def evaluate_retrieval(
    launch: Launch, log: Checked, model: BaseNode, rules: BaseNode, champion: str, catalogue: Checked | None
) -> BaseNode:
    """Evaluates model, champion and rules on the same queries, over the full catalogue."""
    view = steps.view_of(steps.RETRIEVAL_EVALUATOR, launch)
    optional = {"catalogue": catalogue.examples} if catalogue and own_slices.columns(view) else {}
    return RetrievalEvaluator(
        examples=log.examples,
        schema=log.schema,
        model=model.outputs["model"],
        rules=rules.outputs["model"],
        launch=view.to_json(),
        code=code_digest.of_step(steps.RETRIEVAL_EVALUATOR, *launch.promotion.metrics, *launch.promotion.slices),
        champion=champion,
        **optional,
    ).with_id(steps.RETRIEVAL_EVALUATOR)


def evaluate_ranking(launch: Launch, log: Checked, model: BaseNode) -> list[BaseNode]:
    """Evaluates the ranking head of the exported model with the standard Evaluator."""
    rows = RankingExamples(
        examples=log.examples,
        schema=log.schema,
        launch=steps.view_of(steps.RANKING_EXAMPLES, launch).to_json(),
        code=code_digest.of_step(steps.RANKING_EXAMPLES),
    ).with_id(steps.RANKING_EXAMPLES)
    rows.add_upstream_node(log.components[-1])
    view, code = steps.view_of(steps.EVALUATOR, launch), code_digest.of_step(steps.EVALUATOR)
    evaluator = Evaluator(
        examples=rows.outputs["ranking_examples"],
        model=model.outputs["model"],
        eval_config=ranking_config.build(view, code),
        example_splits=["eval"],
    ).with_id(steps.EVALUATOR)
    return [rows, evaluator]


def gather(log: Checked, transform: Transform, catalogue: Checked | None) -> dict[str, BaseChannel]:
    """Returns what was read and learnt of the data, by the names of the steps' inputs."""
    data = {"examples": log.examples, "schema": log.schema, "transform_graph": transform.outputs["transform_graph"]}
    return data | ({"catalogue": catalogue.examples} if catalogue else {})


def decide(launch: Launch, log: Checked, model: BaseNode, rules: BaseNode, measured: list[BaseNode]) -> BaseNode:
    """Decides which recommender is served next, and why; some of what measures is only there where it is declared."""
    results = {node.id: next(iter(node.outputs.values())) for node in measured}
    names = {"ranking": steps.EVALUATOR, "triangle": steps.TRIANGLE, "outcome": steps.OUTCOME}
    optional = {name: results[step] for name, step in names.items() if step in results}
    return Verdict(
        evaluation=results[steps.RETRIEVAL_EVALUATOR],
        model=model.outputs["model"],
        rules=rules.outputs["model"],
        launch=steps.view_of(steps.VERDICT, launch).to_json(),
        code=code_digest.of_step(steps.VERDICT),
        statistics=log.statistics,
        **optional,
    ).with_id(steps.VERDICT)


def push(
    launch: Launch, settings: Settings, learning: Learning, log: Checked, verdict: BaseNode
) -> tuple[BaseNode, ...]:
    """Pushes the winner to a numbered version folder that TF Serving and KServe can load; before, it may be refitted."""
    winner, blessing = verdict.outputs["winner"], verdict.outputs["blessing"]
    again = [further_steps.refit(learning, log.schema, winner)] if launch.promotion.refit else []
    model = again[0].outputs["model"] if again else winner
    pusher = VersionPusher(model, blessing, str(settings.serving), settings.keep_versions)
    return *again, pusher.with_id(steps.PUSHER)
