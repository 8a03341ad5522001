"""Which events count as positive, and which objectives have a label: derived from the log's columns and the objectives."""

from typing import Any


class LabelRoles:
    """Properties of whatever holds `log` (with `impression`) and `objectives`: a launch, or a view of one."""

    log: Any
    objectives: tuple[Any, ...]

    @property
    def positive_events(self) -> tuple[str, ...]:
        """The events that count as a positive interaction; empty where the log has no event column (all do)."""
        return tuple(dict.fromkeys(objective.event for objective in self.objectives if objective.event))

    @property
    def learns_from_impressions(self) -> bool:
        """Whether labels come from joining impressions with the actions that followed them."""
        return bool(self.log.impression)

    @property
    def has_ranking_head(self) -> bool:
        """Whether the log holds what a ranking head learns from: joined impressions, values with a threshold, or a function."""
        return self.learns_from_impressions or any(map(_has_label, self.objectives))

    @property
    def ranking_objectives(self) -> tuple[Any, ...]:
        """The objectives that get a label, and so a head."""
        if self.learns_from_impressions:
            return self.objectives
        return tuple(filter(_has_label, self.objectives))


def _has_label(objective: Any) -> bool:
    """Returns whether an objective has a label without impressions: from its value, or from a function."""
    return objective.value_at_least is not None or objective.label_fn is not None
