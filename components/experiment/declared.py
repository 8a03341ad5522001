"""The declaration of an experiment: rules against model, on users."""

import dataclasses

from components.errors import DeclarationError


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

    def __post_init__(self) -> None:
        """Checks every field; raises `DeclarationError` for the first that is wrong."""
        rising = all(low < high for low, high in zip((0.0, *self.ramp), self.ramp, strict=False))
        if not self.ramp or not rising or self.ramp[-1] > 1:
            raise DeclarationError("launch.experiment.ramp", self.ramp, "rising shares of users above 0, at most 1")
        if self.days < 8:
            raise DeclarationError(
                "launch.experiment.days", self.days, "at least 8 days: a win needs seven in the last stage"
            )
        if self.effect <= 0:
            raise DeclarationError("launch.experiment.effect", self.effect, "a number above 0")
        if self.min_users < 2:
            raise DeclarationError("launch.experiment.min_users", self.min_users, "at least 2 users per arm")
        if not 0 <= self.holdout < 0.5:
            raise DeclarationError("launch.experiment.holdout", self.holdout, "a share of at least 0 and below 0.5")
        if self.objective in self.guards or len(set(self.guards)) < len(self.guards):
            needed = f"other objectives than {self.objective!r}, each once"
            raise DeclarationError("launch.experiment.guards", self.guards, needed)
