"""Joins the log's impressions to requests, which the reading counts.

    n  impressions      r  requests      u  users

A request is one answer that was shown: the impressions of one request id, or, where the log has none, those of one user
at one moment. An action belongs to the request whose impression led to it, as the labels of the ingest say.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from components.experiment.outcome import DAY, Traffic

MICROSECONDS = 1_000_000
UNKNOWN_VERSION = -1

Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Impressions:
    """Items that were shown.

    Attributes:
      user: [n] object, ids as bytes; b"" for none.
      time: [n] int64, microseconds since the epoch.
      request: [n] object, ids as bytes; None where the log has no such column.
      labels: objective to [n] int64, 1 where the impression led to the action, else 0.
      version: [n] object, the version that answered, as bytes; None where the log has no such column.
    """

    user: np.ndarray
    time: Ints
    request: np.ndarray | None
    labels: Mapping[str, Ints]
    version: np.ndarray | None


def group_requests(impressions: Impressions) -> Traffic:
    """Returns the requests of the impressions, in the order of time. O(n log n)."""
    ids, user = np.unique(impressions.user.astype("S"), return_inverse=True)
    code, first = _number_requests(impressions, user.ravel())
    time = np.full(len(first), np.iinfo(np.int64).max)
    np.minimum.at(time, code, impressions.time)
    order = np.argsort(time, kind="stable")
    actions = {
        name: np.bincount(code, label, minlength=len(first)).astype(np.float64)[order]
        for name, label in impressions.labels.items()
    }
    users = [identity.decode("utf-8", "replace") for identity in ids.tolist()]
    version = _read_versions(impressions.version, first)
    return Traffic(users, user.ravel()[first][order], time[order] // MICROSECONDS, actions, version[order])


def count_ages(traffic: Traffic) -> Ints:
    """Returns how many days before the newest request each was made: [r] int64, 0 for the newest 24 hours."""
    return (int(traffic.time.max(initial=0)) - traffic.time) // DAY


def _number_requests(impressions: Impressions, user: Ints) -> tuple[Ints, Ints]:
    """Returns each impression's request, [n] int64 from 0, and each request's first impression, [r] int64."""
    if impressions.request is not None:
        key = impressions.request.astype("S")
        _, first, code = np.unique(key, return_index=True, return_inverse=True)
    else:
        pairs = np.stack([user, impressions.time], axis=1)
        _, first, code = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    return code.ravel().astype(np.int64), first.astype(np.int64)


def _read_versions(version: np.ndarray | None, first: Ints) -> Ints:
    """Returns the version of each request: [r] int64; -1 where it is missing or no number."""
    if version is None:
        return np.full(len(first), UNKNOWN_VERSION, np.int64)
    texts = version[first].tolist()
    numbers = {text: int(text) if text.isdigit() and len(text) < 19 else UNKNOWN_VERSION for text in set(texts)}
    return np.fromiter((numbers[text] for text in texts), np.int64, len(texts))
