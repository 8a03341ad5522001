import dataclasses
import json
import subprocess
import time

import pytest
from small_server import LAUNCH

from components.declaration import Catalogue
from components.errors import SettingsError
from components.ingest import spans
from components.serving.traffic_file import TrafficFile
from pipeline.local import loop_setup
from pipeline.settings import Settings


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "data").mkdir()
    return Settings("toy", tmp_path / "runs", tmp_path / "data", tmp_path)


def declared(path, **more):
    return dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, path=path, **more))


def launch_file(tmp_path, path):
    file = tmp_path / "toy.py"
    file.write_text(f'LAUNCH = Launch(log=Log(path="{path}", user="user"))\n')
    return file


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"user": "u", "item": "A", "time": 1}) + "\n")


def test_a_file_becomes_a_folder_that_holds_it_and_nothing_is_lost(settings, tmp_path):
    write(settings.data / "events.jsonl")
    file = launch_file(tmp_path, "events.jsonl")
    made = loop_setup.set_up(declared("events.jsonl"), settings, file)
    assert (made.path, made.folder, made.notes) == ("toy-log/", settings.data / "toy-log", ())
    assert file.read_text() == 'LAUNCH = Launch(log=Log(path="toy-log/", user="user"))\n'
    assert (settings.data / "events.jsonl").exists()
    assert [file.rsplit("/", 1)[1] for file in spans.input_files(made.path, str(settings.data))] == ["events.jsonl"]
    assert len(made.done) == 3
    again = loop_setup.set_up(declared("toy-log/"), settings, file)
    assert again.done == () and loop_setup.traffic_folder(declared("toy-log/"), settings) == made.folder


def test_before_it_was_set_up_no_server_writes_into_the_log(settings):
    write(settings.data / "events" / "a.jsonl")
    assert loop_setup.traffic_folder(declared("events/"), settings) is None


def test_dated_folders_stay_and_what_lies_outside_of_the_window_is_named(settings, tmp_path):
    today = time.strftime("%Y-%m-%d", time.gmtime())
    for name in (f"{today}/new.jsonl", "2001-01-31/old.jsonl", "flat.jsonl"):
        write(settings.data / "events" / name)
    path = "events/{YYYY}-{MM}-{DD}/*"
    made = loop_setup.set_up(declared(path, spans=90), settings, tmp_path / "none")
    assert made.folder == settings.data / "events" and made.path == path
    flat, old = made.notes
    assert "2001-01-31: 1 files are not read: outside of the window of 90" in old
    assert "events: 1 files are not read: their names do not fit" in flat


def test_dated_folders_below_a_flat_one_are_named(settings, tmp_path):
    write(settings.data / "events" / "a.jsonl")
    write(settings.data / "events" / "2026-01-31" / "b.jsonl")
    (note,) = loop_setup.set_up(declared("events/"), settings, tmp_path / "none").notes
    assert "2026-01-31: 1 files are not read" in note and "reads the files of the folder itself" in note


@pytest.mark.parametrize("path", ["events/part-*.jsonl", "events/*/part-1.jsonl"])
def test_a_log_that_would_not_take_the_servers_files_is_refused(settings, tmp_path, path):
    write(settings.data / "events" / "part-1.jsonl")
    with pytest.raises(SettingsError, match="the declared log needs"):
        loop_setup.set_up(declared(path), settings, tmp_path / "none")
    assert not (settings.data / "events" / loop_setup.MARK).exists()


def test_the_catalogue_in_the_logs_folder_is_refused(settings, tmp_path):
    write(settings.data / "shop" / "events.jsonl")
    write(settings.data / "shop" / "items.jsonl")
    launch = dataclasses.replace(declared("shop/"), catalogue=Catalogue("shop/items.jsonl", "item"))
    with pytest.raises(SettingsError, match=r"Move items\.jsonl out of"):
        loop_setup.set_up(launch, settings, tmp_path / "none")


def test_a_launch_file_that_does_not_hold_the_path_is_left_alone(settings, tmp_path):
    write(settings.data / "events.jsonl")
    file = tmp_path / "toy.py"
    file.write_text('PATH = "events.jsonl"\n')
    with pytest.raises(SettingsError, match="edit it by hand"):
        loop_setup.set_up(declared("events.jsonl"), settings, file)
    assert file.read_text() == 'PATH = "events.jsonl"\n'


def test_git_leaves_the_traffic_alone(settings, tmp_path):
    write(settings.data / "events" / "old.jsonl")
    loop_setup.set_up(declared("events/"), settings, tmp_path / "none")
    for name in ("traffic-1-0.jsonl", ".open-0.jsonl", "2026-01-31/traffic-1-0.jsonl"):
        write(settings.data / "events" / name)
    subprocess.run(["git", "init", "-q", str(settings.data)], check=True)
    listing = ["git", "-C", str(settings.data), "ls-files", "-o", "--exclude-standard"]
    files = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
    assert files == []


def test_rows_that_a_server_still_holds_are_counted_until_its_file_is_published(settings, tmp_path):
    launch = declared("events/")
    assert loop_setup.count_open_rows(launch, settings) == 0
    write(settings.data / "events" / "a.jsonl")
    folder = loop_setup.set_up(launch, settings, tmp_path / "none").folder
    assert loop_setup.count_open_rows(launch, settings) == 0
    file = TrafficFile(folder, "")
    file.append(b'{"user": "u"}\n{"user": "v"}\n', 2)
    assert loop_setup.count_open_rows(launch, settings) == 2
    file.publish()
    assert loop_setup.count_open_rows(launch, settings) == 0
