import io
import os
import signal
import subprocess
import sys
import threading

import pytest

from pipeline.local import child_process

# Says "ready", then ignores the signals that it was told to, and no others: a shell starts what works in the background
# with SIGINT ignored, and children inherit that.
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
for name in sys.argv[1:]:
    signal.signal(signal.Signals[name], signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
QUICK = ((signal.SIGINT, 0.3), (signal.SIGTERM, 0.3), (signal.SIGKILL, None))


def child_that_ignores(*names):
    process = subprocess.Popen([sys.executable, "-c", STUBBORN, *names], stdout=subprocess.PIPE, start_new_session=True)
    process.stdout.readline()
    thread = threading.Thread(target=process.stdout.close)
    thread.start()
    return child_process.Child(process, io.StringIO(), thread)


@pytest.mark.parametrize(
    ("ignored", "ended_by"),
    [((), signal.SIGINT), (("SIGINT",), signal.SIGTERM), (("SIGINT", "SIGTERM"), signal.SIGKILL)],
)
def test_a_process_is_stopped_with_no_more_force_than_it_needs(ignored, ended_by):
    child = child_that_ignores(*ignored)
    # The signal that ends it has all the time that a busy machine needs.
    child.stop([(name, 30.0 if name == ended_by else seconds) for name, seconds in QUICK])
    # Python leaves with status 1 or -SIGINT after a KeyboardInterrupt, depending on where it was.
    assert child.wait() in ((-signal.SIGINT, 1) if ended_by == signal.SIGINT else (-ended_by,))


def test_stopping_what_has_ended_is_allowed():
    child = child_that_ignores()
    child.stop(QUICK)
    status = child.wait()
    child.stop(QUICK)
    assert child.wait() == status


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    with child_process.lock(tmp_path / "shop"):
        message = r"another run is at work in .*shop\. Wait for its end, or give this one its own --workspace"
        with pytest.raises(child_process.BusyError, match=message), child_process.lock(tmp_path / "shop"):
            pass
        with child_process.lock(tmp_path / "tea"):
            pass


def test_the_lock_ends_with_the_run_even_if_it_fails(tmp_path):
    with pytest.raises(ValueError, match="oops"), child_process.lock(tmp_path):
        raise ValueError("oops")
    with child_process.lock(tmp_path) as held:
        assert os.fstat(held)


def test_a_child_that_outlives_its_parent_keeps_the_lock(tmp_path):
    with child_process.lock(tmp_path) as held:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(held,))
    with pytest.raises(child_process.BusyError), child_process.lock(tmp_path):
        pass
    child.communicate(b"\n")
    with child_process.lock(tmp_path) as held:
        assert held
