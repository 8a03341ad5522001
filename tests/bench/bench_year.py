"""A launch that runs every day: what the workspace weighs with and without `clean`. `make bench-year`.

    make bench-year                     thirty daily runs of a small log
    make bench-year ARGS="--days 3"     shorter

A project made by `python -m pipeline new` runs every day on the newest two weeks of a generated log; its model is small
(one epoch), because sizes and not answers matter here. After each run `python -m pipeline clean` removes what is no
longer needed. "without" is the size had nothing been removed: the size now and all bytes removed
so far. In the middle, `clean` is killed (SIGKILL) once it has begun to remove folders: the run after it has to end
well with every step that did not change from the cache, and every artifact that ML Metadata calls live has to exist.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

ROOT = Path(__file__).resolve().parents[2]
NAME, MODEL = "daily", "Model(dim=16, epochs=1, ranking_epochs=1)"
WINDOW, KEEP, FORCED = 14, 3, "DAYONE_KEEP_VERSIONS"
HEADS = f"{'day':>3}  {'events':>8}  {'run':>6}  {'with clean':>10}  {'without':>10}  {'versions':>8}"


class Year:
    """The workspace of a launch that runs daily."""

    def __init__(self, folder, days, events):
        """Generates the log."""
        self.log, self.project = folder / "log", folder / NAME
        self.home = self.project / "runs" / NAME
        options = [
            "--events",
            str(events * (days + WINDOW)),
            "--days",
            str(days + WINDOW),
            "--out",
            str(folder / "all"),
        ]
        subprocess.run([sys.executable, "data/generate.py", *options], cwd=ROOT, check=True, capture_output=True)
        self.events = pq.read_table(folder / "all" / "events.parquet")
        self.log.mkdir()
        (folder / "all" / "items.parquet").rename(self.log / "items.parquet")
        self.write_day(0)
        files = ["--log", str(self.log / "events.parquet"), "--catalogue", str(self.log / "items.parquet")]
        self.finish(self.call("new", str(self.project), *files, folder=ROOT))
        os.symlink(ROOT / ".venv", self.project / ".venv")
        launch = self.project / "pipeline" / "launches" / f"{NAME}.py"
        text = launch.read_text().replace("    split=Split", f"    model={MODEL},\n    split=Split")
        launch.write_text(text.replace(" Log,", " Log, Model,", 1))

    def write_day(self, day):
        """Writes the log as it is on the evening of a day: its newest two weeks. Returns how many events."""
        time_ms = self.events["timestamp"].cast("int64")
        first = pc.min(time_ms).as_py() + day * 86_400_000
        window = pc.and_(pc.greater_equal(time_ms, first), pc.less(time_ms, first + WINDOW * 86_400_000))
        rows = self.events.filter(window)
        pq.write_table(rows, self.log / "events.parquet")
        return rows.num_rows

    def call(self, *arguments, folder=None, **variables):
        """Starts a command of the project."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")} | variables
        command = [sys.executable, "-m", "pipeline", *arguments]
        return subprocess.Popen(
            command,
            cwd=folder or self.project,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, process):
        """Waits for a command; ends this program with its output where it fails."""
        output, _ = process.communicate()
        if process.returncode:
            sys.exit(f"{' '.join(process.args)}\n{output}")

    def run(self, **variables):
        """A run; returns its record."""
        self.finish(self.call("run", **variables))
        return json.loads(max((self.home / "logs").glob("*.json")).read_text())

    def size(self):
        """The bytes of the launch's folder."""
        return sum(path.lstat().st_size for path in self.home.rglob("*") if path.is_file())

    def clean(self):
        """Cleans; returns the bytes that it freed."""
        before = self.size()
        self.finish(self.call("clean", "--keep-runs", str(KEEP)))
        return before - self.size()

    def kill_a_clean(self):
        """Kills `clean` once a folder has gone; returns how many artifact folders had gone and how many stayed in the trash."""
        folders = set(self.home.glob("artifacts/[!.]*/*/*"))
        process = self.call("clean", "--keep-runs", "1")
        while process.poll() is None and all(folder.exists() for folder in folders):
            time.sleep(0.0005)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        status = process.wait()
        gone = sum(not folder.exists() for folder in folders)
        left = len(list((self.home / "artifacts" / ".removed").glob("*")))
        return {"status": status, "gone": gone, "in the trash": left}

    def missing(self):
        """The live artifacts of ML Metadata that are not on the disk."""
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = str(self.home / "metadata.sqlite")
        config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
        artifacts = metadata_store.MetadataStore(config).get_artifacts()
        live = [artifact.uri for artifact in artifacts if artifact.state == metadata_store_pb2.Artifact.LIVE]
        return [uri for uri in live if uri.startswith(str(self.home)) and not Path(uri).exists()]


def kill_and_run(year):
    """Kills a `clean`, runs the same log again, cleans. Prints what was seen; returns the bytes that went."""
    before = year.size()
    killed = year.kill_a_clean()
    freed = before - year.size()
    print(f"clean killed: {killed}; live artifacts missing: {len(year.missing())}", flush=True)
    record = year.run(**{FORCED: "6"})  # any setting that makes the run more than a look at "nothing changed"
    states = [step["state"] for step in record["steps"]]
    print(f"the run after it: {record['state']}, {states.count('cached')} of {len(states)} steps cached", flush=True)
    freed += year.clean()
    trash = (year.home / "artifacts" / ".removed").exists()
    print(f"clean again: trash left: {trash}; live artifacts missing: {len(year.missing())}", flush=True)
    return freed


def live(folder, days, events):
    """Runs the days and prints a line for each."""
    year, freed = Year(folder, days, events), 0
    print(HEADS, flush=True)
    for day in range(days):
        logged, begin = year.write_day(day), time.monotonic()
        year.run()
        seconds = time.monotonic() - begin
        if day == days // 2:
            freed += kill_and_run(year)
        freed += year.clean()
        size, versions = year.size(), len(list((year.home / "serving" / NAME).glob("[0-9]*")))
        row = f"{day + 1:>3}  {logged:>8,}  {seconds:>4.0f} s  {size / 1e6:>7.1f} MB  {(size + freed) / 1e6:>7.1f} MB"
        print(f"{row}  {versions:>8}", flush=True)


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tests/bench/bench_year.py", description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=30, help="how many daily runs (default: %(default)s)")
    parser.add_argument("--events", type=int, default=700, help="events a day (default: %(default)s)")
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="year-") as folder:
        live(Path(folder), options.days, options.events)
    print(f"{time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
