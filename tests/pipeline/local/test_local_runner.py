import dataclasses

import pytest
from small_run import small_request

from pipeline.local import child_process
from pipeline.local import runner as local_runner

pytestmark = pytest.mark.slow


def test_the_engine_is_the_same_on_every_beam():
    from apache_beam.runners import runner

    assert type(runner.create_runner(local_runner.ENGINE)).__name__ == "FnApiRunner"


def test_a_graph_that_cannot_be_loaded_is_a_failure_of_the_run(tmp_path):
    request = dataclasses.replace(small_request(tmp_path, "fine"), graph="no_such_module.create_pipeline")
    log = tmp_path / "run.log"
    with child_process.lock(tmp_path / "home") as held:
        child = child_process.start(request, log, held, verbose=False)
        events = list(child.follow())
        status = child.wait()
    message = "the run failed: ModuleNotFoundError: No module named 'no_such_module'"
    assert events == [{"event": "failure", "step": "", "expected": False, "message": message}]
    assert status == 1
    assert "Traceback" in log.read_text()
