"""The newest report and rules of a workspace."""

import pytest

from pipeline.local.newest_outputs import REPORTS, RULES, find_newest


@pytest.mark.parametrize("pattern", [REPORTS, RULES])
def test_the_newest_is_that_of_the_highest_number(tmp_path, pattern):
    assert find_newest(tmp_path, pattern) is None
    for name in ("9", "10", "old"):
        (tmp_path / pattern.replace("*", name)).mkdir(parents=True)
    assert find_newest(tmp_path, pattern) == tmp_path / pattern.replace("*", "10")
