"""Hostile inputs at every border: `make fuzz ARGS="--seconds 60"`.

Each border gets mutated inputs for its share of the time. What may happen is an answer, or a refusal in words (a
`DayoneError`, an HTTP status below 500). The table counts what may not: tracebacks, answers of 500 and above, and rows
that were accepted and are not there. An input that broke something is written to --keep.
"""

import argparse
import collections
import dataclasses
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fakes")]

from components.errors import DayoneError  # noqa: E402

COLUMNS = ("inputs", "taken", "refused", "5xx", "tracebacks", "rows", "lost")


@dataclasses.dataclass
class Tally:
    """What happened at one border."""

    border: str
    keep: Path
    counts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    faults: dict[str, str] = dataclasses.field(default_factory=dict)

    def attempt(self, call: Callable[[], object], content: object) -> object:
        """Runs one input; gives the answer, None where it was refused or broke."""
        self.counts["inputs"] += 1
        try:
            answer = call()
        except (DayoneError, OSError):
            self.counts["refused"] += 1
            return None
        except Exception as error:  # noqa: BLE001 (this is what is looked for)
            self.counts["tracebacks"] += 1
            frames = [
                frame
                for frame in traceback.extract_tb(error.__traceback__)
                if str(ROOT) in frame.filename and ".venv" not in frame.filename
            ]
            kind, place = type(error).__name__, frames[-1]
            self.note(f"{kind} at {Path(place.filename).name}:{place.lineno}", f"{kind}: {error}"[:150], content)
            return None
        self.counts["taken"] += 1
        return answer

    def note(self, fault: str, text: str, content: object) -> None:
        """Keeps the first input of each fault."""
        if fault in self.faults:
            return
        self.faults[fault] = text
        self.keep.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else repr(content).encode("utf-8", "backslashreplace")
        (self.keep / f"{self.border.replace(' ', '_')}-{len(self.faults)}").write_bytes(raw)


def main(arguments: list[str]) -> int:
    """Runs all borders, or those named; the status is 1 if anything happened that may not."""
    import fuzz_files
    import fuzz_server
    import fuzz_words

    borders = {**fuzz_files.BORDERS, **fuzz_words.BORDERS, **fuzz_server.BORDERS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help=f"some of: {', '.join(borders)}")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "dayone-fuzz")
    options = parser.parse_args(arguments)
    chosen = [name for name in borders if not options.only or name in options.only.split(",")]
    tallies = []
    for name in chosen:
        tally = Tally(name, options.keep)
        with tempfile.TemporaryDirectory() as folder:
            borders[name](
                tally, random.Random(options.seed), Path(folder), time.monotonic() + options.seconds / len(chosen)
            )
        tallies.append(tally)
    return report(tallies)


def report(tallies: list[Tally]) -> int:
    """Prints the table and the faults."""
    print(f"{'border':<16}" + "".join(f"{column:>12}" for column in COLUMNS))
    for tally in tallies:
        print(f"{tally.border:<16}" + "".join(f"{tally.counts[column]:>12,}" for column in COLUMNS))
    for tally in tallies:
        for number, (fault, text) in enumerate(tally.faults.items(), 1):
            print(f"{tally.border} {number}: {fault}: {text}")
    return int(any(tally.counts[column] for tally in tallies for column in ("5xx", "tracebacks", "lost")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
