"""Two whole runs of a launch that starts empty, in one process: `python tests/fakes/day_zero_runs.py FOLDER`.

The first finds no event, the second what a server wrote on the first day: 40 answers of three items to ten users, and a
click on the first item of every fourth. Both write what they found to FOLDER/stages.json.
"""

import json
import os
import sys
from pathlib import Path

ANSWERS, SHOWN, EVERY = 40, 3, 4
START = 1_770_000_000_000_000


def write_catalogue(folder):
    import pyarrow as pa
    import pyarrow.csv

    columns = {
        "sku": [f"s{number:02d}" for number in range(30)],
        "category": [f"c{number % 3}" for number in range(30)],
        "added": [f"2026-01-{1 + (7 * number) % 30:02d}" for number in range(30)],
        "active": [number % 10 != 9 for number in range(30)],
    }
    pyarrow.csv.write_csv(pa.table(columns), folder / "items.csv")
    return folder / "items.csv"


def write_traffic(launch, folder):
    """Writes what the server would have."""
    from components.serving.shown_answers import Shown
    from components.serving.traffic_rows import TrafficRows

    rows, written = TrafficRows(launch), []
    for number in range(ANSWERS):
        user, moment = f"u{number % 10}", START + number * 60_000_000
        items = [f"s{(number + place) % 9:02d}" for place in range(SHOWN)]
        written += rows.impressions(Shown(user, f"r{number}", items, [1.0] * SHOWN, "rules", "1", {}, moment))
        if number % EVERY == 0:
            written.append(rows.action(user, items[0], "click", moment + 1_000_000, {"request_id": f"r{number}"}))
    text = "".join(json.dumps(row) + "\n" for row in written)
    (folder / "traffic-1-a.jsonl").write_text(text)


def main(folder):
    from apache_beam.options.pipeline_options import StandardOptions

    from components.registry import card_file
    from pipeline import launches
    from pipeline.beam_engine import ENGINE
    from pipeline.local import runner
    from pipeline.local.run_request import Request
    from pipeline.onboarding import new
    from pipeline.settings import Settings

    StandardOptions.DEFAULT_RUNNER = ENGINE
    (folder / "data").mkdir()
    new.make(folder / "mine", None, write_catalogue(folder / "data"), None, {})
    launch = launches.load_file(folder / "mine" / "pipeline" / "launches" / "mine.py")
    options = {"launch": "mine", "log": str(folder / "data"), "workspace": str(folder / "runs")}
    settings = Settings(**vars(Settings.from_environment({}, options)) | {"schema": folder / "mine" / "schema"})
    stages = []
    for _ in range(2):
        runner.run(Request(launch, settings))
        folders = (settings.pipeline_root / "Verdict" / "summary").iterdir()
        summary = json.loads((max(folders, key=lambda path: int(path.name)) / "summary.json").read_text())
        stage = {name: summary[name] for name in ("verdict", "evidence", "champion", "rolling", "model_problem")}
        stages.append(stage | {"served": card_file.read(Path(settings.champion()))})
        write_traffic(launch, folder / "data" / launch.log.path)
    (folder / "stages.json").write_text(json.dumps(stages))


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root))
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    given, sys.argv = Path(sys.argv[1]), sys.argv[:1]  # Beam's executors parse sys.argv
    main(given)
    sys.stdout.flush()
    os._exit(0)
