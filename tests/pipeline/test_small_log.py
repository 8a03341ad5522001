"""A log that is too small to show anything: the whole pipeline, and the rules serve."""

import pytest
from whole_runs import card, generate, run, summary, versions

pytestmark = pytest.mark.slow


def test_of_500_events_nothing_can_be_told_and_the_rules_are_pushed(tmp_path):
    status, printed, _ = run(tmp_path, log=generate(tmp_path / "log", 500))
    assert status == 0, printed
    told = summary(tmp_path)
    gain = told["gains"]["model_over_rules"]
    assert told["verdict"]["outcome"] == "rules"
    assert float(gain["low"]) <= 0 <= float(gain["high"])
    assert told["verdict"]["reasons"][0].startswith("Too few events to judge: ")
    assert card(tmp_path, versions(tmp_path)[0])["kind"] == "rules"
