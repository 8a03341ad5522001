"""Beam's portable runner as the profiles `flink` and `spark` use it: it ends the job with the step, and reports where a failure is logged.

Beam's own leaves the job running when the process that waits for it is ended, by SIGTERM in a pod or by Ctrl-C on a
laptop, and reports a lack of slots as a bare `TimeoutException`, after 300 s.
"""

import contextlib
import logging
import re
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import grpc
from apache_beam.options.pipeline_options import FlinkRunnerOptions, GoogleCloudOptions
from apache_beam.runners import runner
from apache_beam.runners.portability.portable_runner import PortableRunner

from components.errors import DayoneError
from pipeline import flink_jobs

ENDING = (signal.SIGTERM, signal.SIGINT)
# Until the engine says that the job has ended: its tasks write until then. Ctrl-C is followed by SIGTERM after 10 s.
END_SECONDS = 8.0
# How Beam begins the engine's own message.
_PREFIX = re.compile(r"^Pipeline \S+ failed in state FAILED: ")
_HINTS = {
    ("TimeoutException", "NoResourceAvailable", "required resources"): (
        "It had too few free slots: --parallelism of the Beam profile needs as many as the task managers have together."
    ),
    ("no longer reachable", "TaskManager with id", "RemoteTransportException"): (
        "A task manager was lost: its memory ran out, or its machine went away. `kubectl describe pod` tells which."
    ),
    ("job server no longer answers",): (
        "Its memory ran out, or its machine went away: `kubectl describe pod` of beam-job-server tells which."
    ),
}
# What `--flink_master` says when it names no cluster.
_NO_ADDRESS = (None, "", "[auto]", "[local]", "[collection]")
_CAUSE = "The cause stands in the log of flink-job-manager, or of beam-job-server for Spark; the next attempt begins the step anew."
_LOGGER = logging.getLogger(__name__)


class BeamJobError(DayoneError):
    """A job of Flink or Spark failed."""

    def __init__(self, reason: str):
        """Builds the message from what the engine said last."""
        hints = [hint for words, hint in _HINTS.items() if any(word in reason for word in words)]
        told = _PREFIX.sub("", reason.strip()).rstrip(".")
        super().__init__(" ".join((f"the Beam job failed: {told}.", *hints[:1], _CAUSE)))


class CancellingRunner(PortableRunner):
    """Beam's portable runner, whose jobs end with the process that waits for them."""

    def run_portable_pipeline(self, pipeline: Any, options: Any) -> "Job":
        """Starts the job; on Flink (`--flink_master`) it gets a name of its own, by which Flink can be asked to cancel it."""
        named = options.view_as(GoogleCloudOptions)
        named.job_name = named.job_name or f"dayone-{uuid.uuid4().hex[:12]}"
        master, name = options.view_as(FlinkRunnerOptions).flink_master, named.job_name
        result = super().run_portable_pipeline(pipeline, options)
        return Job(result, None if master in _NO_ADDRESS else lambda: flink_jobs.cancel(master, name, END_SECONDS))


class Job(runner.PipelineResult):
    """A job that was started."""

    def __init__(self, result: Any, cancel_on_engine: Callable[[], bool] | None = None):
        """Takes Beam's own result, and how the engine itself is asked to cancel the job: Beam's job server does not pass that on to Flink."""
        super().__init__(runner.PipelineState.UNKNOWN)
        self._result, self._cancel_on_engine = result, cancel_on_engine

    @property
    def state(self) -> Any:
        """The state of the job, as Beam names it."""
        return self._result.state

    def metrics(self) -> Any:
        """Returns the job's metrics."""
        return self._result.metrics()

    def cancel(self) -> None:
        """Ends the job, on the engine first: Beam's job server may be gone."""
        try:
            if self._cancel_on_engine and not self._cancel_on_engine():
                _LOGGER.warning("the job has not ended on the engine yet")
        finally:
            self._result.cancel()

    def _end_alone(self) -> None:
        """Ends the job without Beam's job server, which is gone: the engine would go on with it."""
        if self._cancel_on_engine:
            with contextlib.suppress(OSError):  # The engine may be gone, too.
                self._cancel_on_engine()

    def wait_until_finish(self, duration: int | None = None) -> Any:
        """Waits for the end of the job, at most `duration` milliseconds; SIGTERM and SIGINT end the job and then this process.

        Raises:
          BeamJobError: if the job fails, or Beam's job server is gone.
          SystemExit: if a signal has ended the job; the status is 128 and the signal's number.
        """
        with _end_on_signals(self):
            try:
                return self._result.wait_until_finish(duration)
            except RuntimeError as error:
                raise BeamJobError(str(error)) from error
            except grpc.RpcError as error:
                self._end_alone()
                raise BeamJobError("Beam's job server no longer answers") from error


@contextlib.contextmanager
def _end_on_signals(job: Job) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Python hands signals to the main thread only.
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        _LOGGER.warning("%s: ending the Beam job", signal.Signals(number).name)
        # The next signal meets nothing that could wait.
        for other in ENDING:
            signal.signal(other, signal.SIG_DFL)
        _cancel_in_time(job)
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cancel_in_time(job: Job) -> None:
    """Cancels a job in another thread, and waits for that thread a while: a server that is gone must not hold this process."""
    thread = threading.Thread(target=job.cancel, name="cancel-job", daemon=True)
    thread.start()
    thread.join(END_SECONDS + 1)
