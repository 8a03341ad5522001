"""Items that no version may show for now, such as sold-out ones.

    serving/shop/.withheld.json    {"items": {"i00411": null, "i00007": "2026-01-31T12:00:00+00:00"}}

The file lies next to the versions, so that every server of the folder and every later version obeys it. It is replaced by one rename, and
looked at every `LOOK_SECONDS`. An item with a time comes back by itself.
"""

import contextlib
import datetime as dt
import fcntl
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from components.atomic_file import write_atomically
from components.errors import DayoneError

FILE, LOCK = ".withheld.json", ".withheld.lock"
MOST = 10_000
LOOK_SECONDS = 0.5


class WithheldError(DayoneError):
    """The items cannot be withheld or released."""


def read(folder: Path) -> dict[str, float | None]:
    """Item id to the moment (seconds since the epoch) at which it comes back, None for never; without those that are back.

    Raises:
      WithheldError: if the file is there and cannot be understood.
    """
    try:
        items = json.loads((folder / FILE).read_text(encoding="utf-8"))["items"]
        until_by_item = {
            str(item): None if until is None else dt.datetime.fromisoformat(until).timestamp()
            for item, until in items.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise WithheldError(
            f'{folder / FILE} needs {{"items": {{"ID": null or a time}}}}, got {problem}. Mend or remove it.'
        ) from error
    now = time.time()
    return {item: until for item, until in until_by_item.items() if until is None or until > now}


def withhold(folder: Path, items: Iterable[str], until: float | None = None) -> dict[str, float | None]:
    """Withholds items, until a moment (seconds since the epoch) or until they are released.

    Returns:
      All that are withheld now.

    Raises:
      WithheldError: if these are too many, or the file cannot be understood.
    """
    with _lock(folder):
        withheld = read(folder) | dict.fromkeys(items, until)
        if len(withheld) > MOST:
            raise WithheldError(
                f"at most {MOST:,} items can be withheld, got {len(withheld):,}. Set them inactive in the catalogue and run."
            )
        _write(folder, withheld)
    return withheld


def release(folder: Path, items: Iterable[str]) -> dict[str, float | None]:
    """Shows items again; ids that are not withheld change nothing. Returns and raises as `withhold`."""
    with _lock(folder):
        gone = set(items)
        remaining = {item: until for item, until in read(folder).items() if item not in gone}
        _write(folder, remaining)
    return remaining


def to_moment(text: str) -> float:
    """Returns a time in ISO 8601 (UTC where it names no zone) as seconds since the epoch.

    Raises:
      WithheldError: if it is none, or past.
    """
    try:
        moment = dt.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        raise WithheldError(f"until needs a time such as 2026-01-31T18:00, got {text!r}.") from None
    seconds = (moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)).timestamp()
    if seconds <= time.time():
        raise WithheldError(f"until needs a time to come (UTC unless it names a zone), got {text!r}.")
    return seconds


def to_text(moment: float | None) -> str | None:
    """Returns the inverse of `to_moment`; None for never."""
    return None if moment is None else dt.datetime.fromtimestamp(moment, dt.timezone.utc).isoformat()


class WithheldItems:
    """The items that a server leaves out; `current` is called with every request."""

    def __init__(self, folder: Path):
        """Takes the folder of the versions."""
        self.folder = folder
        self._items: dict[str, float | None] = {}
        self._ids: tuple[bytes, ...] = ()
        self._next, self._seen = 0.0, (0, 0)
        self.problem = ""

    def current(self) -> tuple[bytes, ...]:
        """Returns the ids withheld now, at most `LOOK_SECONDS` old; an unreadable file changes nothing."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LOOK_SECONDS
            self._look()
        return self._ids

    def look_now(self) -> None:
        """Reads the file with the next question, as this server has just changed it."""
        self._next = 0.0

    def _look(self) -> None:
        stamp = _stamp(self.folder / FILE)
        if stamp != self._seen:
            try:
                self._items, self._seen, self.problem = read(self.folder), stamp, ""
            except WithheldError as error:
                self._seen, self.problem = stamp, str(error)
        moment = time.time()
        self._ids = tuple(item.encode() for item, until in self._items.items() if until is None or until > moment)


def _stamp(path: Path) -> tuple[int, int]:
    """Returns a stamp that changes with every rename; zeros without a file."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns


def _write(folder: Path, items: Mapping[str, float | None]) -> None:
    content = {"items": {item: to_text(until) for item, until in sorted(items.items())}}
    write_atomically(folder / FILE, json.dumps(content, indent=1))


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder's file, so that one process changes it at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
