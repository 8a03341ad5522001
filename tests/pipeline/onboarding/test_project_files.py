"""The files that make a clone a project of its own: the name of its package."""

import re

import clone_logs
import pytest

from pipeline.onboarding import new, project_files
from pipeline.settings import PROJECT


@pytest.fixture
def folder(tmp_path):
    """A clone for a small log."""
    (tmp_path / "data").mkdir()
    clone_logs.plain_log(tmp_path / "data", rows=500)
    new.make(tmp_path / "My Feature", tmp_path / "data" / "visits.csv", None, None, {})
    return tmp_path / "My Feature"


def test_the_package_has_the_launchs_name(folder, tmp_path):
    metadata, lock = (folder / "pyproject.toml").read_text(), (folder / "uv.lock").read_text()
    template = re.search(r'^name = "(.*)"', (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert '\nname = "my-feature"\n' in metadata
    assert '"my-feature[faiss' in metadata
    assert 'name = "my-feature"\nsource = { editable = "." }' in lock
    assert f'"{template}"' not in metadata + lock
    assert f'"{template}[' not in metadata
    # Nothing else differs: each other line is the template's.
    for name, changed in (("pyproject.toml", 2), ("uv.lock", 3)):
        pairs = zip((folder / name).read_text().splitlines(), (PROJECT / name).read_text().splitlines(), strict=True)
        assert sum(one != other for one, other in pairs) == changed
    # A name that a dependency has would be a package that depends on itself.
    (tmp_path / "pyproject.toml").write_text('name = "dayone"')
    (tmp_path / "uv.lock").write_text('name = "dayone"\nname = "faiss-cpu"')
    assert project_files.name_package(tmp_path, "faiss_cpu") == "faiss-cpu-launch"
