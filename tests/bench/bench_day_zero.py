"""A launch from its first day: a catalogue and no event, until a model has taken over. `make day-zero`, ARGS="--quick".

    make day-zero                      7 days, about ten minutes
    make day-zero ARGS="--quick"       2 days of a busier shop, about two minutes

A project is made by `python -m pipeline new` from the catalogue of a generated shop alone. Then each day is lived: the
night's run (`python -m pipeline run`) reads what was logged and pushes what is worth it; the server, which runs all the
time, takes the version up; the shop's users come, are shown what it answers, and click by a truth that only the
generator knows. The server's clock is that of the generated days (`tests/fakes/clocked_server.py`).

The table has a line a day: the events that the night's run read, who serves that day, and per request the clicks, what
was to be expected of the lists shown, of the first day's rule had it always served, and of the best lists there are.
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

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bench"), str(ROOT / "tests" / "fakes")]

import day_zero_chart  # noqa: E402 (the folders to look in come first)
from day_zero_world import ServedTraffic  # noqa: E402
from server_process import ServerProcess  # noqa: E402
from shop_world import Size  # noqa: E402

NAME, AT_ONCE = "day_zero", 64
WHOLE, QUICK = (Size(240_000, 9_000, 300, 24, 7), 7), (Size(500_000, 20_000, 300, 24, 7), 2)
HEADS = f"{'day':>3}  {'events':>8}  {'actions':>8}  {'who serves':<24}{'clicks':>8}{'expected':>10}{'day-0 rule':>12}{'best':>7}"


class Project:
    """A project made from the catalogue alone, and its runs."""

    def __init__(self, folder):
        """Makes it."""
        self.folder, self.data = folder / "project", folder / "data"
        options = ["--name", NAME, "--catalogue", str(self.data / "items.parquet"), "--actions", "click,purchase"]
        call(ROOT, "new", str(self.folder), *options)
        os.symlink(ROOT / ".venv", self.folder / ".venv")

    def run(self):
        """A run; returns its summary."""
        call(self.folder, "run")
        folders = (self.folder / "runs" / NAME / "artifacts" / "Verdict" / "summary").iterdir()
        return json.loads((max(folders, key=lambda folder: int(folder.name)) / "summary.json").read_text())

    def served(self):
        """The number and the card of the served version."""
        folder = max((self.folder / "runs" / NAME / "serving" / NAME).glob("[0-9]*"), key=lambda path: int(path.name))
        return int(folder.name), json.loads((folder / "assets.extra" / "dayone.json").read_text())

    def wait_for_log(self, seconds=30):
        """Waits until the server has published all it wrote."""
        log, end = self.data / f"{NAME}-log", time.monotonic() + seconds
        while any(log.glob(".open-*")):
            assert time.monotonic() < end, f"the server still writes to {log}"
            time.sleep(0.2)


def call(folder, *arguments):
    """A command of the project; ends this program with its output where it fails."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    command = [sys.executable, "-m", "pipeline", *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def name_server(card):
    """Who serves, as people read it."""
    return "the model" if card["kind"] == "model" else f"rules: {card['rule']}"


def live(size, days, folder, show=print):
    """Lives the days; returns the table's rows."""
    clock = folder / "clock"
    world = ServedTraffic(size, clock)
    (folder / "data").mkdir()
    world.write_catalogue(folder / "data" / "items.parquet", 0)
    project, server, rows = Project(folder), None, []
    try:
        for day in range(days):
            world.write_catalogue(folder / "data" / "items.parquet", day)
            evidence = project.run()["evidence"]
            version, card = project.served()
            row = {
                "day": day,
                "events": evidence["logged"],
                "actions": evidence["actions"],
                "server": name_server(card),
            }
            server = server or serve(project, clock, world)
            server.wait_ready(version, 300)
            row |= vars(world.live(day))
            project.wait_for_log()
            rows.append(row)
            show(line(row))
    finally:
        if server:
            server.end()
    return rows


def serve(project, clock, world, per_row=("predictions", "request_ids", "policies")):
    """Starts the server, and lets the world ask it; `per_row` are the parts of an answer that it is handed."""
    workspace = project.folder / "runs"
    script = [str(ROOT / "tests" / "fakes" / "clocked_server.py"), str(clock)]
    # A busy machine is slow, and no caller here is in a hurry.
    server = ServerProcess(workspace, "--timeout", "18", project=project.folder, launch=NAME, program=script)

    def ask(users, count):
        answers = {name: [] for name in per_row}
        for first in range(0, len(users), AT_ONCE):
            rows = [{"user_id": user} for user in users[first : first + AT_ONCE]]
            status, answer = server.client.predict({"instances": rows, "n": count}, NAME)
            assert status == 200, answer
            for name, values in answers.items():
                values.extend(answer[name])
        return answers

    def tell(events):
        status, answer = server.client.ask("POST", "/v1/events", {"events": events})
        assert status == 200, answer

    world.ask, world.tell = ask, tell
    return server


def line(row):
    """A row of the table."""
    head = f"{row['day']:>3}  {row['events']:>8,}  {row['actions']:>8,}  {row['server']:<24}"
    return head + f"{row['clicks']:>8.2f}{row['shown']:>10.2f}{row['first_rule']:>12.2f}{row['best']:>7.2f}"


def conclude(rows):
    """When the model took over, and what it brought."""
    day = next((row["day"] for row in rows if row["server"] == "the model"), None)
    if day is None:
        return "No model has taken over yet: the rules are still the best that was found."
    gained = sum((row["shown"] - row["first_rule"]) * row["requests"] for row in rows)
    base = sum(row["first_rule"] * row["requests"] for row in rows)
    return f"Day {day}: ML took over. Expected clicks so far, against serving the first day's rule all along: {gained / base:+.0%}."


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tests/bench/bench_day_zero.py", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two days of a busier shop: about two minutes")
    parser.add_argument("--days", type=int, help="how many days are lived")
    parser.add_argument("--seed", type=int, default=7, help="of the world (default: %(default)s)")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="also draw the chart to a file")
    options = parser.parse_args(arguments)
    size, days = QUICK if options.quick else WHOLE
    days, size = options.days or days, Size(size.events, size.users, size.items, size.days, options.seed)
    began = time.monotonic()
    print(HEADS, flush=True)
    with tempfile.TemporaryDirectory(prefix="day-zero-") as folder:
        rows = live(size, days, Path(folder), lambda text: print(text, flush=True))
    print(f"\n{day_zero_chart.bars(rows)}\n\n{conclude(rows)}")
    usage = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = sum(part.ru_utime + part.ru_stime for part in usage)
    print(f"{time.monotonic() - began:.0f} s, {cpu:.0f} CPU-s")
    if options.svg:
        options.svg.write_text(day_zero_chart.svg(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
