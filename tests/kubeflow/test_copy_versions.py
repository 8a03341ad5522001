"""The script that copies versions to an object store, with the real rclone; a folder stands for the store."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "kubeflow" / "overlays" / "kserve" / "copy_versions.sh"
pytestmark = pytest.mark.skipif(not shutil.which("rclone"), reason="needs rclone on the PATH (a package of that name)")


def copy(serving, target):
    environment = {"PATH": "/usr/bin:/bin:" + str(Path(shutil.which("rclone")).parent), "RCLONE_CONFIG": "/dev/null"}
    variables = environment | {"SERVING": str(serving), "TARGET": str(target)}
    answer = subprocess.run(["sh", SCRIPT], env=variables, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_each_version_gets_a_folder_of_its_own_and_only_whole_numbers_go(tmp_path):
    serving, store = tmp_path / "serving", tmp_path / "store"
    write(
        serving,
        "17/saved_model.pb",
        "17/variables/variables.index",
        "18/saved_model.pb",
        "19/variables/variables.index",
    )
    write(serving, "20.withdrawn/saved_model.pb", ".pushing-7/21/saved_model.pb")

    assert copy(serving, store) == [f"17: copied to {store}/17/17", f"18: copied to {store}/18/18"]
    assert files(store) == {"17/17/saved_model.pb", "17/17/variables/variables.index", "18/18/saved_model.pb"}
    write(serving, "22/saved_model.pb")
    assert copy(serving, store) == ["17: there", "18: there", f"22: copied to {store}/22/22"]


def test_a_copy_that_was_cut_short_is_finished(tmp_path):
    serving, store = tmp_path / "serving", tmp_path / "store"
    write(serving, "17/saved_model.pb", "17/variables/variables.index")
    write(store, "17/17/variables/variables.index")

    assert copy(serving, store) == [f"17: copied to {store}/17/17"]
    assert "17/17/saved_model.pb" in files(store)


def test_before_the_first_push_it_says_so(tmp_path):
    assert copy(tmp_path, tmp_path / "store") == [f"no version yet in {tmp_path}"]
