"""The hint for mistyped words, and lists of a help text."""

import pytest

from pipeline.cli.parser import COLUMNS, Parser, entries


@pytest.mark.parametrize(("typed", "hint"), [("rnu", "Did you mean 'run'?"), ("xyz", ""), ("", "")])
def test_a_wrong_choice_gets_the_nearest_one_as_a_hint(typed, hint, capsys):
    parser = Parser(prog="p")
    commands = parser.add_subparsers(metavar="COMMAND")
    for name in ("run", "serve"):
        commands.add_parser(name)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([typed])
    error = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == 2
    assert error.endswith(hint or ")")


def test_an_option_that_is_unknown_gets_no_hint(capsys):
    with pytest.raises(SystemExit):
        Parser(prog="p").parse_args(["--form"])
    assert "Did you mean" not in capsys.readouterr().err


def test_entries_are_aligned_and_wrapped():
    lines = entries("heads:", {"a": "one", "long": "word " * 40}).splitlines()
    assert lines[:3] == ["heads:", "  a     one", "  long  " + " ".join(["word"] * 14)]
    assert max(map(len, lines)) < COLUMNS
    assert lines[3].startswith(" " * 8 + "word")
