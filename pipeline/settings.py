"""The settings of a run: its folders and its engine. This is the only reader of the environment.

The declaration says what a feature is and is the same everywhere; the settings differ from machine to machine. An
option of the command line wins over an environment variable, which wins over the default.
"""

import dataclasses
import difflib
import json
import re
import shlex
import typing
from collections.abc import Mapping
from pathlib import Path

from components.declaration import Launch
from components.errors import SettingsError, UnknownSettingError
from components.registry import versions
from pipeline import beam_profiles, default_launch
from pipeline.beam_profiles import BeamProfile
from pipeline.setting_source import SettingSource

PROJECT = Path(__file__).resolve().parents[1]
DEFAULT_LAUNCH = default_launch.LAUNCH
SAMPLE_LAUNCH = "shop"  # the launch that ships, for which a sample can be made

VARIABLES = {
    "DAYONE_LAUNCH": f"the launch to run: a file in pipeline/launches/ (default: {DEFAULT_LAUNCH})",
    "DAYONE_LOG": "the log's file, or the folder that the declaration's relative paths start at",
    "DAYONE_WORKSPACE": "the folder for everything that runs write (default: runs/ in the project)",
    "DAYONE_SCHEMA": "the folder of the curated schemas (default: schema/ in the project)",
    "DAYONE_KEEP_VERSIONS": "how many versions the serving folder keeps (default: 5)",
    "DAYONE_KEEP_RUNS": "how many runs keep their artifacts; each run removes older ones (default: all, see `clean`)",
    "DAYONE_BEAM_PROFILE": "where Beam works: a profile of kubeflow/beam_profiles.yaml (default: none, in this process)",
    "DAYONE_GZIP_LEVEL": "the gzip level of the examples, 1 (fast) to 9 (small) (default: 1)",
    "DAYONE_BEAM_ARGS": "options for Beam inside the steps, as on a command line (default: none, in this process)",
}
# Read by `serve` alone.
SERVE_VARIABLES = {
    "DAYONE_SERVE_TOKEN": "a token that writing requests must carry; it has no option, because everyone on the machine can see options"
}
# How Kubeflow Pipelines is reached, by `submit` and its likes.
SERVER_VARIABLES = {
    "DAYONE_KFP_HOST": "the address of Kubeflow Pipelines, such as http://localhost:8080",
    "DAYONE_KFP_NAMESPACE": "the namespace of the runs, if Kubeflow Pipelines has several users (default: none)",
    "DAYONE_KFP_TOKEN": "a bearer token; it has no option, because everyone on the machine can see options",
    "DAYONE_KFP_CA": "a PEM file with the authority that signed the server's certificate (default: the usual ones)",
    "DAYONE_KFP_ROOT": "where runs put their artifacts: gs://, s3:// or minio:// (default: the server's own)",
    "DAYONE_KFP_TIMEOUT": "seconds that one answer may take (default: 30)",
}
# Read by tests only: the folders of public data sets that the project may not ship.
TEST_VARIABLES = ("DAYONE_MOVIELENS", "DAYONE_OPEN_BANDIT")

