"""What makes a declared experiment valid."""

from components.declaration.data import Log, Objective
from components.declaration.experiment import Experiment
from components.errors import DeclarationError

LEAST_DAYS = 8


def check_experiment(experiment: Experiment, log: Log, objectives: tuple[Objective, ...]) -> None:
    """Raises `DeclarationError` for the first field of `launch.experiment` that is wrong."""
    _check_numbers(experiment)
    if not log.impression:
        fix = "The server writes them; declare launch.log.event and launch.log.impression."
        raise DeclarationError("launch.log.impression", log.impression, "impressions, which an experiment counts", fix)
    _check_objectives(experiment, [objective.name for objective in objectives])


def _check_numbers(experiment: Experiment) -> None:
    ramp = experiment.ramp
    rising = all(low < high for low, high in zip((0.0, *ramp), ramp, strict=False))
    if not ramp or not rising or ramp[-1] > 1:
        raise DeclarationError("launch.experiment.ramp", ramp, "rising shares of users, above 0 and at most 1")
    if experiment.days < LEAST_DAYS:
        needed = f"at least {LEAST_DAYS} days: a win takes seven in the last stage"
        raise DeclarationError("launch.experiment.days", experiment.days, needed)
    if experiment.effect <= 0:
        raise DeclarationError("launch.experiment.effect", experiment.effect, "a number above 0")
    if experiment.min_users < 2:
        raise DeclarationError("launch.experiment.min_users", experiment.min_users, "at least 2 users per arm")
    if not 0 <= experiment.holdout < 0.5:
        needed = "a share of users, at least 0 and below 0.5"
        raise DeclarationError("launch.experiment.holdout", experiment.holdout, needed)


def _check_objectives(experiment: Experiment, names: list[str]) -> None:
    if experiment.objective not in names:
        raise DeclarationError("launch.experiment.objective", experiment.objective, f"an objective: {', '.join(names)}")
    for guard in experiment.guards:
        if guard not in names or guard == experiment.objective or experiment.guards.count(guard) > 1:
            needed = f"objectives other than {experiment.objective!r}, each once: {', '.join(names)}"
            raise DeclarationError("launch.experiment.guards", guard, needed)
