"""Holds the current version, and changes to another one while requests continue.

A thread polls the folder of versions. It loads and warms up a new one next to the old one; then one assignment makes it the
current one; requests that began with the old one end with it. A version that does not load or fails its warm-up is refused. It is tried again
once its folder has changed and then stayed as it is for a look: it may have been copied slowly, with `saved_model.pb` first. For the same
reason a folder that changes while it is loaded is refused, and a version that serves is loaded again once its folder has changed: half a
file of words loads, too.
"""

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from components.errors import DayoneError
from components.registry import versions
from components.registry.versions import Version
from components.serving.predict_request import DEFAULT_SIGNATURE
from components.serving.request_errors import NOT_FOUND, RequestError
from components.serving.signature_input import Input

_LOGGER = logging.getLogger("dayone.serving")
NOT_READY = 503


class Model(Protocol):
    """The interface of a loaded version."""

    number: int
    card: dict[str, Any]
    inputs: dict[str, tuple[Input, ...]]
    outputs: dict[str, tuple[Input, ...]]

    def __call__(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Asks a signature."""

    def titles(self) -> Mapping[str, str]:
        """Item id to title, of what may be recommended; empty where the version does not say."""

    def choices(self) -> Mapping[str, Any]:
        """Input of each filter to its values, or to its least and greatest number; `rules` to the lists; empty for an old version."""

    def answers_as(self, history: Sequence[bytes]) -> str:
        """Returns the policy that answers such a history: "model" or "rules"."""

    def acquire(self) -> bool:
        """Begins a use; False if it is closed already."""

    def release(self) -> None:
        """Ends a use."""

    def warm_up(self) -> int:
        """Asks the warm-up requests; raises `DayoneError` if the version cannot serve."""

    def retire(self) -> None:
        """Closes after the last use."""


@dataclasses.dataclass
class Look:
    """The folder of a version: its fingerprint when it was loaded, and at the last look."""

    tried: str
    looked: str

    def is_due(self, version: Version) -> bool:
        """Looks once; returns whether the folder has changed since it was loaded, and not since the last look."""
        before, self.looked = self.looked, versions.fingerprint(version)
        return self.looked != self.tried and self.looked == before


@dataclasses.dataclass
class Refusal(Look):
    """A version that could not serve, and why."""

    problem: str


class ModelHolder:
    """Holds the current model and follows the folder of versions."""

    def __init__(
        self, folder: Path, load: Callable[[Version], Model], changed: Callable[[str], None] = lambda event: None
    ):
        """Starts with nothing loaded.

        Args:
          folder: of the versions.
          load: loads a version; raises `DayoneError` if it cannot serve.
          changed: told "loaded" or "refused".
        """
        self.folder = folder
        self._load, self._changed = load, changed
        self._current: Model | None = None
        self._look = Look("", "")  # at the current version
        self._loading = 0
        self._refused: dict[int, Refusal] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a version to answer with."""
        return self._current is not None

    @property
    def number(self) -> int:
        """The current version's number; 0 before the first."""
        return self._current.number if self._current else 0

    @contextlib.contextmanager
    def using(self, number: int | None = None) -> Iterator[Model]:
        """Holds the current model open while it is used; raises as `model` does."""
        model = self.model(number)
        while not model.acquire():  # another one replaced it just now
            model = self.model(number)
        try:
            yield model
        finally:
            model.release()

    def model(self, number: int | None = None) -> Model:
        """Returns the current model.

        Raises:
          RequestError: if nothing is loaded yet, or another version is requested.
        """
        current = self._current
        if current is None:
            raise RequestError("no version is loaded yet: run the pipeline, or wait.", NOT_READY)
        if number is not None and number != current.number:
            raise RequestError(f"version {number} is not loaded; {current.number} is.", NOT_FOUND)
        return current

    def input_dtypes(self) -> dict[str, str] | None:
        """Returns the dtype of each input of a recommendation; None before the first version."""
        current = self._current
        return {tensor.name: tensor.dtype for tensor in current.inputs[DEFAULT_SIGNATURE]} if current else None

    def check(self) -> bool:
        """Looks into the folder once; True if the version changed."""
        for version in reversed(versions.find_all(self.folder)):
            if version.state == "withdrawn" or self._is_refused(version):
                continue
            if version.number != self.number:
                return self._try(version)
            return self._look.is_due(version) and self._try_again(version)
        return False

    def _is_refused(self, version: Version) -> bool:
        """Returns whether a version was refused and its folder is unchanged since, or still changing."""
        refusal = self._refused.get(version.number)
        return refusal is not None and not refusal.is_due(version)

    def _load_whole(self, version: Version, mark: str) -> Model:
        """Returns a loaded version that has answered its warm-up.

        Args:
          version: which one.
          mark: the fingerprint of its folder before.

        Raises:
          DayoneError: if it cannot serve, or its folder changed meanwhile.
        """
        self._loading = version.number
        try:
            model = self._load(version)
            try:
                model.warm_up()
                if versions.fingerprint(version) != mark:
                    raise DayoneError(f"the folder of version {version.number} changed while it was loaded.")
            except DayoneError:
                model.retire()
                raise
            return model
        finally:
            self._loading = 0

    def _try_again(self, version: Version) -> bool:
        """Loads the current version once more, as its folder has changed; what is loaded stays if that fails."""
        mark = versions.fingerprint(version)
        self._look = Look(mark, mark)
        try:
            model = self._load_whole(version, mark)
        except DayoneError as error:
            _LOGGER.warning(
                "the folder of version %d changed and cannot serve; what was loaded stays: %s", version.number, error
            )
            self._changed("refused")
            return False
        _LOGGER.info("version %d is loaded again: its folder changed", version.number)
        self._serve(model)
        return True

    def _serve(self, model: Model) -> None:
        old, self._current = self._current, model
        if old is not None:
            old.retire()
        self._changed("loaded")

    def _try(self, version: Version) -> bool:
        mark = versions.fingerprint(version)
        try:
            model = self._load_whole(version, mark)
        except DayoneError as error:
            self._refused[version.number] = Refusal(mark, mark, str(error))
            versions.note_refusal(version, str(error))
            kept = f"{self.number} stays" if self.ready else "nothing serves"
            _LOGGER.warning("version %d is refused, %s: %s", version.number, kept, error)
            self._changed("refused")
            # The next best one may have to be loaded.
            return self.check()
        self._look = Look(mark, mark)
        if self._refused.pop(version.number, None):
            versions.note_refusal(version, "")
        _LOGGER.info("version %d serves", version.number)
        self._serve(model)
        return True

    def status(self) -> list[dict[str, object]]:
        """Returns TF Serving's status of each version that is in the folder or current."""
        numbers = {version.number for version in versions.find_all(self.folder) if version.state != "withdrawn"} | {
            self.number
        }
        return [
            _state(number, self._state_of(number), self._refused.get(number))
            for number in sorted(numbers, reverse=True)
            if number
        ]

    def _state_of(self, number: int) -> str:
        if number == self.number:
            return "AVAILABLE"
        return "LOADING" if number == self._loading else "END"

    def follow(self, seconds: float) -> None:
        """Polls the folder every `seconds` seconds, in a thread of its own, until `stop`."""
        self._thread = threading.Thread(target=self._follow, args=(seconds,), name="versions", daemon=True)
        self._thread.start()

    def _follow(self, seconds: float) -> None:
        while not self._stop.is_set():
            try:
                self.check()
            except Exception:
                # A version that vanishes while it is read, a full disk: the current version keeps serving.
                _LOGGER.exception("the folder of versions could not be read")
            self._stop.wait(seconds)

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        if self._thread:
            self._thread.join()


def _state(number: int, state: str, refusal: Refusal | None) -> dict[str, object]:
    error = (
        {"error_code": "UNKNOWN", "error_message": refusal.problem}
        if refusal
        else {"error_code": "OK", "error_message": ""}
    )
    return {"version": str(number), "state": state, "status": error}
