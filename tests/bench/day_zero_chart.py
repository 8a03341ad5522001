"""The chart of a launch's first days: clicks per request by day, as text or as SVG."""

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 760, 300, 48, 28, 40, 170
SERIES = (
    ("best", "the best possible", "#8a94a3"),
    ("shown", "what was served", "#2457c5"),
    ("first_rule", "the first day's rule for ever", "#b3401d"),
)
BAR = 46


def bars(rows):
    """A bar per day as text: what was served `#`, the rest up to the best possible `.`."""
    most = max(row["best"] for row in rows)
    lines = ["Expected clicks per request: # served, . up to the best possible, | the first day's rule"]
    for row in rows:
        served, best, first = (round(BAR * row[name] / most) for name in ("shown", "best", "first_rule"))
        drawn = list("#" * served + "." * (best - served))
        drawn[min(first, len(drawn) - 1)] = "|"
        lines.append(f"day {row['day']:>3}  {''.join(drawn):<{BAR}}  {row['server']}")
    return "\n".join(lines)


def svg(rows):
    """A line per series over the days, the days of the model on a tinted ground."""
    most = max(row["best"] for row in rows) * 1.1
    step = (WIDTH - LEFT - RIGHT) / max(len(rows) - 1, 1)

    def x(place):
        return LEFT + step * place

    def y(value):
        return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)

    parts = [_ground(rows, x), *_axes(rows, most, x, y)]
    for name, label, colour in SERIES:
        points = " ".join(f"{x(place):.1f},{y(row[name]):.1f}" for place, row in enumerate(rows))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2.5" points="{points}"/>')
        parts.append(_text(WIDTH - RIGHT + 10, y(rows[-1][name]) + 4, label, colour=colour))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *parts, "</svg>", ""])


def _ground(rows, x):
    takeover = next((place for place, row in enumerate(rows) if row["server"] == "the model"), None)
    if takeover is None:
        return ""
    area = f'<rect x="{x(takeover):.1f}" y="{TOP}" width="{x(len(rows) - 1) - x(takeover):.1f}" height="{HEIGHT - TOP - BOTTOM}" fill="#e9effc"/>'
    return area + _text(
        x(takeover) + 4, TOP - 8, f"day {rows[takeover]['day']}: the model takes over", colour="#2457c5"
    )


def _axes(rows, most, x, y):
    ticks = [value / 2 for value in range(int(most * 2) + 1)]
    lines = [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#dfe3e9"/>'
        for value in ticks
    ]
    values = [_text(LEFT - 8, y(value) + 4, f"{value:g}", "end") for value in ticks]
    days = [_text(x(place), HEIGHT - BOTTOM + 18, row["day"], "middle") for place, row in enumerate(rows)]
    title = _text(LEFT, HEIGHT - 6, "day of the launch; expected clicks per request (8 items)")
    return [*lines, *values, *days, title]


def _text(left, top, text, anchor="start", colour="#66707f"):
    return f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
