"""The options for the launch of a command and its folders; many commands have them."""

import argparse

from pipeline import launches

_OPTIONS = {
    "launch": ("NAME", f"the launch, see `launches` (default: {launches.DEFAULT})"),
    "log": ("PATH", "the log's file, or the folder that the declaration's relative paths start at"),
    "workspace": ("DIR", "the folder for everything that runs write (default: runs/ in the project)"),
}


def add(parser: argparse.ArgumentParser, *names: str) -> None:
    """Adds some of `--launch`, `--log` and `--workspace` to a command."""
    for name in names:
        metavar, help_text = _OPTIONS[name]
        parser.add_argument(f"--{name}", metavar=metavar, help=help_text)
