"""The screen of a local run: one line per finished step, and a bar while one is running.

On a terminal the running step has a spinner, a bar and the time left. Elsewhere (a pipe, CI) there is one plain line
per finished step and no escape codes. Colours obey NO_COLOR.
"""

import sys
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from pipeline import steps

_MARKS = {"done": ("✓", "green"), "cached": ("↺", "cyan"), "skipped": ("-", "yellow"), "failed": ("✗", "bold red")}
_PLAIN_MARKS = {"done": "ok", "cached": "cached", "skipped": "skipped", "failed": "FAILED"}
_NARROW = 70  # columns; below it the bar and the note are left out
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
        _never_crash_on(stream)
        self._console = Console(
            file=stream, width=width, force_terminal=live, highlight=False, markup=False, emoji=False
        )
        self._live = self._console.is_interactive
        self._unicode = _encodes(stream, "".join(mark for mark, _ in _MARKS.values()) + "━")
        self._name_width = max(len(step.name) for step in steps.STEPS)
        self._bar = Progress(*self._columns(), console=self._console, transient=True, disable=not self._live)
        self._step = ""
        self._task = ""

    def __enter__(self) -> "Terminal":
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def line(self, text: str = "") -> None:
        """Prints a line as it is, however long."""
        self._console.print(text, soft_wrap=True)

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
            self._name_width = max([len(name) for name in event["steps"]] + [1])
        elif kind == "start":
            self._begin(event["step"], steps.describe(event["step"]))
        elif kind == "progress":
            self._advance(event)
        elif kind == "end":
            self._clear()
            self.step(event["step"], event["state"], event["figure"], event["wall"])

    def step(self, name: str, state: str, figure: str, seconds: float) -> None:
        """Prints the line of a finished step: mark, name, figure, seconds."""
        mark, style = _MARKS[state]
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
        """Shows a bar whose end is not known yet, in place of the one before."""
        self._clear()
        self._step, self._task = name, ""
        self._bar.add_task("", name=name, note=note, total=None)

    def _clear(self) -> None:
        for shown in self._bar.task_ids:
            self._bar.remove_task(shown)

    def _advance(self, event: dict[str, Any]) -> None:
        if event["task"] != self._task:
            # A step may do one task after the other; the time left is that of the present one, from its own speed.
            self._begin(self._step, "")
            self._task = event["task"]
        note = f"{event['task']} {event['note']}".strip()
        for shown in self._bar.task_ids:
            self._bar.update(shown, completed=event["done"], total=event["total"], note=note)

    def _columns(self) -> list[ProgressColumn]:
        spinner = SpinnerColumn("dots" if self._unicode else "line")
        name = TextColumn("{task.fields[name]}", table_column=Column(no_wrap=True, overflow="ellipsis"), markup=False)
        share = _KnownTotal("{task.percentage:>3.0f}%", markup=False)
        if self._console.width < _NARROW:
            return [spinner, name, share]
        note = TextColumn(
            "{task.fields[note]}", style="dim", table_column=Column(no_wrap=True, overflow="ellipsis"), markup=False
        )
        return [spinner, name, BarColumn(bar_width=20), share, TimeRemainingColumn(compact=True), note]


class _KnownTotal(TextColumn):
    """A text that is shown only when the end of the task is known."""

    def render(self, task: Task) -> Text:
        return Text("") if task.total is None else super().render(task)


def _never_crash_on(stream: IO[str]) -> None:
    """A locale that cannot write a title's letters gets question marks in their place."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")


def _encodes(stream: IO[str], text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
