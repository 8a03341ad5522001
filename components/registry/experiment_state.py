"""The record of a running experiment: `experiment.json` next to the versions of a launch.

It is written to a temporary file and renamed, so that a reader sees one state or the other, whenever the writer dies. The servers
read it as they read the versions; the pipeline's push and the commands `start` and `stop` write it. A file that is
torn, or of another program, is a stated outcome: no experiment runs, the control serves everybody, and every reader
says why.
"""

import dataclasses
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any, Literal

from components.atomic_file import sync_entry, write_atomically

FILE, FORMAT = "experiment.json", "dayone-experiment-1"
CONTROL_SUFFIX = "_control"
FIX = "remove the file with `python -m pipeline stop`"
Phase = Literal["ramp", "holdout"]
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclasses.dataclass(frozen=True)
class Look:
    """One look at the experiment's data.

    Attributes:
      information: 1 / v, the inverse of the gain's variance.
      share: t, the share of the error's time that is over, in (0, 1].
    """

    information: float
    share: float


@dataclasses.dataclass(frozen=True)
class State:
    """The state that every server and the next run read.

    Attributes:
      id: of the experiment, the salt of its assignment.
      launch: the name of the launch, the salt of the holdout.
      treatment, control: the versions, in the folders NAME and NAME_control.
      others: the version that users outside of the experiment get, the one of both that served before.
      ramp: the share of users that each stage enrols.
      stage: the current one, counted from 0.
      began: when each stage so far began, seconds since the epoch, and the holdout after them.
      days: the planned length.
      planned_variance: of the log gain, at the end of the plan.
      holdout: the share of users that keep the rules after a win.
      phase: "ramp" while the experiment runs, "holdout" after a win.
      looks: all looks so far.
    """

    id: str
    launch: str
    treatment: int
    control: int
    others: int
    ramp: tuple[float, ...]
    stage: int
    began: tuple[int, ...]
    days: int
    planned_variance: float
    holdout: float
    phase: Phase = "ramp"
    looks: tuple[Look, ...] = ()

    def __post_init__(self) -> None:
        """Checks what must hold of any state; raises `ValueError` naming what does not."""
        problems = {
            "an id of letters, digits, _ and -": bool(_ID.fullmatch(self.id)),
            "a stage of the ramp": 0 <= self.stage < len(self.ramp),
            "a start for each stage so far and for the holdout, rising": list(self.began) == sorted(self.began)
            and len(self.began) == self.stage + 1 + (self.phase == "holdout"),
            "shares between 0 and 1": all(0 < share <= 1 for share in self.ramp) and 0 <= self.holdout < 1,
            "a phase 'ramp' or 'holdout'": self.phase in ("ramp", "holdout"),
            "others to get the control or the treatment": self.others in (self.control, self.treatment),
            "two versions": self.control != self.treatment,
            "a planned variance above 0": self.planned_variance > 0,
        }
        wrong = [needed for needed, holds in problems.items() if not holds]
        if wrong:
            raise ValueError(f"needs {wrong[0]}")

    @property
    def share(self) -> float:
        """The share of users that are enrolled now."""
        return self.ramp[self.stage]


@dataclasses.dataclass(frozen=True)
class Found:
    """The result of reading: a state, nothing, or a problem in words ("" if there is none)."""

    state: State | None
    problem: str = ""


def encode_state(state: State) -> str:
    """Returns the state as JSON; an infinite variance becomes null."""
    values = dataclasses.asdict(state) | {"format": FORMAT}
    values["planned_variance"] = state.planned_variance if math.isfinite(state.planned_variance) else None
    return json.dumps(values, indent=1, sort_keys=True) + "\n"


def decode_state(text: str) -> State:
    """Returns the state of a text.

    Raises:
      ValueError: for anything that is no state of this format.
    """
    values: Any = json.loads(text)
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise ValueError(f"needs the format {FORMAT!r}")
    try:
        state = _build_state(values)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"lacks or misstates {error}") from error
    if values:
        raise ValueError(f"has the unknown fields {', '.join(sorted(values))}")
    return state


def _build_state(values: dict[str, Any]) -> State:
    """Returns the state of plain values, taking each out of the dictionary."""
    planned, phase = values.pop("planned_variance"), values.pop("phase")
    return State(
        id=str(values.pop("id")),
        launch=str(values.pop("launch")),
        **{name: int(values.pop(name)) for name in ("treatment", "control", "others", "stage", "days")},
        ramp=tuple(map(float, values.pop("ramp"))),
        began=tuple(map(int, values.pop("began"))),
        planned_variance=math.inf if planned is None else float(planned),
        holdout=float(values.pop("holdout")),
        phase="holdout" if phase == "holdout" else phase,
        looks=tuple(Look(float(look["information"]), float(look["share"])) for look in values.pop("looks")),
    )


def read_state(folder: Path) -> Found:
    """Returns the state in a folder of versions; never raises for what the file holds."""
    path = Path(folder) / FILE
    try:
        return Found(decode_state(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return Found(None)
    except (ValueError, OSError) as error:
        reason = "is no JSON: torn, or of another program" if isinstance(error, json.JSONDecodeError) else str(error)
        return Found(None, f"{path} {reason}. No experiment runs and the control serves everybody: {FIX}")


def digest(folder: Path) -> str:
    """Returns a digest of the state, the finished experiments and the versions; "" without a folder."""
    names = sorted(path.name for place in (Path(folder), find_control(folder)) for path in place.glob("[!.]*"))
    path = Path(folder) / FILE
    content = path.read_bytes() if path.is_file() else b""
    return hashlib.sha256(content + "/".join(names).encode()).hexdigest()[:16] if names else ""


def write_state(folder: Path, state: State) -> None:
    """Writes the state in one step."""
    write_atomically(Path(folder) / FILE, encode_state(state))


def finish_state(folder: Path, kind: str) -> bool:
    """Ends the experiment: renames the file to `experiment-ID.KIND.json`, in one step.

    Args:
      folder: of the versions.
      kind: how it ended, "harm", "ended" or "stopped".

    Returns:
      Whether there was a file; what cannot be read is kept as `experiment-unreadable.KIND.json`.
    """
    path = Path(folder) / FILE
    if not path.exists():
        return False
    state = read_state(folder).state
    path.rename(path.with_name(f"experiment-{state.id if state else 'unreadable'}.{kind}.json"))
    sync_entry(path.parent)
    return True


def list_finished(folder: Path) -> list[tuple[str, str]]:
    """Returns the id and the ending of each experiment that is over, sorted by id."""
    names = (path.name.removeprefix("experiment-") for path in Path(folder).glob("experiment-*.*.json"))
    return sorted((name.rsplit(".", 2)[0], name.rsplit(".", 2)[1]) for name in names)


def find_control(folder: Path) -> Path:
    """Returns the folder of the control's versions, next to that of a launch: NAME -> NAME_control."""
    folder = Path(folder)
    return folder.with_name(folder.name + CONTROL_SUFFIX)
