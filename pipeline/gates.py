"""The first stages of the pipeline: reading, statistics, and the gates that stop a run whose data does not fit."""

from typing import NamedTuple

from tfx.components.example_validator.component import ExampleValidator
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import BaseChannel

from components.declaration import Launch
from components.ingest.example_gen import catalogue_example_gen, events_example_gen
from components.validation.curated_schema import CuratedSchema
from components.validation.drift import SERVED_PAIR, SPLIT_PAIR
from components.validation.drift_steps import DriftBaseline, DriftGate
from components.validation.drift_validator import DriftValidator, drift_config
from components.validation.schema_gate import SchemaGate
from components.validation.statistics_gen import StatisticsGen
from components.validation.statistics_step import StatisticsPage
from pipeline import code_digest, steps
from pipeline.settings import Settings


class Checked(NamedTuple):
    """Examples that passed their gate, which is the last of the components."""

    examples: BaseChannel
    statistics: BaseChannel
    schema: BaseChannel
    components: list[BaseNode]


def check_log(launch: Launch, settings: Settings) -> Checked:
    """Reads the log, splits it by time, and checks it against its curated schema."""
    code = code_digest.of_step(steps.EXAMPLE_GEN, *(objective.label_fn or "" for objective in launch.objectives))
    reader = events_example_gen(launch, str(settings.data), code, settings.gzip_level)
    names = (steps.STATISTICS_GEN, steps.SCHEMA, steps.EXAMPLE_VALIDATOR, steps.GATE)
    return _check(reader, "log", launch, settings, names)


def check_catalogue(launch: Launch, settings: Settings) -> Checked:
    """Reads the catalogue and checks it against its curated schema."""
    reader = catalogue_example_gen(
        launch, str(settings.data), code_digest.of_step(steps.EXAMPLE_GEN), settings.gzip_level
    )
    names = (steps.CATALOGUE_STATISTICS_GEN, steps.CATALOGUE_SCHEMA, steps.CATALOGUE_VALIDATOR, steps.CATALOGUE_GATE)
    return _check(reader, "catalogue", launch, settings, names)


def _check(
    reader: BaseNode, data: str, launch: Launch, settings: Settings, names: tuple[str, str, str, str]
) -> Checked:
    examples = reader.outputs["examples"]
    schema_file = _schema_file(launch, settings, data)
    statistics = StatisticsGen(examples, code_digest.of_step(steps.STATISTICS_GEN)).with_id(names[0])
    schema = CuratedSchema(schema_file, code_digest.of_file(schema_file)).with_id(names[1])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]).with_id(
        names[2]
    )
    gate = SchemaGate(
        anomalies=validator.outputs["anomalies"],
        statistics=statistics.outputs["statistics"],
        data=data,
        schema=schema_file,
        launch=launch.name,
        code=code_digest.of_step(steps.GATE),
        may_be_empty=int(data == "log" and launch.log.starts_empty),
    ).with_id(names[3])
    return Checked(
        examples,
        statistics.outputs["statistics"],
        schema.outputs["schema"],
        [reader, statistics, schema, validator, gate],
    )


def _schema_file(launch: Launch, settings: Settings, data: str) -> str:
    return str(settings.schema / launch.name / data / "schema.pbtxt")


def show_statistics(launch: Launch, log: Checked, catalogue: Checked | None) -> BaseNode:
    """Writes a page of the statistics before the gates run, so that it exists if they stop the run."""
    optional = {"catalogue_statistics": catalogue.statistics} if catalogue else {}
    page = StatisticsPage(
        statistics=log.statistics,
        launch=steps.view_of(steps.STATISTICS_PAGE, launch).to_json(),
        code=code_digest.of_step(steps.STATISTICS_PAGE),
        **optional,
    ).with_id(steps.STATISTICS_PAGE)
    for checked in (log, catalogue):
        if checked:
            checked.components[-1].add_upstream_node(page)
    return page


def measure_drift(
    launch: Launch, settings: Settings, log: Checked, catalogue: Checked | None, champion: str
) -> list[BaseNode]:
    """Measures drift of eval against train, and of train since the served version (`components.validation.drift`)."""
    schema_file = _schema_file(launch, settings, "log")
    code = code_digest.of_step(steps.DRIFT_GATE)
    baseline = DriftBaseline(statistics=log.statistics, champion=champion, code=code).with_id(steps.DRIFT_BASELINE)
    validator = DriftValidator(
        statistics=log.statistics,
        baseline_statistics=baseline.outputs["baseline"],
        config=drift_config(schema_file),
        include_split_pairs=[SPLIT_PAIR, SERVED_PAIR],
    ).with_id(steps.DRIFT_VALIDATOR)
    optional = {"catalogue": catalogue.examples} if catalogue else {}
    gate = DriftGate(
        drift_anomalies=validator.outputs["anomalies"],
        examples=log.examples,
        launch=steps.view_of(steps.DRIFT_GATE, launch).to_json(),
        schema=schema_file,
        code=code,
        **optional,
    ).with_id(steps.DRIFT_GATE)
    for checked in (log, catalogue):
        if checked:
            validator.add_upstream_node(checked.components[-1])
    return [baseline, validator, gate]
