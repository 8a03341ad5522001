"""What the evaluation measured, as the verdict reads it from `evaluation.json`."""

import dataclasses
import typing
from collections.abc import Mapping

from components.evaluation.launch_stage import Evidence
from components.metrics.bootstrap import Interval

MODEL, CHAMPION, RULES = "model", "champion", "rules"
UNKNOWN = Interval(0.0, float("-inf"), float("inf"))


@dataclasses.dataclass(frozen=True)
class Champion:
    """The champion: the version that is served, measured on the same queries.

    Attributes:
      kind: "model" or "rules".
      value: of the metric of the comparison.
      model_gain: the new model's relative gain over it; unknown if the model could not be judged.
      rules_gain: the rules' relative gain over it.
      stage: of the launch when it was pushed, see `components.evaluation.launch_stage`; "" where it did not start empty.
      alike: whether it greets a new user with the same list as the rules do now.
    """

    kind: str
    value: float
    model_gain: Interval
    rules_gain: Interval
    stage: str = ""
    alike: bool = False

    def __post_init__(self) -> None:
        """Checks the kind."""
        if self.kind not in (MODEL, RULES):
            raise ValueError(f"champion kind must be {MODEL!r} or {RULES!r}, got {self.kind!r}.")


@dataclasses.dataclass(frozen=True)
class Area:
    """The AUC of one objective of the ranking head, over all labelled rows of the eval split.

    Attributes:
      objective: its name.
      auc: with its interval (`components.metrics.auc_interval`).
      bound: `Promotion.min_auc`.
      decides: whether it can keep a model from being pushed (`Objective.auc_decides`).
    """

    objective: str
    auc: Interval
    bound: float
    decides: bool = True

    @property
    def is_rejected(self) -> bool:
        """Whether the AUC is significantly too low, and that decides."""
        return self.decides and self.auc.high < self.bound

    def describe(self) -> str:
        """Returns the AUC in words: "AUC of click 0.420 (95% CI 0.390 to 0.450)"."""
        auc = self.auc
        return f"AUC of {self.objective} {auc.point:.3f} ({100 * auc.level:g}% CI {auc.low:.3f} to {auc.high:.3f})"


@dataclasses.dataclass(frozen=True)
class Traffic:
    """The policy that chose nearly everything that the eval part shows, and its share of the rows, in (0, 1]."""

    policy: str
    share: float


@dataclasses.dataclass(frozen=True)
class Findings:
    """What the evaluation measured, on rolling histories over the full catalogue.

    Attributes:
      queries: evaluated events.
      model: the new model's value of the metric of the comparison.
      rules: that of the best rule.
      rules_name: of the best rule.
      model_gain: the new model's relative gain over the best rule.
      areas: the AUCs of the ranking head that could be measured; () without a ranking head.
      champion: None if nothing is served yet, or if it could not be evaluated.
      champion_problem: why what is served could not be evaluated; empty if it could, or if nothing is served.
      model_problem: why the new model cannot be trusted with a judgement: it does not load or answer, or it knows the
        answers.
      slices: name -> the new model's relative gain over the rules there.
      slices_over_champion: the same over the champion.
      metrics: metric -> the new model's relative gain over the rules by it.
      metrics_over_champion: the same over the champion.
      evidence: what the log of a launch that starts empty holds; None for any other.
      traffic: of a log in which one policy chose nearly everything; None for another, or one that does not say.
    """

    queries: int
    model: float
    rules: float
    rules_name: str
    model_gain: Interval
    areas: tuple[Area, ...] = ()
    champion: Champion | None = None
    champion_problem: str = ""
    model_problem: str = ""
    slices: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    slices_over_champion: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    metrics: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    metrics_over_champion: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    evidence: Evidence | None = None
    traffic: Traffic | None = None

    @property
    def unchanged(self) -> bool:
        """Whether the model gains the same as the champion for every user, as when nothing changed since it was pushed."""
        if self.champion is None or self.model_problem:
            return False
        gain = self.champion.model_gain
        return gain.low == gain.point == gain.high == 0

    def list_guard_gains(self, name: str) -> dict[str, Interval]:
        """Returns the new model's gains by a guard, a metric or a slice: over "the rules" and over "the champion"."""
        over = {"the rules": {**self.slices, **self.metrics}}
        over["the champion"] = {**self.slices_over_champion, **self.metrics_over_champion}
        return {other: gains[name] for other, gains in over.items() if name in gains}


def read(
    evaluation: Mapping[str, typing.Any], areas: tuple[Area, ...] = (), traffic: Traffic | None = None
) -> Findings:
    """Returns the findings in the comparison's `evaluation.json`, with those of the ranking head and of the log."""
    metric, rolling, slices = evaluation["metric"], evaluation["rolling"], evaluation["slices"]
    gains = {
        name: Interval.from_dict(gain) for name, gain in evaluation["gains"].items() if not name.startswith("by_metric")
    }
    champion = evaluation["champion"] and Champion(
        kind=evaluation["champion"]["kind"],
        value=rolling[CHAMPION].get(metric, 0.0),
        model_gain=gains.get("model_over_champion", UNKNOWN),
        rules_gain=gains["rules_over_champion"],
        stage=evaluation["champion"].get("stage", ""),
        alike=evaluation["champion"].get("alike", False),
    )
    return Findings(
        queries=evaluation["queries"],
        model=rolling.get(MODEL, {}).get(metric, 0.0),
        rules=rolling[evaluation["rules_name"]].get(metric, 0.0),
        rules_name=evaluation["rules_name"],
        model_gain=gains.get("model_over_rules", UNKNOWN),
        areas=areas,
        champion=champion,
        champion_problem=evaluation["champion_problem"],
        model_problem=evaluation["model_problem"],
        slices=_intervals(slices["gains"]),
        slices_over_champion=_intervals(slices["gains_over_champion"]),
        metrics=_intervals(evaluation["gains"].get("by_metric", {})),
        metrics_over_champion=_intervals(evaluation["gains"].get("by_metric_over_champion", {})),
        evidence=Evidence.read(evaluation.get("evidence")),
        traffic=traffic,
    )


def _intervals(gains: Mapping[str, typing.Any]) -> dict[str, Interval]:
    return {name: Interval.from_dict(gain) for name, gain in gains.items()}
