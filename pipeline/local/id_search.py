"""Finds ids of users in files of any kind, and replaces them in texts.

An id is found as a word: "u1" is not part of "u12". An id that could be a word or a number of a report itself ("click",
"10": letters alone, or none) is replaced only where a report names a user; a search finds it everywhere, as it cannot tell.
"""

import gzip
import html
import json
import re
import zlib
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import Any, AnyStr

FORGOTTEN = "(forgotten)"
_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 22
_LITERAL = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:\s*)?')
_PLAIN = re.compile(r"[^\W\d]+|[\W\d_]+")
_USER = "user "  # what stands before the id where a report names a user
_BEFORE = rf"(?:(?<=\b{_USER})|(?<=\b{_USER}')|(?<=\b{_USER}\"))"
_BETWEEN_TAGS = re.compile(r"(?<=>)[^<>]+")


def in_bytes(users: Set[str]) -> re.Pattern[bytes]:
    """Returns what finds ids as words in any file."""
    forms = {form.encode(errors="surrogateescape") for user in users for form in _forms(user)}
    return re.compile(rb"(?<![A-Za-z0-9_])(?:" + _alternatives(forms, b"|") + rb")(?![A-Za-z0-9_])")


def in_text(users: Set[str]) -> re.Pattern[str]:
    """Returns what finds ids as words in a text, plain ones only where it names a user."""
    plain = {form for user in users if _PLAIN.fullmatch(user) for form in _forms(user)}
    special = {form for user in users if not _PLAIN.fullmatch(user) for form in _forms(user)}
    parts = [f"(?:{_alternatives(special, '|')})"] if special else []
    parts += [f"{_BEFORE}(?:{_alternatives(plain, '|')})"] if plain else []
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")


def replace_in_text(text: str, pattern: re.Pattern[str]) -> str:
    """Returns a text without the ids."""
    return pattern.sub(FORGOTTEN, text)


def replace_in_html(line: str, pattern: re.Pattern[str]) -> str:
    """Returns a line of a page without the ids between its tags."""
    return _BETWEEN_TAGS.sub(lambda match: pattern.sub(FORGOTTEN, match[0]), line)


def replace_in_json(line: str, pattern: re.Pattern[str]) -> str:
    """Returns a line of a JSON file without the ids in its values; keys, numbers and what is behind an escape stay."""
    key = ""

    def edit(match: re.Match[str]) -> str:
        nonlocal key
        literal, colon = match.groups()
        if colon:
            key = literal
            return match[0]
        try:
            value = json.loads(literal)
        except ValueError:
            return literal
        lead = _USER if key == '"user"' else ""
        edited = pattern.sub(FORGOTTEN, lead + value).removeprefix(lead)
        key = ""
        return literal if edited == value else json.dumps(edited, ensure_ascii=literal.isascii())

    return _LITERAL.sub(edit, line)


def holds(path: Path, users: Set[str]) -> bool:
    """Returns whether a file holds an id, unpacked where it is gzip or Parquet."""
    pattern = in_bytes(users)
    # One byte more on each side than an id may have, so that a word is never cut.
    overlap = 2 + max(len(form.encode(errors="surrogateescape")) for user in users for form in _forms(user))
    try:
        return any(_search(block, pattern) for block in _overlapping(_blocks(path), overlap))
    except FileNotFoundError:  # a server has just published it
        return False


def _search(block: tuple[bytes, int, int], pattern: re.Pattern[bytes]) -> bool:
    content, start, end = block
    return any(start <= match.start() and match.end() <= end for match in pattern.finditer(content))


def _overlapping(blocks: Iterator[bytes], overlap: int) -> Iterator[tuple[bytes, int, int]]:
    """Yields the content in pieces, with the part of each in which a word is whole and its neighbours are known."""
    tail, start = b"", 0
    for block in blocks:
        content = tail + block
        yield content, start, len(content) - 1
        tail = content[-overlap:]
        start = min(1, len(content) - len(tail))
    yield tail, start, len(tail)


def _forms(user: str) -> set[str]:
    """Returns how an id is written: as text, as JSON escapes it (in both cases of hexadecimal digits), in HTML."""
    escaped = json.dumps(user)[1:-1]
    upper = re.sub(r"\\u[0-9a-f]{4}", lambda match: "\\u" + match[0][2:].upper(), escaped)
    return {user, escaped, upper, json.dumps(user, ensure_ascii=False)[1:-1], html.escape(user)}


def _alternatives(forms: Set[AnyStr], bar: AnyStr) -> AnyStr:
    return bar.join(re.escape(form) for form in sorted(forms, key=len, reverse=True))


def _blocks(path: Path) -> Iterator[bytes]:
    """Yields the content, unpacked; of a damaged file what can be unpacked, and then the file as it is."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    try:
        if path.suffix in {".parquet", ".pq"}:
            yield from _parquet_texts(path)
            return
        if packed:
            yield from _read(path, gzip.open)
            return
    except PermissionError:
        raise
    except (EOFError, OSError, ValueError, NotImplementedError, zlib.error):  # cut off, or not what its name says
        pass
    yield from _read(path, open)


def _read(path: Path, opener: Callable[..., Any]) -> Iterator[bytes]:
    with opener(path, "rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _parquet_texts(path: Path) -> Iterator[bytes]:
    from components.safe_parquet import parquet  # here, because pyarrow takes a tenth of a second to import

    for batch in parquet.ParquetFile(path).iter_batches():
        for column in batch.columns:
            texts = (
                value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)
                for value in column.to_pylist()
            )
            yield ("\n" + "\n".join(texts) + "\n").encode(errors="surrogateescape")
