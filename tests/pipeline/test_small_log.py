"""A log too small for a significant gain: the pipeline runs, and pushes the rules."""

import pytest
from whole_runs import card, generate, run, summary, versions

pytestmark = pytest.mark.slow


def test_with_500_events_the_rules_are_pushed(tmp_path):
    status, printed, _ = run(tmp_path, log=generate(tmp_path / "log", 500))
    assert status == 0, printed
    evaluation = summary(tmp_path)
    gain = evaluation["gains"]["model_over_rules"]
    assert evaluation["verdict"]["outcome"] == "rules"
    assert float(gain["low"]) <= 0 <= float(gain["high"])
    assert evaluation["verdict"]["reasons"][0].startswith("Too few events to judge: ")
    assert card(tmp_path, versions(tmp_path)[0])["kind"] == "rules"
