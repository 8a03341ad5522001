"""The questions of `make bench-quality`: one log, cut in several ways, asked by the code that judges the pipeline's own models.

    leave-one-out   train: all but each user's last event; asked: that event, with everything before it as the history
    rolling         train: the first nine tenths by time; asked: every later event, with the history of its own moment
    frozen          the same model; asked: every later event, with the history as it was at the cut
    first frozen    the same model; asked: each later user's first event, with the history as it was at the cut

Equal times are ordered by a hash of the seed (`components.features.histories`): which event is a user's last is a
matter of the seed too. Items that were seen are not recommended. Only positive events count; impressions, context and
labels are left out, as none of the rivals could use them.
"""

import dataclasses
import json
import os
from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq

from components.declaration import Catalogue, Launch, Log, Objective, Split
from components.features import histories, item_table
from components.features.event_table import MISSING_INT, EventTable
from components.features.id_codes import codes
from components.features.training_data import TrainingData
from components.ingest.log_files import find_files, split_pattern
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.metrics import queries
from components.metrics.queries import RECOMMENDED, Answers, Queries

LEAVE_ONE_OUT, ROLLING, FROZEN, FIRST_FROZEN = "leave-one-out", "rolling", "frozen", "first frozen"
LONGEST_HISTORY = 500
EVAL_SHARE = 0.1


@dataclasses.dataclass(frozen=True)
class Asked:
    """Queries, and their histories as rows of the item table.

    Attributes:
      queries: q queries.
      history: [q, H] int32 rows, oldest first, right-padded with 0.
    """

    queries: Queries
    history: np.ndarray

    def last(self, batch: slice, length: int) -> np.ndarray:
        """The last items of a batch's histories: [batch, length] int32, oldest first, right-padded with 0."""
        history = self.history[batch]
        count = (history > 0).sum(axis=1, keepdims=True)
        place = np.maximum(count - length, 0) + np.arange(length)
        return np.where(place < count, np.take_along_axis(history, np.minimum(place, history.shape[1] - 1), axis=1), 0)


@dataclasses.dataclass(frozen=True)
class Problem:
    """The training data, and the queries of each protocol."""

    data: TrainingData
    by_protocol: dict[str, Asked]

    @property
    def candidates(self) -> np.ndarray:
        """[A] rows of the item table that may be recommended."""
        return np.flatnonzero(self.data.items.active)


def plain(launch: Launch, seed: int) -> Launch:
    """The launch reduced to who acted on what and when."""
    objectives = tuple(Objective(event, event=event) for event in launch.positive_events) or (Objective("positive"),)
    log = dataclasses.replace(launch.log, impression=None, request=None, position=None, context=())
    return dataclasses.replace(launch, log=log, objectives=objectives, exclude_seen=True, seed=seed)


def read_events(launch: Launch, folder: str) -> EventTable:
    """The positive events of the declared log, read as the pipeline reads it."""
    log = launch.log
    reader = LogReader(find_files(*split_pattern(log.path, folder)), Layout.of_log(log))
    columns = reader.settle(tuple(name for name in (log.user, log.item, log.time, log.event) if name))
    user, item = (_bytes(columns[name]) for name in (log.user, log.item))
    time, count = columns[log.time].to_numpy(), len(columns)
    positive = (
        np.isin(_bytes(columns[log.event]).astype(bytes), np.asarray(launch.positive_events, bytes))
        if log.event
        else np.ones(count, bool)
    )
    table = EventTable(user, item, time, positive, np.full(count, MISSING_INT), {}, {}, np.zeros(count, bool))
    return table.rows(positive)


def read_catalogue(launch: Launch, folder: str) -> dict[str, np.ndarray]:
    """The declared columns of the catalogue as `item_table.build` takes them; empty where none is declared."""
    if launch.catalogue is None:
        return {}
    layout = Layout.of_catalogue(launch.catalogue)
    columns = LogReader(find_files(*split_pattern(launch.catalogue.path, folder)), layout).settle(layout.declared)
    return {name: _plain(columns[name].combine_chunks()) for name in layout.declared}


def _bytes(column: object) -> np.ndarray:
    return np.array([b"" if value is None else str(value).encode() for value in column.to_pylist()] + [None], object)[
        :-1
    ]


