"""`feast` as a person meets it; `test_feast_online.py` fills a store for real."""

import sys

import pytest

from pipeline.cli import main


def test_where_feast_is_missing_the_extra_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "feast", None)

    assert main.main(["feast", "--launch", "shop", "--workspace", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert (
        "needs the library feast" in message
        and "pip install '.[feast]'" in message
        and "Feast needs Python 3.11 or newer." in message
    )


def test_help_says_what_comes_next(capsys):
    with pytest.raises(SystemExit):
        main.main(["feast", "--help"])
    assert "python -m pipeline serve --history feast" in " ".join(capsys.readouterr().out.split())
