"""What a training chose, written next to a version and read again."""

import numpy as np
import pytest

from components.models import kept_choice
from components.models.ranking.ranking_head import RankingModel
from components.models.retrieval.blend_training import Blend
from components.models.retrieval.retrieval_training import Choice

pytestmark = pytest.mark.tensorflow

BLEND = Blend(("towers", "next"), np.array([0.1, 1 / 3]), np.array([[1.5, 2.5]] * 3), 0.25, 0.125, {"towers": 0.1})


@pytest.fixture
def version(tmp_path):
    """The folder of a saved recommender."""
    (tmp_path / "assets.extra").mkdir()
    return str(tmp_path)


def test_what_is_read_is_what_was_written(version):
    head = RankingModel(("click", "purchase"), [0.1, 0.2], [0.0] * 51)
    numbers = np.array([[0.5, -0.25, 2.0], [0.75, 0.125, 0.0]])
    head.calibrate(numbers, 1.5)
    kept_choice.write(version, Choice(4, BLEND, tried=7, warm=True, serves=True), head)
    kept = kept_choice.read(version)
    assert (kept.choice.epochs, kept.choice.warm, kept.choice.towers, kept.choice.serves) == (4, True, None, False)
    for one, other in zip(kept.choice.blend, BLEND, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(kept.calibration[0], numbers)
    assert kept.calibration[1] == 1.5


def test_without_a_head_there_is_no_calibration(version):
    kept_choice.write(version, Choice(4, BLEND), None)
    assert kept_choice.read(version).calibration is None


def test_where_too_little_was_asked_nothing_is_kept_and_the_refit_chooses(version):
    kept_choice.write(version, Choice(4, None), None)
    assert kept_choice.read(version) is None and kept_choice.read("") is None
