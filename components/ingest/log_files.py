"""The files of a log: from the path in the declaration to their list, and to the pattern that TFX fingerprints.

A path is a file, a folder or a glob, relative to the data folder. TFX's spans work as well: `{SPAN}` or
`{YYYY}-{MM}-{DD}` in the path stand for the newest number or date that is there.
"""

import glob
import hashlib
import os
import re

from components.errors import LogError

JSONL_ENDINGS = (".jsonl", ".json", ".ndjson")
PARQUET_ENDINGS = (".parquet", ".pq")
CSV_ENDINGS = (".csv", ".tsv", ".inter", ".item", ".txt")
_ENDINGS = JSONL_ENDINGS + PARQUET_ENDINGS + CSV_ENDINGS
_SMALL_BYTES = 32 << 20
_WILD = re.compile(r"[*?\[{]")


def split_pattern(path: str, base: str) -> tuple[str, str]:
    """Splits a declared path into the folder without wildcards and the pattern below it.

    Args:
      path: as declared: "events.parquet", "events/", "days/*.csv", "days/{YYYY}-{MM}-{DD}/*.csv".
      base: the data folder, where relative paths start.

    Returns:
      The folder and the pattern, as TFX's `input_base` and `Input.Split.pattern` want them.
    """
    full = os.path.join(base, path)
    named_like_a_folder = "." not in os.path.basename(full) and not os.path.isfile(full)
    if not _WILD.search(path) and (path.endswith(("/", os.sep)) or os.path.isdir(full) or named_like_a_folder):
        return full.rstrip("/" + os.sep) or os.sep, "*"
    folder, pattern = os.path.split(full)
    while _WILD.search(folder.removeprefix(base)):
        folder, last = os.path.split(folder)
        pattern = os.path.join(last, pattern)
    return folder or os.curdir, pattern


def find_files(folder: str, pattern: str, may_be_empty: bool = False) -> tuple[str, ...]:
    """Returns the files of a log, sorted by name.

    Below a wildcard only files with a known ending count, and those of 0 bytes, which tools write for a part without a
    row, only if there is no other; hidden files and those that begin with "_" (`_SUCCESS`) never do. A file that is
    named in full is read whatever its ending: CSV, if that says nothing else.

    Args:
      folder: where the pattern begins.
      pattern: of the files below it.
      may_be_empty: whether the folder may hold no such file; there has to be one.

    Raises:
      LogError: if nothing is there; it lists what the folder holds.
    """
    wild = bool(_WILD.search(pattern))
    paths = glob.glob(os.path.join(glob.escape(folder), pattern)) if wild else [os.path.join(folder, pattern)]
    files = sorted(path for path in paths if os.path.isfile(path) and (not wild or _is_data(path)))
    if wild:
        filled = [file for file in files if os.path.getsize(file)]
        files = filled if filled or may_be_empty else files
    if files or (wild and may_be_empty and os.path.isdir(folder)):
        return tuple(files)
    where = os.path.join(folder, pattern)
    if not os.path.isdir(folder):
        raise LogError(
            folder, "there is no such file or folder.", "Check the path in the declaration and the data folder."
        )
    listing = ", ".join(sorted(os.listdir(folder))[:8]) or "nothing"
    problem = f"needs a data file ({', '.join(_ENDINGS)}, also .gz), found none." if wild else "no such file."
    raise LogError(
        where,
        problem,
        f"The folder {folder!r} holds: {listing}. Check the path in the declaration and the data folder.",
    )


def content_digest(folder: str, pattern: str) -> str:
    """Returns the digest of a small log's content: TFX's own fingerprint covers only names, sizes and times.

    Returns:
      Hex of SHA-256 over names and bytes; "" above 32 MB, and where the files are not on this machine.
    """
    try:
        files = find_files(folder, pattern)
    except LogError:
        return ""
    if sum(map(os.path.getsize, files)) > _SMALL_BYTES:
        return ""
    digest = hashlib.sha256()
    for file in files:
        with open(file, "rb") as opened:
            content = opened.read()
        digest.update(f"{os.path.relpath(file, folder)}:{len(content)}:".encode() + content)
    return digest.hexdigest()


def check_literal(path: str) -> None:
    """Refuses a path that exists and that Beam and TFX would read as a pattern of files.

    Raises:
      LogError: naming the letters.
    """
    letters = [letter for letter in "*?[]" if letter in path]
    if letters:
        problem = f"holds {' and '.join(letters)}, which TFX reads as a pattern of files."
        raise LogError(path, problem, "Rename the folder or the file.")


def format_of(path: str) -> str:
    """Returns one of "csv", "jsonl" and "parquet", by the file's ending; "csv" if the ending is unknown."""
    name = path.lower().removesuffix(".gz")
    if name.endswith(JSONL_ENDINGS):
        return "jsonl"
    return "parquet" if name.endswith(PARQUET_ENDINGS) else "csv"


def ending_note(path: str) -> str:
    """Returns a note on a file that was read as CSV because its ending is unknown; "" for a known ending."""
    recognised = path.lower().removesuffix(".gz").endswith(_ENDINGS)
    return "" if recognised else f" Its ending is none of {', '.join(_ENDINGS)} (also .gz), so it was read as CSV."


def _is_data(path: str) -> bool:
    name = os.path.basename(path).lower()
    return not name.startswith((".", "_")) and name.removesuffix(".gz").endswith(_ENDINGS)
