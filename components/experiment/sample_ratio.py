"""Sample ratio mismatch: whether both arms have their expected share of users.

Assignment sends half of the enrolled users into each arm. Where the log holds significantly more users of one arm
(chi-square test, p < .001), rows of the other were lost, doubled or never written, most likely not at random, and no
difference between the arms can be read (Fabijan et al., KDD 2019).

Each user counts in the stage in which the log first holds them: who comes back later depends on what the arm showed,
which is an effect of the treatment and no mismatch.
"""

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import stats

MISMATCH_P = 0.001


@dataclasses.dataclass(frozen=True)
class SampleRatio:
    """Users of both arms in one stage.

    Attributes:
      control, treatment: how many users.
      p: how probable so unequal a split is where the assignment is 50/50; 1 without users.
    """

    control: int
    treatment: int
    p: float

    @property
    def mismatch(self) -> bool:
        """Whether the stage must not be read."""
        return self.p < MISMATCH_P


def check_ratio(control: int, treatment: int) -> SampleRatio:
    """Returns the chi-square test of two counts of users against 1/2."""
    total = control + treatment
    p = float(stats.chi2.sf((control - treatment) ** 2 / total, 1)) if total else 1.0
    return SampleRatio(control, treatment, p)


def check_stages(first_stage: npt.NDArray[np.int64], arm: npt.NDArray[np.int8], stages: int) -> list[SampleRatio]:
    """Returns the test of each stage.

    Args:
      first_stage: [u] int64, the stage in which each enrolled user was first seen.
      arm: [u] int8, 0 control and 1 treatment.
      stages: how many there are.
    """
    counts = np.bincount(first_stage * 2 + arm, minlength=2 * stages).reshape(stages, 2)
    return [check_ratio(control, treatment) for control, treatment in counts.tolist()]
