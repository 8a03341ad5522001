import time
from pathlib import Path

import process_meter
import pytest

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.fixture(scope="session", autouse=True)
def measured(request):
    """Measures the processes that the lane starts, for its closing lines."""
    with process_meter.Meter() as meter:
        request.config.measured = meter, time.monotonic()
        yield


def pytest_terminal_summary(terminalreporter, config):
    """What the lane cost: processes, seconds, and what was downloaded into build/."""
    if not hasattr(config, "measured"):
        return
    meter, began = config.measured
    terminalreporter.section("cost of the lane")
    for kind, use in meter.uses().items():
        terminalreporter.line(
            f"{kind:<28} {use.count:>4} processes {use.cpu:>7.0f} CPU-s, the largest {use.peak:,.0f} MB"
        )
    cpu = sum(use.cpu for use in meter.uses().values())
    folders = {path.name: _megabytes(path) for path in (*ROOT.glob("build/engines/*"), ROOT / "build" / "kserve")}
    sizes = ", ".join(f"{name} {size:,.0f}" for name, size in sorted(folders.items()))
    terminalreporter.line(f"{time.monotonic() - began:.0f} s, {cpu:.0f} CPU-s; MB in build/: {sizes}")


def _megabytes(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
