"""A package whose own module runs late."""

import importlib
import sys

import pytest

from pipeline.local import lazy_package


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `shelf.late` that says when it runs, with a submodule."""
    folder = tmp_path / "shelf" / "late"
    folder.mkdir(parents=True)
    (tmp_path / "shelf" / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("from shelf.late.part import NUMBER\nRUNS = 1\n")
    (folder / "part.py").write_text("NUMBER = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield "shelf.late"
    for name in [name for name in sys.modules if name.partition(".")[0] == "shelf"]:
        del sys.modules[name]


def test_a_submodule_does_not_run_the_package(package):
    lazy_package.defer(package)
    part = importlib.import_module("shelf.late.part")
    assert part.NUMBER == 7
    assert "RUNS" not in vars(sys.modules[package])
    assert sys.modules["shelf"].late.part is part


def test_a_name_of_the_package_runs_it(package):
    lazy_package.defer(package)
    from shelf.late import NUMBER, RUNS

    assert (NUMBER, RUNS) == (7, 1)


def test_a_name_that_does_not_exist_is_an_error(package):
    lazy_package.defer(package)
    with pytest.raises(ImportError, match="nothing"):
        from shelf.late import nothing  # noqa: F401


def test_a_package_that_was_imported_stays_as_it_is(package):
    module = importlib.import_module(package)
    lazy_package.defer(package)
    assert sys.modules[package] is module


def test_a_package_that_is_not_installed_is_an_error():
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        lazy_package.defer("nowhere")
