"""What makes a declaration valid: each check names the field, the value found and the allowed form."""

import dataclasses
import datetime as dt
import math
import re
import typing

from components.declaration import criteria_checks, time_format
from components.declaration.request_names import RESERVED_INPUTS, VALUE, input_name
from components.errors import DeclarationError
from components.ingest import spans
from components.ingest.log_files import query_of

if typing.TYPE_CHECKING:
    from components.declaration import Catalogue, Launch, Log, Split

TIME_UNITS = ("s", "ms", "us", "ns", "excel", "iso")
METRICS = ("recall@10", "recall@20", "recall@50", "ndcg@10", "mrr")
LABEL_PREFIX = "label_"
# What only files can have, with the value that a query leaves it at.
_FILES_ONLY = (
    ("impression", None),
    ("value_min", None),
    ("value_max", None),
    ("drop_duplicates", False),
    ("user_fallbacks", ()),
    ("missing_ids", ()),
    ("time_format", None),
)


def check(launch: "Launch") -> None:
    """Raises `DeclarationError` for the first field that is wrong."""
    _check_types(launch, "launch")
    _check_log(launch.log)
    _check_request(launch)
    _check_request(launch)
    _check_catalogue(launch.catalogue)
    _check_objectives(launch)
    _check_split(launch.split)
    _check_query(launch)
    _check_policies(launch)
    criteria_checks.check(launch)


def _check_request(launch: "Launch") -> None:
    """Each context column is an input of the served model, each objective an output: their names must not meet."""
    names = [input_name(column) for column in launch.log.context]
    for index, (column, name) in enumerate(zip(launch.log.context, names, strict=True)):
        if name in RESERVED_INPUTS or name in names[:index]:
            taken = "every served model has" if name in RESERVED_INPUTS else "another context column has"
            raise DeclarationError(f"launch.log.context[{index}]", column, f"a name of its own in requests: there it is {name!r}, which {taken}")
    for index, objective in enumerate(launch.objectives):
        if objective.name == VALUE:
            raise DeclarationError(f"launch.objectives[{index}].name", objective.name, "another name: 'value' is the weighted sum of all objectives")


def _check_types(record: typing.Any, prefix: str) -> None:
    """Checks that each field holds the type it declares, and goes into nested declarations."""
    for name, hint in typing.get_type_hints(type(record)).items():
        value = getattr(record, name)
        _check_type(value, hint, f"{prefix}.{name}")


