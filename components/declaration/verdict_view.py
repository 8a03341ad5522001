"""What the step Verdict reads of a declaration; see `components.declaration.views`."""

import dataclasses

from components.declaration.criteria import Promotion
from components.declaration.data import Split
from components.declaration.views import EventsView, Label, LogColumns


@dataclasses.dataclass(frozen=True)
class JudgedColumns(LogColumns):
    """The columns of the examples by role, with the policy that chose what was shown."""

    policy: str | None


@dataclasses.dataclass(frozen=True)
class JudgedLabel(Label):
    """An objective as the verdict reads it."""

    auc_decides: bool


@dataclasses.dataclass(frozen=True)
class VerdictView(EventsView):
    """Verdict."""

    name: str
    split: Split
    log: JudgedColumns
    objectives: tuple[JudgedLabel, ...]
    promotion: Promotion
