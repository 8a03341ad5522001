"""Times written as text in a form of their own: "%d.%m.%Y %H:%M", with the letters of `strptime`, as a regular expression."""

import re

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# One or two digits where people leave the zero out; names of days are read over.
_PARTS = {
    "Y": r"(?P<year>\d{4})",
    "y": r"(?P<short_year>\d{2})",
    "m": r"(?P<month>0?[1-9]|1[0-2])",
    "b": r"(?P<month_name>[A-Za-z]{3})[a-z]*\.?",
    "d": r"(?P<day>0?[1-9]|[12]\d|3[01])",
    "H": r"(?P<hour>[01]?\d|2[0-3])",
    "I": r"(?P<hour>0?[1-9]|1[0-2])",
    "M": r"(?P<minute>[0-5]\d)",
    "S": r"(?P<second>[0-5]\d|60)",
    "f": r"(?P<fraction>\d{1,6})\d*",
    "p": r"(?P<half>[AaPp])\.?[Mm]\.?",
    "z": r"(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})",
    "a": r"[A-Za-z]{2,}\.?",
    "%": "%",
}
_LETTER = re.compile(r"%(.)")
NEEDED = "%Y (or %y), %m (or %b) and %d"


def expression(form: str) -> str:
    """Returns a form's regular expression: year, month, day, hour, minute, second, fraction, half, zone.

    "%d.%m.%Y" takes 1.2.2026 and 01.02.2026; month and day without a separator have two digits: "%Y%m%d".
    """
    parts, at = [], 0
    for match in _LETTER.finditer(form):
        parts += [
            re.escape(form[at : match.start()]),
            _digits(match[1], form[match.start() - 1 : match.start()], form[match.end() : match.end() + 1]),
        ]
        at = match.end()
    return rf"^\s*{''.join([*parts, re.escape(form[at:])])}\s*$"


def _digits(letter: str, before: str, after: str) -> str:
    """Returns the part of a letter; with all its digits where nothing separates it from the next."""
    part = _PARTS[letter]
    return part if after != "%" and not before.isalpha() else part.replace("0?[1-9]", "0[1-9]").replace("[01]?", "[01]")


def problem_of(form: str) -> str:
    """Returns what a form lacks; "" if it is valid."""
    letters = _LETTER.findall(form)
    unknown = [letter for letter in letters if letter not in _PARTS]
    if unknown:
        return f"letters out of {', '.join('%' + letter for letter in _PARTS if letter != '%')}"
    twice = [letter for letter in letters if letters.count(letter) > 1 and letter != "%"]
    if twice or {"Y", "y"} <= set(letters) or {"m", "b"} <= set(letters) or {"H", "I"} <= set(letters):
        return "each part of the time once"
    if not ({"Y", "y"} & set(letters) and {"m", "b"} & set(letters) and "d" in letters):
        return NEEDED
    return "%I together with %p" if ("p" in letters) != ("I" in letters) else ""
