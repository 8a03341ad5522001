"""Where Beam works, by name (`kubeflow/beam_profiles.yaml`): the options of each step that runs Beam."""

import dataclasses
import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.errors import DayoneError
from pipeline import steps

PROFILES = Path(__file__).resolve().parents[1] / "kubeflow" / "beam_profiles.yaml"
# The steps whose executors run Beam; tests hold the graph to it.
BEAM_STEPS = (
    steps.EXAMPLE_GEN,
    steps.CATALOGUE_EXAMPLE_GEN,
    steps.STATISTICS_GEN,
    steps.CATALOGUE_STATISTICS_GEN,
    steps.TRANSFORM,
    steps.EVALUATOR,
)
_IMAGE = "{image}"
_BLANK = re.compile(r"<[^<>]+>")


class ProfileError(DayoneError):
    """A Beam profile is not there, or does not have an allowed form."""

    def __init__(self, place: str, got: object, needed: str, fix: str = ""):
        """Builds the message from the entry's dotted name, the value found and the allowed form."""
        super().__init__(f"beam profile {place} needs {needed}, got {got!r}. {fix}".rstrip())


@dataclasses.dataclass(frozen=True)
class BeamProfile:
    """The options of Beam for each step; without any, it works in the step's own process.

    Attributes:
      name: of the profile; "" for none.
      args: for every step that runs Beam.
      steps: for some, in place of `args`.
      remote: whether the workers do not see the folders of the step's pod.
    """

    name: str = ""
    args: tuple[str, ...] = ()
    steps: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    remote: bool = False

    def args_of(self, step: str) -> tuple[str, ...]:
        """The options of a step."""
        return tuple(self.steps.get(step, self.args))

    def with_image(self, image: str) -> "BeamProfile":
        """The profile with the image's name in place."""
        filled = {step: _filled(args, image) for step, args in self.steps.items()}
        return dataclasses.replace(self, args=_filled(self.args, image), steps=filled)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BeamProfile":
        """The inverse of `dataclasses.asdict`, also after JSON."""
        given = {step: tuple(args) for step, args in values["steps"].items()}
        return cls(values["name"], tuple(values["args"]), given, values["remote"])


NONE = BeamProfile()


def chosen(name: str, path: Path = PROFILES) -> BeamProfile:
    """The profile of that name; the empty one for "".

    Raises:
      ProfileError: if there is none of that name, or something in it is wrong.
    """
    if not name:
        return NONE
    content = _content(path)
    if name not in content:
        near = difflib.get_close_matches(name, content, n=1, cutoff=0.5)
        raise ProfileError("", name, f"one of {', '.join(content)}", f"Did you mean {near[0]}?" if near else "")
    profile = _profile(name, content[name])
    for place, args in (
        (f"{name}.args", profile.args),
        *((f"{name}.steps.{step}", args) for step, args in profile.steps.items()),
    ):
        for argument in args:
            if _BLANK.search(argument):
                raise ProfileError(place, argument, "your own values in place of <...>", f"Edit {path.name}.")
    return profile


def load(path: Path = PROFILES) -> dict[str, BeamProfile]:
    """All profiles, also those whose blanks are not filled in yet.

    Raises:
      ProfileError: naming the entry, its value and the allowed form.
    """
    return {name: _profile(name, entry) for name, entry in _content(path).items()}


def _content(path: Path) -> dict[str, Any]:
    # Here, because most commands name no profile.
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ProfileError(str(path), str(error).splitlines()[-1].strip(), "YAML") from error
    except OSError as error:
        raise ProfileError(str(path), error.strerror, "a file that can be read") from error
    if not isinstance(content, dict) or not content:
        raise ProfileError(str(path), content, "profiles by name")
    return content


def _profile(name: str, entry: object) -> BeamProfile:
    known = ("remote", "args", "steps")
    if not isinstance(entry, dict) or set(entry) - set(known) or "args" not in entry:
        raise ProfileError(name, entry, f"args, and nothing but {', '.join(known)}")
    remote = entry.get("remote", False)
    if not isinstance(remote, bool):
        raise ProfileError(f"{name}.remote", remote, "true or false")
    given = entry.get("steps") or {}
    if not isinstance(given, dict):
        raise ProfileError(f"{name}.steps", given, "options by step")
    return BeamProfile(
        name,
        _args(f"{name}.args", entry["args"]),
        {step: _step(name, step, args) for step, args in given.items()},
        remote,
    )


def _step(name: str, step: object, args: object) -> tuple[str, ...]:
    if step not in BEAM_STEPS:
        near = difflib.get_close_matches(str(step), BEAM_STEPS, n=1, cutoff=0.5)
        raise ProfileError(
            f"{name}.steps",
            step,
            f"steps that run Beam: {', '.join(BEAM_STEPS)}",
            f"Did you mean {near[0]}?" if near else "",
        )
    return _args(f"{name}.steps.{step}", args)


def _args(place: str, args: object) -> tuple[str, ...]:
    if not isinstance(args, list) or not all(
        isinstance(argument, str) and argument.startswith("--") for argument in args
    ):
        raise ProfileError(place, args, "a list of options of the form --name=value")
    return tuple(args)


def _filled(args: tuple[str, ...], image: str) -> tuple[str, ...]:
    return tuple(argument.replace(_IMAGE, image) for argument in args)
