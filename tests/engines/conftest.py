import pytest


@pytest.fixture(scope="session")
def local_run(tmp_path_factory):
    """A run of the pipeline on this machine, in one process."""
    import pushed_version

    return pushed_version.run_here(tmp_path_factory.mktemp("pushed"))


@pytest.fixture(scope="session")
def version(local_run):
    """The folder of a pushed version."""
    return local_run.version


@pytest.fixture(scope="session")
def asked(version):
    """Its warm-up requests with plain TensorFlow's answers."""
    import pushed_version

    return pushed_version.ask(version)
