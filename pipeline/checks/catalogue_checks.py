"""Checks that the catalogue fits the log: it exists, has one row per item, and contains the log's items."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Catalogue
from components.errors import LogError
from components.ingest.log_layout import Layout
from components.ingest.number_texts import COMMA_TEXT, TRUE_WORDS
from components.ingest.spans import input_files
from pipeline.checks import id_checks
from pipeline.checks.findings import Finding, error, share, warning
from pipeline.checks.log_view import LogView, codes
from pipeline.onboarding import lenient_log

_MOST_UNKNOWN = 0.5
_NUMBER = rf"^\s*([+-]?\d+(\.\d*)?([eE][+-]?\d+)?)?\s*$|{COMMA_TEXT}"  # or nothing, which is missing
_MOST_TEXTS = 0.05


def check(view: LogView, catalogue: Catalogue, base: Path) -> Iterator[Finding]:
    """Yields all findings of the catalogue, alone and compared with the log.

    Args:
      view: the log.
      catalogue: its part of the declaration.
      base: the data folder.
    """
    try:
        reader = lenient_log.reader(input_files(catalogue.path, str(base)), (catalogue.item,), catalogue.delimiter)
        declared, present = Layout.of_catalogue(catalogue).declared, tuple(reader.types)
        missing = [name for name in (catalogue.item, *declared) if name not in present]
        yield from (_missing_column(name, present) for name in dict.fromkeys(missing))
        table = reader.settle(
            [name for name in dict.fromkeys((catalogue.item, *declared)) if name in present] or present[:1]
        )
    except LogError as problem:
        yield error(
            f"the catalogue cannot be read: {problem}",
            "A run would end here.",
            "Mend it, or set launch.catalogue to None.",
        )
        return
    garbled = [name for name in table.schema.names if not _is_text(table[name])]
    yield from map(_report_encoding, garbled)
    if garbled:
        return
    yield from _check_numbers(table, catalogue)
    if catalogue.item not in missing:
        yield from _check_items(view, table, catalogue)


def _missing_column(name: str, there: tuple[str, ...]) -> Finding:
    has = ", ".join(map(repr, there[:40]))
    return error(
        f"column {name!r} is not in the catalogue, which has {has}.",
        "A run cannot read it.",
        "Name the right column, or take it out.",
    )


def _is_text(column: pa.ChunkedArray) -> bool:
    """Returns whether a column of bytes is UTF-8; any other column is as good."""
    try:
        return not pa.types.is_binary(column.type) or bool(column.cast(pa.string()).type)
    except pa.ArrowInvalid:
        return False


def _report_encoding(name: str) -> Finding:
    fix = "Save the file as UTF-8: iconv -f latin1 -t utf-8 FILE."
    return error(f"column {name!r} of the catalogue is not UTF-8.", "A run cannot read it.", fix)


def _check_numbers(table: pa.Table, catalogue: Catalogue) -> Iterator[Finding]:
    compared = (one.column for one in catalogue.filters if one.is_numeric)
    for name in dict.fromkeys((*catalogue.numbers, *compared)):
        if name not in table.schema.names or not pa.types.is_string(table[name].type):
            continue
        wrong = table[name].filter(pc.invert(pc.match_substring_regex(table[name], _NUMBER)).fill_null(False))
        if len(wrong) > _MOST_TEXTS * table.num_rows:
            yield warning(
                f"{share(len(wrong), table.num_rows)} values of the catalogue's {name!r} are no numbers, such as {wrong[0].as_py()!r}.",
                "They count as missing.",
                "Name it among categories or texts, or mend the values."
                if name in catalogue.numbers
                else "An item without a number is always shown: mend the values, or compare another column.",
            )


def _check_items(view: LogView, table: pa.Table, catalogue: Catalogue) -> Iterator[Finding]:
    items = table[catalogue.item]
    if items.null_count:
        yield warning(
            f"{share(items.null_count, len(items))} rows of the catalogue have no item.",
            "A run quarantines them.",
            "Fill or drop them.",
        )
    number = codes(items)
    twice = np.flatnonzero(np.bincount(number[number >= 0]) > 1)
    if len(twice):
        example = items[int(np.argmax(number == twice[0]))].as_py()
        yield error(
            f"{len(twice):,} items are in the catalogue more than once, such as {example!r}.",
            "Which row is true?",
            "Keep one row per item.",
        )
    yield from _check_unknown(view, items)
    if catalogue.active and catalogue.active in table.schema.names:
        yield from _check_active(view, items, table[catalogue.active], catalogue.active)


def _check_unknown(view: LogView, items: pa.ChunkedArray) -> Iterator[Finding]:
    logged = view.table[view.launch.log.item].filter(pa.array(view.positive)).drop_null()
    unknown = logged.filter(
        pc.invert(pc.is_in(logged, value_set=pa.array(items.drop_null().unique().to_pylist(), pa.string())))
    )
    if not len(unknown):
        return
    form = id_checks.same_but_for(pc.unique(unknown.combine_chunks()), pc.unique(items.drop_null()))
    many = len(unknown) > _MOST_UNKNOWN * len(logged)
    # Two Unicode forms of one text look the same.
    example = ascii(unknown[0].as_py()) if form else repr(unknown[0].as_py())
    yield (error if many else warning)(
        f"{share(len(unknown), len(logged))} positive events are on items that the catalogue does not have, "
        f"such as {example}{f'; most of them differ from its ids by {form} only' if form else ''}"
        f"{f'; the catalogue has {items.drop_null()[0].as_py()!r}' if many and items.null_count < len(items) else ''}.",
        "What is not in the catalogue is never recommended, and has no features.",
        "Check that both use the same ids, and that the catalogue also holds what is no longer sold (with `active` false).",
    )


def _check_active(view: LogView, items: pa.ChunkedArray, flags: pa.ChunkedArray, name: str) -> Iterator[Finding]:
    texts = flags.cast(pa.int64()).cast(pa.string()) if pa.types.is_boolean(flags.type) else flags.cast(pa.string())
    active = pc.is_in(pc.ascii_lower(texts), value_set=pa.array(sorted(TRUE_WORDS)))
    off = items.filter(pc.invert(active)).drop_null()
    if len(off) == len(items.drop_null()):
        example = flags.drop_null()[0].as_py() if flags.null_count < len(flags) else None
        yield error(
            f"no item is active: {name!r} holds values such as {example!r}.",
            "Only active items are recommended.",
            f"Write true, false, 1 or 0 into {name!r}, or set launch.catalogue.active to None.",
        )
        return
    logged = view.table[view.launch.log.item].filter(pa.array(view.positive)).drop_null()
    gone = int(pc.sum(pc.is_in(logged, value_set=pa.array(off.to_pylist(), pa.string()))).as_py() or 0)
    if gone > 0.1 * max(len(logged), 1):
        yield warning(
            f"{share(gone, len(logged))} positive events are on {len(off):,} items that are not active, such as {off[0].as_py()!r}.",
            "They teach, but are never recommended: what people wanted is not for sale.",
            f"Check {name!r}; it says what may be recommended today.",
        )
