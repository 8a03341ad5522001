import dataclasses

import pyarrow.parquet
import pytest

from components.errors import LogError
from pipeline import launches
from pipeline.local import sample
from pipeline.settings import Settings

SHOP = launches.load("shop")


def settings_of(tmp_path, **options):
    return Settings.from_environment({}, {"launch": "shop", "workspace": str(tmp_path), **options})


def test_the_sample_is_wanted_by_the_launch_that_ships_when_nobody_gave_a_log(tmp_path):
    assert sample.is_needed(settings_of(tmp_path))
    assert not sample.is_needed(settings_of(tmp_path, log=str(tmp_path)))
    assert not sample.is_needed(settings_of(tmp_path, launch="movielens"))


def test_the_sample_is_what_the_declaration_says(tmp_path):
    settings = settings_of(tmp_path)
    assert sample.missing_inputs(SHOP, settings) == [settings.data / "events.parquet", settings.data / "items.parquet"]
    message = sample.make(settings.data, events=2_000)
    assert sample.missing_inputs(SHOP, settings) == []
    events = pyarrow.parquet.ParquetFile(settings.data / "events.parquet")
    assert set(SHOP.log.columns()) <= set(events.schema.names)
    assert f"{events.metadata.num_rows:,} events" in message


def test_a_missing_file_is_named_with_the_way_out(tmp_path):
    with pytest.raises(
        LogError,
        match=r"events\.parquet: there is no such file or folder\. Say where the files of launch 'shop' are: --log DIR\.",
    ):
        sample.check_inputs(SHOP, settings_of(tmp_path, log=str(tmp_path)))


def test_patterns_and_folders_are_found(tmp_path):
    (tmp_path / "2026-01-01").mkdir()
    (tmp_path / "2026-01-01" / "a.parquet").touch()
    settings = settings_of(tmp_path, log=str(tmp_path))
    bare = dataclasses.replace(SHOP, catalogue=None)
    for path, missing in (("*/*.parquet", 0), ("**/a.parquet", 0), ("2026-01-01", 0), ("*/*.csv", 1)):
        launch = dataclasses.replace(bare, log=dataclasses.replace(bare.log, path=path))
        assert len(sample.missing_inputs(launch, settings)) == missing, path
