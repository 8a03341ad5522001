"""Checks that the declaration fits the entire log, within seconds, without TensorFlow, TFX or a run."""

from collections.abc import Callable, Iterator, Sequence

from components.declaration import Launch
from components.errors import LogError
from pipeline.checks import (
    catalogue_checks,
    column_checks,
    id_checks,
    log_checks,
    log_view,
    quarantine_check,
    rule_checks,
    schema_check,
    user_checks,
)
from pipeline.checks.findings import Finding, closing_line, error
from pipeline.checks.log_view import LogView
from pipeline.local import sample
from pipeline.settings import Settings

CHECKS: tuple[Callable[[LogView], Iterator[Finding]], ...] = (
    column_checks.check_time_unit,
    column_checks.check_time_range,
    column_checks.check_order,
    column_checks.check_numbers,
    column_checks.check_propensities,
    column_checks.check_context,
    column_checks.check_positions,
    column_checks.check_guards,
    id_checks.check_one,
    id_checks.check_placeholders,
    id_checks.check_spellings,
    id_checks.check_contacts,
    log_checks.check_duplicates,
    id_checks.check_repeats,
    log_checks.check_objectives,
    log_checks.check_impressions,
    log_checks.check_concentration,
    log_checks.check_histories,
    log_checks.check_split,
)


_OF_ACTIONS = (
    id_checks.check_one,
    id_checks.check_repeats,
    column_checks.check_guards,
    column_checks.check_time_range,
    log_checks.check_objectives,
    log_checks.check_impressions,
    log_checks.check_concentration,
    log_checks.check_histories,
    log_checks.check_split,
)


def look(launch: Launch, settings: Settings) -> list[Finding]:
    """Everything that is wrong or worth knowing, errors first.

    Cost: reads the log once; the declared columns are held in memory.

    Raises:
      LogError: if log or catalogue are not where the declaration says.
    """
    sample.check_inputs(launch, settings)
    findings = [*rule_checks.check(launch), *_findings(launch, settings)]
    return sorted(findings, key=lambda finding: finding.level != "error")


def _findings(launch: Launch, settings: Settings) -> Iterator[Finding]:
    try:
        view = log_view.read(launch, settings.data)
    except LogError as problem:
        yield error(
            f"the log cannot be read: {problem}", "A run would end here, too.", "Mend the file or the declaration."
        )
        return
    missing = list(column_checks.check_columns(view))
    yield from missing
    # The checks compare columns with each other: with one that is missing they would say the same thing many times.
    if missing:
        return
    if view.rows or not launch.log.starts_empty:
        yield from quarantine_check.check(launch, settings.data)
    if not view.rows and not launch.log.starts_empty:
        return
    for check in _checks_of(view):
        yield from check(view)
    if launch.catalogue:
        yield from catalogue_checks.check(view, launch.catalogue, settings.data)
    if launch.log.users:
        yield from user_checks.check(view, launch.log.users, settings.data)
    yield from schema_check.check(launch, settings)


def _checks_of(view: LogView) -> Sequence[Callable[[LogView], Iterator[Finding]]]:
    """Returns all checks; for a log that starts empty, those of its actions only once there are enough of them."""
    early = int(view.positive.sum()) < view.launch.promotion.min_queries
    if not view.rows:
        return ()
    return [check for check in CHECKS if check not in _OF_ACTIONS] if view.launch.log.starts_empty and early else CHECKS


def report(launch: Launch, findings: Sequence[Finding]) -> str:
    """Returns the findings for the screen, and how many there are."""
    return "\n".join([*(finding.text() for finding in findings), f"{launch.name}: {closing_line(findings)}"])