def _plain(column: object) -> np.ndarray:
    kind = str(column.type)
    if kind == "bool":
        return column.to_numpy(zero_copy_only=False).astype(np.int64)
    if kind.startswith(("int", "uint")):
        return column.fill_null(MISSING_INT).to_numpy(zero_copy_only=False)
    return column.to_numpy(zero_copy_only=False).astype(np.float32) if kind in ("float", "double") else _bytes(column)


def leave_one_out(launch: Launch, events: EventTable, catalogue: dict[str, np.ndarray]) -> Problem:
    """The target is each user's last event."""
    late = last_of_each(launch, events)
    return _problem(launch, dataclasses.replace(events, late=late), catalogue, {LEAVE_ONE_OUT: None})


def temporal(launch: Launch, events: EventTable, catalogue: dict[str, np.ndarray]) -> Problem:
    """The targets are the last tenth of the events."""
    cut = int(np.sort(events.time)[int(len(events) * (1 - EVAL_SHARE))])
    split = dataclasses.replace(events, late=events.time >= cut)
    problem = _problem(launch, split, catalogue, {ROLLING: None, FROZEN: cut})
    return dataclasses.replace(
        problem, by_protocol=problem.by_protocol | {FIRST_FROZEN: _firsts(problem.by_protocol[FROZEN])}
    )


def limited(problem: Problem, most: int, seed: int) -> Problem:
    """The problem with at most so many queries a protocol, a random sample."""
    rng, fewer = np.random.default_rng(seed), {}
    for name, asked in problem.by_protocol.items():
        count = len(asked.history)
        fewer[name] = asked if count <= most else chosen(asked, np.sort(rng.choice(count, most, replace=False)))
    return dataclasses.replace(problem, by_protocol=fewer)


def validation(problem: Problem) -> Problem:
    """The rolling questions of the last tenth of a problem's own training events: what anything may be chosen by."""
    data = problem.data
    cut = int(np.sort(data.events.time)[int(len(data.events) * (1 - EVAL_SHARE))])
    events = dataclasses.replace(data.events, late=data.events.time >= cut)
    inner = dataclasses.replace(data, events=events.rows(~events.late))
    return Problem(inner, {ROLLING: _asked(data.launch, events, inner, None)})


def last_of_each(launch: Launch, events: EventTable) -> np.ndarray:
    """[n] bool: the last event of each user that has another one."""
    user, _ = codes(events.user)
    order = histories.order_by_user_and_time(user, events.time, launch.seed, tie=events.tie)
    sorted_users = user[order]
    last = np.append(sorted_users[1:] != sorted_users[:-1], True) & np.insert(
        sorted_users[1:] == sorted_users[:-1], 0, False
    )
    late = np.zeros(len(events), bool)
    late[order[last]] = True
    return late


def _problem(
    launch: Launch, events: EventTable, catalogue: dict[str, np.ndarray], cuts: dict[str, int | None]
) -> Problem:
    early = events.rows(~events.late)
    data = TrainingData(launch, early, item_table.build(launch.catalogue, catalogue, early.item), None, catalogue)
    return Problem(data, {name: _asked(launch, events, data, cut) for name, cut in cuts.items()})


def _asked(launch: Launch, events: EventTable, data: TrainingData, cut: int | None) -> Asked:
    longer = dataclasses.replace(launch, model=dataclasses.replace(launch.model, history=LONGEST_HISTORY))
    queries_asked = (
        queries.rolling(longer, events, events.late)
        if cut is None
        else queries.frozen(longer, events, events.late, cut)
    )
    rows = data.items.rows_of(queries_asked.history.reshape(-1)).reshape(queries_asked.history.shape)
    return Asked(queries_asked, np.take_along_axis(rows, np.argsort(rows == 0, axis=1, kind="stable"), axis=1))


def _firsts(asked: Asked) -> Asked:
    """Each user's first query."""
    order = np.lexsort((asked.queries.time, asked.queries.user))
    user = asked.queries.user[order]
    return chosen(asked, np.sort(order[np.insert(user[1:] != user[:-1], 0, True)]))


def chosen(asked: Asked, rows: np.ndarray) -> Asked:
    """Some of the queries; `rows` [m] int, ascending."""
    all_of, place = asked.queries, np.full(len(asked.queries), -1)
    place[rows] = np.arange(len(rows))
    pairs = place[all_of.seen_query] >= 0
    fields = {name: getattr(all_of, name)[rows] for name in ("user", "user_id", "history", "target", "time", "ages")}
    kept = dataclasses.replace(
        all_of, **fields, context={}, seen_query=place[all_of.seen_query[pairs]], seen_item=all_of.seen_item[pairs]
    )
    return Asked(kept, asked.history[rows])


