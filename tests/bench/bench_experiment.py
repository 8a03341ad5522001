"""An experiment lived day by day over HTTP, a run of the whole pipeline a day. `make bench-experiment`.

    make bench-experiment                                   four worlds, about an hour
    make bench-experiment ARGS="--worlds better lost"       some of them

A project is made by `python -m pipeline new` from a catalogue alone, with a small model (one epoch) and an experiment.
For a day the newest items are shown, for `inverted` and `lost` five days. The run after them pushes rules and model, which is
better offline, and the experiment begins. From there four worlds go on, those with as many days from the same folders:

    better    what the run began: a model that was trained, against the rules counted from the same day
    inverted  begun by `start`: what is truly least wanted, first, against good rules; its version is that of such a rule
    same      begun by `start`: a copy of the rules against the rules
    lost      as `better`, but three tenths of the treatment's users never reach the log (a tenth would be seen from some
              4,000 users on: `make bench-launch`)

The server is one process on both folders, asked over HTTP by the users of `day_zero_world`, who click by a known truth.
The table has a line a day: what the morning's run read and decided of the days before, then what the day brought: the
expected clicks per request of the lists of both arms. The server's clock is that of the days played
(`tests/fakes/clocked_server.py`). A run takes the start of a stage from its machine's clock; it is set to the day's.
"""

import argparse
import copy
import dataclasses
import functools
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bench"), str(ROOT / "tests" / "fakes")]

import bench_day_zero  # noqa: E402 (the folders to look in come first)
import experiment_table  # noqa: E402
from bench_day_zero import NAME, Project  # noqa: E402
from experiment_world import ArmsTraffic, lose_rows  # noqa: E402
from shop_world import DAY_MS, START_MS, Size  # noqa: E402

from components.registry import experiment_state, versions  # noqa: E402

SIZE = Size(220_000, 8_800, 300, 22, 7)
DAYS = 14  # planned, of the experiment
SETTLE = 60
DECLARED = f"""    model=Model(dim=16, epochs=1, ranking_epochs=1),
    experiment=Experiment("click", ramp=(0.2, 1.0), days={DAYS}, guards=("purchase",), min_users=50),
"""
INVERTED_RULE = """
def inverted(view, log):
    import json
    from pathlib import Path

    import numpy as np

    from components.rules.rule_forms import PerItem

    appeal = json.loads(Path({file!r}).read_text())
    worth = np.array([appeal.get((item or b"").decode(), 0.0) for item in log.items.ids])
    return PerItem(np.where(log.items.active, worth.max() - worth + 1, 0))
"""
FINAL = ("void", "harm", "ended")


class ExperimentProject(Project):
    """A project with an experiment, its runs and its commands."""

    def __init__(self, folder):
        """Makes it."""
        super().__init__(folder)
        launches = self.folder / "pipeline" / "launches"
        text = (launches / f"{NAME}.py").read_text()
        text = text.replace("    rules=Rules(", f"{DECLARED}    rules=Rules(").replace(
            " Log,", " Experiment, Log, Model,"
        )
        (launches / f"{NAME}.py").write_text(text)
        self.launch = launches / f"{NAME}.py"
        self.served = self.folder / "runs" / NAME / "serving" / NAME

    def call(self, *arguments):
        """A command of the project."""
        bench_day_zero.call(self.folder, *arguments)

    @property
    def state(self):
        """What `experiment.json` holds, None without."""
        return experiment_state.read_state(self.served).state

    def keep_time(self, now_s):
        """Sets the start of the newest stage to the time of the days that are played, if it was begun by another clock."""
        state = self.state
        if state is not None and state.began[-1] > now_s + DAYS * DAY_MS // 1000:
            began = (*state.began[:-1], now_s + SETTLE)
            experiment_state.write_state(self.served, dataclasses.replace(state, began=began))

    def newest(self, step, output):
        """The newest folder of a step's output."""
        folders = (self.folder / "runs" / NAME / "artifacts" / step / output).iterdir()
        return max(folders, key=lambda folder: int(folder.name))

    def begin_with(self, source, now_s):
        """Stops the experiment that runs and starts another one, whose treatment is a copy of a saved recommender."""
        self.call("stop")
        number = max(version.number for version in versions.find_all(self.served)) + 1
        folder = self.served / f"{number}{versions.WITHDRAWN}"
        shutil.copytree(source, folder)
        card = folder / "assets.extra" / "dayone.json"
        card.write_text(json.dumps(json.loads(card.read_text()) | {"kind": "model"}))  # `start` tries models only
        self.call("start", "--version", str(number))
        self.keep_time(now_s)

    def count_inverted(self, appeal):
        """Returns the folder of rules whose first one shows everybody what is truly least wanted; appeal: by item id."""
        file = self.folder / "appeal.json"
        file.write_text(json.dumps(appeal))
        declared = self.launch.read_text()
        names = 'names=("popularity", "recent_popularity", "covisitation", "newest")'
        assert names in declared
        inverted = declared.replace(names, f'names=("pipeline.launches.{NAME}.inverted", "newest")')
        self.launch.write_text(inverted + INVERTED_RULE.format(file=str(file)))
        self.call("run", "--to", "Rules")
        self.launch.write_text(declared)
        return next(self.newest("Rules", "model").glob("Format-Serving"))