def _check_type(value: typing.Any, hint: typing.Any, field: str) -> None:
    allowed = typing.get_args(hint) if typing.get_origin(hint) is not tuple else ()
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, tuple):
            raise DeclarationError(field, value, "a tuple", "A tuple of one ends in a comma: ('click',).")
        for index, part in enumerate(value):
            _check_type(part, typing.get_args(hint)[0], f"{field}[{index}]")
        return
    kinds = tuple(kind for kind in allowed or (hint,))
    if float in kinds:
        kinds += (int,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        needed = " or ".join("nothing" if kind is type(None) else _with_article(kind.__name__) for kind in allowed or (hint,))
        raise DeclarationError(field, value, needed)
    if isinstance(value, float) and not math.isfinite(value):
        raise DeclarationError(field, value, "a finite number")
    if dataclasses.is_dataclass(value):
        _check_types(value, field)


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiouAEIOU" else f"a {noun}"


def _check_log(log: "Log") -> None:
    if log.time_unit not in TIME_UNITS:
        raise DeclarationError("launch.log.time_unit", log.time_unit, f"one of {', '.join(TIME_UNITS)}")
    if len(log.delimiter) != 1:
        raise DeclarationError("launch.log.delimiter", log.delimiter, "one character")
    _check_not_empty(log, "launch.log")
    columns = log.columns()
    for name in columns:
        if columns.count(name) > 1:
            raise DeclarationError("launch.log", name, "each column in one role only")
        if name.startswith(LABEL_PREFIX):
            raise DeclarationError("launch.log", name, f"columns that do not begin with {LABEL_PREFIX!r}: labels are written there")
    if log.impression and not log.event:
        raise DeclarationError("launch.log.impression", log.impression, "log.event to be declared too")
    if log.spans is not None and (log.spans < 1 or not spans.is_dated(log.path)):
        needed = "at least 1" if log.spans < 1 else "{YYYY}, {MM} and {DD}, or {SPAN}, in log.path"
        raise DeclarationError("launch.log.spans", log.spans, needed)
    _check_rows(log)


def _check_rows(log: "Log") -> None:
    """What makes a row wrong."""
    _check_forms(log)
    if log.attribution_seconds <= 0:
        raise DeclarationError("launch.log.attribution_seconds", log.attribution_seconds, "a number above 0")
    _check_share("launch.log.max_set_aside", log.max_set_aside)
    if log.not_before is not None:
        _check_moment("launch.log.not_before", log.not_before)
    for field, bound in (("value_min", log.value_min), ("value_max", log.value_max)):
        if bound is not None and not log.value:
            raise DeclarationError(f"launch.log.{field}", bound, "log.value to be declared too")
    if log.value_min is not None and log.value_max is not None and log.value_min > log.value_max:
        raise DeclarationError("launch.log.value_min", log.value_min, f"a number of at most log.value_max, {log.value_max!r}")


def _check_forms(log: "Log") -> None:
    """How ids, times, positions and impressions are written."""
    for index, name in enumerate(log.user_fallbacks):
        if name in log.columns() or log.user_fallbacks.count(name) > 1:
            raise DeclarationError(f"launch.log.user_fallbacks[{index}]", name, "a column without another role, once")
    if log.time_format is not None:
        problem = time_format.problem_of(log.time_format)
        if problem or log.time_unit != "iso":
            needed = problem or 'time_unit="iso" beside it'
            raise DeclarationError("launch.log.time_format", log.time_format, needed)
    if log.rows_are_impressions and not log.impression:
        raise DeclarationError("launch.log.rows_are_impressions", True, "log.event and log.impression to be declared too")
    if log.first_position not in (0, 1):
        raise DeclarationError("launch.log.first_position", log.first_position, "0 or 1")


def _check_share(field: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise DeclarationError(field, share, "a number from 0 to 1")


def _check_moment(field: str, moment: str) -> None:
    try:
        dt.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    except ValueError as error:
        raise DeclarationError(field, moment, "ISO 8601, like 2026-01-31T00:00:00Z") from error


def _check_catalogue(catalogue: "Catalogue | None") -> None:
    if catalogue is None:
        return
    if len(catalogue.delimiter) != 1:
        raise DeclarationError("launch.catalogue.delimiter", catalogue.delimiter, "one character")
    _check_not_empty(catalogue, "launch.catalogue")
    _check_share("launch.catalogue.max_set_aside", catalogue.max_set_aside)
    # A title may be read as words too; but a column cannot be a category and a number at once, nor the id a feature.
    features = (catalogue.item, *catalogue.categories, *catalogue.texts, *catalogue.numbers)
    for name in features:
        if features.count(name) > 1:
            raise DeclarationError("launch.catalogue", name, "each column once among item, categories, texts and numbers")


def _check_not_empty(record: "Log | Catalogue", prefix: str) -> None:
    """An empty name would count as "not declared" in one place and as a column in another."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if value == "" or (isinstance(value, tuple) and "" in value and field.name != "missing_ids"):
            raise DeclarationError(f"{prefix}.{field.name}", value, "names that are not empty" if value else "a name that is not empty")


def _check_objectives(launch: "Launch") -> None:
    if not launch.objectives:
        raise DeclarationError("launch.objectives", (), "at least one objective", "For example (Objective('click', event='click'),).")
    names = [objective.name for objective in launch.objectives]
    for index, objective in enumerate(launch.objectives):
        field = f"launch.objectives[{index}]"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", objective.name) or names.count(objective.name) > 1:
            raise DeclarationError(f"{field}.name", objective.name, "a name of its own in lower-case letters, digits and _")
        if objective.weight < 0:
            raise DeclarationError(f"{field}.weight", objective.weight, "a number of at least 0")
        if bool(objective.event) != bool(launch.log.event):
            needed = "an event of the log's event column" if launch.log.event else "None, as log.event is not declared"
            raise DeclarationError(f"{field}.event", objective.event, needed)
        if objective.event and objective.event == launch.log.impression:
            raise DeclarationError(f"{field}.event", objective.event, "an action, not the impression")
        if objective.value_at_least is not None and not launch.log.value:
            raise DeclarationError(f"{field}.value_at_least", objective.value_at_least, "log.value to be declared too")
    if not any(objective.weight for objective in launch.objectives):
        raise DeclarationError("launch.objectives", names, "an objective with a weight above 0")


def _check_split(split: "Split") -> None:
    given = {name: value for name, value in dataclasses.asdict(split).items() if value is not None}
    if len(given) != 1:
        raise DeclarationError("launch.split", given, "exactly one of eval_share, eval_days, eval_from")
    if split.eval_share is not None and not 0 < split.eval_share <= 0.5:
        raise DeclarationError("launch.split.eval_share", split.eval_share, "a share above 0 and at most 0.5")
    if split.eval_days is not None and split.eval_days <= 0:
        raise DeclarationError("launch.split.eval_days", split.eval_days, "a number of days above 0")
    if split.eval_from is not None:
        _check_moment("launch.split.eval_from", split.eval_from)


def _check_query(launch: "Launch") -> None:
    """A query is cut in time by the database, and its actions are joined to no impressions."""
    if not query_of(launch.log.path):
        return
    if launch.split.eval_from is None:
        raise DeclarationError("launch.split", dataclasses.asdict(launch.split), "eval_from, as launch.log.path is a BigQuery query")
    if launch.log.time_unit in ("ns", "excel"):
        raise DeclarationError("launch.log.time_unit", launch.log.time_unit, "s, ms, us or iso, as launch.log.path is a BigQuery query")
    for name, off in _FILES_ONLY:
        value = getattr(launch.log, name)
        if value != off:
            fix = f"Set it to {off}, or export the query's answer to Parquet and declare the files."
            raise DeclarationError(f"launch.log.{name}", value, f"{off}, as launch.log.path is a BigQuery query", fix)


def _check_policies(launch: "Launch") -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", launch.name):
        raise DeclarationError("launch.name", launch.name, "lower-case letters, digits and _, a letter first, 40 at most")
    if launch.gate.metric not in METRICS:
        raise DeclarationError("launch.gate.metric", launch.gate.metric, f"one of {', '.join(METRICS)}")
    positive = {"launch.rules.recent_days": launch.rules.recent_days, "launch.rules.covisitation_window": launch.rules.covisitation_window}
    model = {name: value for name, value in dataclasses.asdict(launch.model).items() if name not in ("tuning_trials", "warm_start")}
    for field, value in (positive | {f"launch.model.{name}": value for name, value in model.items()}).items():
        if value <= 0:
            raise DeclarationError(field, value, "a number above 0")
    shares = {f"drift.{name}": share for name, share in dataclasses.asdict(launch.drift).items() if name != "stop"}
    shares |= {"rules.covisitation_decay": launch.rules.covisitation_decay, "gate.min_auc": launch.gate.min_auc}
    for field, value in shares.items():
        if not 0 <= value <= 1:
            raise DeclarationError(f"launch.{field}", value, "a number from 0 to 1")
    for field, value, least in (
        ("gate.margin", launch.gate.margin, 0),
        ("gate.min_queries", launch.gate.min_queries, 1),
        ("seed", launch.seed, 0),
        ("model.tuning_trials", launch.model.tuning_trials, 0),
    ):
        if value < least:
            raise DeclarationError(f"launch.{field}", value, f"a number of at least {least}")
