"""Removes what runs left behind and nothing needs any more: `python -m pipeline clean`.

Kept are the artifacts of the newest runs, with those that they read (so that the cache still serves them), the newest
results of each step (for `run --from`, `feast`, `vectors`), every verdict's summary (for `history`), all run records,
and the serving folder, which the Pusher prunes. ML Metadata learns which artifacts go before they do, and a folder is
renamed before it is deleted: no run is served a missing artifact or half of one, even if this process is killed.
"""

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from ml_metadata import errors, metadata_store
from ml_metadata.proto import metadata_store_pb2

from components.errors import DayoneError
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

    Raises:
      DayoneError: if ML Metadata cannot be read; without it nothing is known to be unneeded.
    """
    young = time.time() - days * _DAY
    if not settings.metadata.is_file():
        return Plan((), (), 0, _size([settings.home]))
    with _open(settings) as store:
        needed = {_output(artifact.uri, settings) for artifact in _find_needed(store, runs)}
    if not needed:  # no run that ended a step: nothing is known of the folders
        return Plan((), (), 0, _size([settings.home]))
    executions = {output[-1] for output in needed}
    folders = [
        folder
        for folder in _artifact_folders(settings.pipeline_root)
        if (folder.name not in executions if _is_work(folder) else folder.parts[-3:] not in needed)
        and folder.stat().st_mtime < young
    ]
    logs = sorted(settings.logs.glob("*.log"))[:-runs]
    logs = [log for log in logs if log.stat().st_mtime < young]
    trash = _trash(settings)
    removed = _size([*folders, *logs, *([trash] if trash.exists() else [])])
    return Plan(tuple(folders), tuple(logs), removed, _size([settings.home]) - removed)


def apply(settings: Settings, removal: Plan) -> None:
    """Removes what a plan names, and what an interrupted `apply` left; the caller holds the lock of the launch's folder.

    Raises:
      DayoneError: if ML Metadata cannot be written; nothing was removed then.
    """
    trash = _trash(settings)
    trash.mkdir(parents=True, exist_ok=True)
    if settings.metadata.is_file():
        with _open(settings) as store:
            _mark_deleted(store, {folder.parts[-3:] for folder in removal.folders}, settings)
    for number, folder in enumerate(removal.folders):
        folder.rename(trash / f"{time.time_ns()}-{number}")
    for log in removal.logs:
        log.unlink(missing_ok=True)
    shutil.rmtree(trash)


def clean(settings: Settings, runs: int, days: float = 0) -> Plan:
    """Plans and removes; returns what was removed."""
    removal = plan(settings, runs, days)
    apply(settings, removal)
    return removal


def _trash(settings: Settings) -> Path:
    """Returns the folder of what is being deleted: on the disk of the artifacts, which may be a link to another one."""
    return settings.pipeline_root / ".removed"


@contextlib.contextmanager
def _open(settings: Settings) -> Iterator[metadata_store.MetadataStore]:
    """Opens ML Metadata; its errors name the file.

    Raises:
      DayoneError: if the file is no database, damaged, or held by another process.
    """
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(settings.metadata)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE
    try:
        yield metadata_store.MetadataStore(config)
    except (RuntimeError, errors.StatusError) as error:
        cause = [*str(error).split(" query:"), ""][1].strip(" .") or str(error)  # without the query's text
        raise DayoneError(
            f"{settings.metadata} has to be the ML Metadata of the runs, readable and writable; got: {cause}. "
            f"Nothing was removed. End what else has it open, or take it from a backup."
        ) from error


def _output(uri: str, settings: Settings) -> tuple[str, ...]:
    """Returns (STEP, OUTPUT, EXECUTION) of an artifact, wherever the workspace lay when it was written.

    A value's uri is a file in that folder: artifacts/SchemaGate/passed/11/value.
    """
    parts = Path(uri).parts
    roots = [at for at, name in enumerate(parts) if name == settings.pipeline_root.name and len(parts) > at + 3]
    return parts[roots[-1] + 1 : roots[-1] + 4] if roots else parts[-3:]


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
    for output in sorted(path for path in root.glob("[!.]*/*") if path.is_dir()):
        if output.name == _WORK:
            yield from (path for path in sorted(output.glob("*/*")) if path.is_dir())
        elif (output.parent.name, output.name) != _SUMMARIES:
            yield from (path for path in sorted(output.iterdir()) if path.is_dir())


def _is_work(folder: Path) -> bool:
    return folder.parents[1].name == _WORK


def _mark_deleted(store: metadata_store.MetadataStore, outputs: Container[tuple[str, ...]], settings: Settings) -> None:
    """Tells ML Metadata which artifacts go, and which somebody removed by hand."""
    gone = []
    for artifact in store.get_artifacts():
        live = artifact.state == metadata_store_pb2.Artifact.LIVE and artifact.uri.startswith("/")
        if live and (_output(artifact.uri, settings) in outputs or not Path(artifact.uri).exists()):
            artifact.state = metadata_store_pb2.Artifact.DELETED
            gone.append(artifact)
    if gone:
        store.put_artifacts(gone)


def _size(paths: Iterable[Path]) -> int:
    files = (file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    return sum(file.lstat().st_size for file in files if file.is_file() or file.is_symlink())
