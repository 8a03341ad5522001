"""Enrolment and arm of a user: a pure function of the user id.

    h(salt, user) = first 8 bytes of sha256(salt "/" user), big-endian, / 2^64, in [0, 1]

Servers, the next run and a caller of TF Serving agree on every user without a store. Three salts make three independent
draws:

    enrolled   h(id "/in")     < share of the ramp stage
    treated    h(id "/arm")    < 1/2
    held out   h(name "/hold") < holdout

A ramp moves how many users are enrolled and never the split (Crook et al., KDD 2009): a moved split mixes days with
many treated users and days with few, so whatever changes with time looks like an effect. Enrolment is nested: a user of
a small stage stays in the same arm in all larger ones.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

NOT_ENROLLED, CONTROL, TREATMENT = -1, 0, 1
ENROLMENT, ARM, HOLDOUT = "in", "arm", "hold"
SPLIT = 0.5
_RANGE = 2.0**64

Floats = npt.NDArray[np.float64]
Arms = npt.NDArray[np.int8]


def hash_user(salt: str, user: str) -> float:
    """Returns h(salt, user), the same number in every process and language."""
    return int.from_bytes(hashlib.sha256(f"{salt}/{user}".encode()).digest()[:8], "big") / _RANGE


def hash_users(salt: str, users: Sequence[str]) -> Floats:
    """Returns h(salt, user) of each user: [u] float64. About 1 CPU-s per million users."""
    prefix = hashlib.sha256(f"{salt}/".encode())
    digests = bytearray()
    for user in users:
        state = prefix.copy()
        state.update(user.encode())
        digests += state.digest()[:8]
    return np.frombuffer(bytes(digests), ">u8").astype(np.uint64) / _RANGE


def assign_user(experiment: str, share: float, user: str) -> int:
    """Returns the arm of one user: `CONTROL`, `TREATMENT`, or `NOT_ENROLLED`, which a user without an id always is.

    Args:
      experiment: the id of the experiment.
      share: of the users that the current ramp stage enrols, in [0, 1].
      user: the id; "" for none.
    """
    if not user or hash_user(f"{experiment}/{ENROLMENT}", user) >= share:
        return NOT_ENROLLED
    return TREATMENT if hash_user(f"{experiment}/{ARM}", user) < SPLIT else CONTROL


def assign_users(experiment: str, share: float | Floats, users: Sequence[str]) -> Arms:
    """Returns the arm of each user: [u] int8, as `assign_user` says.

    Args:
      experiment: the id of the experiment.
      share: of the enrolled users, in [0, 1]; one for all or [u] float64, one for each.
      users: u ids.
    """
    enrolled = hash_users(f"{experiment}/{ENROLMENT}", users) < share
    return np.where(enrolled, split_users(experiment, users), NOT_ENROLLED).astype(np.int8)


def split_users(experiment: str, users: Sequence[str]) -> Arms:
    """Returns the arm that each user has once enrolled: [u] int8; `NOT_ENROLLED` for "", which never is."""
    named = np.fromiter((bool(user) for user in users), bool, len(users))
    treated = hash_users(f"{experiment}/{ARM}", users) < SPLIT
    return np.where(named, np.where(treated, TREATMENT, CONTROL), NOT_ENROLLED).astype(np.int8)


def hold_out_user(name: str, share: float, user: str) -> bool:
    """Returns whether one user keeps the rules after a win; a user without an id never does."""
    return bool(user) and hash_user(f"{name}/{HOLDOUT}", user) < share


def hold_out_users(name: str, share: float, users: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Returns whether each user keeps the rules after a win: [u] bool.

    Args:
      name: of the launch, not of the experiment: the holdout stays the same over all experiments of a launch.
      share: of the users, in [0, 1].
      users: u ids.
    """
    named = np.fromiter((bool(user) for user in users), bool, len(users))
    return named & (hash_users(f"{name}/{HOLDOUT}", users) < share)
