"""Measures what the steps Rules, Trainer and RetrievalEvaluator take as the log grows: `make bench-scale`, options by ARGS="--help".

The launch is the one that ships, `shop`, as declared: catalogue, context, impressions, the choice of epochs, towers,
every part of the score, the ranking head, export. The logs are the sample's, of several sizes; its items grow with the
square root of the events. ExampleGen writes the examples and Transform learns its vocabularies first, not measured.
Then each step runs as in a pipeline run, in a process of its own: it reads its examples from disk and writes its
result. The evaluator judges every rule and the model twice, as challenger and as champion, rolling and frozen.

CPU-seconds and wall time are without imports; the peak of memory is the process's, "at start" what the imports
alone take. The last columns say by what the figures of the size before are to be multiplied; "events" is the same for
the size itself.
"""

import argparse
import contextlib
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fakes")]

STEPS = ("Rules", "Trainer", "RetrievalEvaluator")
LAUNCH = "shop"
SAMPLE_ROWS = 10_000  # what the vocabularies are learnt from: they have four and six words


def make(folder, events):
    """The log, and what the steps before these three make of it."""
    command = [sys.executable, ROOT / "data" / "generate.py", "--events", str(events), "--out", folder]
    subprocess.run(command, check=True, capture_output=True)
    # In a process of their own, as TFX and Beam keep what they took.
    subprocess.run([sys.executable, __file__, "--prepare", folder], check=True, cwd=ROOT, capture_output=True)


def prepare(folder):
    """Examples of the log and of the catalogue, and a transform graph."""
    from apache_beam.options.pipeline_options import StandardOptions
    from executed_node import execute

    from components.ingest.example_gen import catalogue_example_gen, events_example_gen
    from pipeline import launches
    from pipeline.beam_engine import ENGINE

    StandardOptions.DEFAULT_RUNNER = ENGINE
    importlib.import_module(ENGINE.rpartition(".")[0])
    launch = launches.load(LAUNCH)
    for name, node in (("log", events_example_gen), ("catalogue", catalogue_example_gen)):
        examples, resolved, executor = execute(node(launch, str(folder), ""))
        examples.uri = str(folder / name)
        executor.Do({}, {"examples": [examples]}, resolved)
    _transform(launch, folder, ENGINE)


def _transform(launch, folder, runner):
    """Transform's graph for the declared context, by the first rows of the log."""
    import functools

    import apache_beam as beam
    import pyarrow.parquet as pq
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

    from components.features.preprocessing import LAUNCH_KEY, preprocessing_fn
    from pipeline import steps

    schema = _schema()
    spec = schema_utils.schema_as_feature_spec(schema).feature_spec
    names = [name for name in (launch.log.time, *launch.log.context) if name in spec]
    metadata = dataset_metadata.DatasetMetadata(
        schema_utils.schema_from_feature_spec({name: spec[name] for name in names})
    )
    rows = next(pq.ParquetFile(folder / "events.parquet").iter_batches(SAMPLE_ROWS, columns=names)).to_pylist()
    function = functools.partial(
        preprocessing_fn, custom_config={LAUNCH_KEY: steps.view_of(steps.TRANSFORM, launch).to_json()}
    )
    with tft_beam.Context(temp_dir=str(folder / "work")), beam.Pipeline(runner=runner) as pipeline:
        listed = pipeline | beam.Create([{name: [value] for name, value in row.items()} for row in rows])
        learnt = (listed, metadata) | tft_beam.AnalyzeDataset(function)
        _ = learnt | tft_beam.WriteTransformFn(str(folder / "transform"))
        _ = dataset_metadata.DatasetMetadata(schema) | tft_beam.WriteMetadata(
            str(folder / "transform" / "metadata"), pipeline
        )


def _schema():
    from tfx.utils import io_utils

    return io_utils.SchemaReader().read(str(ROOT / "schema" / LAUNCH / "log" / "schema.pbtxt"))


def arguments(launch, folder, step):
    """What TFX's Trainer hands to a `run_fn`."""
    from pipeline import steps

    config = {"launch": steps.view_of(step, launch).to_json(), "catalogue_uri": str(folder / "catalogue")}
    return SimpleNamespace(
        custom_config=config,
        train_files=[str(folder / "log" / "Split-train" / "*")],
        transform_graph_path=str(folder / "transform"),
        serving_model_dir=str(folder / step),
        model_run_dir=None,
        hyperparameters=None,
    )


def work_of(step, launch, folder):
    """What a step does, as a function without arguments; everything that it needs is imported before."""
    if step in STEPS[:2]:
        module = importlib.import_module(
            "components.rules.training" if step == "Rules" else "components.models.training"
        )
        return lambda: module.run_fn(arguments(launch, folder, step))
    from components.evaluation import comparison
    from components.features import split_events

    inputs = SimpleNamespace(uri=str(folder / "log")), SimpleNamespace(uri=str(ROOT / "schema" / LAUNCH / "log"))
    model, rules = str(folder / "Trainer"), str(folder / "Rules")
    return lambda: json.dumps(
        comparison.compare(launch, split_events.read(launch, *inputs), model, rules, model), allow_nan=False
    )


def measure(step, folder):
    """Runs a step in this process; prints what it took as JSON."""
    from pipeline import launches

    work = work_of(step, launches.load(LAUNCH), folder)
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    with contextlib.redirect_stdout(sys.stderr):
        work()
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    print(json.dumps({"cpu": cpu, "wall": wall, "start": used.ru_maxrss / 1024, "peak": after.ru_maxrss / 1024}))


def line(step, events, figure, before):
    """One line of the table; `before` holds the figures of the step at the size before and that size, if there is one."""
    cells = f"{step:<20}{figure['cpu']:>9.1f}{figure['wall']:>9.1f}{figure['start']:>10.0f}{figure['peak']:>9.0f}{events / figure['cpu']:>14,.0f}"
    if not before:
        return cells
    size, old = before
    growth = (
        events / size,
        figure["cpu"] / old["cpu"],
        (figure["peak"] - figure["start"]) / max(old["peak"] - old["start"], 1),
    )
    return cells + "   x " + " / ".join(f"{factor:.1f}" for factor in growth)


def scale(sizes, steps, work):
    """Prints the table of all sizes; what is made for them stays in the folder `work`."""
    before = {}
    for events in sizes:
        folder = work / str(events)
        if not (folder / "transform").exists():
            make(folder, events)
        print(
            f"\n{events:,} events          CPU-s   wall s  at start  peak MB  events/CPU-s   x events / CPU-s / MB above start",
            flush=True,
        )
        for step in steps:
            command = [sys.executable, __file__, "--measure", step, "--folder", folder]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
            if done.returncode:
                raise SystemExit(f"{step} failed:\n{done.stderr[-2000:]}")
            figure = json.loads(done.stdout.strip().splitlines()[-1])
            print(line(step, events, figure, before.get(step)), flush=True)
            before[step] = events, figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--events", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes of the log (default: 100000 1000000)"
    )
    parser.add_argument(
        "--steps",
        nargs="+",
        default=list(STEPS),
        choices=STEPS,
        help="default: all; the evaluator needs what the others wrote",
    )
    parser.add_argument(
        "--folder", type=Path, help="where logs and results stay for a later call (default: a folder that is deleted)"
    )
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepare(options.prepare)
    elif options.measure:
        measure(options.measure, options.folder)
    elif options.folder:
        scale(options.events, options.steps, options.folder)
    else:
        with tempfile.TemporaryDirectory() as name:
            scale(options.events, options.steps, Path(name))


if __name__ == "__main__":
    main()
