"""Text from logs, catalogues and files as a terminal may show it: what would move its cursor, colour it or turn its direction is escaped.

A title may hold an escape sequence that renames the window or hides lines, and a right-to-left override that makes `gpj.exe` of `exe.jpg`.
"""

import contextlib
import re
import sys
from collections.abc import Iterable, Iterator
from typing import IO, Any

# C0 without tab and line feed, DEL, C1, line and paragraph separators, marks and overrides of direction, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Returns the text with `\x1b`, `\u202e` and their like written out; anything else stays."""
    return _UNSAFE.sub(lambda match: repr(match[0])[1:-1], text)


class PrintableStream:
    """A text stream that escapes its input and passes everything else to the stream behind it."""

    def __init__(self, raw: IO[str]):
        """Takes the stream that is written to in the end; who draws on it (rich) asks for it as `raw`."""
        self.raw = raw

    def write(self, text: str) -> int:
        """See `io.TextIOBase.write`."""
        return self.raw.write(printable(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """See `io.TextIOBase.writelines`."""
        self.raw.writelines(map(printable, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextlib.contextmanager
def printable_output() -> Iterator[None]:
    """Whatever is printed meanwhile is escaped, on the standard output and the standard error."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (PrintableStream(stream) for stream in streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
