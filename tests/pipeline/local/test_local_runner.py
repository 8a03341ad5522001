import dataclasses
import gc
import importlib
from pathlib import Path

import pytest
from small_run import small_request

from pipeline.local import child_process
from pipeline.local import runner as local_runner

pytestmark = pytest.mark.slow


def test_the_engine_is_the_same_on_every_beam():
    from apache_beam.runners import runner

    assert type(runner.create_runner(local_runner.ENGINE)).__name__ == "FnApiRunner"


def test_a_graph_that_cannot_be_loaded_is_a_failure_of_the_run(tmp_path):
    request = dataclasses.replace(small_request(tmp_path, "fine"), graph="pipeline.no_such_module.create_pipeline")
    log = tmp_path / "run.log"
    with child_process.lock(tmp_path / "home") as held:
        child = child_process.start(request, log, held, verbose=False)
        events = list(child.follow())
        status = child.wait()
    message = "the run failed: ModuleNotFoundError: No module named 'pipeline.no_such_module'"
    assert events == [{"event": "failure", "step": "", "expected": False, "message": message}]
    assert status == 1
    assert "Traceback" in log.read_text()


def test_imports_are_collected_neither_while_they_last_nor_later():
    before = gc.get_freeze_count()
    with local_runner.without_collections():
        assert not gc.isenabled()
        kept = [[] for _ in range(10)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(kept)
    gc.unfreeze()


def test_collections_go_on_where_an_import_fails():
    with pytest.raises(ModuleNotFoundError), local_runner.without_collections():
        importlib.import_module("pipeline.nothing_of_this_name")
    assert gc.isenabled()
    gc.unfreeze()


def test_the_environment_lacks_the_slow_grammar_that_jsonschema_would_import():
    lock = (Path(__file__).parents[3] / "uv.lock").read_text(encoding="utf-8")
    assert 'name = "jsonschema"' in lock
    assert 'name = "rfc3987-syntax"\nversion' not in lock
