"""Checks what a declaration says there is: the log, the catalogue, the objectives, the cut in time."""

import dataclasses
import re

from components.declaration import checks, time_format
from components.declaration.data import LABEL_PREFIX, TIME_UNITS, Catalogue, Log, Objective, Split
from components.declaration.functions import check_path
from components.declaration.paths import is_dated, query_of
from components.declaration.request_names import RESERVED_INPUTS, VALUE, input_name
from components.declaration.users import check_users
from components.errors import DeclarationError

# What only files can have, with the value that a query leaves it at.
_FILES_ONLY = (
    ("impression", None),
    ("value_min", None),
    ("value_max", None),
    ("drop_duplicates", False),
    ("user_fallbacks", ()),
    ("missing_ids", ()),
    ("time_format", None),
    ("starts_empty", False),
    ("users", None),
)


def check_data(log: Log, catalogue: Catalogue | None, objectives: tuple[Objective, ...], split: Split) -> None:
    """Raises `DeclarationError` for the first field that is wrong."""
    check_log(log)
    _check_request(log, objectives)
    _check_catalogue(catalogue)
    _check_objectives(objectives, log)
    _check_split(split)
    _check_query(log, split)


def check_log(log: Log) -> None:
    """Raises `DeclarationError` for the first field of the log that is wrong."""
    if log.time_unit not in TIME_UNITS:
        raise DeclarationError("launch.log.time_unit", log.time_unit, f"one of {', '.join(TIME_UNITS)}")
    if len(log.delimiter) != 1:
        raise DeclarationError("launch.log.delimiter", log.delimiter, "one character")
    if log.users:
        check_users(log.users, dataclasses.replace(log, context=(), users=None).columns() + log.user_fallbacks)
    checks.check_not_empty(log, "launch.log")
    columns = log.columns()
    for name in columns:
        if columns.count(name) > 1:
            raise DeclarationError("launch.log", name, "each column in one role only")
        if name.startswith(LABEL_PREFIX):
            raise DeclarationError(
                "launch.log", name, f"columns that do not begin with {LABEL_PREFIX!r}: labels are written there"
            )
    if log.impression and not log.event:
        raise DeclarationError("launch.log.impression", log.impression, "log.event to be declared too")
    if log.spans is not None and (log.spans < 1 or not is_dated(log.path)):
        needed = "at least 1" if log.spans < 1 else "{YYYY}, {MM} and {DD}, or {SPAN}, in log.path"
        raise DeclarationError("launch.log.spans", log.spans, needed)
    _check_forms(log)
    _check_rows(log)


def _check_forms(log: Log) -> None:
    """Checks how ids, times, positions and impressions are written."""
    for index, name in enumerate(log.user_fallbacks):
        if name in log.columns() or log.user_fallbacks.count(name) > 1:
            raise DeclarationError(f"launch.log.user_fallbacks[{index}]", name, "a column without another role, once")
    if log.time_format is not None:
        problem = time_format.problem_of(log.time_format)
        if problem or log.time_unit != "iso":
            needed = problem or 'time_unit="iso" beside it'
            raise DeclarationError("launch.log.time_format", log.time_format, needed)
    if log.rows_are_impressions and not log.impression:
        needed = "log.event and log.impression to be declared too"
        raise DeclarationError("launch.log.rows_are_impressions", True, needed)
    if log.first_position not in (0, 1):
        raise DeclarationError("launch.log.first_position", log.first_position, "0 or 1")


def _check_rows(log: Log) -> None:
    """Checks the fields that decide which rows are quarantined."""
    if log.attribution_seconds <= 0:
        raise DeclarationError("launch.log.attribution_seconds", log.attribution_seconds, "a number above 0")
    checks.check_share("launch.log.max_quarantined", log.max_quarantined)
    if log.not_before is not None:
        checks.check_moment("launch.log.not_before", log.not_before)
    for field, bound in (("value_min", log.value_min), ("value_max", log.value_max)):
        if bound is not None and not log.value:
            raise DeclarationError(f"launch.log.{field}", bound, "log.value to be declared too")
    if log.value_min is not None and log.value_max is not None and log.value_min > log.value_max:
        raise DeclarationError(
            "launch.log.value_min", log.value_min, f"a number of at most log.value_max, {log.value_max!r}"
        )


