import pytest


@pytest.fixture(scope="session")
def version(tmp_path_factory):
    """The folder of a pushed version."""
    import pushed_version

    return pushed_version.push(tmp_path_factory.mktemp("pushed"))


@pytest.fixture(scope="session")
def asked(version):
    """Its warm-up requests with plain TensorFlow's answers."""
    import pushed_version

    return pushed_version.ask(version)
