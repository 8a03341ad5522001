"""The chart of a rehearsal: the true value of each future by day, and the days on which the experiment decided."""

import typing
from collections.abc import Sequence
from pathlib import Path

if typing.TYPE_CHECKING:
    from rehearsal import Future

COLOURS = {"never": "#d95f02", "at once": "#7570b3", "by the ramp": "#1b9e77"}
GREY = "#8a94a3"
NAMED = ("ramp", "harm", "won", "ended", "void")


def draw(futures: "Sequence[Future]", file: Path) -> None:
    """Writes the chart; the ending of the file's name says in which form (.svg, .png).

    Args:
      futures: of the same days; the decisions are those of the last one.
      file: the file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 4.0), layout="constrained")
    axes = figure.subplots()
    days = [day.day + 1 for day in futures[0].days]
    axes.plot(days, [day.best for day in futures[0].days], color=GREY, linestyle="--", label="the best possible")
    for future in futures:
        label = f"{future.name}: {future.clicks:,} clicks"
        axes.plot(days, [day.true for day in future.days], color=COLOURS[future.name], label=label)
    for day in futures[-1].days:
        if day.verdict in NAMED:
            axes.axvline(day.day + 1, color=GREY, linewidth=0.8, linestyle=":")
            axes.text(day.day + 1, axes.get_ylim()[1], f" {day.verdict}", va="top", color=GREY)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("day of the launch")
    axes.set_ylabel("expected clicks per request")
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    figure.savefig(file)
