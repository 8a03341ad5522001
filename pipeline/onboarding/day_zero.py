"""Proposes the declaration of a launch that has no log yet: its log is what its own server will write.

The log's columns are those of that server, so nothing about them is guessed. Of the catalogue it is read which column
is the item, what is a feature, and what orders the items before anybody acted on one.
"""

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Catalogue, Launch, Log, Objective, Promotion, Rules, Split
from components.declaration.rule_names import RULE_NAMES
from components.errors import SettingsError
from components.features.truth_words import TRUE_WORDS
from pipeline.local import loop_setup
from pipeline.onboarding import catalogue_proposal, id_proposal, log_sample, role_words
from pipeline.onboarding.column_profile import Column
from pipeline.onboarding.log_sample import Sample

IMPRESSION = "impression"
ACTION = re.compile(r"[a-z][a-z0-9_]*")
SPLIT, PROMOTION = Split(eval_share=0.25), Promotion(min_queries=50)
_OTHER_WEIGHT = 1.0
_WHY = {
    "log": "What `python -m pipeline serve` writes: no column is guessed.",
    "split": "While the log is small, the last quarter judges; 0.1 is enough from some ten thousand actions on.",
    "promotion": "So that some 270 actions are enough for a first comparison; the default is 200 evaluated ones.",
}


def make_log(name: str) -> Log:
    """Returns the log of a launch, as the server writes it, in the folder that `loop` would name."""
    return Log(
        path=f"{name}-log/",
        user="user_id",
        item="item_id",
        time="timestamp",
        time_unit="ms",
        event="event",
        impression=IMPRESSION,
        request="request_id",
        position="position",
        policy="policy",
        propensity="propensity",
        model_version="model_version",
        starts_empty=True,
    )


_WHY_RULES = "The last needs no event: it serves first, and answers ever after where no other has anything to say."


@dataclasses.dataclass(frozen=True)
class DayZero:
    """A launch without a log, and why it is declared so.

    Attributes:
      launch: the declaration.
      sample: the first rows of the catalogue.
      why: field of the launch file to the reason.
      unused: column of the catalogue to why it has no role.
    """

    launch: Launch
    sample: Sample
    why: Mapping[str, str]
    unused: Mapping[str, str]


def propose(
    name: str, path: Path | None, given: Mapping[str, str], actions: Sequence[str], drop: Collection[str] = ()
) -> DayZero:
    """Returns the declaration of a launch that has a catalogue alone.

    Args:
      name: of the launch.
      path: of the catalogue; None is refused.
      given: columns that a person names, by role: "item" is the catalogue's column of ids, no other has a place here.
      actions: what users will do with an item, the names that the product will send.
      drop: columns that get no role.

    Raises:
      DayoneError: if there is no catalogue that can be read, no column is its id, no item may be recommended, an action
        has no usable name, or the log's folder is taken.
    """
    sample = log_sample.read(_require_catalogue(path, given), log_sample.CATALOGUE_ROWS).drop(drop)
    column = _item_column(sample, given.get("item"))
    proposed = catalogue_proposal.propose(sample, sample.name, column.ids)
    catalogue, more = _add_order(proposed.catalogue, sample)
    why = _WHY | {f"catalogue.{name}": reason for name, reason in more.items()}
    why["catalogue.item"] = "an id of its own in every row"
    why["rules"] = _WHY_RULES
    launch = Launch(
        name=name,
        log=make_log(name),
        catalogue=catalogue,
        objectives=_objectives(actions),
        split=SPLIT,
        rules=Rules(names=(*RULE_NAMES, *_choose_first_rules(catalogue))),
        promotion=PROMOTION,
    )
    used = {catalogue.added, catalogue.priority}
    _check_active(catalogue, sample)
    _check_folder(sample.base / launch.log.path, name)
    return DayZero(launch, sample, why, {name: why for name, why in proposed.unused.items() if name not in used})


def _require_catalogue(path: Path | None, given: Mapping[str, str]) -> Path:
    if path is None:
        needed, fix = "a log, unless --catalogue names the items", "Without both there is no item to recommend."
        raise SettingsError("--log", None, needed, fix)
    other = next((role for role in given if role != "item"), None)
    if other:
        option = f"--{other.replace('_', '-')}"
        raise SettingsError(option, given[other], "--log beside it", "Without a log its columns are the server's.")
    return path


def _check_folder(folder: Path, name: str) -> None:
    leftovers = {loop_setup.MARK, ".gitignore"}  # what an earlier `new` of this name left: no log
    if folder.exists() and (not folder.is_dir() or any(path.name not in leftovers for path in folder.iterdir())):
        needed = f"a name without a log: {folder} holds something"
        raise SettingsError("--name", name, needed, "Take another name, or give that log: --log.")