def answers(score: Callable[[Asked, slice], np.ndarray], asked: Asked, candidates: np.ndarray) -> Answers:
    """What a contender answers; `score` takes the questions and a batch of them, and gives [batch, A]."""
    batches = asked.queries.batches(len(candidates))
    return queries.ask(lambda _: score(asked, next(batches)), candidates, asked.queries, recommended=RECOMMENDED)


def folder_of(path: str) -> str:
    """The data folder of a path that names the log's folder or its file."""
    return path if os.path.isdir(path) else os.path.dirname(path)


LOG_ENDINGS = (".parquet", ".csv", ".tsv", ".jsonl")
NAMES = {
    "user": ("user_id", "user", "uid", "userid", "visitorid", "customer_id"),
    "item": ("item_id", "item", "iid", "itemid", "movie_id", "product_id", "article_id"),
    "time": ("timestamp", "time", "ts", "event_time", "datetime"),
}


def by_column_names(path: str) -> Launch:
    """The launch of a log whose columns have standard names; `items.parquet` next to it is its catalogue.

    Raises:
      SystemExit: if no file or column can be recognised.
    """
    log, header, delimiter = _log_file(path), None, ","
    if log.endswith(".parquet"):
        header = pq.read_schema(log).names
    elif not log.endswith(".jsonl"):
        with open(log, encoding="utf-8") as file:
            first = file.readline().rstrip("\n")
        delimiter = "\t" if "\t" in first else ","
        header = first.split(delimiter)
    else:
        with open(log, encoding="utf-8") as file:
            header = list(json.loads(file.readline()))
    column_of = {role: next((name for name in header if name.lower() in names), None) for role, names in NAMES.items()}
    missing = [role for role, name in column_of.items() if name is None]
    if missing:
        raise SystemExit(
            f"{log} needs columns for {', '.join(missing)} by a usual name, got {header}. Declare a launch."
        )
    columns = Log(
        os.path.basename(log),
        column_of["user"],
        column_of["item"],
        column_of["time"],
        time_unit=_unit(log, column_of["time"]),
        delimiter=delimiter,
    )
    return Launch("bench", columns, Split(eval_share=EVAL_SHARE), (Objective("taken"),), catalogue=_items_beside(log))


def _log_file(path: str) -> str:
    if not os.path.isdir(path):
        return path
    files = sorted(name for name in os.listdir(path) if name.endswith(LOG_ENDINGS) and not name.startswith("items"))
    if not files:
        raise SystemExit(f"{path} needs a log ({', '.join(LOG_ENDINGS)}), got {sorted(os.listdir(path))}.")
    return os.path.join(path, next((name for name in files if name.startswith("events")), files[0]))


def _unit(log: str, column: str) -> str:
    """The unit of time: text is ISO 8601; numbers are seconds, milliseconds or microseconds by their size."""
    if log.endswith(".parquet"):
        first = pq.ParquetFile(log).read_row_group(0, columns=[column])[column][0].as_py()
    elif log.endswith(".jsonl"):
        with open(log, encoding="utf-8") as file:
            first = json.loads(file.readline())[column]
    else:
        with open(log, encoding="utf-8") as file:
            header, row = (next(file).rstrip("\n") for _ in range(2))
        separator = "\t" if "\t" in header else ","
        first = row.split(separator)[header.split(separator).index(column)]
    try:
        size = float(first)
    except (TypeError, ValueError):
        return "iso"
    return "s" if size < 1e11 else "ms" if size < 1e14 else "us"


def _items_beside(log: str) -> Catalogue | None:
    """The catalogue in items.parquet next to a log: its texts are categories."""
    path = os.path.join(os.path.dirname(log), "items.parquet")
    if not os.path.exists(path):
        return None
    schema = pq.read_schema(path)
    item = next(name for name in schema.names if name.lower() in NAMES["item"])
    categories = tuple(
        field.name for field in schema if str(field.type).endswith("string") and field.name not in (item, "title")
    )
    return Catalogue("items.parquet", item, categories=categories)
