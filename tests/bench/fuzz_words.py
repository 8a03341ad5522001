"""The borders that are words: the declaration, and the terminal."""

import dataclasses
import functools
import io
import time

import fuzz_files
import fuzz_values

from components import terminal_text
from components.declaration import Boost, Experiment
from components.evaluation import report, summary

UNSAFE = set(map(chr, range(32))) - {"\n", "\t"} | {"\x7f", "\x9b", "\u202e", "\u2028", "\u061c"}


def attack_declaration(tally, rng, folder, end):
    """Fields of a launch file with values of any type."""
    extra = {"boosts": (Boost("kind", "tea", 2.0),)}
    full = dataclasses.replace(
        fuzz_files.LAUNCH,
        catalogue=dataclasses.replace(fuzz_files.LAUNCH.catalogue, **extra),
        experiment=Experiment("click"),
    )
    while time.monotonic() < end:
        changes = [rng.random() for _ in range(rng.randint(1, 2))]
        drawn = rng.getstate()
        tally.attempt(
            lambda changes=changes: functools.reduce(lambda one, _: change_field(one, rng), changes, full), drawn[1][:3]
        )


def change_field(record, rng):
    """The record with one field replaced, at any depth, as a person would write it."""
    name = rng.choice([field.name for field in dataclasses.fields(record)])
    part = getattr(record, name)
    if dataclasses.is_dataclass(part) and rng.random() < 0.9:
        value = change_field(part, rng)
    elif isinstance(part, tuple) and part and dataclasses.is_dataclass(part[0]) and rng.random() < 0.8:
        value = (change_field(part[0], rng), *part[1:])
    elif isinstance(part, tuple) and rng.random() < 0.6:
        value = (*part, fuzz_values.value(rng))
    else:
        value = fuzz_values.value(rng)
    return dataclasses.replace(record, **{name: value})


def attack_terminal(tally, rng, folder, end):
    """Hostile titles, names and reasons on the screen and on the page."""
    while time.monotonic() < end:
        made_up = make_summary(rng)
        text = tally.attempt(lambda made_up=made_up: summary.render(made_up), made_up)
        page = tally.attempt(lambda made_up=made_up: report.render(made_up), made_up)
        shown = tally.attempt(lambda text=text: show(str(text)), text)
        if isinstance(shown, str) and UNSAFE & set(shown):
            tally.counts["tracebacks"] += 1
            tally.note("unsafe characters on the screen", repr(UNSAFE & set(shown)), text)
        if isinstance(page, str) and "<script" in page:
            tally.counts["tracebacks"] += 1
            tally.note("a script on the page", "", made_up)


def show(text: str) -> str:
    """The text as the terminal gets it."""
    out = io.StringIO()
    terminal_text.PrintableStream(out).write(text)
    return out.getvalue()


def make_summary(rng) -> dict:
    """A summary whose texts and figures are hostile."""

    def word():
        return fuzz_values.text(rng)

    def figure():
        return rng.choice((None, 0, 1, 0.5, float("nan"), float("inf"), -3.0, 10**12))

    row = {"queries": rng.randint(0, 10**9), "recall@10": figure(), "ndcg@10": figure(), "mrr": figure()}
    return {
        "launch": word(),
        "written_at": word(),
        "verdict": {"headline": word(), "reasons": [word() for _ in range(rng.randint(0, 9))], "advice": word(), "outcome": "model"},
        "rolling": {word(): row for _ in range(rng.randint(0, 4))},
        "slices": {"metric": "recall@10", "tables": {word(): {word(): row}}, "gains": {}},
        "ranking": rng.choice((word(), {word(): {"rows": 3, "auc": figure()}}, None)),
        "example": {"user": word(), "history": [word()] * 2, "recommended": [[word(), figure()] for _ in range(3)]},
        "notes": [word() for _ in range(rng.randint(0, 6))],
    }  # fmt: skip


BORDERS = {"declaration": attack_declaration, "terminal": attack_terminal}
