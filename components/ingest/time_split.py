"""Where a log is cut in time: train is before the cut, eval from it on.

The cut is a moment, never a random draw: a model that learns from events later than those it is judged on looks better
than it is.
"""

import numpy as np
import pyarrow as pa

from components.declaration import Split
from components.errors import LogError
from components.ingest.event_time import DAY, to_microseconds


def cut_time(times: np.ndarray, split: Split, may_be_empty: bool = False) -> int:
    """Returns the first moment of eval: train is `time < cut`, eval is `cut <= time`.

    Args:
      times: [events] int64 microseconds since the epoch, in any order.
      split: as declared. Of a share, events at the cut's own time all go to eval, so eval may hold more than the share;
        the last n days end with the last event.
      may_be_empty: whether train or eval may be empty; where no cut leaves events on both sides, all are train.

    Returns:
      The cut in microseconds since the epoch.

    Raises:
      LogError: if there is no event, or train or eval would be empty.
    """
    if not len(times) and may_be_empty:
        return 0
    if not len(times):
        raise LogError(
            "launch.split", "there is no row that is right, so nothing to cut.", "Look at the log's ids and times."
        )
    cut = _cut(times, split)
    train = int(np.count_nonzero(times < cut))
    if train == 0 or train == len(times):
        if may_be_empty:
            return int(times.max()) + 1
        raise _one_sided(times, cut, split, "train" if train == 0 else "eval")
    return cut


def _cut(times: np.ndarray, split: Split) -> int:
    if split.eval_from is not None:
        return to_microseconds(pa.array([split.eval_from]), "iso")[0].as_py()
    if split.eval_days is not None:
        return int(times.max()) + 1 - round(split.eval_days * DAY)
    assert split.eval_share is not None  # the declaration holds exactly one of the three
    first_of_eval = len(times) - max(1, round(len(times) * split.eval_share))
    return int(np.partition(times, first_of_eval)[first_of_eval])


def _one_sided(times: np.ndarray, cut: int, split: Split, side: str) -> LogError:
    first, last, moment = (
        np.datetime_as_string(np.datetime64(int(time), "us"), unit="s") for time in (times.min(), times.max(), cut)
    )
    if first == last:
        events = "1 event," if len(times) == 1 else f"{len(times):,} events, all"
        problem = f"needs events of several moments, got {events} of {first} (UTC)."
        fix = "Without an earlier and a later part there is nothing to learn from and to judge by: give a longer log, or a time column with the hour."
        return LogError("launch.split", problem, fix)
    name, value = next((name, value) for name, value in vars(split).items() if value is not None)
    problem = f"{name}={value!r} cuts at {moment} and leaves no event for {side}: the {len(times):,} events lie from {first} to {last} (UTC)."
    return LogError("launch.split", problem, "Cut at a moment inside the log, and check launch.log.time_unit.")
