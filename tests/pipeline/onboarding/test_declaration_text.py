import subprocess
import sys
from pathlib import Path

import pytest

from components.declaration import Catalogue, Launch, Log, Objective, Split
from pipeline import launches
from pipeline.onboarding.declaration_text import launch_file

ROOT = Path(__file__).resolve().parents[3]
SMALL = Launch(
    name="tea",
    log=Log(path="x.csv", user="u", item="i", time="t"),
    split=Split(eval_share=0.1),
    objectives=(Objective("any"),),
)
# Names that a file may have and Python text must not trip over.
ODD = Launch(
    name="tea",
    log=Log(
        path='a "b".csv',
        user="naïve\\user",
        item="it'em",
        time="t",
        time_unit="ms",
        event="e",
        impression="shown",
        value="v" * 60,
        context=tuple(f"a_rather_long_context_{number}" for number in range(9)),
        delimiter="\t",
    ),
    catalogue=Catalogue(path="/elsewhere/items.csv", item="i", categories=("c",), active="on"),
    split=Split(eval_share=0.1),
    objectives=(
        Objective("buy", weight=5.0, event="buy"),
        Objective("like", event="rate", value_at_least=4.0, auc_decides=False),
    ),
)


@pytest.mark.parametrize("launch", [SMALL, ODD], ids=["small", "odd"])
@pytest.mark.parametrize("why", ["", 'a """quoted""" reason\nof two lines \\ and more ' * 5])
def test_what_is_written_is_read_back_and_keeps_the_house_rules(tmp_path, launch, why):
    reasons = dict.fromkeys(
        (
            "log.user",
            "log.context.a_rather_long_context_3",
            "catalogue.categories.c",
            "objectives",
            "objectives.buy",
            "split",
        ),
        why,
    )
    file = tmp_path / "tea.py"
    file.write_text(launch_file(launch, "the first 3 rows of x.csv", reasons, [why] if why else []), encoding="utf-8")

    assert launches.load_file(file) == launch
    for check in (["check"], ["format", "--check"]):
        command = [
            sys.executable,
            "-m",
            "ruff",
            *check,
            "--no-cache",
            "--stdin-filename",
            "pipeline/launches/tea.py",
            "-",
        ]
        answer = subprocess.run(
            command, cwd=ROOT, input=file.read_text(encoding="utf-8"), capture_output=True, text=True
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_reason_stands_above_its_line():
    text = launch_file(SMALL, "x.csv", {"log.user": "the name says user", "objectives.any": "all rows"}, [])
    assert '        # the name says user\n        user="u",\n' in text
    assert '        # all rows\n        Objective("any", weight=1.0),\n' in text


def test_the_unit_of_time_is_always_written_and_other_defaults_are_not():
    text = launch_file(SMALL, "x.csv", {}, [])
    assert 'time_unit="s"' in text
    assert "delimiter" not in text and "context" not in text
