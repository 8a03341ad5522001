"""An experiment from its begin to a decision in the re-enactment of Kubeflow Pipelines (`kubeflow_cluster.py`).

By hand, after `python tests/fakes/kubeflow_cluster.py FOLDER DATA`:
`python tests/fakes/kubeflow_experiment.py FOLDER DATA better` (or `worse`). The first run's artifacts are taken as a
cache would hand them over; what the experiment concerns runs: once to begin it, once on a log with ten days of traffic.
"""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from kubeflow_cluster import Cluster, table_for

from components.declaration import Experiment
from components.experiment.assignment import TREATMENT, split_users
from components.registry.experiment_state import list_finished, read_state, write_state
from pipeline import launches
from pipeline.kubeflow import compiler

DAYS, DAY, USERS = 10, 86_400, 400
CLICKS = {"better": (0.2, 0.5), "worse": (0.5, 0.2)}  # per request, under rules and model
LAUNCH = dataclasses.replace(launches.load("shop"), experiment=Experiment("click", ramp=(1.0,), days=DAYS))


def play_traffic(log, state, chances, seed=5):
    """Returns the log with ten days of two arms: a request a day of each user, with one impression and perhaps a click."""
    rng = np.random.default_rng(seed)
    users = [f"x{number:04d}" for number in range(USERS)]
    arm = split_users(state.id, users)
    items = log["item_id"].to_pylist()
    rows = []
    for day in range(DAYS):
        for number, (user, treated) in enumerate(zip(users, (arm == TREATMENT).tolist(), strict=True)):
            time = (state.began[0] + day * DAY + 60 + number) * 1000
            shared = {
                "user_id": user, "item_id": items[rng.integers(len(items))], "timestamp": time, "position": 0,
                "request_id": f"x{day}-{number}", "policy": "model" if treated else "rules", "propensity": 1.0,
                "model_version": str(state.treatment if treated else state.control), "device": "desktop", "country": "ES",
            }  # fmt: skip
            rows.append(shared | {"event": "impression"})
            if rng.random() < chances[treated]:
                rows.append(shared | {"event": "click", "timestamp": time + 5000})
    return pa.concat_tables([log, pa.Table.from_pylist(rows, schema=log.schema)])


def main(folder, data, kind):
    place, log_folder = folder / kind, folder / kind / "log"
    shutil.copytree(data, log_folder, ignore=shutil.ignore_patterns("truth"))
    serving = place / "volume/shop/serving/shop"
    cluster = Cluster(compiler.compile_launch(LAUNCH, table_for(place / "volume", log_folder)), folder)
    cluster.artifacts = json.loads((folder / "runs.json").read_text())[0]["artifacts"]
    cluster.run_again(("outcome", "verdict", "pusher"), f"begin-{kind}")
    begun = dict(cluster.artifacts)
    log = pq.read_table(log_folder / "events.parquet")
    newest = max(log["timestamp"].to_pylist()) // 1000
    state = dataclasses.replace(read_state(serving).state, began=(newest + 60,))
    write_state(serving, state)  # the experiment begins at the log's end, not now
    pq.write_table(play_traffic(log, state, CLICKS[kind]), log_folder / "events.parquet")
    cluster.run_again(("example-gen", "outcome", "verdict", "pusher"), f"end-{kind}")
    after = read_state(serving).state
    ended = {"phase": after and after.phase, "finished": list_finished(serving)}
    content = {"begun": begun, "ended": cluster.artifacts, "state": dataclasses.asdict(state), "after": ended}
    (folder / f"{kind}.json").write_text(json.dumps(content, indent=2))


if __name__ == "__main__":
    arguments, sys.argv = sys.argv[1:], sys.argv[:1]
    main(Path(arguments[0]), Path(arguments[1]), arguments[2])