_HOST = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_STORES = ("gs://", "s3://", "minio://")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where a run reads and writes, and how its engine works. All paths are absolute.

    Attributes:
      launch: the name of the launch; each has its own folder in the workspace.
      workspace: the folder for everything that runs write.
      data: the folder that relative paths of the declaration start at.
      schema: the folder of the curated schemas.
      log: a file that replaces the declared log; None if the declaration says it all.
      beam_profile: where Beam works, step by step.
      beam_args: for Beam inside the steps, after those of the profile. Leave it empty on one machine: any option at all
        makes TFX repackage itself once per Beam step (about 2 CPU-s each).
      cache: whether a step whose inputs did not change is served from an earlier run.
      keep_versions: how many versions the serving folder keeps, the served one included.
      keep_runs: how many runs keep their artifacts (`pipeline.local.cleaning`); None for all.
      gzip_level: of the examples, 1 to 9; at 6 writing them costs three times the CPU of 1, for files a fifth smaller.
    """

    launch: str
    workspace: Path
    data: Path
    schema: Path
    log: Path | None = None
    beam_profile: BeamProfile = beam_profiles.NONE
    beam_args: tuple[str, ...] = ()
    cache: bool = True
    keep_versions: int = 5
    gzip_level: int = 1
    keep_runs: int | None = None

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], options: Mapping[str, typing.Any] | None = None
    ) -> "Settings":
        """Reads the settings.

        Args:
          environ: the environment, usually `os.environ`.
          options: of the command line, by the field's name; None and missing ones fall back to the environment.

        Raises:
          SettingsError: naming the variable or option, its value and the allowed form.
        """
        _check_names(environ)
        source = SettingSource(environ, options or {})
        launch = source.text("launch") or DEFAULT_LAUNCH
        workspace = _folder(source, "workspace", PROJECT / "runs")
        if not next(path for path in (workspace, *workspace.parents) if path.exists()).is_dir():
            raise SettingsError(source.origin("workspace"), str(workspace), "a folder that exists or can be made")
        schema = _path(source.text("schema") or PROJECT / "schema")
        if not schema.is_dir():
            raise SettingsError(source.origin("schema"), str(schema), "a folder that exists")
        log, cache = _existing_log(source), source.options.get("cache")
        data = (log if log.is_dir() else log.parent) if log else _default_data(launch, workspace)
        file = log if log and not log.is_dir() else None
        beam = (beam_profiles.choose(source.text("beam_profile") or ""), _split_beam_args(source))
        runs = source.whole_number("keep_runs", 1) if source.text("keep_runs") else None
        kept = (source.whole_number("keep_versions", 5), _gzip_level(source))
        return cls(launch, workspace, data, schema, file, *beam, cache is None or bool(cache), *kept, runs)

    @property
    def home(self) -> Path:
        """The launch's folder in the workspace."""
        return self.workspace / self.launch

    @property
    def pipeline_root(self) -> Path:
        """Where TFX writes the artifacts."""
        return self.home / "artifacts"

    @property
    def metadata(self) -> Path:
        """The SQLite file of ML Metadata."""
        return self.home / "metadata.sqlite"

    @property
    def logs(self) -> Path:
        """The folder of the runs' logs (`<time>.log`) and records (`<time>.json`)."""
        return self.home / "logs"

    @property
    def serving(self) -> Path:
        """The folder a model server is pointed at; it holds numbered version folders."""
        return self.home / "serving" / self.launch

    def champion(self) -> str:
        """Returns the version folder that is being served (the highest number that holds a SavedModel); "" before the first push."""
        served = versions.find_served(self.serving)
        return str(served.folder) if served else ""

    def beam_args_of(self, step: str) -> tuple[str, ...]:
        """Returns the options for Beam inside a step; none for a step that the profile keeps in one process, where any option makes Beam slower."""
        args = self.beam_profile.args_of(step)
        return (*args, *self.beam_args) if args or not self.beam_profile.name else ()

    def locate(self, path: str) -> Path:
        """Resolves a path of the declaration, relative ones below the data folder."""
        return self.data / Path(path).expanduser()

    def apply_to(self, launch: Launch) -> Launch:
        """Returns the declaration as it runs with these settings: a log given as one file replaces the declared one."""
        if self.log is None:
            return launch
        return dataclasses.replace(launch, log=dataclasses.replace(launch.log, path=str(self.log)))

    def to_json(self) -> str:
        """Returns the settings as JSON, for the process that runs the pipeline."""
        return json.dumps(dataclasses.asdict(self), default=str, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Settings":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        paths = {
            name: Path(values[name]) for name in ("workspace", "data", "schema", "log") if values[name] is not None
        }
        beam = {"beam_args": tuple(values["beam_args"]), "beam_profile": BeamProfile.from_dict(values["beam_profile"])}
        return cls(**values | paths | beam)


