"""The claims of bench_launch.py can be played; with the repetitions that say something, `make bench-launch` plays them."""

import bench_launch
import pytest


@pytest.mark.parametrize(
    ("claims", "lines"),
    [
        (lambda: bench_launch.claim_looks(4), 4),
        (lambda: bench_launch.claim_variance(1), 1),
        (lambda: bench_launch.claim_launches(1, 20_000), 4),
        (lambda: bench_launch.claim_void(1, 20_000), 1),
    ],
    ids=["looks", "variance", "launches", "void"],
)
def test_each_claim_is_a_share_and_whether_it_suffices(claims, lines):
    played = list(claims())
    assert len(played) == lines
    assert all(0 <= share <= 1 and holds in (True, False) for _, share, _, holds in played)