def allow_no_action(launch: Launch, log: Sample, why: dict[str, str]) -> Launch:
    """Returns the launch, with rules that need no event where its log holds impressions only and there is a catalogue."""
    if launch.catalogue is None or launch.log.event is None or launch.log.impression is None:
        return launch
    if log.columns[launch.log.event].as_event.top_values != (launch.log.impression,):
        return launch
    why["log.starts_empty"] = "Only impressions are there yet: they are no positives, and a run needs none."
    why["rules"] = _WHY_RULES
    return dataclasses.replace(
        launch,
        log=dataclasses.replace(launch.log, starts_empty=True),
        rules=Rules(names=(*RULE_NAMES, *_choose_first_rules(launch.catalogue))),
    )


def _objectives(actions: Sequence[str]) -> tuple[Objective, ...]:
    for action in actions:
        if not ACTION.fullmatch(action) or action == IMPRESSION or list(actions).count(action) > 1:
            needed = f"names in lower-case letters, digits and _, each once, none of them {IMPRESSION!r}"
            raise SettingsError("--actions", ",".join(actions), needed, "For example --actions click,purchase.")
    return tuple(Objective(action, _weight(action), action) for action in actions)


def _weight(action: str) -> float:
    return next((worth for worth, words in role_words.WORTH.items() if words & set(action.split("_"))), _OTHER_WEIGHT)


def _item_column(sample: Sample, given: str | None) -> Column:
    """Returns the column of item ids: the one that the user names, or the only one with the name and values of ids."""
    if given is not None and given not in sample.columns:
        raise SettingsError("--item", given, f"a column of {sample.name} ({', '.join(sample.columns)})")
    columns = list(sample.columns.values()) if given is None else [sample.columns[given]]
    named = [column for column in columns if given or _is_named_id(column)]
    unique = [
        column
        for column in columns
        if column.distinct_ids == sample.rows and (column in named or id_proposal.has_id_type(column))
    ]
    best = id_proposal.best(unique, "item")
    marked = [column for column in unique if column in named or set(column.words) <= role_words.IDS]
    if named and not best and not marked:
        has = f"{named[0].name} ({named[0].distinct_ids:,} different ones in {sample.rows:,} rows)"
        fix = "Remove rows that repeat an id or have none, or name another column: --item COL."
        raise SettingsError("--item", has, "an id of its own in every row", fix)
    return _require_one([best[0]] if best else marked or unique, sample)


def _require_one(columns: Sequence[Column], sample: Sample) -> Column:
    if len(columns) != 1:
        described = "".join(f"\n  {name}: {column.describe()}" for name, column in sample.columns.items())
        needed = "to be named: several columns of the catalogue may be its id"
        raise SettingsError("--item", None, needed, f"The columns of {sample.name}:{described}")
    return columns[0]


def _is_named_id(column: Column) -> bool:
    """Returns whether the name is "id", or has a word for item and one for id; the values do not matter."""
    words = set(column.words)
    says_both = not words.isdisjoint(role_words.IDS) and not words.isdisjoint(role_words.ITEMS)
    return words == {"id"} or (says_both and words.isdisjoint(role_words.ATTRIBUTES))


def _add_order(catalogue: Catalogue, sample: Sample) -> tuple[Catalogue, dict[str, str]]:
    """Adds to the catalogue the columns that order its items before the first action, and returns the reasons."""
    why = {}
    added = next((column for column in sample.columns.values() if _is_date_added(column)), None)
    priority = next((column for column in sample.columns.values() if _is_priority(column)), None)
    if added:
        why["added"] = "a time whose name says since when an item is there: `newest` goes by it"
        catalogue = dataclasses.replace(catalogue, added=added.name)
    if priority:
        why["priority"] = "a number whose name says how much an item counts"
        catalogue = dataclasses.replace(catalogue, priority=priority.name)
    return catalogue, why


def _is_date_added(column: Column) -> bool:
    readings = column.time_readings
    is_time = pa.types.is_timestamp(column.values.type) or (bool(readings) and readings[0].form is None)
    return is_time and column.has(role_words.ADDED) and column.distinct > 1


def _is_priority(column: Column) -> bool:
    return column.is_number and column.has(role_words.PRIORITIES) and column.bounds[1] > 0


def _choose_first_rules(catalogue: Catalogue) -> tuple[str, ...]:
    """Returns the rules that need no event, the serving one first; the last ranks every item."""
    if catalogue.priority:
        return ("priority", "newest" if catalogue.added else "catalogue_order")
    if catalogue.added:
        return ("newest",)
    return ("round_robin",) if catalogue.categories else ("catalogue_order",)


def _check_active(catalogue: Catalogue, sample: Sample) -> None:
    """Raises `SettingsError` for a catalogue of which no item may be recommended: there would be nothing to serve."""
    if catalogue.active is None:
        return
    column = sample.columns[catalogue.active].values
    words = (column.cast(pa.int64()) if pa.types.is_boolean(column.type) else column).cast(pa.string())
    if not pc.any(pc.is_in(pc.utf8_lower(words), value_set=pa.array(sorted(TRUE_WORDS)))).as_py():
        raise SettingsError("--catalogue", sample.name, f"an item whose {catalogue.active!r} is true, 1 or yes")
