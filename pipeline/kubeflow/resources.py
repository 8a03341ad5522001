"""The table of what each step gets on a cluster (`kubeflow/resources.yaml`), checked before anything is compiled."""

import dataclasses
import difflib
import re
import typing
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from components.errors import DayoneError
from pipeline import steps

_MULTIPLES = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_POLICIES = ("Always", "IfNotPresent", "Never")
_OPERATORS, _EFFECTS = ("Exists", "Equal"), ("NoSchedule", "PreferNoSchedule", "NoExecute")
# An immutable reference: a tag that is not `latest`, or a digest.
_IMAGE = re.compile(r"[^\s:@]+(:\d+/[^\s:@]+)?((:[\w.-]+)?@sha256:[0-9a-f]{64}|:(?!latest$)\w[\w.-]*)")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class ResourcesError(DayoneError):
    """An entry of the table does not have an allowed value."""

    def __init__(self, place: str, got: object, needed: str, fix: str = ""):
        """Builds the message from the entry's dotted name, the value found and the allowed form."""
        super().__init__(f"resources: {place} needs {needed}, got {got!r}. {fix}".rstrip())


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Where the pods find things.

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
    """What one step gets; None, 0 and empty leave it to the cluster.

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
    timeout: int | None = None
    retries: int = 0
    backoff: int = 30


@dataclasses.dataclass(frozen=True)
class Table:
    """The whole table: the cluster, and a row for every step that a pipeline can have."""

    cluster: Cluster
    rows: Mapping[str, StepResources]


def load(path: Path) -> Table:
    """Reads and checks the table.

    Raises:
      ResourcesError: naming the entry, its value and the allowed form.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ResourcesError(str(path), str(error).splitlines()[-1].strip(), "YAML") from error
    table = _entries("the file", content, ("cluster", "defaults", "steps"))
    defaults = _row("defaults", table.get("defaults") or {})
    given = _entries("steps", table.get("steps") or {}, tuple(step.name for step in steps.STEPS))
    rows = {step.name: _step(f"steps.{step.name}", defaults, given.get(step.name) or {}) for step in steps.STEPS}
    return Table(_cluster(table.get("cluster")), rows)


def _cluster(content: object) -> Cluster:
    given = _entries("cluster", content, tuple(field.name for field in dataclasses.fields(Cluster)))
    for name in ("image", "data", "workspace"):
        if name not in given:
            raise ResourcesError(f"cluster.{name}", None, "a value")
    check_image("cluster.image", given["image"])
    for name in ("data", "workspace", "schema"):
        path = given.get(name, "/")
        if not isinstance(path, str) or not path.startswith("/"):
            raise ResourcesError(
                f"cluster.{name}", path, "an absolute path as the pods see it", "Mount what lies elsewhere."
            )
    arguments = given.get("beam_args") or []
    if not isinstance(arguments, list) or not all(
        isinstance(argument, str) and argument.startswith("--") for argument in arguments
    ):
        raise ResourcesError("cluster.beam_args", arguments, "a list of options of the form --name=value")
    return Cluster(**{**given, "beam_args": tuple(arguments)})


def check_image(place: str, image: object) -> None:
    """Checks that an image is named by a tag that does not move, or by its digest.

    Raises:
      ResourcesError: if it is not.
    """
    wrong = _wrong_letters(image) if isinstance(image, str) else ""
    if wrong:
        needed = "a name in lower-case letters, digits, and . _ - / between them"
        raise ResourcesError(place, image, needed, f"The name holds {wrong}.")
    if not isinstance(image, str) or not _IMAGE.fullmatch(image):
        raise ResourcesError(
            place,
            image,
            "an image with a tag other than latest, or with a digest",
            "KFP's cache knows an image by this name.",
        )


def _wrong_letters(image: str) -> str:
    """What no registry takes in the name of an image: "capitals (D, O) and blanks"; "" if nothing is wrong."""
    digest = image.find("@")
    name = image[:digest] if digest >= 0 else image.rpartition(":")[0] if ":" in image.rpartition("/")[2] else image
    host, slash, path = name.partition("/")  # a host may be written in capitals
    capitals = dict.fromkeys(
        letter for letter in (path if slash and re.search("[.:]", host) else name) if letter.isupper()
    )
    found = [f"capitals ({', '.join(capitals)})"] if capitals else []
    found += ["blanks"] if any(map(str.isspace, image)) else []
    return " and ".join(found)


