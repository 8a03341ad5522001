"""The entries of `kubeflow/resources.yaml`, as pydantic models; errors quote a field's description."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
    model_validator,
)

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
# An immutable reference: a tag that is not `latest`, or a digest.
IMAGE = re.compile(r"[^\s:@]+(:\d+/[^\s:@]+)?((:[\w.-]+)?@sha256:[0-9a-f]{64}|:(?!latest$)\w[\w.-]{0,127})")
# The grammar of the OCI's distribution specification: a host, perhaps with a port, and parts of a path.
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST = r"(?:localhost|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:\d))(?::\d+)?"
IMAGE_NAME = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*")
IMAGE_FORM = "an image with a tag other than latest, or with a digest"
_CORES_FORM = "cores such as 2, 0.5 or 500m"
_SIZE_FORM = "a quantity with its unit such as 512Mi or 4G"
_TIME_FORM = "a time such as 90s, 30m or 2h"
_PATH_FORM = "an absolute path as the pods see it"


def _quantity(value: object, suffixes: tuple[str, ...]) -> float:
    """Returns a Kubernetes quantity as a number."""
    parts = None if isinstance(value, bool) else re.fullmatch(r"(\d+(?:\.\d+)?)([a-zA-Z]*)", str(value))
    if parts is None or parts[2] not in suffixes:
        raise ValueError(value)
    amount = float(parts[1]) * (_MULTIPLES[parts[2]] if parts[2] != "m" else 1e-3)
    if amount <= 0:
        raise ValueError(value)
    return amount


def _cores(value: object) -> float:
    return _quantity(value, ("", "m"))


def _gigabytes(value: object) -> float:
    """Returns a size in units of 10^9 bytes, as Kubeflow Pipelines counts them."""
    return round(_quantity(value, ("k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti")) / 1e9, 6)


def _size(value: object) -> object:
    _gigabytes(value)
    return value


def _seconds(value: object) -> int:
    parts = re.fullmatch(r"(\d+)([smh])", value) if isinstance(value, str) else None
    if parts is None or int(parts[1]) == 0:
        raise ValueError(value)
    return int(parts[1]) * _SECONDS[parts[2]]


def _immutable(value: str) -> str:
    if not IMAGE.fullmatch(value):
        raise ValueError(value)
    return value


Cores = Annotated[float, BeforeValidator(_cores)]
Gigabytes = Annotated[float, BeforeValidator(_gigabytes)]
Size = Annotated[str, BeforeValidator(_size)]
Seconds = Annotated[int, BeforeValidator(_seconds)]
Text = Annotated[str, StringConstraints(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Path = Annotated[str, StringConstraints(pattern=r"^/")]
Option = Annotated[str, StringConstraints(pattern=r"^--")]


class Entry(BaseModel):
    """Entries of the file: no others, and no values of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Gpu(Entry):
    """An accelerator, by the name of its resource."""

    type: Text
    count: PositiveInt


class Toleration(Entry):
    """A toleration in Kubernetes' own fields."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    tolerationSeconds: int | None = None  # noqa: N815 - Kubernetes' name

    @model_validator(mode="after")
    def _check_seconds(self) -> "Toleration":
        if self.tolerationSeconds is not None and self.effect != "NoExecute":
            raise ValueError(self.tolerationSeconds)
        return self


class Volume(Entry):
    """A persistent volume claim and where the pods see it."""

    claim: Name
    path: Path


class Secret(Entry):
    """A value of a secret as an environment variable."""

    secret: Text
    key: Text
    variable: Text


class SecurityContext(Entry):
    """Who the step's container runs as."""

    run_as_user: PositiveInt | None = None
    run_as_group: PositiveInt | None = None
    run_as_non_root: bool | None = None


class StepEntries(Entry):
    """The entries of `defaults` or of one step; null resets a default."""

    cpu_request: Cores | None = Field(None, description=_CORES_FORM)
    cpu_limit: Cores | None = Field(None, description=_CORES_FORM)
    memory_request: Gigabytes | None = Field(None, description=_SIZE_FORM)
    memory_limit: Gigabytes | None = Field(None, description=_SIZE_FORM)
    gpu: Gpu | None = Field(None, description="{type: nvidia.com/gpu, count: 1}")
    node_selector: dict[str, str] = Field({}, description="labels, all text")
    tolerations: list[Toleration] = Field(
        [],
        description="a list of {key, operator, value, effect, tolerationSeconds} in Kubernetes' words, tolerationSeconds only with NoExecute",
    )
    volumes: list[Volume] = Field([], description="a list of {claim: NAME, path: /FOLDER}")
    scratch: Size | None = Field(None, description=_SIZE_FORM)
    secrets: list[Secret] = Field([], description="a list of {secret: NAME, key: KEY, variable: VARIABLE}")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="one of Always, IfNotPresent, Never"
    )
    image_pull_secrets: list[Name] = Field([], description="a list of the names of secrets")
    security: SecurityContext | None = Field(
        None, description="{run_as_user: 1000, run_as_group: 1000, run_as_non_root: true}"
    )
    timeout: Seconds | None = Field(None, description=_TIME_FORM)
    retries: Annotated[int, Field(ge=0)] = Field(0, description="an integer, 0 or more")
    backoff: Seconds = Field(30, description=_TIME_FORM)

    def to_fields(self) -> dict[str, Any]:
        """Returns what was said, in the types of `StepResources`."""
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        convert = {
            "gpu": lambda gpu: gpu and (gpu.type, gpu.count),
            "tolerations": lambda listed: tuple(toleration.model_dump(exclude_unset=True) for toleration in listed),
            "volumes": lambda listed: tuple((volume.claim, volume.path) for volume in listed),
            "secrets": lambda listed: tuple((secret.secret, secret.key, secret.variable) for secret in listed),
            "image_pull_secrets": tuple,
            "security": lambda security: security and security.model_dump(exclude_none=True),
        }
        return {name: convert[name](value) if name in convert else value for name, value in fields.items()}


class ClusterEntries(Entry):
    """The cluster's folders and image."""

    image: Annotated[str, AfterValidator(_immutable)] = Field(description=IMAGE_FORM)
    data: Path = Field(description=_PATH_FORM)
    workspace: Path = Field(description=_PATH_FORM)
    schema_folder: Path = Field("/app/schema", alias="schema", description=_PATH_FORM)
    beam_args: list[Option] = Field([], description="a list of options of the form --name=value")