def _check_catalogue(catalogue: Catalogue | None) -> None:
    if catalogue is None:
        return
    if len(catalogue.delimiter) != 1:
        raise DeclarationError("launch.catalogue.delimiter", catalogue.delimiter, "one character")
    checks.check_not_empty(catalogue, "launch.catalogue")
    checks.check_share("launch.catalogue.max_quarantined", catalogue.max_quarantined)
    # A title may be read as words too; but a column cannot be a category and a number at once, nor the id a feature.
    features = (catalogue.item, *catalogue.categories, *catalogue.texts, *catalogue.numbers)
    for name in features:
        if features.count(name) > 1:
            raise DeclarationError(
                "launch.catalogue", name, "each column once among item, categories, texts and numbers"
            )


def _check_objectives(objectives: tuple[Objective, ...], log: Log) -> None:
    if not objectives:
        raise DeclarationError(
            "launch.objectives", (), "at least one objective", "For example (Objective('click', event='click'),)."
        )
    names = [objective.name for objective in objectives]
    for index, objective in enumerate(objectives):
        field = f"launch.objectives[{index}]"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", objective.name) or names.count(objective.name) > 1:
            raise DeclarationError(
                f"{field}.name", objective.name, "a name of its own in lower-case letters, digits and _"
            )
        if objective.weight < 0:
            raise DeclarationError(f"{field}.weight", objective.weight, "a number of at least 0")
        if bool(objective.event) != bool(log.event):
            needed = "an event of the log's event column" if log.event else "None, as log.event is not declared"
            raise DeclarationError(f"{field}.event", objective.event, needed)
        if objective.event and objective.event == log.impression:
            raise DeclarationError(f"{field}.event", objective.event, "an action, not the impression")
        if objective.value_at_least is not None and not log.value:
            raise DeclarationError(f"{field}.value_at_least", objective.value_at_least, "log.value to be declared too")
        _check_label(field, objective, log)
    if not any(objective.weight for objective in objectives):
        raise DeclarationError("launch.objectives", names, "an objective with a weight above 0")


def _check_label(field: str, objective: Objective, log: Log) -> None:
    if objective.label_fn is None:
        return
    check_path(f"{field}.label_fn", objective.label_fn)
    if objective.value_at_least is not None or query_of(log.path):
        needed = "None together with value_at_least or a BigQuery query"
        raise DeclarationError(f"{field}.label_fn", objective.label_fn, needed)


def _check_split(split: Split) -> None:
    set_fields = {name: value for name, value in dataclasses.asdict(split).items() if value is not None}
    if len(set_fields) != 1:
        raise DeclarationError("launch.split", set_fields, "exactly one of eval_share, eval_days, eval_from")
    if split.eval_share is not None and not 0 < split.eval_share <= 0.5:
        raise DeclarationError("launch.split.eval_share", split.eval_share, "a share above 0 and at most 0.5")
    if split.eval_days is not None and split.eval_days <= 0:
        raise DeclarationError("launch.split.eval_days", split.eval_days, "a number of days above 0")
    if split.eval_from is not None:
        checks.check_moment("launch.split.eval_from", split.eval_from)


def _check_query(log: Log, split: Split) -> None:
    """Checks a log that is a BigQuery query: the database selects its time span, and its actions join no impressions."""
    if not query_of(log.path):
        return
    if split.eval_from is None:
        raise DeclarationError(
            "launch.split", dataclasses.asdict(split), "eval_from, as launch.log.path is a BigQuery query"
        )
    if log.time_unit in ("ns", "excel"):
        needed = "s, ms, us or iso, as launch.log.path is a BigQuery query"
        raise DeclarationError("launch.log.time_unit", log.time_unit, needed)
    for name, off in _FILES_ONLY:
        value = getattr(log, name)
        if value != off:
            fix = f"Set it to {off}, or export the query's answer to Parquet and declare the files."
            raise DeclarationError(f"launch.log.{name}", value, f"{off}, as launch.log.path is a BigQuery query", fix)


def _check_request(log: Log, objectives: tuple[Objective, ...]) -> None:
    """Checks that no two inputs of the served model (one per context column) and no two outputs (objectives) share a name."""
    names = [input_name(column) for column in log.context]
    for index, (column, name) in enumerate(zip(log.context, names, strict=True)):
        if name in RESERVED_INPUTS or name in names[:index]:
            owner = "every served model has" if name in RESERVED_INPUTS else "another context column has"
            raise DeclarationError(
                f"launch.log.context[{index}]",
                column,
                f"a name of its own in requests: there it is {name!r}, which {owner}",
            )
    for index, objective in enumerate(objectives):
        if objective.name == VALUE:
            raise DeclarationError(
                f"launch.objectives[{index}].name",
                objective.name,
                "another name: 'value' is the weighted sum of all objectives",
            )
