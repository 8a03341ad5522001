"""What a step leaves behind in the process that runs the next one."""

import gc
import weakref

import pytest

from components import memory


class Cycle:
    """Refers to itself, as graphs of TensorFlow do."""

    def __init__(self):
        self.itself = self


@pytest.mark.parametrize(("large_kb", "stays"), [(0, False), (1 << 40, True)])
def test_what_a_step_left_is_freed_where_the_process_is_large(monkeypatch, large_kb, stays):
    monkeypatch.setattr(memory, "LARGE_KB", large_kb)
    gc.disable()
    try:
        left = weakref.ref(Cycle())
        memory.give_back()
        assert (left() is not None) == stays
    finally:
        gc.enable()
