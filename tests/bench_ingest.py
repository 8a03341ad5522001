"""Our ExampleGen beside TFX's own, on the same generated files, one after the other: `make bench-ingest`.

Every row is a process of its own. CPU seconds and wall time count the executor alone, without imports; the peak of memory is the whole
process's. TFX's executors split by hash, ours by time and with labels from a join; all write gzipped TFRecords. The log is the sample's, in its
columns, made once per size.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
READERS = ("ours csv", "ours parquet", "ours csv gzip 6", "ours parquet gzip 6", "CsvExampleGen", "parquet_executor")
OWN = READERS[:4]


def tables(folder, rows):
    """Writes the log as Parquet and as CSV, each in a folder that holds nothing else."""
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    made = folder / "made"
    subprocess.run([sys.executable, ROOT / "data/generate.py", "--events", str(rows), "--out", made], check=True, capture_output=True)
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

    from components.beam_engine import ENGINE

    StandardOptions.DEFAULT_RUNNER = ENGINE
    examples, resolved, executor = execute(node_of(reader, folder))
    examples.uri = tempfile.mkdtemp(dir=folder)
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    executor.Do({}, {"examples": [examples]}, resolved)
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    size = sum(path.stat().st_size for path in Path(examples.uri).rglob("*.gz"))
    print(json.dumps({"cpu": cpu, "wall": wall, "peak": after.ru_maxrss / 1024, "start": used.ru_maxrss / 1024, "size": size / 1e6}))


def median(figures, name):
    return sorted(figure[name] for figure in figures)[len(figures) // 2]


def compare(rows, readers, repeats):
    """Prints the table of one size."""
    with tempfile.TemporaryDirectory() as name:
        tables(Path(name), rows)
        print(f"\n{rows:,} rows           CPU-s   wall s   peak MB   (start)    file MB   CPU-s against the first")
        first = None
        for reader in readers:
            command = [sys.executable, __file__, "--measure", reader, "--folder", name]
            environ = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
            runs = [subprocess.run(command, check=True, capture_output=True, text=True, env=environ, cwd=ROOT).stdout for _ in range(repeats)]
            figures = [json.loads(run.strip().splitlines()[-1]) for run in runs]
            cpu, wall, peak, start, size = (median(figures, figure) for figure in ("cpu", "wall", "peak", "start", "size"))
            first = first or cpu
            print(f"{reader:<21}{cpu:8.2f} {wall:8.1f} {peak:9.0f} {start:9.0f} {size:10.1f} {cpu / first:10.1f} x", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes to measure (default: 100000 1000000)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; the median is shown (default: 3)")
    parser.add_argument("--own", action="store_true", help="ours only: for sizes at which TFX's take many minutes")
    parser.add_argument("--measure", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.folder)
        return
    for rows in options.rows:
        compare(rows, OWN if options.own else READERS, options.repeats)


if __name__ == "__main__":
    main()
