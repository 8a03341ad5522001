import argparse

import pytest
from commands import one_message, pipeline

from pipeline.cli import kubeflow
from pipeline.kubeflow import errors
from pipeline.settings import SERVER_VARIABLES


@pytest.mark.parametrize("command", ["submit", "schedule", "status", "cancel"])
def test_help_names_every_variable_and_exit_status(command):
    answer = pipeline(command, "--help")
    assert answer.returncode == 0
    assert all(name in answer.stdout for name in SERVER_VARIABLES)
    assert all(f"\n  {status} " in answer.stdout for status in errors.EXITS)


@pytest.mark.parametrize(
    "arguments",
    [("schedule", "daily"), ("schedule",), ("cancel",), ("cancel", "run", "--schedule", "x"), ("submit", "--set")],
)
def test_wrong_usage_exits_with_2(arguments):
    one_message(pipeline(*arguments), status=2)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("0 4 * * *", "0 0 4 * * *"),
        ("*/5 * * * *", "0 */5 * * * *"),
        ("30 0 4 * * 1-5", "30 0 4 * * 1-5"),
        ("0 4 ? * MON,THU", "0 0 4 ? * MON,THU"),
    ],
)
def test_a_schedule_of_five_fields_gets_its_seconds(given, sent):
    assert kubeflow.six_fields(given) == sent


@pytest.mark.parametrize("wrong", ["", "0 4 * *", "0 0 0 4 * * *", "at four", "@daily", "0 4 * * monday!"])
def test_another_schedule_is_refused(wrong):
    with pytest.raises(argparse.ArgumentTypeError, match="needs five fields"):
        kubeflow.six_fields(wrong)
