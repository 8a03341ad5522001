"""Beam's runners, by name (`kubeflow/beam_profiles.yaml`): the options of each step that runs Beam."""

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
    """A Beam profile does not exist, or is invalid."""

    def __init__(self, place: str, got: object, needed: str, fix: str = ""):
        """Builds the message from the entry's dotted name, the value found and the allowed form."""
        name = f"beam profile {place}".rstrip()
        super().__init__(f"{name} needs {needed}, got {got!r}. {fix}".rstrip())


@dataclasses.dataclass(frozen=True)
class BeamProfile:
    """The options of Beam for each step; without any, it works in the step's own process.

    Attributes:
      name: of the profile; "" for none.
      args: for every step that runs Beam.
      steps: for some, instead of `args`.
      remote: whether the workers do not see the folders of the step's pod.
    """

    name: str = ""
    args: tuple[str, ...] = ()
    steps: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    remote: bool = False

    def args_of(self, step: str) -> tuple[str, ...]:
        """Returns the options of a step."""
        return tuple(self.steps.get(step, self.args))

    def with_image(self, image: str) -> "BeamProfile":
        """Returns the profile with the name of the image filled in."""
        filled = {step: _fill_image(args, image) for step, args in self.steps.items()}
        return dataclasses.replace(self, args=_fill_image(self.args, image), steps=filled)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BeamProfile":
        """Builds a profile: the inverse of `dataclasses.asdict`, also after JSON."""
        step_args = {step: tuple(args) for step, args in values["steps"].items()}
        return cls(values["name"], tuple(values["args"]), step_args, values["remote"])


NONE = BeamProfile()


def choose(name: str, path: Path = PROFILES) -> BeamProfile:
    """Returns the profile of that name; the empty one for "".

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
                raise ProfileError(place, argument, "your own values instead of <...>", f"Edit {path.name}.")
    return profile


def load(path: Path = PROFILES) -> dict[str, BeamProfile]:
    """Returns all profiles, also those whose blanks are not filled in yet.

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
    except UnicodeDecodeError as error:
        raise ProfileError(str(path), error.reason, "UTF-8") from error
    except OSError as error:
        raise ProfileError(str(path), error.strerror, "a file that can be read") from error
    if not isinstance(content, dict) or not content:
        raise ProfileError(str(path), content, "profiles by name")
    return content


def _profile(name: str, entry: object) -> BeamProfile:
    # Here, because most commands name no profile.
    import pydantic

    from pipeline.beam_profile_entries import ProfileEntries

    content = {**entry, "steps": entry.get("steps") or {}} if isinstance(entry, dict) else entry
    try:
        entries = ProfileEntries.model_validate(content)
    except pydantic.ValidationError as error:
        raise _wrong(name, entry, error.errors()[0]["loc"], ProfileEntries.model_fields) from error
    for step in entries.steps:
        if step not in BEAM_STEPS:
            near = difflib.get_close_matches(step, BEAM_STEPS, n=1, cutoff=0.5)
            beam_steps = f"steps that run Beam: {', '.join(BEAM_STEPS)}"
            raise ProfileError(f"{name}.steps", step, beam_steps, f"Did you mean {near[0]}?" if near else "")
    return BeamProfile(
        name, tuple(entries.args), {step: tuple(args) for step, args in entries.steps.items()}, entries.remote
    )


def _wrong(name: str, entry: object, place: tuple[int | str, ...], fields: Mapping[str, Any]) -> ProfileError:
    """Returns the error of the first invalid entry at pydantic's location."""
    if not isinstance(entry, dict) or not place or place[0] not in entry or place[0] not in fields:
        return ProfileError(name, entry, "args, and nothing but remote, args, steps")
    field = str(place[0])
    if field == "steps" and len(place) > 1:
        from pipeline.beam_profile_entries import OPTIONS_FORM

        return ProfileError(f"{name}.steps.{place[1]}", entry["steps"][place[1]], OPTIONS_FORM)
    return ProfileError(f"{name}.{field}", entry[field], fields[field].description)


def _fill_image(args: tuple[str, ...], image: str) -> tuple[str, ...]:
    return tuple(argument.replace(_IMAGE, image) for argument in args)
