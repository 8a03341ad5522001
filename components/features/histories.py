"""Point-in-time histories: the items a user had acted on before an event, by arithmetic on one sorted array.

    n  events (rows of the log)     q  query rows
    m  positive events              w  training windows

Every function takes events as parallel arrays in any row order: `user` and `item` [n] integer codes, `time` [n] int64
microseconds, `positive` [n] bool (an action rather than an impression). An event's history holds the positive items of
its user that precede it:

  * for an impression: items of strictly earlier events; an action at the same time is not known yet;
  * for a positive event: also items of the same time that a seeded random order puts first. Logs with a resolution of
    one second hold many such ties (half of MovieLens 100K's neighbouring ratings share a second), and an order by id or
    row would favour some items.

The random order is a hash of the seed and the event's content, so it does not depend on the order in which files are
read. Integer codes of ids change when events are added to a log. `tie` [n] int, a hash of each event's ids (see
`id_codes.hashes`), does not: with it, later events change no earlier history, and training and evaluation see the same
past. Cost: one sort, O(n log n), then O(1) per output cell.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

PADDING = -1
ROWS_AT_ONCE = 65_536


class Windows(NamedTuple):
    """Training windows, right-padded with -1.

    Attributes:
      items: [w, length + 1] int32 item codes, oldest first; position j + 1 is the target of position j.
      rows: [w, length + 1] int64, the event of each item, for looking up context columns.
    """

    items: Codes
    rows: Ints


def order_by_user_and_time(
    user: Ints, time: Ints, seed: int, item: Ints | None = None, tie: Ints | None = None
) -> Ints:
    """Sorts the rows by user, then time, then a seeded random key.

    Args:
      user: [n] int codes.
      time: [n] int64 microseconds.
      seed: of the order of equal times.
      item: [n] int codes that, with user and time, make up the random key; None for the row's index.
      tie: [n] int, replaces both codes in the random key.

    Returns:
      [n] int64, the row at each rank of the order.
    """
    content = np.arange(len(user)) if item is None else item
    fields = (user, time, content) if tie is None else (tie, time)
    return np.asarray(np.lexsort((_random_key(fields, len(user), seed), time, user)))


def rolling_histories(
    user: Ints, item: Ints, time: Ints, positive: Mask, rows: Ints, length: int, seed: int, tie: Ints | None = None
) -> Codes:
    """Returns the last `length` items before each query row.

    Example: for one user's events (item, time) A 1, B 2, C 3 and length 2, the row of C gets [A, B] and the row of A
    gets [-1, -1].

    Args:
      user, item, time, positive: [n], see the module.
      rows: [q] int, the query rows, positive or not.
      length: maximum number of items.
      seed: of the order of equal times.

    Returns:
      [q, length] int32, oldest first, right-padded with -1.
    """
    start, end, positives = _known_before(user, item, time, positive, rows, seed, tie)
    return _last(item[positives], start, end, length)


def seen_pairs(
    user: Ints, item: Ints, time: Ints, positive: Mask, rows: Ints, seed: int, tie: Ints | None = None
) -> tuple[Ints, Codes]:
    """Returns the full history of each query row as pairs, for a mask of seen items: `mask[query, item] = True`.

    Args:
      user, item, time, positive: [n], see the module.
      rows: [q] int, the query rows.
      seed: of the order of equal times.

    Returns:
      query: [pairs] int64, indices into `rows`, ascending; item: [pairs] int32. Repeated items are not removed.
    """
    start, end, positives = _known_before(user, item, time, positive, rows, seed, tie)
    count = end - start
    query = np.repeat(np.arange(len(rows)), count)
    offset = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
    return query, item[positives][start[query] + offset].astype(np.int32)


def frozen_histories(
    user: Ints,
    item: Ints,
    time: Ints,
    positive: Mask,
    users: Ints,
    cut: int | Ints,
    length: int,
    seed: int,
    tie: Ints | None = None,
) -> Codes:
    """Returns the last `length` items of each queried user before a point in time.

    Args:
      user, item, time, positive: [n], see the module.
      users: [q] int codes of the queried users; unknown users get an empty history.
      cut: int64 microseconds, one for all or [q]; events at the cut or later are ignored.
      length: maximum number of items.
      seed: of the order of equal times.

    Returns:
      [q, length] int32, oldest first, right-padded with -1.
    """
    order = order_by_user_and_time(user, time, seed, item, tie)
    positives = order[positive[order]]
    moments, rank = np.unique(time[positives], return_inverse=True)
    key = user[positives].astype(np.int64) * (len(moments) + 1) + rank
    start = np.asarray(users, np.int64) * (len(moments) + 1)
    return _last(
        item[positives],
        np.searchsorted(key, start),
        np.searchsorted(key, start + np.searchsorted(moments, cut)),
        length,
    )


def sequences(
    user: Ints, item: Ints, time: Ints, positive: Mask, length: int, seed: int, tie: Ints | None = None
) -> Windows:
    """Splits each user's positive items into consecutive windows for next-item training.

    Windows overlap by one item, so that every next item is a target exactly once. Example: items A B C D E of one user
    with length 2 -> [A, B, C], [C, D, E]. A user with one positive item has no next item, hence no window.

    Args:
      user, item, time, positive: [n], see the module.
      length: number of positions of a window that have a target.
      seed: of the order of equal times.
    """
    order = order_by_user_and_time(user, time, seed, item, tie)
    positives = order[positive[order]]
    first = _firsts(user[positives])
    end = np.append(first[1:], len(positives))
    windows = np.maximum(-(-(end - first - 1) // length), 0)
    owner = np.repeat(np.arange(len(first)), windows)
    index = np.arange(len(owner)) - np.repeat(np.cumsum(windows) - windows, windows)
    start = first[owner] + index * length
    cells = start[:, None] + np.arange(length + 1)
    rows = _gather(positives, cells, cells < end[owner][:, None])
    return Windows(_gather(item, rows, rows != PADDING).astype(np.int32), rows)


def seen_before(user: Ints, item: Ints, time: Ints, positive: Mask, seed: int, tie: Ints | None = None) -> Mask:
    """Returns whether each positive row repeats an item that its user had acted on before.

    Returns:
      [n] bool; False on rows that are not positive.
    """
    order = order_by_user_and_time(user, time, seed, item, tie)
    positives = order[positive[order]]
    # lexsort is stable: within a (user, item) pair the rows stay in order of time.
    by_pair = positives[np.lexsort((item[positives], user[positives]))]
    repeats = np.zeros(len(user), dtype=bool)
    repeats[by_pair[1:]] = (user[by_pair[1:]] == user[by_pair[:-1]]) & (item[by_pair[1:]] == item[by_pair[:-1]])
    return repeats


def _known_before(
    user: Ints, item: Ints, time: Ints, positive: Mask, rows: Ints, seed: int, tie: Ints | None = None
) -> tuple[Ints, Ints, Ints]:
    """Returns the history of each query row as a range of `positives`.

    Returns:
      start, end: [q] int64, the range [start, end) in `positives`; positives: [m] int64, the positive rows in order.
    """
    order = order_by_user_and_time(user, time, seed, item, tie)
    before = np.concatenate(([0], np.cumsum(positive[order])))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    query = rank[rows]
    same_time = _start_of_run(user[order], time[order])[query]
    end = before[np.where(positive[rows], query, same_time)]
    return before[_start_of_run(user[order])[query]], end, order[positive[order]]


def _firsts(*keys: Ints) -> Ints:
    """Returns where runs of equal keys begin in sorted arrays: [n] each -> [runs]."""
    changed = np.zeros(max(len(keys[0]) - 1, 0), dtype=bool)
    for key in keys:
        changed |= key[1:] != key[:-1]
    return np.flatnonzero(np.concatenate((np.ones(min(len(keys[0]), 1), dtype=bool), changed)))


def _start_of_run(*keys: Ints) -> Ints:
    """Returns, for each row of sorted arrays, where its run of equal keys begins: [n] each -> [n]."""
    first = _firsts(*keys)
    return np.repeat(first, np.diff(np.append(first, len(keys[0]))))


def _last(values: Ints, start: Ints, end: Ints, length: int) -> Codes:
    """Returns the last `length` values of each range [start, end), right-padded: [q, length] int32.

    Works on `ROWS_AT_ONCE` rows at a time, as the 64-bit indices take twice the memory of the result.
    """
    out = np.full((len(start), length), PADDING, dtype=np.int32)
    for first in range(0, len(start), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        cells = np.maximum(start[rows], end[rows] - length)[:, None] + np.arange(length)
        valid = cells < end[rows][:, None]
        out[rows][valid] = values[cells[valid]]
    return out


def _gather(values: Ints, indices: Ints, valid: Mask) -> Ints:
    """Returns `values[indices]` where valid, the padding elsewhere."""
    out = np.full(indices.shape, PADDING, dtype=np.int64)
    out[valid] = values[indices[valid]]
    return out


def _random_key(fields: tuple[Ints, ...], count: int, seed: int) -> npt.NDArray[np.uint64]:
    """Hashes each row, [n] uint64: one step of SplitMix64 (Steele, Lea & Flood 2014) per field [n].

    User and time are part of the hash, so that two items that tie twice may come in a different order each time.
    """
    key = np.full(count, seed % 2**64, dtype=np.uint64)
    for field in fields:
        key = _mix(key ^ np.asarray(field).astype(np.int64).view(np.uint64))
    return key


def _mix(key: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    key = key + np.uint64(0x9E3779B97F4A7C15)
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))
