"""A pipeline of three steps that behave as a file in the data folder says, for the tests of the local runner."""

import os
import signal
import sys
import time
from pathlib import Path

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata, pipeline
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation

from components.errors import GateError, LogError
from components.progress import Progress, set_figure


def _fail_inside_beam(row):
    raise LogError("events.csv row 2", f"{row} is no number.", "Mend it.")


@component(use_beam=True)
def Numbers(
    numbers: OutputArtifact[Examples], mood: Parameter[str], beam_pipeline: BeamComponentParameter[beam.Pipeline] = None
):
    with beam_pipeline as started:
        rows = started | beam.Create(["x", "y"])
        if mood == "beam":
            rows | "Read" >> beam.Map(_fail_inside_beam)
    set_figure(numbers, f"2 rows by {type(beam_pipeline.runner).__name__}")


@component
def Sum(numbers: InputArtifact[Examples], model: OutputArtifact[Model], mood: Parameter[str]):
    Path(model.uri, "half_written").touch()
    if mood == "expected":
        raise GateError("column price: 3 values are missing.\ncolumn color: is new.")
    if mood == "bug":
        raise ValueError("something\nreally wrong")
    if mood == "exits":  # as a library does that ends the process
        sys.exit("no licence")
    if mood == "ended":  # as a signal does while a job runs on an engine
        Path(model.uri, "beam-temp-model-1").mkdir()
        sys.exit(128 + signal.SIGTERM)
    if mood == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    progress = Progress("adding", total=4)
    for number in range(4):
        time.sleep(300 if mood == "slow" and number == 2 else 0.25)
        progress.advance(note=f"sum {number}")
    print("Sum says hello on its standard output")
    set_figure(model, "sum 6")


@component
def Verdict(model: InputArtifact[Model], summary: OutputArtifact[ModelEvaluation]):
    Path(summary.uri, "summary.txt").write_text("The model wins: café.\n")


@component
def Aside(numbers: OutputArtifact[Examples]):
    set_figure(numbers, "on its own")


def create_pipeline(launch, settings, champion):
    mood = Path(settings.data, "mood").read_text().strip()
    numbers = Numbers(mood="beam" if mood == "beam" else "")
    total = Sum(numbers=numbers.outputs["numbers"], mood=mood)
    verdict = Verdict(model=total.outputs["model"])
    return pipeline.Pipeline(
        pipeline_name=launch.name,
        pipeline_root=str(settings.pipeline_root),
        components=[numbers, total, verdict, *([Aside()] if mood == "aside" else [])],
        enable_cache=settings.cache,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(settings.metadata)),
        beam_pipeline_args=list(settings.beam_args),
    )
