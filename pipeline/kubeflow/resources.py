"""The table of each step's resources on a cluster (`kubeflow/resources.yaml`), checked before compiling."""

import dataclasses
import difflib
import re
import typing
from collections.abc import Collection, Mapping
from pathlib import Path

import pydantic
import yaml

from components.errors import DayoneError
from pipeline import steps
from pipeline.kubeflow import resource_entries
from pipeline.kubeflow.resource_entries import ClusterEntries, StepEntries

# What more is to be said of an entry that is wrong.
_FIXES = {
    "image": "KFP's cache knows an image by this name.",
    **dict.fromkeys(("data", "workspace", "schema"), "Mount what lies elsewhere."),
}


class ResourcesError(DayoneError):
    """An entry of the table does not have an allowed value."""

    def __init__(self, place: str, got: object, needed: str, fix: str = ""):
        """Builds the message from the entry's dotted name, the value found and the allowed form."""
        super().__init__(f"resources: {place} needs {needed}, got {got!r}. {fix}".rstrip())


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The cluster's folders and image.

    Attributes:
      image: of every step; its tag never moves.
      data: the folder that relative paths of the declaration start at.
      workspace: the folder for what outlives a run: the served models.
      schema: the folder of the curated schemas.
      beam_args: for Beam inside the steps.
    """

    image: str
    data: str
    workspace: str
    schema: str = "/app/schema"
    beam_args: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class StepResources:
    """The resources of one step; None, 0 and empty leave it to the cluster.

    Attributes:
      cpu_request, cpu_limit: cores.
      memory_request, memory_limit: in units of 10^9 bytes, as KFP counts them.
      gpu: (resource name, count), such as ("nvidia.com/gpu", 1).
      node_selector: labels that the node must have.
      tolerations: in Kubernetes' own fields.
      volumes: (claim, mount path) of each persistent volume.
      scratch: how much the step may write below /tmp, as Kubernetes writes it ("20Gi"). KFP has no other word on
        ephemeral storage
        (github.com/kubeflow/pipelines/issues/11137).
      secrets: (secret, key, environment variable) of each value.
      image_pull_policy: one of Kubernetes' three.
      image_pull_secrets: the names of the secrets that the image is pulled with.
      security: run_as_user, run_as_group, run_as_non_root of the container; a backend since 2.17 knows it.
      timeout: seconds for a pod.
      retries: how often a failed step is tried again.
      backoff: seconds before the first of these; each further one waits twice as long.
    """

    cpu_request: float | None = None
    cpu_limit: float | None = None
    memory_request: float | None = None
    memory_limit: float | None = None
    gpu: tuple[str, int] | None = None
    node_selector: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tolerations: tuple[Mapping[str, typing.Any], ...] = ()
    volumes: tuple[tuple[str, str], ...] = ()
    scratch: str | None = None
    secrets: tuple[tuple[str, str, str], ...] = ()
    image_pull_policy: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    security: Mapping[str, typing.Any] | None = None
    timeout: int | None = None
    retries: int = 0
    backoff: int = 30


@dataclasses.dataclass(frozen=True)
class Table:
    """The complete table: the cluster, a row for every step of the template, and what a step without a row gets.

    A launch's own step may have a row, too.
    """

    cluster: Cluster
    rows: Mapping[str, StepResources]
    defaults: StepResources = dataclasses.field(default_factory=StepResources)

    def row(self, step: str) -> StepResources:
        """Returns what a step gets."""
        return self.rows.get(step, self.defaults)


def load(path: Path, own: Collection[str] = ()) -> Table:
    """Reads and checks the table.

    Args:
      path: the file.
      own: names of launches' own steps, which may have entries, too.

    Raises:
      ResourcesError: naming the entry, its value and the allowed form.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ResourcesError(str(path), str(error).splitlines()[-1].strip(), "YAML") from error
    except UnicodeDecodeError as error:
        raise ResourcesError(str(path), error.reason, "UTF-8") from error
    table = _entries("the file", content, ("cluster", "defaults", "steps"))
    defaults = _validate(StepEntries, "defaults", table.get("defaults") or {}).to_fields()
    step_names = (*(step.name for step in steps.STEPS), *own)
    entries = _entries("steps", table.get("steps") or {}, step_names)
    rows = {name: _step(f"steps.{name}", defaults, entries.get(name) or {}) for name in step_names}
    declared = table.get("cluster")
    if isinstance(declared, Mapping) and isinstance(declared.get("image"), str):
        _check_letters("cluster.image", declared["image"])
    cluster = _validate(ClusterEntries, "cluster", declared)
    return Table(
        Cluster(cluster.image, cluster.data, cluster.workspace, cluster.schema_folder, tuple(cluster.beam_args)),
        rows,
        _step("defaults", defaults, {}),
    )


