import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import LogError
from components.ingest.spans import input_files
from pipeline.onboarding import log_sample, new, partitions

DAYS = (1, 2, 4)


def write(folder, names, item="i"):
    for at, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        rows = {
            "user_id": ["u1", "u2"] * 20,
            "item_id": [f"{item}{at}", "j"] * 20,
            "time": [1_769_900_000 + 86_400 * at + row for row in range(40)],
        }
        pq.write_table(pa.table(rows), folder / name / "part-0.parquet")
    return folder


@pytest.mark.parametrize(
    ("names", "pattern", "days"),
    [
        ([f"dt=2026-02-0{day}" for day in DAYS], "dt={YYYY}-{MM}-{DD}/*", 4),
        ([f"dt=2026020{day}" for day in DAYS], "dt={YYYY}{MM}{DD}/*", 4),
        ([f"year=2026/month=02/day=0{day}" for day in DAYS], "year={YYYY}/month={MM}/day={DD}/*", 4),
        ([f"country=de/dt=2026-02-0{day}" for day in DAYS], "country=*/dt={YYYY}-{MM}-{DD}/*", 4),
        (["country=de", "country=fr"], "country=*/*", None),
        ([f"year=2026/month=2/day={day}" for day in DAYS], "year=*/month=*/day=*/*", None),
    ],
)
def test_the_pattern_reads_every_file_of_the_folders(tmp_path, names, pattern, days):
    assert partitions.pattern_of(write(tmp_path, names)) == (pattern, days)
    assert len(input_files(pattern, str(tmp_path), days)) == len(names)


def test_a_folder_without_partitions_has_no_pattern(tmp_path):
    (tmp_path / "2026-02-01").mkdir()
    assert partitions.pattern_of(tmp_path) is None


def test_new_declares_each_day_as_a_span_and_the_keys_as_columns(tmp_path):
    folder = write(tmp_path / "log", [f"dt=2026-02-0{day}/country=de" for day in DAYS])

    launch = new.propose("tea", folder, None, {}).launch

    assert (launch.log.path, launch.log.spans, launch.log.context) == ("log/dt={YYYY}-{MM}-{DD}/country=*/*", 4, ())
    assert set(log_sample.read(folder).columns) >= {"dt", "country"}


@pytest.mark.parametrize("name", ["my [1] project", "day*", "what?"])
def test_a_path_that_would_be_read_as_a_pattern_is_refused_at_once(tmp_path, name):
    folder = write(tmp_path / name, ["."])
    with pytest.raises(LogError, match="which TFX reads as a pattern of files"):
        log_sample.read(folder / "part-0.parquet")
    with pytest.raises(LogError, match="which TFX reads as a pattern of files"):
        new.make(tmp_path / name / "clone", folder, None, "tea", {})
