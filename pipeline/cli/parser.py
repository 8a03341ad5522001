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


class Help(argparse.RawDescriptionHelpFormatter):
    """Wraps the description to 80 columns and leaves the rest of a help text, such as examples, as it is."""

    def __init__(self, prog: str):
        """Prepares the formatter; help is as wide on every terminal, so that docs can quote it."""
        super().__init__(prog, width=COLUMNS - 1)

    def add_text(self, text: str | None) -> None:
        """Adds a description or an epilog; only what has one line is wrapped."""
        single = text is not None and "\n" not in text
        super().add_text(textwrap.fill(text, COLUMNS - 1) if text is not None and single else text)


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
