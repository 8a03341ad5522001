"""Attribution: the vectorised join of impressions and actions.

An action belongs to an impression of the same pair if it is not earlier and at most the window later. The pair is
(request, item) where the log has requests: they say which answer an action came from. Without, it is (user, item), and
then the action belongs to the last impression that was not later than it: showing an item three times before it is
clicked is one success, not three.

Letters: i impressions, a actions.
"""

import numpy as np

NONE = -1


def first_actions(
    pairs: np.ndarray,
    times: np.ndarray,
    action_pairs: np.ndarray,
    action_times: np.ndarray,
    window: int,
    last_only: bool,
) -> np.ndarray:
    """Returns the first action that each impression led to, [i] int64; -1 for none. Exact; O((i + a) log(i + a)).

    Args:
      pairs, times: [i] int64, pair codes and microseconds of the impressions.
      action_pairs, action_times: [a] int64, those of the actions.
      window: how much later an action may be, microseconds.
      last_only: whether an action belongs to the last impression of its pair only; those of one moment share it.
    """
    if not len(action_pairs) or not len(pairs):
        return np.full(len(pairs), NONE)
    order = np.lexsort((action_times, action_pairs))
    action_pairs, action_times = action_pairs[order], action_times[order]
    # If the first action that is not earlier comes too late, so do all after it.
    at = _first_not_earlier(pairs, times, action_pairs, action_times)
    nearest = np.minimum(at, len(order) - 1)
    led = (at < len(order)) & (action_pairs[nearest] == pairs) & (action_times[nearest] - times <= window)
    if last_only:
        led &= _next_times(pairs, times) > action_times[nearest]
    return np.where(led, order[nearest], NONE)


def leads_to(
    pairs: np.ndarray,
    times: np.ndarray,
    action_pairs: np.ndarray,
    action_times: np.ndarray,
    window: int,
    last_only: bool,
) -> np.ndarray:
    """Returns whether each impression led to an action, [i] bool; the arguments are those of `first_actions`."""
    return first_actions(pairs, times, action_pairs, action_times, window, last_only) != NONE


def _first_not_earlier(
    pairs: np.ndarray, times: np.ndarray, sorted_pairs: np.ndarray, sorted_times: np.ndarray
) -> np.ndarray:
    """For each (pair, time), the first index in the sorted ones that is not smaller: [i] int64, the length if there is none."""
    is_sorted = np.concatenate([np.zeros(len(pairs), np.int8), np.ones(len(sorted_pairs), np.int8)])
    merged = np.lexsort((is_sorted, np.concatenate([times, sorted_times]), np.concatenate([pairs, sorted_pairs])))
    smaller = np.cumsum(is_sorted[merged])
    places = np.empty(len(merged), np.int64)
    places[merged] = smaller
    return places[: len(pairs)]


def _next_times(pairs: np.ndarray, times: np.ndarray) -> np.ndarray:
    """When the pair is next shown, later than now: [i] int64, the largest number if never."""
    order = np.lexsort((times, pairs))
    pairs, times = pairs[order], times[order]
    starts = np.append(True, (pairs[1:] != pairs[:-1]) | (times[1:] != times[:-1]))  # of each moment of each pair
    firsts = np.flatnonzero(starts)
    following = np.full(len(firsts), np.iinfo(np.int64).max)
    same = pairs[firsts[1:]] == pairs[firsts[:-1]]
    following[:-1][same] = times[firsts[1:]][same]
    later = np.empty(len(order), np.int64)
    later[order] = following[np.cumsum(starts) - 1]
    return later
