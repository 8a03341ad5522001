"""Whether a run would only repeat the last one: everything that a run reads is as that one left it.

TFX takes about ten seconds to import, only to serve each step of such a run from its cache. A run counts as changed
where this cannot be told without TFX: a log that is a query, Beam on other machines, a part of the pipeline, an
experiment, a team's own step, or a version that the last run pushed, with which the next one compares.
"""

import hashlib
import json
import os
import sys
import sysconfig
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path

from components.declaration.paths import query_of
from components.errors import LogError
from components.ingest.log_files import content_digest, find_files, split_pattern
from components.ingest.spans import any_span
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

    It covers the declaration, the settings, the project's code, the environment, and the files of the log, the
    catalogue and the schemas: names, sizes and times, and the content of logs up to 32 MB. "" where that does not tell.
    """
    launch, settings = request.launch, request.settings
    local = not (query_of(launch.log.path) or settings.beam_profile.name or settings.beam_args)
    everything = settings.cache and request.graph == GRAPH and not (request.first or request.last)
    if not local or not everything or launch.experiment or launch.steps:
        return ""
    paths = [launch.log.path, *([launch.catalogue.path] if launch.catalogue else [])]
    environment = [sys.version, sys.executable, _stamp(Path(sysconfig.get_paths()["purelib"])), _stamp(PROJECT / _LOCK)]
    code = (path for folder in _CODE for path in _files(PROJECT / folder))
    try:
        data = [_data_stamp(path, str(settings.data)) for path in paths]
    except (LogError, OSError):
        return ""
    parts = [launch.to_json(), settings.to_json(), *environment, *map(_stamp, code), *data]
    return _digest([*parts, *map(_stamp, _files(settings.schema))])


def find(settings: Settings, inputs: str) -> LastRun | None:
    """Returns the last run if these inputs and the workspace are as it left them; None if a run has something to do."""
    try:
        note = json.loads(_file(settings).read_text(encoding="utf-8"))
        last = LastRun(note["summary"], note["page"], note["log"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    same = inputs and note.get("inputs") == inputs and note.get("workspace") == _digest_workspace(settings)
    return last if same and Path(last.summary).is_dir() else None


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
    half = file.with_suffix(".half")
    half.write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")
    half.replace(file)


def _file(settings: Settings) -> Path:
    return settings.home / "last_run.json"


def _digest_workspace(settings: Settings) -> str:
    """Returns a digest of what runs write and read again: ML Metadata, and the versions with their notes."""
    serving = [_stamp(path) for path in _files(settings.home / "serving")]
    return _digest([_stamp(settings.metadata), *serving])


def _data_stamp(path: str, base: str) -> str:
    folder, pattern = split_pattern(path, base)
    files = find_files(folder, any_span(pattern))
    return _digest([content_digest(folder, any_span(pattern)), *(_stamp(Path(file)) for file in files)])


def _files(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder in a fixed order, without compiled ones."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(parent, name) for name in sorted(names))


def _stamp(path: Path) -> str:
    """Returns a file's name, size and time of the last change; only its name if it does not exist."""
    try:
        entry = path.stat()
    except OSError:
        return str(path)
    return f"{path}:{entry.st_size}:{entry.st_mtime_ns}"


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
