"""The sample log of the launch that ships: `data/generate.py` makes it when it is missing."""

import glob
import runpy
import shlex
from pathlib import Path

from components.declaration import Launch
from components.declaration.paths import query_of
from components.errors import LogError
from components.ingest.spans import any_span
from pipeline.settings import PROJECT, SAMPLE_LAUNCH, Settings

_GENERATOR = PROJECT / "data" / "generate.py"


def missing_inputs(launch: Launch, settings: Settings) -> list[Path]:
    """Returns the declared files that do not exist."""
    declared = [path for path in [launch.log.path] if not query_of(path)] + (
        [launch.catalogue.path] if launch.catalogue else []
    )
    declared += [launch.log.users.path] if launch.log.users else []
    located = [settings.locate(path) for path in declared]
    return [path for path in located if not path.exists() and not glob.glob(any_span(str(path)), recursive=True)]


def is_needed(settings: Settings) -> bool:
    """Returns whether the data folder holds the sample: the launch that ships, and no other log given."""
    return settings.launch == SAMPLE_LAUNCH and settings.data == settings.workspace / "sample"


def with_log(text: str, settings: Settings) -> str:
    """Returns a message whose `schema` command names the log that the run was given, where it was given one."""
    if is_needed(settings) and not settings.log:
        return text
    command = f"python -m pipeline schema --launch {settings.launch}"
    return text.replace(command, f"{command} --log {shlex.quote(str(settings.log or settings.data))}")


def make(folder: Path, events: int = 100_000) -> str:
    """Writes a sample of about that many events into a folder, the log last; gives one line that says what was written."""
    # `data/` is a folder of files and not a package, so its module is run by path.
    return str(runpy.run_path(str(_GENERATOR), run_name="sample_generator")["generate"](folder, events=events))


def check_inputs(launch: Launch, settings: Settings) -> None:
    """Checks that the log, the catalogue and the table of the users are there.

    Raises:
      LogError: naming the file that is missing.
    """
    for path in missing_inputs(launch, settings):
        raise LogError(
            str(path),
            "there is no such file or folder.",
            f"Say where the files of launch {launch.name!r} are: --log DIR.",
        )