@dataclasses.dataclass(frozen=True)
class KubeflowServer:
    """The connection to Kubeflow Pipelines.

    Attributes:
      host: its address, without a slash at the end; "" if none was source.
      namespace: of the runs; "" where there is one for all.
      token: sent as a bearer token; "" for none.
      ca: a PEM file with the authorities to trust; None for the usual ones.
      root: where runs put their artifacts; "" for the server's own.
      timeout: seconds that one answer may take.
    """

    host: str = ""
    namespace: str = ""
    token: str = dataclasses.field(default="", repr=False)
    ca: Path | None = None
    root: str = ""
    timeout: int = 30

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], options: Mapping[str, typing.Any] | None = None
    ) -> "KubeflowServer":
        """Reads the settings, as `Settings.from_environment` does.

        Raises:
          SettingsError: naming the variable or option, its value and the allowed form.
        """
        _check_names(environ)
        source = SettingSource(environ, options or {}, "DAYONE_KFP_")
        host, root, ca = source.text("host") or "", source.text("root") or "", source.text("ca")
        if host and not _HOST.fullmatch(host):
            raise SettingsError(
                source.origin("host"),
                host,
                "an address such as http://localhost:8080 or https://kubeflow.example/pipeline",
            )
        if root and not root.startswith(_STORES):
            raise SettingsError(
                source.origin("root"),
                root,
                f"a URI in an object store: {', '.join(_STORES)}",
                "KFP has no other pipeline roots.",
            )
        if ca and not _path(ca).is_file():
            raise SettingsError(source.origin("ca"), ca, "a PEM file that exists")
        namespace, token = source.text("namespace") or "", (source.text("token") or "").strip()
        timeout = source.whole_number("timeout", 30)
        return cls(host.rstrip("/"), namespace, token, _path(ca) if ca else None, root, timeout)


def _check_names(environ: Mapping[str, str]) -> None:
    """Rejects a mistyped variable: it would be ignored in silence, and the run would go somewhere else."""
    names = VARIABLES | SERVER_VARIABLES | SERVE_VARIABLES
    for name in environ:
        if name.startswith("DAYONE_") and name not in names and name not in TEST_VARIABLES:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
            hint = f"Did you mean {near[0]}?" if near else f"Unset it, or use one of {', '.join(names)}."
            raise UnknownSettingError(name, hint)


def _folder(source: SettingSource, name: str, default: Path) -> Path:
    """Returns the folder that was given.

    Raises:
      SettingsError: for an address in a store: runs need a file system, as a push is a rename.
    """
    text = source.text(name) or str(default)
    if "://" in text:
        fix = "Mount the store and name the folder, or copy versions there after the push: docs/infrastructure.md."
        raise SettingsError(source.origin(name), text, "a folder of this machine", fix)
    return _literal_path(source.origin(name), text)


def _path(text: str | Path) -> Path:
    return Path(text).expanduser().resolve()


def _literal_path(name: str, text: str | Path) -> Path:
    """Returns a folder whose name Beam and TFX do not read as a pattern of files."""
    path = _path(text)
    needed = "a path without * ? [ ], which TFX reads as a pattern"
    if any(letter in str(path) for letter in "*?[]"):
        raise SettingsError(name, str(path), needed, "Rename the folder.")
    return path


def _existing_log(source: SettingSource) -> Path | None:
    text = source.text("log")
    if text is None:
        return None
    path = _path(text)
    if not path.exists():
        raise SettingsError(source.origin("log"), text, "a file or folder that exists")
    return path


def _default_data(launch: str, workspace: Path) -> Path:
    """Returns the workspace for the launch that ships, a clone's log folder for its launch, else the current folder."""
    if launch == SAMPLE_LAUNCH:
        return workspace / "sample"
    return _path(PROJECT / default_launch.DATA) if launch == DEFAULT_LAUNCH and default_launch.DATA else Path.cwd()


def _gzip_level(source: SettingSource) -> int:
    text = source.text("gzip_level") or "1"
    if text not in tuple("123456789"):
        raise SettingsError(source.origin("gzip_level"), text, "an integer from 1 to 9")
    return int(text)


def _split_beam_args(source: SettingSource) -> tuple[str, ...]:
    text = source.environ.get("DAYONE_BEAM_ARGS", "")
    try:
        arguments = tuple(shlex.split(text))
    except ValueError as error:
        raise SettingsError("DAYONE_BEAM_ARGS", text, "options as on a command line", f"({error})") from error
    for argument in arguments:
        if not argument.startswith("--"):
            raise SettingsError("DAYONE_BEAM_ARGS", argument, "options of the form --name=value")
    return arguments
