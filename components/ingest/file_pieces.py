"""The pieces of a log's files: the units that workers of a distributed Beam runner read.

A Parquet file has a piece per row group. JSON lines and CSV are cut into byte ranges of about `PIECE_BYTES`; their
pieces, one after the other, hold the rows of the file in its order, with the same numbers and types:

- JSON lines between two blocks of the first pass, so that every block is parsed from the same bytes;
- CSV at the end of a line, if there are as many lines as the first pass found rows: then no quoted field holds a line
  break, and no line is broken.

What is packed with gzip can only be read from its start, and is one piece.
"""

import collections
import collections.abc
import dataclasses
import os
import typing

from components.ingest import csv_blocks
from components.ingest.log_files import format_of

PIECE_BYTES = 64 << 20


class Piece(typing.NamedTuple):
    """A file, a row group of a Parquet file, or a byte range of a text file.

    Attributes:
      file: the file.
      group: the row group; None for all.
      span: the first byte and the one after the last; None for all.
      first: how many rows of the file come before it, with lines that are no rows.
    """

    file: str
    group: int | None = None
    span: tuple[int, int] | None = None
    first: int = 0


class Counted(typing.NamedTuple):
    """A piece, with its number of events and of lines that are no rows."""

    piece: Piece
    events: int
    broken: int


@dataclasses.dataclass
class _Block:
    """Rows that are read together: a row group, or a block of JSON lines, which begins at the byte `mark`."""

    mark: int
    first: int
    events: int = 0
    broken: int = 0


class PieceCounts:
    """Counts the events of each block in the first pass over a log, and makes the pieces of its files."""

    def __init__(self) -> None:
        """Starts at zero."""
        self._blocks: dict[str, list[_Block]] = collections.defaultdict(list)
        self._broken: collections.Counter[str] = collections.Counter()
        self.broken = 0

    def add(self, file: str, mark: int, first: int, events: int) -> None:
        """Counts the events of a batch.

        Args:
          file: of the batch.
          mark: of its block: the row group or the first byte.
          first: how many rows of the file come before the batch, with lines that are no rows.
          events: of the batch.
        """
        blocks = self._blocks[file]
        if not blocks or blocks[-1].mark != mark:
            blocks.append(_Block(mark, first))
        blocks[-1].events += events
        blocks[-1].broken += self._broken.pop(file, 0)

    def add_broken(self, file: str, *_: object) -> None:
        """Counts a line that is no row; it belongs to the next batch of the file, or to the last one if none follows."""
        self._broken[file] += 1
        self.broken += 1

    def pieces(self, file: str) -> list[Counted]:
        """Returns the pieces of a file, in the order of its rows."""
        blocks = self._blocks.get(file) or [_Block(0, 0)]
        events = sum(block.events for block in blocks)
        broken = sum(block.broken for block in blocks) + self._broken[file]
        kind, plain = format_of(file), not file.lower().endswith(".gz")
        pieces: list[Counted] = []
        if kind == "parquet" and len(blocks) > 1:
            pieces = [Counted(Piece(file, group=block.mark, first=block.first), block.events, 0) for block in blocks]
        elif kind == "jsonl" and plain and len(blocks) > 1:
            pieces = _join_blocks(file, blocks)
        elif kind == "csv" and plain:
            pieces = _cut_lines(file, events)
        return pieces if len(pieces) > 1 else [Counted(Piece(file), events, broken)]


def _join_blocks(file: str, blocks: collections.abc.Sequence[_Block]) -> list[Counted]:
    """Returns the byte ranges of whole blocks, each of at least `PIECE_BYTES`, but for the last."""
    starts = [0]
    for at, block in enumerate(blocks):
        if block.mark - blocks[starts[-1]].mark >= PIECE_BYTES:
            starts.append(at)
    ends = [*starts[1:], len(blocks)]
    pieces = []
    for start, end in zip(starts, ends, strict=True):
        stop = blocks[end].mark if end < len(blocks) else os.path.getsize(file)
        piece = Piece(file, span=(blocks[start].mark, stop), first=blocks[start].first)
        joined = blocks[start:end]
        pieces.append(Counted(piece, sum(one.events for one in joined), sum(one.broken for one in joined)))
    return pieces


def _cut_lines(file: str, rows: int) -> list[Counted]:
    """Returns the byte ranges of whole lines; nothing if a row has more lines than one, or a line is no row."""
    if os.path.getsize(file) < 2 * PIECE_BYTES:
        return []
    cuts = csv_blocks.count_lines(file, PIECE_BYTES)
    header, *counts = [cut.lines for cut in cuts]
    if header != 1 or sum(counts) != rows:
        return []
    pieces, first = [], 0
    for cut in cuts[1:]:
        pieces.append(Counted(Piece(file, span=(cut.start, cut.end), first=first), cut.lines, 0))
        first += cut.lines
    return pieces
