"""Ingest and statistics of a large log, in one process and on a real Flink with one and two workers: `make bench-engines`.

The log is the sample's, in 16 row groups. Each step is a run of its own, so that its peak of memory is its own. A
worker is a slot of the task manager with a Python process. Servers, workers and step share this machine: the peaks
say what each needs, the wall times what an engine costs where it adds no cores. Needs java and mvn, as
`make test-engines` does.

    make bench-engines ARGS="--events 1000000 --engines local"
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / name) for name in ("fakes", "engines"))]

GROUPS, MEMORY = 16, "2500m"
ENGINES = {"local": 0, "flink-1": 1, "flink-2": 2}  # and the number of workers
STEPS = (
    ("ExampleGen", ("--to", "ExampleGen")),
    ("StatisticsGen", ("--from", "StatisticsGen", "--to", "StatisticsGen")),
)
KINDS = ("step", "Python worker", "Flink task manager", "Flink job manager", "Beam job server (Flink)")


def make_log(folder, events):
    """The sample, rewritten in the row groups."""
    import pyarrow.parquet as pq
    import whole_runs

    whole_runs.generate(folder, events)
    log = pq.read_table(folder / "events.parquet")
    pq.write_table(log, folder / "events.parquet", row_group_size=-(-len(log) // GROUPS))
    return len(log)


def run_step(workspace, data, arguments, addresses):
    """Runs one step; returns its record, and what the processes used."""
    import engine_runs
    import process_meter
    import whole_runs

    beam = {"beam_profile": "flink", "beam_args": engine_runs.options("flink", addresses)} if addresses else {}
    with process_meter.Meter() as meter:
        status, printed, record = whole_runs.run(workspace, "--no-cache", *arguments, log=data, seconds=3_600, **beam)
    if status:
        sys.exit(printed[-3_000:])
    (step,) = [step for step in record["steps"] if step["step"] in dict(STEPS)]
    return step, meter.uses()


def measure(folder, data, rows, engine, addresses):
    """Both steps on one engine: a line of the table each."""
    for name, arguments in STEPS:
        step, uses = run_step(folder / engine, data, arguments, addresses)
        assert step["step"] == name
        peaks = [f"{uses[kind].peak:,.0f}" if kind in uses else "" for kind in KINDS]
        cpu = sum(use.cpu for use in uses.values())
        print(
            "| " + " | ".join((f"{rows:,}", engine, name, f"{step['wall']:.0f}", f"{cpu:.0f}", *peaks)) + " |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, nargs="+", default=[5_000_000], help="default: %(default)s")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES), help="default: all")
    options = parser.parse_args()
    import java_servers
    import pytest

    print("| events | engine | step | wall s | CPU-s of all | " + " | ".join(f"{kind}, MB" for kind in KINDS) + " |")
    print("|" + "---|" * (5 + len(KINDS)), flush=True)
    for events in options.events:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            rows = make_log(folder / "data", events)
            for engine in options.engines:
                if not ENGINES[engine]:
                    measure(folder, folder / "data", rows, engine, {})
                    continue
                try:
                    (folder / f"servers-{engine}").mkdir()
                    with java_servers.flink(folder / f"servers-{engine}", MEMORY, ENGINES[engine]) as cluster:
                        measure(folder, folder / "data", rows, engine, cluster.addresses)
                except pytest.skip.Exception as reason:
                    sys.exit(f"no Flink: {reason}")


if __name__ == "__main__":
    main()
