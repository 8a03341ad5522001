"""What was served, in the eval split: whether the versions predicted what came, and what came of each policy's lists.

    n  events      r  impressions of one version

Calibration of a version is the sum of its predicted probabilities over the sum of the labels, on its own impressions,
each with the history of its moment; its interval is a bootstrap over users. A ratio of 1.3 says that it promised 30%
more than came. Rates are labels over impressions, per day and policy: with a holdout, the table has those of the rules and of the model.

The result is plain values, the part `served` of `evaluation.json`:

    versions   [{"version", "kind": "model" or "rules", "impressions", "problem": why it was not asked or "",
               "objectives": {name: {"ratio": interval, "days": [{"day", "impressions", "predicted", "observed"}]}}}]
    rates      [{"day", "policy", "impressions", "rates": {objective: share}}]
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from components.declaration.views import RetrievalView
from components.evaluation import contender
from components.features import histories
from components.features.event_table import EventTable
from components.features.id_codes import codes
from components.ingest.event_time import DAY
from components.metrics import bootstrap, queries
from components.metrics.queries import Known
from components.registry import experiment_state, versions

MOST_ROWS, BATCH, MOST_VERSIONS, RATE_DAYS = 20_000, 1024, 4, 28


def measure(
    launch: RetrievalView, events: EventTable, columns: Mapping[str, np.ndarray], champion: str
) -> dict[str, Any] | None:
    """Returns the calibration of the versions and the rates of the policies; None where the log does not name them.

    Args:
      launch: the declaration.
      events: of both splits.
      columns: "version" and "policy" to [n] object of bytes, b"" where the log does not say; either may be missing.
      champion: folder of the served version; the others are in the same folder.
    """
    labels = {one.name: events.labels[one.name] for one in launch.ranking_objectives}
    if not labels or not columns:
        return None
    labelled = np.all([label >= 0 for label in labels.values()], axis=0)
    result: dict[str, Any] = {"versions": [], "rates": []}
    if "version" in columns:
        late = labelled & events.late & (columns["version"] != b"")
        result["versions"] = list(_list_versions(launch, events, labels, columns["version"], late, champion))
    if "policy" in columns:
        result["rates"] = list(_list_rates(events, labels, columns["policy"], labelled & (columns["policy"] != b"")))
    return result


def _list_versions(
    launch: RetrievalView,
    events: EventTable,
    labels: Mapping[str, np.ndarray],
    version: np.ndarray,
    late: np.ndarray,
    champion: str,
) -> Iterator[dict[str, Any]]:
    """Yields the versions with the most impressions in the eval split, each asked for its own."""
    names, counts = np.unique(version[late].astype(bytes), return_counts=True)
    for place in np.argsort(-counts, kind="stable")[:MOST_VERSIONS]:
        name, rows = names[place], np.flatnonzero(late & (version == names[place]))
        values = {"version": name.decode(errors="replace"), "impressions": len(rows), "kind": "", "objectives": {}}
        try:
            loaded = contender.load(_find_folder(champion, values["version"]))
            rows = rows[queries.whole_users(codes(events.user[rows])[0], MOST_ROWS, launch.seed)]
            predicted = _predict(launch, events, rows, loaded)
        except ValueError as error:
            yield values | {"problem": str(error)}
            continue
        objectives = {name: _compare(launch, events, rows, predicted[name], labels[name][rows]) for name in predicted}
        yield values | {"problem": "", "kind": loaded.kind, "objectives": objectives}


def _find_folder(champion: str, version: str) -> str:
    """Returns the folder of a version, next to the served one or among the control's; it may be withdrawn.

    Raises:
      ValueError: if it is in neither.
    """
    matches: list[Path] = []
    if champion and version.isdecimal():
        serving = Path(champion).parent
        names = (version, version + versions.WITHDRAWN)
        folders = (parent / name for parent in (serving, experiment_state.find_control(serving)) for name in names)
        matches = [folder for folder in folders if folder.is_dir()]
    if not matches:
        raise ValueError(f"version {version} is not in the serving folder any more")
    return str(matches[0])


def _predict(
    launch: RetrievalView, events: EventTable, rows: np.ndarray, asked: contender.Contender
) -> dict[str, np.ndarray]:
    """Returns the version's probability of each objective for its own impressions: [r] float64."""
    user, _ = codes(events.user)
    item, ids = codes(events.item)
    log_columns = (user, item, events.time, events.positive & (events.item != b""))
    past = histories.rolling_histories(*log_columns, rows, launch.model.history, launch.seed, events.tie)
    history = np.append(ids, b"")[past]  # the padding code -1 takes the last element
    parts = []
    for start in range(0, len(rows), BATCH):
        batch = slice(start, start + BATCH)
        context = {name: column[rows[batch]] for name, column in events.context.items()}
        parts.append(asked.rank(Known(history[batch], context), events.item[rows[batch]]))
    return {name: np.concatenate([part[name] for part in parts]).astype(np.float64) for name in parts[0]}


def _compare(
    launch: RetrievalView, events: EventTable, rows: np.ndarray, predicted: np.ndarray, observed: np.ndarray
) -> dict[str, Any]:
    """Returns the ratio of predicted to observed with its interval, and both by day."""
    gain = bootstrap.relative_gain(predicted, observed.astype(np.float64), codes(events.user[rows])[0], launch.seed)
    ratio = bootstrap.Interval(gain.point + 1, gain.low + 1, gain.high + 1, gain.level, gain.error)
    days, day = np.unique(events.time[rows] // DAY, return_inverse=True)
    sums = zip(*(np.bincount(day, column) for column in (np.ones(len(rows)), predicted, observed)), strict=True)
    by_day = [
        {"day": _name_day(number), "impressions": int(count), "predicted": expected / count, "observed": came / count}
        for number, (count, expected, came) in zip(days.tolist(), sums, strict=True)
    ]
    return {"ratio": ratio.to_dict(), "days": by_day}


def _list_rates(
    events: EventTable, labels: Mapping[str, np.ndarray], policy: np.ndarray, counted: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Yields the rates of the newest days, by day and policy."""
    rows = np.flatnonzero(counted & (events.time > events.time.max(initial=0) - RATE_DAYS * DAY))
    keys = np.stack([events.time[rows] // DAY, codes(policy[rows])[0]], axis=1)
    names = codes(policy[rows])[1]
    groups, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.reshape(-1)
    counts = np.bincount(group, minlength=len(groups))
    sums = {name: np.bincount(group, label[rows], minlength=len(groups)) for name, label in labels.items()}
    for place, (day, code) in enumerate(groups.tolist()):
        rates = {name: float(total[place] / counts[place]) for name, total in sums.items()}
        policy_name = names[code].decode(errors="replace")
        yield {"day": _name_day(day), "policy": policy_name, "impressions": int(counts[place]), "rates": rates}


def _name_day(number: int) -> str:
    return str(np.datetime64(number, "D"))
