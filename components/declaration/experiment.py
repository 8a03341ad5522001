"""The declaration of an experiment: rules against model, on users."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Experiment:
    """How a launch is tried on users before the model serves everybody.

    Attributes:
      objective: the name of the objective that decides.
      ramp: the share of users that each stage enrols, rising; half of them get the model.
      days: the planned length, all stages together.
      effect: the smallest relative gain worth seeing (0.03 is 3%); the plan says how many days show it.
      guards: names of further objectives that must not get significantly worse.
      min_users: per arm, without which nothing is read and no stage ends.
      holdout: the share of users that keep the rules after a win.
    """

    objective: str
    ramp: tuple[float, ...] = (0.02, 0.10, 1.0)
    days: int = 14
    effect: float = 0.03
    guards: tuple[str, ...] = ()
    min_users: int = 100
    holdout: float = 0.02
