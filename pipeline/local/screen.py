"""The screen of a local run: one line per finished step, and a progress line for the running one.

On a terminal the progress line shows a spinner, which step of how many it is, a bar for the task within the step, the
time since the step began, and a note. Elsewhere (a pipe, CI) there is one plain line per finished step, one a minute
while a step runs, and no escape codes. Colours obey NO_COLOR.
"""

import sys
import threading
import time
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from components.terminal_text import PrintableStream, printable
from pipeline import steps

_MARKS = {"done": ("✓", "green"), "cached": ("↺", "cyan"), "skipped": ("-", "yellow"), "failed": ("✗", "bold red")}
_PLAIN_MARKS = {"done": "ok", "cached": "cached", "skipped": "skipped", "failed": "FAILED"}
_NARROW = 70  # columns; below it the bar and the note are left out
_BAR_WIDTH = 16
_QUIET_SECONDS = 60.0  # between two plain lines of one step
_PULSE_SECONDS = 1.0
_SECONDS_WIDTH = len("1234.5 s")


class Terminal:
    """Draws a run from its `step_events`.

    Example:
      with Terminal() as terminal:
          for event in events:
              terminal.show(event)
    """

    def __init__(self, stream: IO[str] | None = None, width: int | None = None, live: bool | None = None):
        """Prepares the screen.

        Args:
          stream: where to draw; None for the standard output.
          width: in columns; None to ask the terminal.
          live: whether to draw a spinner; None for "if the stream is a terminal that can".
        """
        stream = stream or sys.stdout
        stream = stream.raw if isinstance(stream, PrintableStream) else stream  # the console's own escapes stay
        _never_crash_on(stream)
        self._console = Console(
            file=stream, width=width, force_terminal=live, highlight=False, markup=False, emoji=False
        )
        self._live = self._console.is_interactive
        self._unicode = _encodes(stream, "".join(mark for mark, _ in _MARKS.values()) + "━")
        self._name_width = max(len(step.name) for step in steps.STEPS)
        self._bar = Progress(
            *self._columns(), console=self._console, transient=True, expand=True, disable=not self._live
        )
        self._step, self._task = "", ""
        self._begun, self._planned = 0, 0
        self._state = ""  # what a plain progress line says of the step
        self._started = self._spoke = time.monotonic()
        self._ended = threading.Event()
        self._pulse = threading.Thread(target=self._speak_every_minute, name="screen", daemon=True)

    def __enter__(self) -> "Terminal":
        self._bar.start()
        if not self._live:
            self._pulse.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()
        self._ended.set()
        if self._pulse.is_alive():
            self._pulse.join()

    def line(self, text: str = "") -> None:
        """Prints a line as it is, however long."""
        self._console.print(printable(text), soft_wrap=True)

    def wait(self, text: str) -> None:
        """Says what is going on before the first step; elsewhere than on a terminal, a line of its own."""
        if self._live:
            self._begin(text, "")
        else:
            self.line(text)

    def show(self, event: dict[str, Any]) -> None:
        """Draws one event of the run; events of a kind that has no picture are passed over."""
        kind = event["event"]
        if kind == "plan":
            self._planned = len(event["steps"])
            self._name_width = max([len(name) for name in event["steps"]] + [1])
        elif kind == "start":
            self._begun += 1
            self._started = self._spoke = time.monotonic()
            self._begin(event["step"], steps.describe(event["step"]))
            self._state = steps.describe(event["step"])
        elif kind == "progress":
            self._advance(event)
        elif kind == "end":
            self._clear()
            self._state = ""
            self.step(event["step"], event["state"], event["figure"], event["wall"])

    def step(self, name: str, state: str, figure: str, seconds: float) -> None:
        """Prints the line of a finished step: mark, name, figure, seconds."""
        mark, style = _MARKS[state]
        figure = printable(figure)
        took = f"{seconds:.1f} s"
        if not self._live or not self._unicode:
            self.line(
                f"{_PLAIN_MARKS[state]:<7} {name:<{self._name_width}}  {took:>{_SECONDS_WIDTH}}  {figure}".rstrip()
            )
            return
        text = Text.assemble(
            (f"{mark} ", style),
            (f"{name:<{self._name_width}}  ", "bold"),
            (f"{took:>{_SECONDS_WIDTH}}  ", "dim"),
            figure,
        )
        self._console.print(text, no_wrap=True, overflow="ellipsis", crop=True)

    def _begin(self, name: str, note: str) -> None:
        """Shows a bar without a known end, instead of the one before."""
        self._clear()
        self._step, self._task = name, ""
        number = f"{self._begun}/{self._planned}" if self._planned else ""
        self._bar.add_task("", name=name, number=number, note=note, started=self._started, total=None)

    def _clear(self) -> None:
        for task in self._bar.task_ids:
            self._bar.remove_task(task)

    def _advance(self, event: dict[str, Any]) -> None:
        if event["task"] != self._task:
            # A step may do one task after the other; each has a bar of its own.
            self._begin(self._step, "")
            self._task = event["task"]
        note = printable(f"{event['task']} {event['note']}".strip())
        if not self._live:
            self._state = f"{event['done'] / event['total']:.0%} {note}"
            self._speak()
        if event["done"] >= event["total"]:
            # A bar that stands at 100% would look like a step that hangs.
            self._begin(self._step, note)
            self._task = event["task"]
            return
        for task in self._bar.task_ids:
            self._bar.update(task, completed=event["done"], total=event["total"], note=note)

    def _speak_every_minute(self) -> None:
        """Speaks for steps that report no progress, until the screen ends."""
        while not self._ended.wait(_PULSE_SECONDS):
            self._speak()

    def _speak(self) -> None:
        """Prints a plain progress line, if the last line of this step is a minute old."""
        now, state = time.monotonic(), self._state
        if state and now - self._spoke >= _QUIET_SECONDS:
            self._spoke = now
            took = f"{now - self._started:.1f} s"
            self.line(f"{'...':<7} {self._step:<{self._name_width}}  {took:>{_SECONDS_WIDTH}}  {state}".rstrip())

    def _columns(self) -> list[ProgressColumn]:
        spinner = SpinnerColumn("dots" if self._unicode else "line")
        number = TextColumn("{task.fields[number]}", markup=False, table_column=Column(no_wrap=True))
        name = TextColumn("{task.fields[name]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
        share = _KnownTotal("{task.percentage:>3.0f}%", markup=False, table_column=Column(no_wrap=True))
        elapsed = _Elapsed(table_column=Column(no_wrap=True))
        if self._console.width < _NARROW:
            return [spinner, number, name, share, elapsed]
        shrinking = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        note = TextColumn("{task.fields[note]}", style="dim", markup=False, table_column=shrinking)
        return [spinner, number, name, BarColumn(_BAR_WIDTH), share, elapsed, note]


class _Elapsed(ProgressColumn):
    """Minutes and seconds since the step began."""

    def render(self, task: Task) -> Text:
        seconds = int(time.monotonic() - task.fields["started"])
        return Text(f"{seconds // 60}:{seconds % 60:02}", style="dim")


class _KnownTotal(TextColumn):
    """A text that is shown only when the end of the task is known."""

    def render(self, task: Task) -> Text:
        return Text("") if task.total is None else super().render(task)


def _never_crash_on(stream: IO[str]) -> None:
    """Makes a stream write question marks for letters that the locale does not have."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")


def _encodes(stream: IO[str], text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
