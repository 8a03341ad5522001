"""Runs `small_pipeline.py` as a person would, for the tests of the local runner: `python small_run.py FOLDER MOOD [FROM [TO]]`."""

import os
import sys
from pathlib import Path

from components.errors import DayoneError
from pipeline import launches
from pipeline.local import run
from pipeline.settings import Settings

TESTS = Path(__file__).resolve().parent


def small_request(folder, mood, first=None, last=None, **options):
    """A request for a run of the small pipeline in that mood, with everything in one folder."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    (data / "mood").write_text(mood)
    for name in ("events.parquet", "items.parquet"):
        (data / name).touch()
    settings = Settings.from_environment({}, {"launch": "shop", "workspace": str(folder), "log": str(data), **options})
    return run.Request(launches.load("shop"), settings, first, last, graph="small_pipeline.create_pipeline")


def small_environment():
    """The environment in which the pipeline's process finds project and tests."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parents[1]), str(TESTS)]), "PYTHONUNBUFFERED": "1"}


def main(folder, mood, first=None, last=None):
    try:
        return run.run(small_request(Path(folder), mood, first, last))
    except DayoneError as error:
        print(f"error: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
