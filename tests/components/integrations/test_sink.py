import pytest

from components.integrations.sink import AtomicFolder, library
from components.registry.item_vectors import VectorsError


def test_a_missing_library_names_the_extra_to_install():
    with pytest.raises(
        VectorsError,
        match=r"needs the library no_such_library, which cannot be imported: No module named.* Install the extra: pip install '\.\[faiss\]'\.",
    ):
        library("no_such_library.part", "faiss")


def test_a_library_that_is_there_is_given():
    assert library("json.decoder", "faiss").JSONDecoder


def test_a_folder_appears_whole(tmp_path):
    with AtomicFolder(tmp_path / "deep" / "out") as staging:
        (staging / "a.txt").write_text("new")
        assert not (tmp_path / "deep" / "out").exists()

    assert (tmp_path / "deep" / "out" / "a.txt").read_text() == "new"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_a_failure_leaves_what_was_there(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.txt").write_text("old")

    def fail():
        with AtomicFolder(tmp_path / "out") as staging:
            (staging / "a.txt").write_text("new")
            raise KeyError("staging-way")

    with pytest.raises(KeyError):
        fail()

    assert (tmp_path / "out" / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_earlier_export_is_replaced_and_a_folder_with_other_things_is_not(tmp_path):
    for content in ("one", "two"):
        with AtomicFolder(tmp_path / "out") as staging:
            (staging / "a.txt").write_text(content)
    assert (tmp_path / "out" / "a.txt").read_text() == "two"

    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with (
        pytest.raises(VectorsError, match=r"out also holds 'thesis.txt'. Nothing was written"),
        AtomicFolder(tmp_path / "out") as staging,
    ):
        (staging / "a.txt").write_text("three")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.txt", "thesis.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
