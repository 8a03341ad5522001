import errno
import os
import threading

import pytest

from components import atomic_file
from components.atomic_file import replace_file, write_atomically


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_gets_its_folder_and_readable_rights_and_keeps_the_rights_it_had(tmp_path):
    path = tmp_path / "new" / "file.json"
    write_atomically(path, "caf\u00e9\r\n")
    assert path.read_bytes() == "caf\u00e9\r\n".encode() and path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o600)
    write_atomically(path, "two")
    assert (path.read_text(), path.stat().st_mode & 0o777, names(path.parent)) == ("two", 0o600, ["file.json"])


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.ENOSPC, "full")])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, there, error):
    path = tmp_path / "file"
    if there:
        path.write_text("old")

    def fail():
        with replace_file(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises((KeyboardInterrupt, OSError)):
        fail()
    assert names(tmp_path) == (["file"] if there else []) and (not there or path.read_text() == "old")


def test_a_disk_that_is_full_at_the_sync_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("old")

    def fail(descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="full"):
        write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old" and names(tmp_path) == ["file"]


def test_the_content_is_on_the_disk_before_its_name_and_the_name_before_the_return(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: order.append("sync"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("rename"), replace(*paths)))
    write_atomically(tmp_path / "file", "new")
    assert order == ["sync", "rename", "sync"]


def test_a_file_system_that_cannot_sync_a_folder_is_no_error_and_any_other_cause_is(tmp_path, monkeypatch):
    def fail(number):
        def sync(descriptor):
            raise OSError(number, "no")

        return sync

    monkeypatch.setattr(os, "fsync", fail(errno.EINVAL))
    atomic_file.sync_entry(tmp_path)
    monkeypatch.setattr(os, "fsync", fail(errno.EIO))
    with pytest.raises(OSError, match="no"):
        atomic_file.sync_entry(tmp_path)


def test_readers_meet_one_whole_file_or_the_other_while_several_write(tmp_path):
    path = tmp_path / "file"
    texts = {letter * 50_000 for letter in "abc"}
    write_atomically(path, "a" * 50_000)
    writers = [
        threading.Thread(target=lambda text=text: [write_atomically(path, text) for _ in range(30)]) for text in texts
    ]
    for writer in writers:
        writer.start()
    contents = set()
    while any(writer.is_alive() for writer in writers):
        contents.add(path.read_text())
    assert contents and contents <= texts and names(tmp_path) == ["file"]
