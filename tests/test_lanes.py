"""Lanes side by side: every lane is run, and a failure of one is the status of all."""

import lanes


def test_a_lane_that_fails_is_the_status_of_all(capfd):
    assert lanes.run_lanes(["light", "slow"], 2, ["--no-such-option"]) == 4
    printed = capfd.readouterr().out
    assert "=== lane light: status 4" in printed and "=== lane slow: status 4" in printed


def test_a_lane_that_has_none_of_the_chosen_tests_is_no_failure(capfd):
    assert lanes.run_lanes(["slow"], 1, ["tests/test_lanes.py", "--collect-only", "-qq"]) == 0
    assert f"status {lanes.NOTHING_COLLECTED}" in capfd.readouterr().out
