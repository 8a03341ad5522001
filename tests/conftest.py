"""The lanes of the tests, in this order: light (no mark), `tensorflow`, `slow`. `--lane` chooses one.

The light lane never imports TensorFlow: it does not even read files that are marked with `pytestmark`. Three lanes run
only when they are chosen: `containers` needs docker and the image, `clones` repeats the light lane in a clone,
`engines` starts other people's servers.
"""

import atexit
import os
import re
import sys

os.environ["TF_USE_LEGACY_KERAS"] = (
    "1"  # TensorFlow reads it while it is imported; TensorFlow Recommenders needs Keras 2
)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hypothesis
import pytest

# What the light lane never imports.
ENGINES = ("tensorflow", "tfx", "tfx_bsl", "apache_beam")
BY_CHOICE = ("containers", "clones", "engines")
LANES = ("light", "tensorflow", "slow", *BY_CHOICE)
MARKED_AS_A_WHOLE = re.compile(rf"^pytestmark\b.*pytest\.mark\.(tensorflow|slow|{'|'.join(BY_CHOICE)})", re.MULTILINE)

# Derandomized, so that a change is judged by the same examples as main.
hypothesis.settings.register_profile("dayone", deadline=None, derandomize=True)
hypothesis.settings.load_profile("dayone")


def pytest_addoption(parser):
    parser.addoption("--lane", choices=LANES, help="run only the tests of one lane")
    parser.addoption("--piece", default="1/1", help="of the files, such as 2/3: the second third")
    parser.addoption("--image", default="dayone:0.1.0", help="the image of the lane `containers`, see `make image`")


def pytest_ignore_collect(collection_path, config):
    if collection_path.match("test_*.py") and config.getoption("lane") == "engines":
        return True if "pytest.mark.engines" not in collection_path.read_text() else None
    if (
        config.getoption("lane") == "light"
        and collection_path.suffix == ".py"
        and MARKED_AS_A_WHOLE.search(collection_path.read_text())
    ):
        return True
    return None


def lane(item):
    return next((name for name in (*BY_CHOICE, "slow", "tensorflow") if item.get_closest_marker(name)), "light")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    chosen = config.getoption("lane")
    others = [
        item for item in items if lane(item) != (chosen or lane(item)) or (not chosen and lane(item) in BY_CHOICE)
    ]
    others += files_of_other_pieces([item for item in items if item not in others], config.getoption("piece"))
    config.hook.pytest_deselected(items=others)
    items[:] = sorted((item for item in items if item not in others), key=lambda item: LANES.index(lane(item)))


def files_of_other_pieces(items, piece):
    """Returns the tests whose file, counted in order, is not in a piece such as "2/3"."""
    number, count = map(int, piece.split("/"))
    numbers = {path: at % count + 1 for at, path in enumerate(sorted({item.path for item in items}))}
    return [item for item in items if numbers[item.path] != number]


def pytest_collection_finish(session):
    heavy = [name for name in ENGINES if name in sys.modules]
    if session.config.getoption("lane") == "light" and heavy:
        raise pytest.UsageError(
            f"a light test file imports {heavy[0]}: mark it with `pytestmark = pytest.mark.tensorflow`."
        )


@atexit.register  # pytest puts the hook back when it ends, and TensorFlow's destructors run later still
def pass_over_destructors():
    """TensorFlow 2.16 complains of its own destructors while the interpreter exits: below the closing line it would read as a failure."""

    def passed_over(unraisable, report=sys.unraisablehook):
        if "AtomicFunction.__del__" not in repr(unraisable.object):
            report(unraisable)

    sys.unraisablehook = passed_over
