"""`python -m pipeline plan`: how long an experiment takes, from the log's own users."""

import argparse
import os

from components.declaration import Experiment, Launch
from components.errors import SettingsError
from pipeline import launches
from pipeline.cli import launch_options
from pipeline.settings import Settings

SHOWN = (1, 2, 3, 5, 7, 10, 14, 21, 28)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    plan = commands.add_parser(
        "plan",
        help="estimate how long an experiment takes to detect a gain",
        description="Estimate, from the newest 28 days of the log, which gain an experiment can detect after a given number of days.",
    )
    plan.add_argument("--objective", metavar="NAME", help="what is counted (default: the declared one, or the first)")
    launch_options.add(plan, "launch", "log", "workspace")
    plan.set_defaults(command=_plan)


def _plan(options: argparse.Namespace) -> int:
    arguments = {name: getattr(options, name) for name in ("launch", "log", "workspace")}
    settings = Settings.from_environment(os.environ, arguments)
    launch = settings.apply_to(launches.load(settings.launch))
    declared = choose_experiment(launch, options.objective)
    # Here, because scipy and pyarrow take a second to import, and --help needs none.
    from components.experiment import plan, run_outcome
    from components.experiment.decision_words import format_share
    from pipeline.local import experiment_control

    rows = run_outcome.plan_experiment(experiment_control.read_requests(launch, settings), declared)
    print(f"{launch.name}: {declared.objective}s per request, rules against model, half of the users each")
    print("  days     users  smallest gain that would be seen")
    for row in rows:
        if row.days in SHOWN or row is rows[-1]:
            print(f"  {row.days:>4}  {row.users:>8,}  {format_share(row.smallest_gain)}")
    days = plan.count_days(rows, declared.effect)
    length = f"{days} days" if days else f"more than the {len(rows)} days of the log"
    print(f"To see {format_share(declared.effect)} takes {length} (in 8 of 10 such experiments, with 95% confidence).")
    return 0


def choose_experiment(launch: Launch, objective: str | None) -> Experiment:
    """Returns the declared experiment, or one with the defaults, for the objective.

    Raises:
      SettingsError: for an objective that the launch has not.
    """
    names = [one.name for one in launch.objectives]
    if objective is not None and objective not in names:
        raise SettingsError("--objective", objective, f"one of {', '.join(names)}")
    if launch.experiment is not None and objective in (None, launch.experiment.objective):
        return launch.experiment
    return Experiment(objective or names[0])
