"""The options that many commands share."""

import argparse

import pytest

from pipeline import launches
from pipeline.cli import launch_options


@pytest.mark.parametrize(
    "names", [("launch",), ("launch", "log"), ("launch", "workspace"), ("launch", "log", "workspace")]
)
def test_a_command_has_the_options_that_it_asks_for_and_no_other(names):
    parser = argparse.ArgumentParser()
    launch_options.add(parser, *names)
    assert vars(parser.parse_args([])) == dict.fromkeys(names)
    arguments = [part for name in names for part in (f"--{name}", f"a {name}")]
    assert vars(parser.parse_args(arguments)) == {name: f"a {name}" for name in names}
    assert f"(default: {launches.DEFAULT})" in parser.format_help()
