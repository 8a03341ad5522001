import io
import json
import logging
import os

import pytest

from components.progress import Progress
from pipeline.local import step_events


@pytest.fixture
def pipe():
    """The events that were sent, as a function; the loggers are as before afterwards."""
    reading, writing = os.pipe()
    step_events.send_to(writing)
    handler = logging.getLogger("dayone").handlers[-1]

    def received():
        handler.close()
        with os.fdopen(reading, encoding="utf-8") as file:
            return list(step_events.receive(file))

    yield received
    logging.getLogger("dayone").removeHandler(handler)


def test_events_arrive_in_order(pipe):
    step_events.emit("start", step="SchemaGate")
    step_events.emit("end", step="SchemaGate", figure="café")
    assert pipe() == [
        {"event": "start", "step": "SchemaGate"},
        {"event": "end", "step": "SchemaGate", "figure": "café"},
    ]


def test_the_progress_of_a_step_becomes_an_event(pipe):
    Progress("training", total=2).advance(2, note="loss 5.31")
    assert pipe() == [{"event": "progress", "task": "training", "done": 2, "total": 2, "note": "loss 5.31"}]


def test_other_records_stay_in_the_log(pipe):
    logging.getLogger("dayone.steps").info("only words")
    assert pipe() == []


def test_a_line_that_was_cut_off_is_dropped():
    whole = json.dumps({"event": "start", "step": "SchemaGate"}) + "\n"
    assert list(step_events.receive(io.StringIO(whole + whole[:9]))) == [{"event": "start", "step": "SchemaGate"}]
