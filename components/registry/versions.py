"""The version folders of a served model: numbered, written atomically, kept for a while, withdrawn and brought back.

    serving/shop/1795449687/            a version; the highest number is what is served (TF Serving's rule, and ours)
    serving/shop/1795449687.withdrawn/  rolled back: complete, but not a number, so that no server takes it
    serving/shop/.pushing-4711/         being written; becomes a number by one rename
    serving/shop/.refused-1795449687    a server could not serve that version, and why; void as soon as its folder changes

Every change is one rename, so that a reader sees a complete version or none, whenever the writer dies.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import typing
from pathlib import Path

from components.atomic_file import sync_entry, write_atomically
from components.errors import DayoneError

MODEL_FILE = "saved_model.pb"
WITHDRAWN = ".withdrawn"
PUSHING, REMOVING, REFUSED = ".pushing-", ".removing-", ".refused-"


class VersionError(DayoneError):
    """The requested version does not exist."""


@dataclasses.dataclass(frozen=True)
class Version:
    """One version folder; `state` is its role."""

    number: int
    folder: Path
    state: typing.Literal["served", "kept", "withdrawn"]


def find_all(folder: Path) -> list[Version]:
    """Returns the versions in a folder, oldest first; () without a folder. Each has a SavedModel."""
    folders = [(int(path.name.removesuffix(WITHDRAWN)), path) for path in Path(folder).glob("*") if _is_version(path)]
    live = [number for number, path in folders if not path.name.endswith(WITHDRAWN)]
    newest = max(live, default=None)
    return [Version(number, path, _state(path, number == newest)) for number, path in sorted(folders)]


def _is_version(path: Path) -> bool:
    return path.name.removesuffix(WITHDRAWN).isdecimal() and (path / MODEL_FILE).is_file()


def _state(path: Path, newest: bool) -> typing.Literal["served", "kept", "withdrawn"]:
    if path.name.endswith(WITHDRAWN):
        return "withdrawn"
    return "served" if newest else "kept"


def find_served(folder: Path) -> Version | None:
    """Returns the version that servers load; None before the first push."""
    return next((version for version in find_all(folder) if version.state == "served"), None)


def fingerprint(version: Version) -> str:
    """Returns a digest of the names, sizes and times of a version's files; it changes when a file is replaced."""
    entries = []
    for parent, _, names in os.walk(version.folder):
        for name in names:
            with contextlib.suppress(OSError):  # removed meanwhile
                path = os.path.join(parent, name)
                entries.append(
                    (os.path.relpath(path, version.folder), os.stat(path).st_size, os.stat(path).st_mtime_ns)
                )
    return hashlib.sha256(repr(sorted(entries)).encode()).hexdigest()


def note_refusal(version: Version, problem: str) -> None:
    """Notes next to the versions that a server could not load one, for `versions` and `rollback`; "" removes the note.

    A folder that the server may not write to costs the note, nothing else.
    """
    path = version.folder.with_name(f"{REFUSED}{version.number}")
    with contextlib.suppress(OSError):
        if not problem:
            path.unlink()
            return
        write_atomically(path, json.dumps({"fingerprint": fingerprint(version), "problem": problem}))


def refusals(folder: Path) -> dict[int, str]:
    """Returns the numbers of the versions, unchanged since, that a server refused, with the reasons."""
    problems = {}
    for version in find_all(folder):
        try:
            note = json.loads((Path(folder) / f"{REFUSED}{version.number}").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if version.state != "withdrawn" and note.get("fingerprint") == fingerprint(version):
            problems[version.number] = str(note.get("problem", ""))
    return problems


def publish(written: Path, folder: Path, number: int) -> int:
    """Publishes a folder that was written next to the versions, by one rename.

    Args:
      written: the complete model, on the same file system as `folder`.
      folder: of the versions.
      number: the version's number, usually the time in seconds.

    Returns:
      The number it got: higher than all before it, so that it is what is served, also after two pushes within a second.
    """
    _sync(written)
    number = max(number, *(version.number + 1 for version in find_all(folder)), 0)
    written.rename(folder / str(number))
    sync_entry(folder)
    return number


def prune(folder: Path, keep: int) -> list[int]:
    """Removes the oldest versions beyond `keep`, never the served one, and what killed pushes left; the numbers removed."""
    for path in [*Path(folder).glob(f"{PUSHING}*"), *Path(folder).glob(f"{REMOVING}*")]:
        shutil.rmtree(path, ignore_errors=True)
    versions = find_all(folder)
    old = [version for version in versions if version.state != "served"][: max(len(versions) - keep, 0)]
    for version in old:
        hidden = version.folder.with_name(f"{REMOVING}{version.folder.name}")
        version.folder.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)
        note_refusal(version, "")
    return [version.number for version in old]


def roll_back(folder: Path, to: int | None = None) -> tuple[list[int], Version]:
    """Withdraws what is served; a withdrawn version that is named is brought back.

    A version that a server refused does not count as served: the one before it answers already, and is what goes back.

    Args:
      folder: of the versions.
      to: the version to serve; None for the one before the served one.

    Returns:
      The withdrawn numbers, and the version that is served after.

    Raises:
      VersionError: if there is none to roll back to.
    """
    versions = find_all(folder)
    target = _target(folder, versions, to)
    if target.state == "withdrawn":
        target.folder.rename(folder / str(target.number))
    above = [version for version in versions if version.number > target.number and version.state != "withdrawn"]
    for version in reversed(above):
        version.folder.rename(folder / f"{version.number}{WITHDRAWN}")
    sync_entry(folder)
    return [version.number for version in above], Version(target.number, folder / str(target.number), "served")


def _target(folder: Path, versions: list[Version], to: int | None) -> Version:
    if to is None:
        refused = refusals(folder)
        live = [version for version in versions if version.state != "withdrawn" and version.number not in refused]
        if len(live) < 2:
            refusal = f" (a server refused {', '.join(map(str, sorted(refused)))}: nothing changes)" if refused else ""
            fix = "Name a withdrawn one with --to, see `versions`."
            raise VersionError(
                f"rollback needs an older version in {folder}, got only {_numbers(live)}{refusal}. {fix}"
            )
        return live[-2]
    target = next((version for version in versions if version.number == to), None)
    if target is None:
        raise VersionError(f"--to needs a version in {folder}, got {to}. There are: {_numbers(versions)}.")
    return target


def _numbers(versions: list[Version]) -> str:
    return ", ".join(str(version.number) for version in versions) or "none"


def _sync(folder: Path) -> None:
    """Brings a folder and all in it to the disk: a rename that survives a power cut must not point at empty files."""
    for parent, _, names in os.walk(folder):
        for path in (parent, *(os.path.join(parent, name) for name in names)):
            sync_entry(path)
