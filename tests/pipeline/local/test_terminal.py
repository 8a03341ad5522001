"""The screen, drawn from recorded events."""

import io
import re
import time

import pytest

from pipeline import steps
from pipeline.local import screen
from pipeline.local.screen import Terminal

ENDS = [
    {
        "event": "end",
        "step": "ExampleGen",
        "state": "done",
        "wall": 12.34,
        "cpu": 1.0,
        "figure": "90,000 train, 10,000 eval",
        "summary": "",
    },
    {
        "event": "end",
        "step": "SchemaGate",
        "state": "cached",
        "wall": 0.02,
        "cpu": 0.0,
        "figure": "no anomalies",
        "summary": "",
    },
    {"event": "end", "step": "Evaluator", "state": "skipped", "wall": 0.0, "cpu": 0.0, "figure": "", "summary": ""},
    {"event": "end", "step": "Trainer", "state": "failed", "wall": 1234.5, "cpu": 0.0, "figure": "", "summary": ""},
]
RECORDED = [
    {"event": "plan", "steps": ["ExampleGen", "SchemaGate", "Evaluator", "Trainer"], "cpu": 12.0},
    {"event": "start", "step": "ExampleGen"},
    {"event": "progress", "task": "reading", "done": 1, "total": 4, "note": "[bold]x[/bold]"},
    {"event": "progress", "task": "reading", "done": 4, "total": 4, "note": ""},
    *ENDS,
    {"event": "failure", "step": "Trainer", "expected": False, "message": "step Trainer failed"},
    {"event": "finish"},
]


def drawn(events=RECORDED, encoding="utf-8", errors="strict", **options):
    """What a run's events put on a screen."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="")
    with Terminal(stream, **options) as terminal:
        terminal.wait("starting TFX ...")
        for event in events:
            terminal.show(event)
    terminal.line("The model wins: café ✓ [1/2]")
    stream.flush()
    return raw.getvalue().decode(encoding)


def without_escapes(text):
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)


def test_a_pipe_gets_one_plain_line_per_finished_step():
    assert drawn().splitlines() == [
        "starting TFX ...",
        "ok      ExampleGen    12.3 s  90,000 train, 10,000 eval",
        "cached  SchemaGate     0.0 s  no anomalies",
        "skipped Evaluator      0.0 s",
        "FAILED  Trainer     1234.5 s",
        "The model wins: café ✓ [1/2]",
    ]


def test_a_pipe_is_not_wrapped_however_long_the_line():
    long = ENDS[0] | {"figure": "word " * 100 + "end"}
    assert "word end" in drawn([long], width=40).splitlines()[1]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("live", [False, True])
def test_a_locale_without_the_letters_gets_question_marks(encoding, live):
    text = drawn(encoding=encoding, live=live)
    assert "ExampleGen" in text
    assert f"The model wins: {'café' if encoding == 'latin-1' else 'caf?'} ? [1/2]" in text


def test_a_terminal_gets_marks_and_a_bar():
    text = without_escapes(drawn(width=100, live=True))
    assert "✓ ExampleGen    12.3 s  90,000 train, 10,000 eval\n" in text
    assert all(mark in text for mark in "✓↺✗━")


def test_a_note_is_shown_as_it_is():
    assert "25% 0:00 reading [bold]x[/bold]" in without_escapes(drawn(RECORDED[:3], width=120, live=True))


def test_the_progress_line_fits_80_columns_whole():
    plan = {"event": "plan", "steps": ["CatalogueStatisticsGen", "ExampleGen"], "cpu": 1.0}
    begun = {"event": "start", "step": "CatalogueStatisticsGen"}
    half = {"event": "progress", "task": "reading", "done": 1, "total": 2, "note": "a note " * 20}
    text = without_escapes(drawn([plan, begun, half], width=80, live=True)).split("The model wins")[0]
    *_, last = [line for line in re.split(r"[\r\n]+", text) if "50%" in line]
    assert len(last) <= 80
    assert re.search(r"1/2 CatalogueStatisticsGen \S+ +50% 0:0\d reading a note", last)


def test_a_finished_task_does_not_stand_at_100_percent():
    text = without_escapes(drawn(RECORDED[:4], width=100, live=True))
    *_, last = [line for line in re.split(r"[\r\n]+", text.split("The model wins")[0]) if line.strip()]
    assert "ExampleGen" in last and "100%" not in last


def test_a_pipe_gets_a_line_a_minute_while_a_step_works(monkeypatch):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    work = [{"event": "progress", "task": "training", "done": 10 * (k + 1), "total": 100, "note": ""} for k in range(6)]
    lines = drawn([RECORDED[0], {"event": "start", "step": "Trainer"}, *work]).splitlines()[1:-1]
    assert lines == ["...     Trainer       60.0 s  30% training", "...     Trainer      120.0 s  60% training"]


def test_a_pipe_gets_that_line_from_a_step_that_reports_nothing(monkeypatch):
    monkeypatch.setattr(screen, "_QUIET_SECONDS", 0.2)
    monkeypatch.setattr(screen, "_PULSE_SECONDS", 0.05)
    stream = io.StringIO()
    with Terminal(stream, width=80, live=False) as terminal:
        terminal.show({"event": "start", "step": "Trainer"})
        deadline = time.monotonic() + 20
        while "..." not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
        terminal.show({"event": "end", "step": "Trainer", "state": "done", "figure": "", "wall": 1.0})
        after = stream.getvalue()
        time.sleep(0.5)
    assert steps.describe("Trainer") in stream.getvalue().splitlines()[0]
    assert stream.getvalue() == after, "nothing is said between two steps"


def test_no_color_is_obeyed(monkeypatch):
    coloured = drawn(ENDS, width=100, live=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" in coloured
    assert "\x1b[32m" not in drawn(ENDS, width=100, live=True)


@pytest.mark.parametrize("width", [20, 40, 69, 70, 200])
def test_a_line_of_a_finished_step_fits_any_terminal(width):
    text = without_escapes(drawn(width=width, live=True)).split("The model wins")[0]
    assert all(len(line) <= width for line in re.split(r"[\r\n]+", text))
    assert "✓ ExampleGen" in text


def test_the_bar_starts_anew_with_each_task_and_step():
    progress = RECORDED[3]
    for change in (RECORDED[1], progress | {"task": "writing", "done": 0}):
        text = without_escapes(drawn([RECORDED[1], progress, change], width=100, live=True))
        *_, before, last = [line for line in re.split(r"[\r\n]+", text.split("The model wins")[0]) if line.strip()]
        assert "100%" not in last, (before, last)


def test_unknown_events_are_passed_over():
    assert drawn([{"event": "coffee"}]).splitlines()[1:] == ["The model wins: café ✓ [1/2]"]


def test_a_step_that_failed_between_bars_leaves_the_screen_usable():
    with Terminal(io.StringIO(), live=True) as terminal:
        terminal.show(RECORDED[1])
    assert terminal.show(ENDS[0]) is None
