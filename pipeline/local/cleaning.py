"""Removes what runs left behind and nothing needs any more: `python -m pipeline clean`.

Kept are the artifacts of the newest runs, with those that they read (so that the cache still serves them), the newest
results of each step (for `run --from`, `feast`, `vectors`), every verdict's summary (for `history`), all run records,
and the serving folder, which the Pusher prunes. ML Metadata learns which artifacts are gone. A folder is renamed before
it is deleted: a run never meets half an artifact, even if this process is killed.
"""

import dataclasses
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

from pipeline.settings import Settings

_RUN = "pipeline_run"
_WORK = ".system"  # TFX's folder in each step's for what executors write while they run
_SUMMARIES = ("Verdict", "summary")
_DAY = 86_400
_DONE = (metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What `apply` would remove.

    Attributes:
      folders: of artifacts and of executors' work.
      logs: of runs whose artifacts go.
      removed: bytes of both.
      kept: bytes of the rest of the launch's folder.
    """

    folders: tuple[Path, ...]
    logs: tuple[Path, ...]
    removed: int
    kept: int


def plan(settings: Settings, runs: int, days: float = 0) -> Plan:
    """Returns what is no longer needed.

    Args:
      settings: of the launch.
      runs: how many of the newest runs keep their artifacts, at least one.
      days: artifacts and logs younger than this are kept as well.
    """
    young = time.time() - days * _DAY
    if not settings.metadata.is_file():
        return Plan((), (), 0, _size([settings.home]))
    store = _open(settings)
    needed = {Path(artifact.uri) for artifact in _find_needed(store, runs)}
    executions = {folder.name for folder in needed}
    folders = [
        folder
        for folder in _artifact_folders(settings.pipeline_root)
        if (folder.name not in executions if _is_work(folder) else folder not in needed)
        and folder.stat().st_mtime < young
    ]
    logs = sorted(settings.logs.glob("*.log"))[:-runs]
    logs = [log for log in logs if log.stat().st_mtime < young]
    trash = _trash(settings)
    removed = _size([*folders, *logs, *([trash] if trash.exists() else [])])
    return Plan(tuple(folders), tuple(logs), removed, _size([settings.home]) - removed)


def apply(settings: Settings, removal: Plan) -> None:
    """Removes what a plan names, and what an interrupted `apply` left; the caller holds the lock of the launch's folder."""
    trash = _trash(settings)
    trash.mkdir(parents=True, exist_ok=True)
    for number, folder in enumerate(removal.folders):
        folder.rename(trash / f"{time.time_ns()}-{number}")
    for log in removal.logs:
        log.unlink(missing_ok=True)
    if settings.metadata.is_file():
        _mark_missing(_open(settings))
    shutil.rmtree(trash)


def clean(settings: Settings, runs: int, days: float = 0) -> Plan:
    """Plans and removes; returns what was removed."""
    removal = plan(settings, runs, days)
    apply(settings, removal)
    return removal


def _trash(settings: Settings) -> Path:
    return settings.home / ".removed"


def _open(settings: Settings) -> metadata_store.MetadataStore:
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(settings.metadata)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE
    return metadata_store.MetadataStore(config)


def _find_needed(store: metadata_store.MetadataStore, runs: int) -> Iterator[metadata_store_pb2.Artifact]:
    """Yields the artifacts of the newest runs and of each step's newest finished execution, and those that they read."""
    newest = sorted(store.get_contexts_by_type(_RUN), key=lambda context: context.id)[-runs:]
    executions = [execution.id for context in newest for execution in store.get_executions_by_context(context.id)]
    for node in store.get_contexts_by_type("node"):
        finished = [
            execution.id
            for execution in store.get_executions_by_context(node.id)
            if execution.last_known_state in _DONE
        ]
        executions += sorted(finished)[-1:]
    events = store.get_events_by_execution_ids(sorted(set(executions))) if executions else []
    yield from store.get_artifacts_by_id(sorted({event.artifact_id for event in events}))


def _artifact_folders(root: Path) -> Iterator[Path]:
    """Yields artifacts/STEP/OUTPUT/EXECUTION, except summaries, and artifacts/STEP/.system/KIND/EXECUTION."""
    for output in sorted(root.glob("*/*")):
        if output.name == _WORK:
            yield from (path for path in sorted(output.glob("*/*")) if path.is_dir())
        elif (output.parent.name, output.name) != _SUMMARIES:
            yield from (path for path in sorted(output.iterdir()) if path.is_dir())


def _is_work(folder: Path) -> bool:
    return folder.parents[1].name == _WORK


def _mark_missing(store: metadata_store.MetadataStore) -> None:
    """Tells ML Metadata which artifacts are gone, also those that somebody removed by hand."""
    gone = []
    for artifact in store.get_artifacts():
        live = artifact.state == metadata_store_pb2.Artifact.LIVE
        if live and artifact.uri.startswith("/") and not Path(artifact.uri).exists():
            artifact.state = metadata_store_pb2.Artifact.DELETED
            gone.append(artifact)
    if gone:
        store.put_artifacts(gone)


def _size(paths: Iterable[Path]) -> int:
    files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    return sum(file.lstat().st_size for file in files if file.is_file() or file.is_symlink())
