"""The schema of a log before there is one: the columns that our own server writes, by their roles.

Nothing is inferred here. A column that the server leaves empty at times has no presence to keep: on a launch's first
days entire columns may be empty.
"""

from components.declaration import Launch
from components.validation.schema_text import Column


def columns(launch: Launch) -> tuple[Column, ...]:
    """Returns the columns of a launch's log and its labels; context columns are texts until a log says otherwise."""
    log = launch.log
    events = tuple(sorted({*launch.positive_events, *([log.impression] if log.impression else [])}))
    time = Column(log.time, "INT", low=0) if log.time_unit != "iso" else Column(log.time, "INT")
    result = [Column(log.user, "BYTES"), Column(log.item, "BYTES"), time]
    result += [Column(log.event, "BYTES", domain=events)] if log.event else []
    result += [Column(name, "FLOAT", filled="never") for name in (log.value,) if name]
    result += [Column(name, "BYTES", filled="never") for name in (log.request, log.policy, log.model_version) if name]
    result += [Column(name, "INT", filled="never", low=0) for name in (log.position,) if name]
    result += [Column(name, "FLOAT", filled="never", low=0, high=1) for name in (log.propensity,) if name]
    result += [Column(name, "BYTES", filled="never") for name in log.context]
    labels = [Column(objective.label, "INT", filled="never", boolean=True) for objective in launch.ranking_objectives]
    return (*result, *labels)
