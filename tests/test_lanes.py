"""Pieces of lanes side by side: each is run, each test is in one of them, and a failure of one is the status of all."""

import collections
import re
import subprocess
import sys

import lanes
import pytest


def test_a_piece_that_fails_is_the_status_of_all(capfd):
    pieces = [lanes.Piece("light"), lanes.Piece("slow", 2, 4)]
    assert lanes.run_pieces(pieces, 2, ["--no-such-option"]) == 4
    printed = capfd.readouterr().out
    assert "=== lane light: status 4" in printed and "=== lane slow 2/4: status 4" in printed


def test_a_piece_that_has_none_of_the_chosen_tests_is_no_failure(capfd):
    assert lanes.run_pieces([lanes.Piece("slow")], 1, ["tests/test_lanes.py", "--collect-only", "-qq"]) == 0
    assert f"status {lanes.NOTHING_COLLECTED}" in capfd.readouterr().out


def test_a_lane_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        lanes.main(["--lanes", "light,fast"])
    assert "fast" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        ("..\n==== 1 failed, 59 passed, 1 skipped, 4143 deselected in 2782.49s (0:46:22) =====\n", (1, 59, 1, 4143)),
        ("7 passed in 0.12s\n", (0, 7, 0, 0)),
        ("in the text: 3 passed in 1s\n2 passed, 1 failed in 1.5s\n", (1, 2, 0, 0)),
        ("ERROR: usage\n", (0, 0, 0, 0)),
    ],
)
def test_counts_are_those_of_the_closing_line(output, counts):
    counted = lanes.read_counts(output)
    assert tuple(counted[word] for word in ("failed", "passed", "skipped", "deselected")) == counts


def collect(*options):
    command = [sys.executable, "-m", "pytest", "--lane", "light", "--collect-only", "-q", *options]
    answer = subprocess.run(
        [*command, "tests/kubeflow", "tests/test_menu.py"], cwd=lanes.ROOT, capture_output=True, text=True
    )
    return re.findall(r"^tests/\S+::.*$", answer.stdout, re.MULTILINE)


def test_each_test_is_in_one_piece_and_files_are_not_cut():
    pieces = [collect("--piece", f"{number}/2") for number in (1, 2)]
    assert sorted(pieces[0] + pieces[1]) == sorted(collect())
    files = [{name.split("::")[0] for name in piece} for piece in pieces]
    assert all(files) and not files[0] & files[1]


def test_the_last_line_sums_the_closing_lines_up(capfd, monkeypatch):
    counts = iter([collections.Counter(passed=3, deselected=9), collections.Counter(passed=4, failed=1)])
    monkeypatch.setattr(lanes, "run_piece", lambda piece, options: (0, next(counts)))
    assert lanes.run_pieces([lanes.Piece("light"), lanes.Piece("slow")], 1, []) == 0
    assert re.fullmatch(r"==== 1 failed, 7 passed in \d+\.\d\ds ====", capfd.readouterr().out.splitlines()[-1])
