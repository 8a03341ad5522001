"""The schema gate: stops the run when the schema check found anomalies, which the standard ExampleValidator never does."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from components.progress import set_figure
from components.validation.anomaly_reasons import explain
from components.validation.anomaly_text import accept_command, gate_error
from components.validation.artifacts import read_anomalies, read_statistics


@component
def SchemaGate(
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics],
    passed: OutputArtifact[standard_artifacts.String],
    data: Parameter[str],
    schema: Parameter[str],
    launch: Parameter[str],
    code: Parameter[str],
    may_be_empty: Parameter[int] = 0,
) -> None:
    """Raises `GateError` with every column that has an anomaly; else writes a sentence and the figure.

    Args:
      anomalies: what ExampleValidator wrote.
      statistics: what it looked at.
      passed: a sentence; later steps wait for its existence.
      data: what was checked, "log" or "catalogue".
      schema: where the curated schema lies, named to people.
      launch: the name of the launch, for the command that accepts a column into the schema.
      code: the digest of the gate's code, so that TFX's cache sees an edit.
      may_be_empty: 1 if a split without a row is no anomaly.
    """
    by_split, counted = read_anomalies(anomalies), read_statistics(statistics)
    if may_be_empty:
        by_split = {split: anomalies for split, anomalies in by_split.items() if counted[split].num_examples}
    if not by_split:
        passed.write(f"{data}: no row yet")
        set_figure(passed, "no row to check yet")
        return
    error = gate_error(
        {split: explain(by_split[split], counted[split]) for split in by_split}, data, schema, accept_command(launch)
    )
    if error:
        raise error
    columns = max((len(split.baseline.feature) for split in by_split.values()), default=0)
    figure = f"no anomalies in {columns} columns"
    passed.write(f"{data}: {figure}")
    set_figure(passed, figure)
