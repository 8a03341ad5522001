"""All lanes of the tests, some at a time: `make test`, or `python tests/lanes.py [PYTEST'S OPTIONS]`.

Each lane is a pytest of its own, so that what one imports is not seen by the others. The longest begins first; a lane's
output is shown when the lane ends. The exit status is that of the first lane that failed.
"""

import argparse
import concurrent.futures
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FIRST = ("slow", "tensorflow", "light")
NOTHING_COLLECTED = 5  # pytest's status, for options such as -k that leave nothing of a lane


def run_lane(lane: str, options: Sequence[str]) -> int:
    """Runs one lane and prints what it printed; the exit status of pytest."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "pytest", "--lane", lane, "-o", f"cache_dir=.pytest_cache/{lane}", *options]
    answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    head = f"lane {lane}: status {answer.returncode}, {time.monotonic() - begin:.0f} s"
    print(f"{answer.stdout.rstrip()}\n=== {head}\n", flush=True)
    return 0 if answer.returncode == NOTHING_COLLECTED else answer.returncode


def run_lanes(lanes: Sequence[str], at_once: int, options: Sequence[str]) -> int:
    """Runs lanes side by side; the exit status of the first that failed, in the order given."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        statuses = list(pool.map(lambda lane: run_lane(lane, options), lanes))
    return next((status for status in statuses if status), 0)


def main(arguments: Sequence[str]) -> int:
    """Runs the lanes that were named, or all."""
    parser = argparse.ArgumentParser(prog="tests/lanes.py", description="All lanes of the tests, some at a time.")
    parser.add_argument("--lanes", default=",".join(LONGEST_FIRST), help="some of them (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=min(os.cpu_count() or 1, 2), help="default: %(default)s")
    options, others = parser.parse_known_args(arguments)
    return run_lanes(options.lanes.split(","), options.at_once, others)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
