"""The steps report how they ended, on the small pipeline and in this process."""

import logging

import pytest
from apache_beam.options.pipeline_options import StandardOptions
from small_pipeline import create_pipeline
from small_run import small_request
from tfx.orchestration.portable import inputs_utils
from tfx.orchestration.portable.input_resolution import exceptions

from components.errors import PartialRunError
from pipeline.local import partial_run, runner, step_reporter

pytestmark = pytest.mark.slow


class Listener(logging.Handler):
    """Keeps the events of the steps."""

    def __init__(self):
        super().__init__()
        self.events = []

    def emit(self, record):
        self.events += [record.step_event] if hasattr(record, "step_event") else []

    def of(self, kind, *fields):
        return [tuple(event[field] for field in fields) for event in self.events if event["event"] == kind]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs the small pipeline in a mood and gives its events; the folder is the test's."""
    monkeypatch.setattr(StandardOptions, "DEFAULT_RUNNER", runner.ENGINE)
    logger = logging.getLogger("dayone")
    monkeypatch.setattr(logger, "level", logging.INFO)

    def start(mood, first=None, last=None, **options):
        request = small_request(tmp_path, mood, **options)
        for folder in (request.settings.pipeline_root, request.settings.home):
            folder.mkdir(parents=True, exist_ok=True)
        graph, part = partial_run.prepare(create_pipeline(request.launch, request.settings, ""), first, last)
        listener = Listener()
        logger.addHandler(listener)
        try:
            step_reporter.ReportingRunner().run_with_ir(graph, run_options=part)
        except Exception:  # what a step raised, as Beam hands it on
            if not listener.of("failure", "step"):
                raise
        finally:
            logger.removeHandler(listener)
        return listener

    return start


def states(listener):
    return listener.of("end", "step", "state")


def test_a_step_is_done_once_and_then_served_from_the_cache(run):
    first, second, third = run("fine"), run("fine"), run("fine", cache=False)
    assert states(first) == [("Numbers", "done"), ("Sum", "done"), ("Verdict", "done")]
    assert states(second) == [("Numbers", "cached"), ("Sum", "cached"), ("Verdict", "cached")]
    assert states(third) == states(first)


def test_a_step_that_ends_its_process_has_failed(run):
    listener = run("exits")
    assert states(listener)[-1] == ("Sum", "failed")
    ((step, message),) = listener.of("failure", "step", "message")
    assert step == "Sum" and "no licence" in message


def test_figure_and_summary_are_told_for_cached_steps_too(run):
    first, second = run("fine"), run("fine")
    assert first.of("end", "figure") == [("2 rows by FnApiRunner",), ("sum 6",), ("",)]
    assert second.of("end", "figure", "summary") == first.of("end", "figure", "summary")
    assert [bool(summary) for (summary,) in first.of("end", "summary")] == [False, False, True]


def test_wall_and_cpu_seconds_are_told(run):
    (numbers, total, _) = run("fine").of("end", "wall", "cpu")
    assert 1 <= total[0] < 60  # it sleeps four times a quarter of a second
    assert all(0 < cpu < wall + 60 for wall, cpu in (numbers, total))


def test_an_error_of_ours_ends_the_run_with_its_message(run):
    listener = run("expected")
    assert states(listener) == [("Numbers", "done"), ("Sum", "failed")]
    message = "column price: 3 values are missing.\ncolumn color: is new."
    assert listener.of("failure", "step", "expected", "message") == [("Sum", True, message)]


def test_an_error_of_ours_inside_beam_is_recognised(run):
    listener = run("beam")
    assert states(listener) == [("Numbers", "failed")]
    ((step, expected, message),) = listener.of("failure", "step", "expected", "message")
    assert (step, expected) == ("Numbers", True)
    assert message in ("events.csv row 2: x is no number. Mend it.", "events.csv row 2: y is no number. Mend it.")


def test_a_bug_is_named_and_is_not_served_from_the_cache(run):
    assert run("bug").of("failure", "step", "expected", "message") == [
        ("Sum", False, "step Sum failed: ValueError: really wrong")
    ]
    assert states(run("fine")) == [("Numbers", "cached"), ("Sum", "done"), ("Verdict", "done")]


def test_inputs_that_cannot_be_resolved_count_as_a_failure(run, monkeypatch):
    # TFX's launcher publishes a failed execution and returns; nothing is raised.
    def unresolved(*arguments, **named):
        raise exceptions.FailedPreconditionError("no inputs here")

    monkeypatch.setattr(inputs_utils, "resolve_input_artifacts", unresolved)
    listener = run("fine")
    assert states(listener) == [("Numbers", "failed")]
    ((message,),) = listener.of("failure", "message")
    assert "StepFailedError" in message


def test_a_part_runs_on_the_results_of_the_newest_run_that_has_them(run):
    run("fine")
    run("bug")  # the newest run lacks Sum
    assert states(run("fine", "Verdict")) == [("Verdict", "cached")]
    assert states(run("fine", None, "Numbers")) == [("Numbers", "cached")]
    assert states(run("fine", "Sum", "Sum", cache=False)) == [("Sum", "done")]


def test_a_part_may_leave_out_a_branch_that_never_ran(run):
    assert states(run("aside", None, "Numbers")) == [("Numbers", "done")]
    assert states(run("aside", None, "Numbers")) == [("Numbers", "cached")]
    assert states(run("aside", "Sum", "Sum")) == [("Sum", "done")]
    assert sorted(states(run("aside"))) == [
        ("Aside", "done"),
        ("Numbers", "cached"),
        ("Sum", "cached"),
        ("Verdict", "done"),
    ]


def test_a_part_that_lacks_results_is_refused_before_anything_starts(run):
    run("bug")
    with pytest.raises(
        PartialRunError,
        match="--from Verdict needs the results of Numbers, Sum, and no earlier run in this workspace has them all",
    ):
        run("fine", "Verdict")


def test_cpu_seconds_count_up():
    before = step_reporter.cpu_seconds()
    sum(range(2_000_000))
    assert before < step_reporter.cpu_seconds() < before + 60
