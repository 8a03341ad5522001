"""The baseline of the demo page: loaded in a thread, replaced by that of a newer run."""

import threading
import time

from components.errors import DayoneError
from pipeline.local.baseline_rules import BaselineRules
from pipeline.local.newest_outputs import RULES


class Rules:
    def __init__(self, folder):
        self.number, self.retired = int(folder.parts[-2]), False

    def retire(self):
        self.retired = True


def push(root, number):
    (root / RULES.replace("*", str(number))).mkdir(parents=True)


def wait_for(baseline, number):
    end = time.monotonic() + 20
    while (found := baseline.find()) is None or found.number != number:
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def test_a_page_never_waits_and_a_newer_run_replaces_the_rules(tmp_path):
    may_load, loads = threading.Event(), []

    def load(folder):
        assert may_load.wait(20)
        loads.append(folder)
        return Rules(folder)

    baseline = BaselineRules(tmp_path, load)
    assert baseline.find() is None
    push(tmp_path, 9)
    assert baseline.find() is None and baseline.find() is None, "it is still being loaded, once"
    may_load.set()
    first = wait_for(baseline, 9)
    push(tmp_path, 10)
    assert wait_for(baseline, 10) is not first and first.retired
    assert len(loads) == 2


def test_rules_that_do_not_load_leave_the_page_without(tmp_path, caplog):
    def fail(folder):
        raise DayoneError("broken.")

    push(tmp_path, 9)
    baseline = BaselineRules(tmp_path, fail)
    end = time.monotonic() + 20
    while "no baseline: broken." not in caplog.text and time.monotonic() < end:
        assert baseline.find() is None
        time.sleep(0.01)
    assert "no baseline: broken." in caplog.text
