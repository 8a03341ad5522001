"""The lanes of `make test`, some pieces at a time: `make test`, or `python tests/lanes.py [PYTEST'S OPTIONS]`.

Each piece is a pytest of its own, so that the imports of one do not affect the others; long lanes are cut into pieces by
file, so that two cores end at about the same time. A piece's output is shown when it ends, and the last line sums the
closing lines up. The exit status is that of the first piece that failed.
"""

import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PIECES = {"slow": 4, "tensorflow": 3, "light": 1}  # in the order in which they begin
NOTHING_COLLECTED = 5  # pytest's status, for options such as -k that leave nothing of a piece

_CLOSING = re.compile(r"^=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s")


class Piece(NamedTuple):
    """Part of a lane, numbered from 1."""

    lane: str
    number: int = 1
    count: int = 1

    @property
    def name(self) -> str:
        """The lane, and which part of it."""
        return self.lane if self.count == 1 else f"{self.lane} {self.number}/{self.count}"

    @property
    def options(self) -> list[str]:
        """Pytest's options that choose these tests, and a cache that no other piece writes."""
        cache = f"cache_dir=.pytest_cache/{self.lane}-{self.number}"
        return ["--lane", self.lane, "--piece", f"{self.number}/{self.count}", "-o", cache]


def list_pieces(lanes: Sequence[str]) -> list[Piece]:
    """Returns the pieces of lanes in the order in which they begin."""
    return [Piece(lane, at + 1, PIECES[lane]) for lane in PIECES if lane in lanes for at in range(PIECES[lane])]


def run_piece(piece: Piece, options: Sequence[str]) -> tuple[int, collections.Counter[str]]:
    """Runs one piece and prints what it printed; returns pytest's status and its counts, such as "passed" to 12."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "pytest", *piece.options, *options]
    answer = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    head = f"lane {piece.name}: status {answer.returncode}, {time.monotonic() - begin:.0f} s"
    print(f"{answer.stdout.rstrip()}\n=== {head}\n", flush=True)
    return 0 if answer.returncode == NOTHING_COLLECTED else answer.returncode, read_counts(answer.stdout)


def read_counts(output: str) -> collections.Counter[str]:
    """Returns the counts of pytest's closing line; none where there is no such line."""
    lines = [match for line in output.splitlines() if (match := _CLOSING.match(line))]
    pairs = re.findall(r"(\d+) ([a-z]+)", lines[-1][1]) if lines else []
    return collections.Counter({"error" if word == "errors" else word: int(count) for count, word in pairs})


def run_pieces(pieces: Sequence[Piece], at_once: int, options: Sequence[str]) -> int:
    """Runs pieces side by side and prints the sum of their closing lines.

    Returns:
      The exit status of the first that failed, in the order given.
    """
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        answers = list(pool.map(lambda piece: run_piece(piece, options), pieces))
    total = sum((counts for _, counts in answers), collections.Counter())
    total.pop("deselected", None)  # by one piece, and run by another
    words = ", ".join(f"{count} {word}" for word, count in sorted(total.items(), key=_rank))
    print(f"==== {words or 'no tests ran'} in {time.monotonic() - begin:.2f}s ====", flush=True)
    return next((status for status, _ in answers if status), 0)


def _rank(count: tuple[str, int]) -> int:
    order = ("failed", "error", "passed", "skipped")
    return order.index(count[0]) if count[0] in order else len(order)


def main(arguments: Sequence[str]) -> int:
    """Runs the lanes that were named, or all."""
    parser = argparse.ArgumentParser(prog="tests/lanes.py", description="All lanes of the tests, some at a time.")
    parser.add_argument("--lanes", default=",".join(PIECES), help="some of them (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=min(os.cpu_count() or 1, 2), help="default: %(default)s")
    options, others = parser.parse_known_args(arguments)
    lanes = options.lanes.split(",")
    unknown = sorted(set(lanes) - set(PIECES))
    if unknown:
        parser.error(f"--lanes needs some of {', '.join(PIECES)}, got {', '.join(unknown)}")
    return run_pieces(list_pieces(lanes), options.at_once, others)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
