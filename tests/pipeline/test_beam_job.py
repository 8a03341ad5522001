"""The runner of the profiles `flink` and `spark`, with a result that stands for a job of the engine."""

import http.server
import json
import os
import signal
import threading
import time

import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners import create_runner
from apache_beam.runners.portability.portable_runner import PortableRunner

from pipeline import beam_job, beam_profiles, flink_jobs

pytestmark = pytest.mark.tensorflow


class Result:
    """A job that runs until it is cancelled, or fails with a text."""

    def __init__(self, failure=""):
        self.failure, self.cancelled, self.state = failure, False, "RUNNING"

    def cancel(self):
        self.cancelled, self.state = True, "CANCELLED"

    def wait_until_finish(self, duration=None):
        if self.failure:
            raise RuntimeError(self.failure)
        if duration is None:
            time.sleep(30)
        return "DONE"


def raise_error(error):
    raise error


def flink_is_gone():
    raise ConnectionRefusedError


@pytest.mark.parametrize("name", ["flink", "spark"])
def test_the_profiles_runner_is_the_one_that_beam_finds_by_its_path(name):
    options = PipelineOptions(list(beam_profiles.load()[name].args)).get_all_options()
    assert type(create_runner(options["runner"])) is beam_job.CancellingRunner


def test_the_runner_starts_the_job_as_beams_own_does_and_names_it(monkeypatch):
    result, options = Result(), PipelineOptions(["--flink_master=localhost:1"])
    monkeypatch.setattr(PortableRunner, "run_portable_pipeline", lambda *_: result)
    job = beam_job.CancellingRunner().run_portable_pipeline("pipeline", options)
    assert job.wait_until_finish(1) == "DONE" and job.state == "RUNNING"
    assert options.get_all_options()["job_name"].startswith("dayone-")


JOBS = {"a": {"name": "mine", "state": "RUNNING"}, "b": {"name": "another", "state": "RUNNING"}}


class Flink(http.server.BaseHTTPRequestHandler):
    """Flink's REST API with two jobs that go on until they are cancelled."""

    def do_GET(self):
        self.answer({"jobs": [{"jid": jid, **job} for jid, job in JOBS.items()]})

    def do_PATCH(self):
        jid, _, mode = self.path.removeprefix("/jobs/").partition("?")
        assert mode == "mode=cancel"
        JOBS[jid]["state"] = "CANCELED"
        self.answer({})

    def answer(self, content):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_):
        pass


def test_flink_is_asked_to_cancel_the_job_of_that_name_and_no_other():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Flink) as flink:
        threading.Thread(target=flink.serve_forever, daemon=True).start()
        assert flink_jobs.cancel(f"127.0.0.1:{flink.server_address[1]}", "mine", 5)
        assert not flink_jobs.cancel(f"127.0.0.1:{flink.server_address[1]}", "none", 0.3)
        flink.shutdown()
    assert {jid: job["state"] for jid, job in JOBS.items()} == {"a": "CANCELED", "b": "RUNNING"}


@pytest.fixture
def default_handlers():
    """Handlers as the local runner has them: SIGINT ends it at once."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in beam_job.ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", beam_job.ENDING)
def test_a_step_that_is_ended_ends_its_job(number, default_handlers):
    result, asked = Result(), []
    threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
    with pytest.raises(SystemExit) as ended:
        beam_job.Job(result, lambda: asked.append(number) or True).wait_until_finish()
    assert asked == [number] and result.cancelled and ended.value.code == 128 + number
    assert [signal.getsignal(each) for each in beam_job.ENDING] == [signal.SIG_DFL] * 2


def test_a_job_server_that_hangs_does_not_hold_the_step(default_handlers, monkeypatch):
    result = Result()
    monkeypatch.setattr(beam_job, "END_SECONDS", -0.8)
    monkeypatch.setattr(result, "cancel", lambda: time.sleep(30))
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()
    with pytest.raises(SystemExit):
        beam_job.Job(result).wait_until_finish()
    assert time.monotonic() - began < 5


def test_a_job_in_another_thread_is_waited_for_as_well():
    answers = []
    thread = threading.Thread(target=lambda: answers.append(beam_job.Job(Result()).wait_until_finish(1)))
    thread.start()
    thread.join()
    assert answers == ["DONE"]


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("java.util.concurrent.TimeoutException", "It had too few free slots: --parallelism"),
        ("JobMasterException: TaskManager with id 10.0.0.1:44453 is no longer reachable.", "A task manager was lost"),
        ("KeyError: 'a'", "The cause stands in the log of flink-job-manager"),
    ],
)
def test_a_failure_says_what_the_engine_said_and_where_its_cause_stands(reason, hint):
    with pytest.raises(beam_job.BeamJobError) as failed:
        beam_job.Job(Result(f"Pipeline BeamApp-1_2 failed in state FAILED: {reason}")).wait_until_finish()
    said = str(failed.value)
    assert said.startswith(f"the Beam job failed: {reason.rstrip('.')}. {hint}") and "flink-job-manager" in said


@pytest.mark.parametrize("engine", [None, lambda: True, lambda: False, flink_is_gone])
def test_without_beams_job_server_the_job_is_ended_on_the_engine_and_the_step_fails(engine):
    result, asked = Result(), []
    result.wait_until_finish = lambda _duration: raise_error(grpc.RpcError("UNAVAILABLE"))
    job = beam_job.Job(result, engine and (lambda: asked.append(1) or engine()))
    with pytest.raises(beam_job.BeamJobError, match=r"job server no longer answers.*beam-job-server"):
        job.wait_until_finish()
    assert asked == [1] * bool(engine) and not result.cancelled