class Days:
    """The days of all worlds: one server at a time, a run a day."""

    def __init__(self, folder, seed, show):
        """Makes world and project."""
        self.folder, self.show = folder, show
        (folder / "data").mkdir()
        self.size = dataclasses.replace(SIZE, seed=seed)
        self.world = ArmsTraffic(self.size, folder / "clock")
        self.world.write_catalogue(folder / "data" / "items.parquet", 0)
        self.project, self.server, self.first = ExperimentProject(folder), None, 0

    def serve(self):
        """Starts the server."""
        self.server = bench_day_zero.serve(
            self.project, self.folder / "clock", self.world, ("predictions", "request_ids", "policies", "arms")
        )
        ask = self.world.ask

        def note(users, count):
            answers = ask(users, count)
            self.world.arms.extend(answers["arms"])
            return answers

        self.world.ask = note

    def end(self):
        """Ends the server."""
        if self.server is not None:
            self.server.end()
        self.server = None

    def run(self, day):
        """The run of a morning; returns the summary."""
        self.world.write_catalogue(self.folder / "data" / "items.parquet", day)
        summary = self.project.run()
        self.project.keep_time(_seconds(day))
        return summary

    def live(self, day):
        """A day of the users."""
        if self.server is None:
            self.serve()
        self._wait_followed()
        lived = self.world.live_arms(day)
        self.project.wait_for_log()
        return lived

    def _wait_followed(self):
        """Waits until the server holds the newest version and knows the experiment's stage."""
        newest = versions.find_served(self.project.served).number
        self.server.wait_ready(newest, 300)
        time.sleep(3)  # it looks at `experiment.json` every second

    def prepare(self, warm):
        """Lives the days before the run that begins the experiment; keeps the folders for each world."""
        self.first = warm
        self.show(f"day 0: {self.run(0)['verdict']['headline']}")
        for day in range(warm):
            self.live(day)
        verdict = self.run(self.first)["verdict"]
        self.show(f"day {self.first}: {verdict['headline']}")
        assert self.project.state is not None, verdict
        self.end()
        self.inverted = self.folder / "inverted"
        shutil.copytree(self.project.count_inverted(self.world.list_appeal()), self.inverted)
        for name in ("project", "data"):
            shutil.copytree(self.folder / name, self.folder / "kept" / name, symlinks=True)
        self.world.ask = self.world.tell = self.world.choose = None
        self.kept = self.world

    def play(self, kind):
        """Plays one world from the kept folders; returns the last decision."""
        for name in ("project", "data"):
            shutil.rmtree(self.folder / name)
            shutil.copytree(self.folder / "kept" / name, self.folder / name, symlinks=True)
        self.world = copy.deepcopy(self.kept)
        control = experiment_state.find_control(self.project.served) / str(self.project.state.control)
        if kind in ("inverted", "same"):
            self.project.begin_with(self.inverted if kind == "inverted" else control, _seconds(self.first))
        self.show(f"\n{kind}: experiment {self.project.state.id}\n{experiment_table.HEADS}")
        try:
            return self._play_days(kind)
        finally:
            self.end()

    def _play_days(self, kind):
        state, ending = self.project.state, ""
        for day in range(self.first, self.first + DAYS + 2):
            users, arms = self.live(day)
            if kind == "lost":
                lose_rows(self.project.data / f"{NAME}-log", state)
            experiment = self.run(day + 1)["experiment"]
            self.show(experiment_table.line(day - self.first + 1, experiment, users, arms))
            if experiment["decision"] is None:  # the day after the win: what the holdout says
                break
            ending = experiment["decision"]["kind"]
            if ending in FINAL:
                break
        return ending


def _seconds(day):
    return (START_MS + day * DAY_MS) // 1000


# How each world has to end, and how many days the first day's rule serves before.
WORLDS = {"better": ("won", 1), "same": ("ended", 1), "lost": ("void", 5), "inverted": ("harm", 5)}


def play_worlds(folder, warm, kinds, options, show):
    """Yields how each world ended, all from the same folders."""
    days = Days(folder, options.seed, show)
    try:
        days.prepare(warm)
        for kind in kinds:
            yield kind, days.play(kind)
            if options.pages:
                shutil.copytree(days.project.newest("Verdict", "summary"), options.pages / kind)
    finally:
        days.end()


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="tests/bench/bench_experiment.py", description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS), help="which (default: all)")
    parser.add_argument("--seed", type=int, default=SIZE.seed, help="of the world (default: %(default)s)")
    parser.add_argument("--pages", type=Path, metavar="DIR", help="keep the last page of each world there")
    options = parser.parse_args(arguments)
    began, missed, show = time.monotonic(), 0, functools.partial(print, flush=True)
    for warm in sorted({WORLDS[kind][1] for kind in options.worlds}):
        kinds = [kind for kind in options.worlds if WORLDS[kind][1] == warm]
        with tempfile.TemporaryDirectory(prefix="experiment-") as folder:
            for kind, ending in play_worlds(Path(folder), warm, kinds, options, show):
                needed = WORLDS[kind][0]
                missed += ending != needed
                show(f"{kind}: {ending} (needed {needed}), {time.monotonic() - began:.0f} s so far")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
