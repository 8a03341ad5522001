"""The process that runs the pipeline: `python -m pipeline.local.runner`, started by `pipeline/local/run.py`.

It reads one line of JSON (`run_request.Request`) from its standard input, runs the graph with TFX's Beam runner, and
reports through the pipe that the request names (`step_events`). All it prints, and all that TFX, Beam and TensorFlow
print, belongs in the run's log. TFX is imported here and not in the process that draws the screen: the import takes
about 10 seconds, and TensorFlow writes from C++.
"""

import contextlib
import gc
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator

from pipeline.beam_engine import ENGINE
from pipeline.local import failures, step_events
from pipeline.local.run_request import Request

_LOGGER = logging.getLogger(__name__)


def main() -> int:
    """Runs one request; the exit status is 0 or 1."""
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        request = Request.from_json(stdin.readline().decode())
    # Beam's executors parse sys.argv with absl, and Python executors get it as flags.
    sys.argv = sys.argv[:1]
    # Dying at once is safe (the metadata is transactional, artifacts count when they are published), and Python's own
    # handler would wait for Beam.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    step_events.send_to(request.events)
    try:
        run(request)
    except Exception as error:
        # A step's own failure was reported when it happened; the receiver keeps the first.
        _LOGGER.exception("the run failed")
        step_events.emit("failure", **failures.explain(error, ""))
        return 1
    return 0


@contextlib.contextmanager
def without_collections() -> Iterator[None]:
    """Imports without garbage collections, which also skip later what was imported.

    TFX and TensorFlow import into hundreds of thousands of objects that live as long as the process. Searching them for
    garbage, again and again, took a quarter of the time of their import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def run(request: Request) -> None:
    """Compiles the graph and runs it, or a part of it."""
    module, function = request.graph.rsplit(".", 1)
    with without_collections():
        create_pipeline = getattr(importlib.import_module(module), function)
        from apache_beam.options.pipeline_options import StandardOptions

        from pipeline.local import partial_run, step_reporter

    StandardOptions.DEFAULT_RUNNER = ENGINE
    settings = request.settings
    for folder in (settings.pipeline_root, settings.serving):
        folder.mkdir(parents=True, exist_ok=True)
    pipeline = create_pipeline(request.launch, settings, settings.champion())
    graph, options = partial_run.prepare(pipeline, request.first, request.last)
    step_events.emit("plan", steps=partial_run.plan_steps(graph, options), cpu=round(step_reporter.cpu_seconds(), 3))
    step_reporter.ReportingRunner().run_with_ir(graph, run_options=options)
    step_events.emit("finish")


def _end_with_parent() -> None:
    """Waits for the end of the standard input, which comes when the parent dies, and ends this process: no run without a screen."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
