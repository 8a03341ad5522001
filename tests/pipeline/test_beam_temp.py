from pathlib import Path

import pytest

from pipeline import beam_temp

pytestmark = pytest.mark.tensorflow


def test_temporary_folders_are_removed_at_any_depth_and_nothing_else(tmp_path):
    for name in ("Split-train/beam-temp-stats-1/part-0", "Split-train/FeatureStats.pb", "beam-temp-a/beam-temp-b/x"):
        Path(tmp_path, name).parent.mkdir(parents=True, exist_ok=True)
        Path(tmp_path, name).touch()

    removed = beam_temp.remove(str(tmp_path))

    assert sorted(removed) == [f"{tmp_path}/Split-train/beam-temp-stats-1", f"{tmp_path}/beam-temp-a"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "Split-train" / "FeatureStats.pb"]
    assert beam_temp.remove(str(tmp_path)) == []


def test_a_folder_that_is_not_there_has_none(tmp_path):
    assert beam_temp.remove(str(tmp_path / "none")) == []
