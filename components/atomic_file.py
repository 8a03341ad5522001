"""Replaces a file atomically: readers see the complete old or new file, also after a crash or a power cut."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_UNSUPPORTED = (errno.EINVAL, errno.ENOTSUP)  # by some network file systems


def write_atomically(path: Path, text: str) -> None:
    """Writes a text as UTF-8 in one step; makes the file's folder."""
    with replace_file(path) as file:
        file.write(text.encode("utf-8"))


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[IO[bytes]]:
    """Opens a hidden file that takes the place of `path` at the end of the block, and its mode; 0o644 where there was none.

    If the block or the disk fails, the old file stays and nothing is left of the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(file.name, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(file.name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file.name)
        raise
    sync_entry(path.parent)


def sync_entry(path: str | Path) -> None:
    """Brings a file, or the names in a folder, to the disk; a file system that cannot do that for folders is let be."""
    entry = os.open(path, os.O_RDONLY)
    try:
        os.fsync(entry)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(entry)
