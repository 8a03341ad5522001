"""The parser of the command line: argparse's, with a hint for mistyped words."""

import argparse
import difflib
import re
import textwrap
from collections.abc import Mapping
from typing import NoReturn

COLUMNS = 80
# What a module adds its command to.
Commands = argparse._SubParsersAction

_CHOICE = re.compile(r"invalid choice: '(?P<got>.*)' \(choose from (?P<choices>.*)\)$")


class Parser(argparse.ArgumentParser):
    """Parses a command line; a word that is close to an allowed one gets "Did you mean ...?"."""

    def error(self, message: str) -> NoReturn:
        """Prints usage, message and hint, and exits with status 2."""
        super().error(message + suggestion(message))


def suggestion(message: str) -> str:
    """Returns " Did you mean 'run'?" for argparse's message about a wrong choice; "" where nothing is close."""
    wrong = _CHOICE.search(message)
    if wrong is None:
        return ""
    choices = [choice.strip(" '") for choice in wrong["choices"].split(",")]
    near = difflib.get_close_matches(wrong["got"], choices, n=1)
    return f". Did you mean {near[0]!r}?" if near else ""


def entries(head: str, texts: Mapping[str, str]) -> str:
    """Returns a heading and one indented entry per name, wrapped to 80 columns, for the end of a help text."""
    width = max(map(len, texts))
    after = " " * (width + 4)
    lines = [
        textwrap.fill(text, COLUMNS - 1, initial_indent=f"  {name:<{width}}  ", subsequent_indent=after)
        for name, text in texts.items()
    ]
    return "\n".join([head, *lines])
