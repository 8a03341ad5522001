"""`versions` and `rollback` as a person meets them."""

import json

import pytest
from small_version import model

from components.registry import card_file, versions
from pipeline.cli import main


@pytest.fixture
def serving(tmp_path):
    folder = tmp_path / "shop" / "serving" / "shop"
    for number, kind in (("100", "rules"), ("200", "model")):
        written = model(folder, number)
        (written / "assets.extra").mkdir()
        (written / card_file.CARD).write_text(
            json.dumps({"kind": kind, "metrics": {"recall@10": 0.25}, "pushed_at": "2026-01-02T03:04:05+00:00"})
        )
    return folder


def said(capsys, *arguments):
    status = main.main([arguments[0], "--launch", "shop", *arguments[1:]])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_versions_are_listed_with_what_they_are(serving, tmp_path, capsys):
    status, out, _ = said(capsys, "versions", "--workspace", str(tmp_path))
    assert status == 0
    assert out.splitlines() == [
        f"{serving}:",
        "  100          kept       rules  2026-01-02T03:04:05+00:00  recall@10 0.250",
        "  200          served     model  2026-01-02T03:04:05+00:00  recall@10 0.250",
    ]


def test_no_version_yet(tmp_path, capsys):
    assert said(capsys, "versions", "--workspace", str(tmp_path))[1].endswith("no version yet\n")


def test_rollback_there_and_back(serving, tmp_path, capsys):
    assert (
        said(capsys, "rollback", "--workspace", str(tmp_path))[1] == f"withdrawn: 200; served: 100  {serving / '100'}\n"
    )
    assert "200          withdrawn" in said(capsys, "versions", "--workspace", str(tmp_path))[1]
    assert (
        said(capsys, "rollback", "--to", "200", "--workspace", str(tmp_path))[1]
        == f"withdrawn: none; served: 200  {serving / '200'}\n"
    )


def test_a_refused_version_is_named_and_a_rollback_from_it_says_that_nothing_changes(serving, tmp_path, capsys):
    versions.note_refusal(versions.find_all(serving)[-1], "its scores are no numbers")
    assert said(capsys, "versions", "--workspace", str(tmp_path))[1].splitlines()[-1].split() == (
        [
            "refused",
            "by",
            "a",
            "server,",
            "the",
            "version",
            "before",
            "it",
            "answers:",
            "its",
            "scores",
            "are",
            "no",
            "numbers",
        ]
    )
    out = said(capsys, "rollback", "--to", "100", "--workspace", str(tmp_path))[1]
    assert out.splitlines()[1] == "nothing changes for users: a server refused 200, so 100 answers already"


def test_a_rollback_that_cannot_be_is_one_message(tmp_path, capsys):
    status, _, err = said(capsys, "rollback", "--workspace", str(tmp_path))
    assert status == 1
    assert err.startswith("error: rollback needs an older version in ")


@pytest.mark.parametrize("content", ["{", "[]"])
def test_an_unreadable_card_says_nothing(tmp_path, content):
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / card_file.CARD).write_text(content)
    assert card_file.read(tmp_path) == {}
    assert card_file.read(tmp_path / "nowhere") == {}
