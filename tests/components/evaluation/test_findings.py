"""The check of findings; `test_verdict.py` tests how they are read and used."""

import pytest

from components.evaluation.findings import Champion
from components.metrics.bootstrap import Interval


def test_an_unknown_kind_of_champion_is_refused():
    with pytest.raises(ValueError, match="got 'ruels'"):
        Champion("ruels", 0.1, Interval(0, 0, 0), Interval(0, 0, 0))
