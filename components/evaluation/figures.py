"""The figures of the page, drawn by matplotlib as SVG that stands in the page itself: no script, no other file.

Lines and text take the page's own colour, so that a figure suits light and dark. An interval that reaches beyond the
axis ends in an arrow. They are as narrow as a phone, so that nothing is out of sight there. matplotlib is imported
where something is drawn.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.evaluation import triangle_words
from components.terminal_text import printable

# A colour that nothing else has: replaced by the page's own.
INK = "#010203"
MODEL_COLOUR, RULES_COLOUR = "#1b9e77", "#d95f02"
LOWEST, HIGHEST = -1.0, 2.0
LONGEST_LABEL = 40
GAIN_LABEL = "gain of the model over the rules, 95% interval"
WIDTH, ROW = 4.6, 0.42  # inches; of a figure, and of an interval with its name above it
SETTINGS = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw_values(insight: Mapping[str, Any] | None, margin: float) -> str:
    """Returns the metric of model and rules in the windows of the log's time, with 95% intervals and the takeover; "" without."""
    moments = [one for one in (insight or {}).get("moments") or () if one["gain"] is not None]
    if len(moments) < 2 or insight is None:
        return ""

    def paint(axes: Any) -> None:
        for name, colour in (("model", MODEL_COLOUR), ("rules", RULES_COLOUR)):
            _error_bars(axes, [one["days"] for one in moments], [one[name] for one in moments], name, colour)
        takeover = triangle_words.find_takeover(moments, margin)
        if takeover is not None:
            axes.axvline(takeover["days"], color=INK, linestyle=":", linewidth=1)
            axes.text(takeover["days"], axes.get_ylim()[1], " takeover", va="top")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("trained on the days of the log before, asked in the days after")
        axes.set_ylabel(_label(insight["metric"]))
        axes.legend(frameon=False)

    return _draw("values", paint, 3.2)


def draw_history(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the gains of the last runs' models over the rules, with 95% intervals; "" with fewer than two."""
    return _draw_runs("history", rows, ("gain", "low", "high"), GAIN_LABEL)


def draw_readings(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns the gains on users that the last runs read, with their ranges; "" with fewer than two."""
    label = "gain on users of the model over the rules, with its range"
    return _draw_runs("readings", rows, ("users_gain", "users_low", "users_high"), label)


def _draw_runs(name: str, rows: Sequence[Mapping[str, Any]], parts: tuple[str, str, str], label: str) -> str:
    drawable = [row for row in rows if None not in [row.get(part) for part in parts]]
    if len(drawable) < 2:
        return ""

    def paint(axes: Any) -> None:
        names = [_label(f"{row['date'][:16].replace('T', ' ')}: {row['outcome']}") for row in drawable]
        _whiskers(axes, names, *([row[part] for row in drawable] for part in parts))
        axes.set_xlabel(label)

    return _draw(name, paint, 0.9 + ROW * len(drawable))


def draw_gains(gains: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the gains of the model over the rules by slice, with 95% intervals; "" without a known one."""
    drawable = {
        name: tuple(float(gain[part]) for part in ("point", "low", "high"))
        for name, gain in gains.items()
        if all(math.isfinite(float(gain[part])) for part in ("point", "low", "high"))
    }
    if not drawable:
        return ""

    def paint(axes: Any) -> None:
        _whiskers(axes, list(map(_label, drawable)), *zip(*drawable.values(), strict=True))

    return _draw("slices", paint, 0.9 + ROW * len(drawable))


def _error_bars(axes: Any, days: list[float], values: list[Mapping[str, Any]], name: str, colour: str) -> None:
    points = [value["point"] for value in values]
    reach = [[abs(value[end] - value["point"]) for value in values] for end in ("low", "high")]
    axes.errorbar(days, points, reach, marker="o", color=colour, capsize=3, label=name)


def _label(text: str) -> str:
    """Returns a name as matplotlib shows it letter by letter: it reads formulas between dollar signs."""
    short = text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "~"
    return printable(short).replace("$", r"\$")


def _whiskers(
    axes: Any, names: Sequence[str], points: Sequence[float], lows: Sequence[float], highs: Sequence[float]
) -> None:
    """Draws intervals as rows from the top, each below its name, on an axis of per cent cut at `LOWEST` and `HIGHEST`."""
    leftmost = max(min(*lows, 0.0) - 0.05, LOWEST)
    rightmost = min(max(*highs, 0.0) + 0.05, HIGHEST)
    for row, (point, low, high) in enumerate(zip(points, lows, highs, strict=True)):
        colour = MODEL_COLOUR if low > 0 else RULES_COLOUR if high < 0 else INK
        axes.plot([max(low, leftmost), min(high, rightmost)], [row, row], color=colour)
        if leftmost <= point <= rightmost:
            axes.plot(point, row, "o", color=colour)
        if low < leftmost:
            axes.plot(leftmost, row, "<", color=colour, clip_on=False)
        if high > rightmost:
            axes.plot(rightmost, row, ">", color=colour, clip_on=False)
    axes.set_xlim(leftmost, rightmost)
    _name_rows(axes, names)


def _name_rows(axes: Any, names: Sequence[str]) -> None:
    """Writes each row's name above it, and draws what all rows share."""
    from matplotlib import ticker

    for row, name in enumerate(names):
        axes.text(0, row - 0.42, name, transform=axes.get_yaxis_transform(), va="center")
    axes.axvline(0, color=INK, linewidth=0.8, alpha=0.4)
    axes.set_ylim(len(names) - 0.5, -0.8)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(ticker.MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
    axes.set_xlabel(GAIN_LABEL)


def _draw(name: str, paint: Callable[[Any], None], height: float) -> str:
    """Returns a figure as an SVG element."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS | {"svg.hashsalt": name}), warnings.catch_warnings():
        # A letter that matplotlib's own font lacks; the reader's has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        canvas = FigureCanvasSVG(figure)
        paint(figure.subplots())
        file = io.BytesIO()
        canvas.print_svg(file, metadata={"Date": None, "Creator": None})
    return _embed(name, file.getvalue().decode())


def _embed(name: str, text: str) -> str:
    """Returns an SVG file's element for a page: ids of its own, the page's colour, as wide as there is room."""
    element = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    for before in ('id="', "url(#", 'href="#'):
        element = element.replace(before, f"{before}{name}-")
    head, _, body = element.partition(">")
    box = " ".join(re.findall(r'viewBox="[^"]*"', head))
    figure = f'<svg class="figure" role="img" aria-label="{name}" {box}>{body}'.strip()
    return figure.replace("xlink:href", "href").replace(INK, "currentColor")
