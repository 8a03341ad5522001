"""Our ExampleGen compared with TFX's own, on the same generated files, one after the other: `make bench-ingest`.

Every line is a process of its own. CPU seconds and wall time count the executor's `Do` alone: what it imports, Beam's
runner included, is loaded before, on all sides; the peak of memory is the process's, "at start" what imports
alone take. TFX's executors split by hash, ours by time and with labels from a join; all write gzipped TFRecords, TFX's
at zlib's default level, 6. The log is the sample's, made once per size. The last column says how many times the CPU-s
of ours TFX's take, on the same file, against ours at gzip 1 and at gzip 6.
"""

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READERS = ("ours csv", "ours parquet", "ours csv gzip 6", "ours parquet gzip 6", "CsvExampleGen", "parquet_executor")
OWN = READERS[:4]
SAME_FILE = {
    "CsvExampleGen": ("ours csv", "ours csv gzip 6"),
    "parquet_executor": ("ours parquet", "ours parquet gzip 6"),
}


def tables(folder, rows):
    """Writes the log as Parquet and as CSV, each in a folder that holds nothing else."""
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    made = folder / "made"
    subprocess.run(
        [sys.executable, ROOT / "data/generate.py", "--events", str(rows), "--out", made],
        check=True,
        capture_output=True,
    )
    table = pq.read_table(made / "events.parquet")
    for kind in ("parquet", "csv"):
        (folder / kind).mkdir()
    pq.write_table(table, folder / "parquet/events.parquet")
    pc.write_csv(table, folder / "csv/events.csv")


def node_of(reader, folder):
    """The ExampleGen component for one row of the table."""
    from tfx.components import CsvExampleGen
    from tfx.components.example_gen.component import FileBasedExampleGen
    from tfx.components.example_gen.custom_executors import parquet_executor
    from tfx.dsl.components.base import executor_spec

    from components.ingest.example_gen import events_example_gen
    from pipeline import launches

    if reader == "CsvExampleGen":
        return CsvExampleGen(input_base=str(folder / "csv"))
    if reader == "parquet_executor":
        spec = executor_spec.BeamExecutorSpec(parquet_executor.Executor)
        return FileBasedExampleGen(input_base=str(folder / "parquet"), custom_executor_spec=spec)
    launch, kind = launches.load("shop"), reader.split()[1]
    log = {"path": f"{kind}/events.{kind}"}
    import dataclasses

    declared = dataclasses.replace(launch, log=dataclasses.replace(launch.log, **log))
    return events_example_gen(declared, str(folder), "", 6 if reader.endswith("6") else 1)


def measure(reader, folder):
    """Runs one executor in this process; prints what it took as JSON."""
    from apache_beam.options.pipeline_options import StandardOptions
    from executed_node import execute

    from pipeline.beam_engine import ENGINE

    StandardOptions.DEFAULT_RUNNER = ENGINE
    importlib.import_module(ENGINE.rpartition(".")[0])
    examples, resolved, executor = execute(node_of(reader, folder))
    examples.uri = tempfile.mkdtemp(dir=folder)
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    executor.Do({}, {"examples": [examples]}, resolved)
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    size = sum(path.stat().st_size for path in Path(examples.uri).rglob("*.gz"))
    print(
        json.dumps(
            {
                "cpu": cpu,
                "wall": wall,
                "peak": after.ru_maxrss / 1024,
                "start": used.ru_maxrss / 1024,
                "size": size / 1e6,
            }
        )
    )


def median(figures, name):
    return sorted(figure[name] for figure in figures)[len(figures) // 2]


def line(rows, reader, figure, cpu):
    """One line of the table; `cpu` holds the CPU-s of the readers so far."""
    cells = f"{reader:<21}{figure['cpu']:8.2f} {1e6 * figure['cpu'] / rows:12.2f} {figure['wall']:8.1f}"
    cells += f" {figure['peak']:9.0f} {figure['start']:10.0f} {figure['size']:9.1f}"
    times = [f"{figure['cpu'] / cpu[other]:.1f}" for other in SAME_FILE.get(reader, ()) if other in cpu]
    return f"{cells}   {' / '.join(times)}".rstrip()


def compare(rows, readers, repeats, slow_repeats):
    """Prints the table of one size."""
    with tempfile.TemporaryDirectory() as name:
        # In a process of its own: a child's peak of memory counts its parent's.
        subprocess.run([sys.executable, __file__, "--make", str(rows), "--folder", name], check=True)
        print(
            f"\n{rows:,} rows           CPU-s  CPU-s per M   wall s   peak MB   at start   file MB   x ours, gzip 1 / 6"
        )
        cpu = {}
        for reader in readers:
            command = [sys.executable, __file__, "--measure", reader, "--folder", name]
            paths = os.pathsep.join([str(ROOT), str(ROOT / "tests/fakes")])
            environ = os.environ | {"PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}
            count = repeats if reader in OWN else slow_repeats
            runs = [
                subprocess.run(command, check=True, capture_output=True, text=True, env=environ, cwd=ROOT).stdout
                for _ in range(count)
            ]
            figures = [json.loads(run.strip().splitlines()[-1]) for run in runs]
            figure = {column: median(figures, column) for column in figures[0]}
            cpu[reader] = figure["cpu"]
            print(line(rows, reader, figure, cpu), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes to measure (default: 100000 1000000)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs of each of ours; the median is shown (default: 3)")
    parser.add_argument(
        "--slow-repeats", type=int, default=1, help="runs of each of TFX's, which take minutes (default: 1)"
    )
    parser.add_argument("--own", action="store_true", help="ours only: for sizes at which TFX's take many minutes")
    parser.add_argument("--measure", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        tables(options.folder, options.make)
        return
    if options.measure:
        measure(options.measure, options.folder)
        return
    for rows in options.rows:
        compare(rows, OWN if options.own else READERS, options.repeats, options.slow_repeats)


if __name__ == "__main__":
    main()
