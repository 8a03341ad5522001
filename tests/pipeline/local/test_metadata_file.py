import sqlite3

import pytest

from components.errors import DayoneError
from pipeline.local import metadata_file


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "metadata.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
        database.executemany("INSERT INTO runs (name) VALUES (?)", [(f"run {at} {'x' * 200}",) for at in range(2_000)])
    database.close()
    return path


def test_a_sound_an_empty_and_a_missing_file_pass(file, tmp_path):
    metadata_file.check(file)
    metadata_file.check(tmp_path / "none")
    (tmp_path / "empty").touch()
    metadata_file.check(tmp_path / "empty")


@pytest.mark.parametrize(("start", "end"), [(0, 100), (0, 1 << 20), (40_000, 60_000), (4_096, 8_192)])
def test_damage_is_one_sentence_without_sql_and_with_the_way_out(file, start, end):
    content = bytearray(file.read_bytes())
    content[start:end] = b"\xa5" * (min(end, len(content)) - start)
    file.write_bytes(content)
    with pytest.raises(DayoneError) as caught:
        metadata_file.check(file)
    message = str(caught.value)
    assert message.startswith(f"{file} has to be the ML Metadata of earlier runs; got: ")
    assert f"mv {file} {file}.damaged" in message and "SELECT" not in message and "\n" not in message


def test_a_file_cut_in_half_is_damaged(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DayoneError, match="has to be the ML Metadata"):
        metadata_file.check(file)


def test_a_folder_of_that_name_is_said(tmp_path):
    with pytest.raises(DayoneError, match="has to be the ML Metadata"):
        metadata_file.check(tmp_path)
