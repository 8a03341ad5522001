"""Gives back the memory of what has ended, before the next thing begins: all steps of a local run share a process."""

import ctypes
import gc
import resource

# Below, as on a small log, the search for garbage would cost more than it frees.
LARGE_KB = 2_000_000


def give_back() -> None:
    """Frees what is no longer used, and returns it to the system, if this process has ever been large.

    Models and graphs are full of cycles, which Python finds late, and glibc keeps for itself what was freed. TensorFlow's
    own allocator keeps its memory for the rest of the process, but then has it for the next model.
    """
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < LARGE_KB:
        return
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc alone
    if trim is not None:
        trim(0)
