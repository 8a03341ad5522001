"""The script that prepares the volume, run on a folder; as root it also changes owners."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "kubeflow" / "base" / "prepare_volume.sh"


def prepare(volume, owner, **more):
    environment = {"PATH": os.environ["PATH"], "VOLUME": str(volume), "OWNER": owner, **more}
    answer = subprocess.run(["sh", SCRIPT], env=environment, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


def owners(folder):
    return {(path.stat().st_uid, path.stat().st_gid) for path in (folder, *folder.rglob("*"))}


def test_the_folders_of_log_and_runs_are_made_and_a_second_time_changes_nothing(tmp_path):
    owner = f"{os.getuid()}:{os.getgid()}"
    for _ in range(2):
        assert prepare(tmp_path, owner) == [f"{tmp_path}/log and {tmp_path}/runs belong to {owner}"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "runs"]


def test_a_log_is_copied_into_an_empty_folder_and_never_over_another_log(tmp_path):
    volume, owner = tmp_path / "volume", f"{os.getuid()}:{os.getgid()}"
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "events.csv").write_text(name)
        prepare(volume, owner, LOG_SOURCE=str(tmp_path / name))
    assert (volume / "log" / "events.csv").read_text() == "first"


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_everything_on_the_volume_belongs_to_the_steps_afterwards(tmp_path):
    (tmp_path / "runs").mkdir(parents=True)
    (tmp_path / "runs" / "old").write_text("")
    prepare(tmp_path, "1000:1000")
    assert owners(tmp_path) == {(1000, 1000)}
