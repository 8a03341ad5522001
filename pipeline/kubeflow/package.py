"""A compiled pipeline as the server gets it: a file with a name, a version and the parameters that a run may set."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.errors import DayoneError
from pipeline.kubeflow import contract

_KINDS: dict[str, Callable[[str], Any]] = {
    "NUMBER_INTEGER": int,
    "NUMBER_DOUBLE": float,
    "STRING": str,
    "BOOLEAN": json.loads,
}


@dataclasses.dataclass(frozen=True)
class Package:
    """A compiled pipeline, checked.

    Attributes:
      path: of the file.
      name: of the pipeline.
      version: the image's tag and a digest of the file: the same file is the same version.
      parameters: what a run may set: name -> parameter type of KFP.
      tasks: the names of the steps.
    """

    path: Path
    name: str
    version: str
    parameters: Mapping[str, str]
    tasks: tuple[str, ...]


def load(path: Path) -> Package:
    """Reads and checks a compiled file.

    Raises:
      ContractError: if the server would refuse it.
      DayoneError: if there is none.
    """
    if not path.is_file():
        raise DayoneError(
            f"{path}: there is no such file. Compile the pipeline first: python -m pipeline compile --output {path}"
        )
    text = path.read_text(encoding="utf-8")
    contract.check(text, str(path))
    spec = next(document for document in yaml.safe_load_all(text) if document and "platforms" not in document)
    image = next(iter(spec["deploymentSpec"]["executors"].values()))["container"]["image"]
    tag = image.rpartition("/")[2].rpartition(":")[2][:40]
    definitions = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    parameters = {name: parameter["parameterType"] for name, parameter in definitions.items()}
    return Package(
        path,
        spec["pipelineInfo"]["name"],
        f"{tag}-{hashlib.sha256(text.encode()).hexdigest()[:12]}",
        parameters,
        tuple(spec["root"]["dag"]["tasks"]),
    )


def parse_parameters(package: Package, given: list[str]) -> dict[str, Any]:
    """Parses the parameters of a run from texts "name=value".

    Raises:
      DayoneError: for a name that the pipeline has not, or a value of another kind.
    """
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in package.parameters:
            names = ", ".join(sorted(package.parameters)) or "none"
            raise DayoneError(f"--set needs NAME=VALUE with a parameter of {package.path} ({names}), got {text!r}.")
        kind = package.parameters[name]
        try:
            values[name] = _KINDS[kind](value)
        except (KeyError, ValueError) as error:
            raise DayoneError(f"--set {name} needs a value of type {kind}, got {value!r}.") from error
    return values
