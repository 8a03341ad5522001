"""CPU seconds and peak memory of each process below this one, by kind, read from /proc while they run (Linux only)."""

import contextlib
import os
import threading
from pathlib import Path
from typing import NamedTuple

EVERY_SECONDS = 0.5
# The first text that a command line contains names the process.
KINDS = {
    "StandaloneSessionCluster": "Flink job manager",
    "TaskManagerRunner": "Flink task manager",
    "FlinkJobServerDriver": "Beam job server (Flink)",
    "SparkJobServerDriver": "Beam job server with Spark",
    "worker_pool_main": "Python worker pool",
    "SdkHarness": "Python worker",
    "pipeline.local.runner": "step",
    "beam_step": "step",
}
OTHER = "other"


class Use(NamedTuple):
    """What a process, or the processes of one kind, used.

    Attributes:
      cpu: seconds.
      peak: MB of resident memory, of the largest process at its highest.
      count: of processes.
    """

    cpu: float = 0.0
    peak: float = 0.0
    count: int = 1


class Meter:
    """Looks at all descendants of this process twice a second until the end of the block; what lives shorter is missed.

    CPU seconds from before the block do not count; a peak is of the process's whole life.
    """

    def __init__(self):
        self._by_pid, self._before, self._stop = {}, {}, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._look()
        self._before = {process: use.cpu for process, (_, use) in self._by_pid.items()}
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def uses(self):
        """What the processes of each kind used, the kind with the highest peak first."""
        found = {}
        for process, (kind, use) in list(self._by_pid.items()):
            known, cpu = found.get(kind, Use(count=0)), use.cpu - self._before.get(process, 0.0)
            found[kind] = Use(known.cpu + cpu, max(known.peak, use.peak), known.count + 1)
        return dict(sorted(found.items(), key=lambda entry: -entry[1].peak))

    def _run(self):
        while not self._stop.wait(EVERY_SECONDS):
            self._look()

    def _look(self):
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError, ValueError, IndexError):
                # By when it began, because numbers come back; a kind changes when a new process becomes a program.
                began, use = read_use(pid)
                self._by_pid[pid, began] = (kind_of(pid), use)


def descendants(root):
    """The numbers of the processes below one."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parents[int(folder.name)] = int(_stat(folder)[1])
    found, layer = [], {root}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer}
        found += sorted(layer)
    return found


def read_use(pid):
    """When the process began, in ticks since the machine's start, and what it has used so far."""
    folder, ticks = Path("/proc") / str(pid), os.sysconf("SC_CLK_TCK")
    stat = _stat(folder)
    (peak,) = [line.split()[1] for line in (folder / "status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(stat[19]), Use((int(stat[11]) + int(stat[12])) / ticks, int(peak) / 1024)


def kind_of(pid):
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return next((kind for text, kind in KINDS.items() if text in command), OTHER)


def _stat(folder):
    """The fields of /proc/PID/stat from the third on: the second is a name that may hold spaces."""
    return (folder / "stat").read_text().rpartition(")")[2].split()
