import sys

import pytest

from pipeline import packages


def test_a_missing_package_names_the_python_that_has_it(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "PROJECT", tmp_path)
    error = ModuleNotFoundError("No module named 'tfx.types'", name="tfx.types")
    assert str(packages.explain_missing(error)).endswith(f"{sys.executable} lacks tfx. Install it: make setup.")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert str(packages.explain_missing(error)).endswith(f"lacks tfx. Use {python} -m pipeline.")
    monkeypatch.chdir(tmp_path)
    assert str(packages.explain_missing(error)).endswith("Use .venv/bin/python -m pipeline.")


@pytest.mark.parametrize("name", ["pipeline.launches.mine", "components", None])
def test_a_missing_module_of_the_project_is_a_bug(name):
    assert packages.explain_missing(ModuleNotFoundError("No module", name=name)) is None


def test_python_is_typed_by_the_name_that_the_shell_finds(tmp_path, monkeypatch):
    monkeypatch.setattr(packages.shutil, "which", lambda _: sys.executable)
    assert packages.name_python() == "python"
    monkeypatch.setattr(packages.shutil, "which", lambda _: "/usr/bin/python")
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    monkeypatch.chdir(tmp_path)
    assert packages.name_python() == ".venv/bin/python"