def _step(place: str, defaults: Mapping[str, typing.Any], content: object) -> StepResources:
    row = StepResources(**{**defaults, **_row(place, content)})
    for name in ("cpu", "memory"):
        request, limit = getattr(row, f"{name}_request"), getattr(row, f"{name}_limit")
        if request is not None and limit is not None and request > limit:
            raise ResourcesError(f"{place}.{name}_request", request, f"at most {name}_limit, which is {limit}")
    return row


def _row(place: str, content: object) -> dict[str, typing.Any]:
    given = _entries(place, content, tuple(_PARSERS))
    return {name: _parsed(f"{place}.{name}", value, *_PARSERS[name]) for name, value in given.items()}


def _parsed(place: str, value: object, needed: str, parse: Callable[[typing.Any], typing.Any]) -> object:
    try:
        return parse(value)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ResourcesError(place, value, needed) from error


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


def _quantity(value: object, fine: str) -> float:
    """A Kubernetes quantity as a number; `fine` are the suffixes that this one allows."""
    if isinstance(value, bool):
        raise TypeError(value)
    number, suffix = re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]*)", str(value)).groups()  # type: ignore[union-attr]
    if suffix not in fine.split(","):
        raise ValueError(value)
    amount = float(number) * (_MULTIPLES[suffix] if suffix != "m" else 1e-3)
    if amount <= 0:
        raise ValueError(value)
    return amount


def _gigabytes(value: object) -> float:
    return round(_quantity(value, "k,M,G,T,Ki,Mi,Gi,Ti") / 1e9, 6)


def _checked(parse: Callable[[str], float]) -> Callable[[str], str]:
    """A value that is to be passed on as it was written."""

    def check(value: str) -> str:
        parse(value)
        return value

    return check


def _seconds(value: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([smh])", value).groups()  # type: ignore[union-attr]
    return _positive(int(number) * _SECONDS[unit])


def _positive(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(value)
    return value


def _count(value: int) -> int:
    return 0 if value == 0 and not isinstance(value, bool) else _positive(value)


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(value)
        return value

    return parse


def _labels(value: dict[str, str]) -> dict[str, str]:
    if not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise TypeError(value)
    return value


def _records(value: list[dict[str, str]], *keys: str) -> tuple[tuple[str, ...], ...]:
    if not all(
        set(record) == set(keys) and all(isinstance(record[key], str) and record[key] for key in keys)
        for record in value
    ):
        raise ValueError(value)
    return tuple(tuple(record[key] for key in keys) for record in value)


def _volumes(value: list[dict[str, str]]) -> tuple[tuple[str, ...], ...]:
    volumes = _records(value, "claim", "path")
    if not all(_DNS_LABEL.fullmatch(claim) and path.startswith("/") for claim, path in volumes):
        raise ValueError(value)
    return volumes


def _tolerations(value: list[dict[str, typing.Any]]) -> tuple[dict[str, typing.Any], ...]:
    for toleration in value:
        if set(toleration) - {"key", "operator", "value", "effect", "tolerationSeconds"}:
            raise ValueError(value)
        _one_of(*_OPERATORS)(toleration.get("operator", "Equal"))
        _one_of(*_EFFECTS)(toleration.get("effect", _EFFECTS[0]))
    return tuple(value)


_PARSERS: dict[str, tuple[str, Callable[[typing.Any], typing.Any]]] = {
    "cpu_request": ("cores such as 2, 0.5 or 500m", lambda value: _quantity(value, ",m")),
    "cpu_limit": ("cores such as 2, 0.5 or 500m", lambda value: _quantity(value, ",m")),
    "memory_request": ("a quantity with its unit such as 512Mi or 4G", _gigabytes),
    "memory_limit": ("a quantity with its unit such as 512Mi or 4G", _gigabytes),
    "gpu": (
        "{type: nvidia.com/gpu, count: 1}",
        lambda value: (_records([{"type": value["type"]}], "type")[0][0], _positive(value["count"])),
    ),
    "node_selector": ("labels, all text", _labels),
    "tolerations": ("a list of {key, operator, value, effect, tolerationSeconds} in Kubernetes' words", _tolerations),
    "volumes": ("a list of {claim: NAME, path: /FOLDER}", _volumes),
    "scratch": ("a quantity with its unit such as 512Mi or 4G", _checked(_gigabytes)),
    "secrets": (
        "a list of {secret: NAME, key: KEY, variable: VARIABLE}",
        lambda value: _records(value, "secret", "key", "variable"),
    ),
    "image_pull_policy": (f"one of {', '.join(_POLICIES)}", _one_of(*_POLICIES)),
    "timeout": ("a time such as 90s, 30m or 2h", _seconds),
    "retries": ("a whole number, 0 or more", _count),
    "backoff": ("a time such as 90s, 30m or 2h", _seconds),
}
