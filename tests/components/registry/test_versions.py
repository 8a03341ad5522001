import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from small_version import model

from components.registry import versions
from components.registry.versions import VersionError

ROOT = Path(__file__).resolve().parents[3]


def states(folder):
    return {version.number: version.state for version in versions.find_all(folder)}


def test_the_highest_number_is_served(tmp_path):
    for name in ("9", "10", "2"):
        model(tmp_path, name)
    assert states(tmp_path) == {2: "kept", 9: "kept", 10: "served"}
    assert versions.find_served(tmp_path).folder == tmp_path / "10"


def test_what_is_no_version_is_not_seen(tmp_path):
    model(tmp_path, ".pushing-1")
    model(tmp_path, "notes")
    (tmp_path / "7").mkdir()  # no SavedModel in it
    assert versions.find_all(tmp_path) == []
    assert versions.find_served(tmp_path / "nowhere") is None


def test_a_published_version_is_whole_and_the_highest(tmp_path):
    model(tmp_path, "100")
    assert versions.publish(model(tmp_path, ".pushing-1"), tmp_path, 50) == 101
    assert versions.publish(model(tmp_path, ".pushing-1"), tmp_path, 500) == 500
    assert states(tmp_path) == {100: "kept", 101: "kept", 500: "served"}
    assert (tmp_path / "500" / "variables" / "variables.index").read_text() == "model"


def test_a_number_is_not_used_again_after_a_rollback(tmp_path):
    for name in ("1", "2"):
        model(tmp_path, name)
    versions.roll_back(tmp_path)
    assert versions.publish(model(tmp_path, ".pushing-1"), tmp_path, 2) == 3


def test_old_versions_go_and_the_served_one_stays(tmp_path):
    for name in "12345":
        model(tmp_path, name)
    (tmp_path / ".pushing-99").mkdir()
    assert versions.prune(tmp_path, 2) == [1, 2, 3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["4", "5"]
    versions.roll_back(tmp_path)
    assert versions.prune(tmp_path, 1) == [5]
    assert states(tmp_path) == {4: "served"}


def test_rollback_withdraws_and_brings_back(tmp_path):
    for name in "123":
        model(tmp_path, name)
    withdrawn, now = versions.roll_back(tmp_path)
    assert (withdrawn, now.number) == ([3], 2)
    assert states(tmp_path) == {1: "kept", 2: "served", 3: "withdrawn"}
    assert versions.roll_back(tmp_path, 1)[0] == [2]
    assert states(tmp_path) == {1: "served", 2: "withdrawn", 3: "withdrawn"}
    withdrawn, now = versions.roll_back(tmp_path, 3)
    assert (withdrawn, now.folder) == ([], tmp_path / "3")
    assert states(tmp_path) == {1: "kept", 2: "withdrawn", 3: "served"}


def test_there_has_to_be_something_to_roll_back_to(tmp_path):
    model(tmp_path, "1")
    with pytest.raises(VersionError, match=r"rollback needs an older version in .*, got only 1"):
        versions.roll_back(tmp_path)
    with pytest.raises(VersionError, match=r"--to needs a version in .*, got 5. There are: 1\."):
        versions.roll_back(tmp_path, 5)


def test_a_refused_version_is_none_to_roll_back_from(tmp_path):
    for name in "12":
        model(tmp_path, name)
    refused = versions.find_all(tmp_path)[-1]
    versions.note_refusal(refused, "it fails its warm-up")
    assert versions.refusals(tmp_path) == {2: "it fails its warm-up"}
    with pytest.raises(VersionError, match=r"got only 1 \(a server refused 2: nothing changes\)"):
        versions.roll_back(tmp_path)
    (tmp_path / "2" / "variables" / "variables.index").write_text("mended")
    assert versions.refusals(tmp_path) == {}, "the note is of the folder as it was"
    assert versions.roll_back(tmp_path)[0] == [2]


def test_a_note_that_cannot_be_written_or_read_is_none(tmp_path, monkeypatch):
    version = versions.Version(1, model(tmp_path, "1"), "served")
    (tmp_path / ".refused-1").write_text("{")
    assert versions.refusals(tmp_path) == {}
    monkeypatch.setattr(Path, "write_text", lambda *given, **more: (_ for _ in ()).throw(OSError("read-only")))
    versions.note_refusal(version, "broken")
    versions.note_refusal(version, "")
    assert list(tmp_path.glob(".refused*")) == []


WRITER = """
    import itertools, shutil, sys
    from pathlib import Path
    from components.registry import versions

    folder = Path(sys.argv[1])
    for number in itertools.count(1):
        hidden = folder / ".pushing-0"
        shutil.rmtree(hidden, ignore_errors=True)
        (hidden / "variables").mkdir(parents=True)
        (hidden / versions.MODEL_FILE).write_text("x" * 100_000)
        (hidden / "variables" / "variables.index").write_text("x" * 100_000)
        versions.publish(hidden, folder, number)
        versions.prune(folder, 3)
"""


@pytest.mark.parametrize("seed", range(4))
def test_whenever_the_writer_is_killed_every_version_is_whole(tmp_path, seed):
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)]
    writer = subprocess.Popen(command, cwd=ROOT)
    deadline = time.monotonic() + 60
    while versions.find_served(tmp_path) is None:
        assert writer.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.05 + 0.037 * seed)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    published = versions.find_all(tmp_path)
    assert published
    for version in published:
        assert len((version.folder / versions.MODEL_FILE).read_text()) == 100_000
        assert len((version.folder / "variables" / "variables.index").read_text()) == 100_000