def check_image(place: str, image: object) -> None:
    """Checks that an image is named by a tag that does not move, or by its digest.

    Raises:
      ResourcesError: if it is not.
    """
    if isinstance(image, str):
        _check_letters(place, image)
    if not isinstance(image, str) or not resource_entries.IMAGE.fullmatch(image):
        raise ResourcesError(place, image, resource_entries.IMAGE_FORM, _FIXES["image"])


def _check_letters(place: str, image: str) -> None:
    if "@" in image and not re.search("@sha256:[0-9a-f]{64}$", image):
        needed = "a digest of 64 hexadecimal digits: NAME@sha256:DIGEST"
        raise ResourcesError(place, image, needed, "`docker buildx imagetools inspect` shows it.")
    wrong = _wrong_letters(image)
    if wrong:
        needed = "a name in lower-case letters, digits, and . _ - / between them"
        raise ResourcesError(place, image, needed, f"The name {wrong}.")


def _wrong_letters(image: str) -> str:
    """Returns what no registry accepts in an image's name: "holds capitals (D, O) and blanks"; "" if nothing is wrong."""
    reference = image.partition("@")[0]
    last = reference.rpartition("/")[2]
    name = reference.rpartition(":")[0] if ":" in last else reference
    host, slash, path = name.partition("/")  # a host may be written in capitals
    capitals = dict.fromkeys(
        letter for letter in (path if slash and re.search("[.:]", host) else name) if letter.isupper()
    )
    problems = [f"capitals ({', '.join(capitals)})"] if capitals else []
    problems += ["blanks"] if any(map(str.isspace, image)) else []
    problems += ["an address such as http://"] if "://" in image else []
    if problems:
        return f"holds {' and '.join(problems)}"
    return (
        ""
        if resource_entries.IMAGE_NAME.fullmatch(name)
        else "has a part that is empty or begins or ends with . _ or -"
    )


def _step(place: str, defaults: Mapping[str, typing.Any], content: object) -> StepResources:
    row = StepResources(**{**defaults, **_validate(StepEntries, place, content).to_fields()})
    for name in ("cpu", "memory"):
        request, limit = getattr(row, f"{name}_request"), getattr(row, f"{name}_limit")
        if request is not None and limit is not None and request > limit:
            raise ResourcesError(f"{place}.{name}_request", request, f"at most {name}_limit, which is {limit}")
    return row


_Model = typing.TypeVar("_Model", bound=pydantic.BaseModel)


def _validate(model: type[_Model], place: str, content: object) -> _Model:
    """Returns the entries of one section; of several mistakes the first is reported, with the form that the field's description names."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    entries = _entries(place, content, tuple(fields))
    try:
        return model.model_validate(entries)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "missing" and name not in entries:
            raise ResourcesError(f"{place}.{name}", None, "a value") from error
        raise ResourcesError(
            f"{place}.{name}", entries[name], fields[name].description or "", _FIXES.get(name, "")
        ) from error


def _entries(place: str, content: object, known: tuple[str, ...]) -> dict[str, typing.Any]:
    if not isinstance(content, dict):
        raise ResourcesError(place, content, f"entries among {', '.join(known)}")
    for name in content:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
            raise ResourcesError(
                place, name, f"entries among {', '.join(known)}", f"Did you mean {near[0]}?" if near else ""
            )
    return content
