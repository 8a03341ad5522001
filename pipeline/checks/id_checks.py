"""Finds missing ids and several spellings of one id, which silently merge or split users and items."""

import re
import unicodedata
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.checks.findings import Finding, error, share, warning
from pipeline.checks.log_view import LogView
from pipeline.onboarding import repeats

_PLACEHOLDERS = frozenset(
    (
        "(not set)",
        *[
            "null",
            "none",
            "nil",
            "nan",
            "na",
            "n/a",
            "#n/a",
            "undefined",
            "unknown",
            "unset",
            "missing",
            "empty",
            "void",
            "anonymous",
            "guest",
            "default",
            "(none)",
            "(other)",
            "<null>",
            "-",
            "--",
            "?",
        ],
    )
)
_NUMBERS = frozenset(("0", "-1", "-2", "999", "9999", "-999", "00000000-0000-0000-0000-000000000000"))
_MOST = 0.01
_TIMES_USUAL = 5  # a number stands for none only where it is far more frequent than an id usually is
CONTACT = re.compile(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}|\+\d[\d ()/-]{6,}\d")

_FORMS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("blanks", str.strip),
    ("their Unicode form", lambda text: unicodedata.normalize("NFC", text)),
    ("case", str.casefold),
    ("leading zeros", lambda text: text.lstrip("0") or "0"),
)


def check_placeholders(view: LogView) -> Iterator[Finding]:
    """Words that stand for no id, learnt as one user or one item."""
    for name, number in ((view.launch.log.user, view.users), (view.launch.log.item, view.items)):
        counts = np.bincount(number[number >= 0])
        usual = np.median(counts[counts > 0]) if len(counts) else 0
        for place in np.flatnonzero(counts > _MOST * view.rows):
            text = view.table[name][int(np.argmax(number == place))].as_py()
            if _stands_for_none(text, counts[place] / max(usual, 1)):
                yield warning(
                    f"{name!r} is {text!r} in {share(int(counts[place]), view.rows)} rows: it looks like a missing id.",
                    "They are learnt as one user or one item.",
                    f"Leave these rows out: launch.log.missing_ids=({text!r},).",
                )


def _stands_for_none(text: str, times_usual: float) -> bool:
    word = text.strip().lower()
    return word in _PLACEHOLDERS or (word in _NUMBERS and times_usual >= _TIMES_USUAL)


def check_spellings(view: LogView) -> Iterator[Finding]:
    """Ids that differ only by blanks, zeros, case or Unicode form, and so are two."""
    for name in (view.launch.log.user, view.launch.log.item):
        ids = pc.unique(view.table[name].drop_null())
        texts = ids.to_pylist()
        for what, form in _FORMS:
            twins = _twins(texts, form)
            if len(twins) > _MOST * len(texts):
                one, other = twins[0]
                yield warning(
                    f"{share(len(twins), len(texts))} ids of {name!r} differ from another by {what} only, such as {one!a} and {other!a}.",
                    "They are learnt as different users or items.",
                    "If they are the same, write them in one way where the log is made.",
                )


def _twins(texts: list[str], form: Callable[[str], str]) -> list[tuple[str, str]]:
    """Pairs of different texts that have the same form, one for each text after the first."""
    first: dict[str, str] = {}
    return [(other, text) for text in texts if (other := first.setdefault(form(text), text)) != text]


def same_but_for(one: pa.Array, other: pa.Array) -> str:
    """Returns the form in which most of the ids in `one` are in `other`: "leading zeros"; "" if there is none."""
    for what, form in _FORMS:
        forms = set(map(form, other.to_pylist()))
        matched = sum(form(text) in forms for text in one.to_pylist())
        if matched > len(one) / 2:
            return what
    return ""


def check_contacts(view: LogView) -> Iterator[Finding]:
    """Users who are named by an address."""
    name = view.launch.log.user
    texts = view.table[name].drop_null().slice(0, 1000).to_pylist()
    if texts and sum(bool(CONTACT.fullmatch(text)) for text in texts) > len(texts) / 2:
        yield warning(
            f"{name!r} holds e-mail addresses or telephone numbers.",
            "User ids are written into the examples, the statistics, the traffic files and the histories of the server.",
            "Log a hash of them instead, with a salt that only you know.",
        )


def check_one(view: LogView) -> Iterator[Finding]:
    """Finds a log of one user or one item."""
    for role, number, name in (("user", view.users, view.launch.log.user), ("item", view.items, view.launch.log.item)):
        if len(np.unique(number[number >= 0])) == 1:
            only = view.table[name].drop_null()[0].as_py()
            yield error(
                f"the log has only one {role}, {only!r}.",
                "There is nothing to choose between.",
                f"Check {name!r}, or give a longer log.",
            )


def check_repeats(view: LogView) -> Iterator[Finding]:
    """Events that `exclude_seen` leaves out, where people do the same again."""
    rows = pa.array(view.positive & view.whole)
    part = repeats.share(view.table[view.launch.log.user].filter(rows), view.table[view.launch.log.item].filter(rows))
    if view.launch.exclude_seen and part >= repeats.OFTEN:
        yield warning(
            f"{part:.0%} of the positive events repeat an earlier one of their user and item.",
            "launch.exclude_seen leaves them out of the evaluation, and such items out of the answers.",
            "Set launch.exclude_seen to False if people come back to the same items (reorders, replays).",
        )
