"""Whether a run would only repeat the last one: everything that a run reads is as that one left it.

TFX takes about ten seconds to import, only to serve each step of such a run from its cache. A run counts as changed
where this cannot be told without TFX: a log that is a query, Beam on other machines, a part of the pipeline, an
experiment, a team's own step, or a version that the last run pushed, with which the next one compares.
"""

import hashlib
import json
import sys
import sysconfig
import typing
from collections.abc import Iterable
from pathlib import Path

from components.atomic_file import write_atomically
from components.declaration.paths import query_of
from components.errors import LogError
from components.ingest.log_files import content_digest, find_files, split_pattern
from components.ingest.spans import any_span
from pipeline.local.file_walk import walk
from pipeline.local.run_record import RunRecord
from pipeline.local.run_request import GRAPH, Request
from pipeline.settings import PROJECT, Settings

_CODE = ("components", "pipeline")
_LOCK = "uv.lock"


class LastRun(typing.NamedTuple):
    """What a run left behind.

    Attributes:
      summary: the folder of the verdict's summary.
      page: the folder of the statistics page; "" for none.
      log: the run's log.
    """

    summary: str
    page: str
    log: str


def digest_inputs(request: Request) -> str:
    """Returns a digest of what a run reads and does not write.

    It covers the declaration, the settings, the environment, the content of the project's code and of the schemas, and
    the files of the log, the catalogue and the table of the users: names, sizes and times, and their content up to 32 MB. "" where that does not
    tell. Times of code are not trusted: an image may give all files the same.
    """
    launch, settings = request.launch, request.settings
    local = not (query_of(launch.log.path) or settings.beam_profile.name or settings.beam_args)
    everything = settings.cache and request.graph == GRAPH and not (request.first or request.last)
    if not local or not everything or launch.experiment or launch.steps:
        return ""
    optional = (launch.catalogue, launch.log.users)
    paths = [launch.log.path, *(table.path for table in optional if table)]
    environment = [sys.version, sys.executable, _stamp(Path(sysconfig.get_paths()["purelib"]))]
    folders = [*(PROJECT / folder for folder in _CODE), settings.schema]
    files = [PROJECT / _LOCK, *(path for folder in folders for path in walk(folder))]
    try:
        data = [_data_stamp(path, str(settings.data)) for path in paths]
        return _digest([launch.to_json(), settings.to_json(), *environment, *data, *map(_content, files)])
    except (LogError, OSError):
        return ""


def find(settings: Settings, inputs: str) -> LastRun | None:
    """Returns the last run if these inputs and the workspace are as it left them; None if a run has something to do."""
    try:
        note = json.loads(_file(settings).read_text(encoding="utf-8"))
        last = LastRun(*(str(note[name]) for name in LastRun._fields))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    same = inputs and note.get("inputs") == inputs and note.get("workspace") == _digest_workspace(settings)
    pages = [Path(last.summary) / "summary.txt", *([Path(last.page) / "statistics.html"] if last.page else [])]
    return last if same and all(page.is_file() for page in pages) else None


def keep(settings: Settings, inputs: str, record: RunRecord, log: Path, before: str) -> None:
    """Notes a run that came to its end, for `find`; forgets the last one where another run would not repeat this one.

    Args:
      settings: of the run.
      inputs: `digest_inputs` from before the run.
      record: of the run.
      log: the run's log.
      before: the version that was served before the run.
    """
    file = _file(settings)
    if not inputs or not record.finished or record.failure or settings.champion() != before:
        file.unlink(missing_ok=True)
        return
    run = LastRun(record.summary, record.page, str(log))
    note = {"inputs": inputs, "workspace": _digest_workspace(settings)} | run._asdict()
    write_atomically(file, json.dumps(note, indent=1) + "\n")


def _file(settings: Settings) -> Path:
    return settings.home / "last_run.json"


def _digest_workspace(settings: Settings) -> str:
    """Returns a digest of what runs write and read again: ML Metadata, and the versions with their notes."""
    serving = [_stamp(path) for path in walk(settings.home / "serving")]
    return _digest([_stamp(settings.metadata), *serving])


def _data_stamp(path: str, base: str) -> str:
    folder, pattern = split_pattern(path, base)
    files = find_files(folder, any_span(pattern))
    return _digest([content_digest(folder, any_span(pattern)), *(_stamp(Path(file)) for file in files)])


def _content(path: Path) -> str:
    """Returns a file's name and the digest of its content; only its name if it does not exist."""
    return f"{path}:{hashlib.sha256(path.read_bytes()).hexdigest()}" if path.is_file() else str(path)


def _stamp(path: Path) -> str:
    """Returns a file's name, size and time of the last change; only its name if it does not exist."""
    try:
        entry = path.stat()
    except OSError:
        return str(path)
    return f"{path}:{entry.st_size}:{entry.st_mtime_ns}"


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
