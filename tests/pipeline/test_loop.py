"""The loop closes: the next run trains on the traffic log of the local server without conversion."""

import collections
import dataclasses
import json
import os
import random
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from server_process import ServerProcess
from whole_runs import PROJECT, generate

pytestmark = pytest.mark.slow

NAME, USERS, VISITS = "mine", 40, 250


def pipeline(project, *arguments):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    command = [sys.executable, "-m", "pipeline", *arguments]
    done = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project made from yesterday's log, with a small model, in which `loop` was called."""
    folder = tmp_path_factory.mktemp("loop")
    data = generate(folder / "data", 6_000)
    pipeline(
        PROJECT,
        "new",
        str(folder / NAME),
        "--log",
        str(data / "events.parquet"),
        "--catalogue",
        str(data / "items.parquet"),
    )
    file = folder / NAME / "pipeline" / "launches" / f"{NAME}.py"
    text = file.read_text().replace("import Catalogue, Launch, Log,", "import Catalogue, Launch, Log, Model,")
    file.write_text(
        text.replace("    split=Split", "    model=Model(dim=16, epochs=1, ranking_epochs=1),\n    split=Split")
    )
    output = pipeline(folder / NAME, "loop")
    assert "the loop is set up" in output and "note:" not in output
    assert pipeline(folder / NAME, "loop").splitlines() == output.splitlines()[-2:], "nothing is left to do"
    return folder / NAME


def push(project):
    """Pushes a version for the project's catalogue; it recommends the items that follow the last one by id."""
    tf = pytest.importorskip("tensorflow")
    from small_recommenders import LAUNCH, next_item, save_table

    from components.features import item_table

    ids = pq.read_table(project.parent / "data" / "items.parquet")["item_id"].to_pylist()
    table = item_table.build(None, {}, np.array([item.encode() for item in ids], object))
    serving = project / "runs" / NAME / "serving" / NAME
    launch = dataclasses.replace(LAUNCH, name=NAME)
    save_table(
        serving / "1",
        next_item(noise=0.5, count=len(ids)),
        launch,
        table=table,
        context={"device": tf.string, "country": tf.string},
    )


def simulate(client, rng):
    """Simulates visits: a request each, clicks on some shown items, and rare purchases; returns the counts by event."""
    done = collections.Counter()
    for _ in range(VISITS):
        user = f"u{rng.randrange(USERS):05d}"
        context = {"device": rng.choice(["mobile", "desktop", "tablet"]), "country": rng.choice(["DE", "NL"])}
        status, answer = client.predict({"instances": [{"user_id": user} | context]}, NAME)
        assert status == 200, answer
        shown, request = answer["predictions"][0]["item_ids"], answer["request_ids"][0]
        clicked = [item for item in shown if rng.random() < 0.3]
        bought = [item for item in clicked if rng.random() < 0.2]
        kinds = {"click": clicked, "purchase": bought}
        actions = [
            {"user_id": user, "item_id": item, "event": kind, "request_id": request}
            for kind, items in kinds.items()
            for item in items
        ]
        if actions:
            assert client.ask("POST", "/v1/events", {"events": actions}) == (200, {"accepted": len(actions)})
        done.update(impression=len(shown), click=len(clicked), purchase=len(bought))
    return done


@pytest.fixture(scope="module")
def traffic(project):
    """Runs the server under traffic, with its log in the declared folder; returns the counts by event."""
    push(project)
    server = ServerProcess(project / "runs", "--explore", "0.2", project=project, launch=NAME)
    try:
        server.wait_ready(1)
        done = simulate(server.client, random.Random(5))
    finally:
        status = server.end()
    assert status == 0
    assert "(the next run reads it)" in server.said
    return done


def test_the_servers_log_is_part_of_the_declared_one_and_fits_the_declaration(project, traffic):
    folder = project.parent / "data" / f"{NAME}-log"
    (file,) = folder.glob("traffic-*.jsonl")
    assert sorted(path.name for path in folder.iterdir() if path != file) == [
        ".dayone-loop",
        ".gitignore",
        "events.parquet",
    ]
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert collections.Counter(row["event"] for row in rows) == traffic
    output = pipeline(project, "validate")
    assert f"{NAME}: 0 errors" in output and "quarantined" not in output


def examples_of(folder):
    """Returns (event, model version, click label, purchase label) per example of a split; b"" or -1 if missing."""
    import tensorflow as tf

    names = ("event", "model_version", "label_click", "label_purchase")
    spec = dict.fromkeys(names[:2], tf.io.FixedLenFeature([], tf.string, "")) | dict.fromkeys(
        names[2:], tf.io.FixedLenFeature([], tf.int64, -1)
    )
    records = tf.data.TFRecordDataset(tf.io.gfile.glob(str(folder / "*")), "GZIP").batch(100_000)
    (columns,) = (tf.io.parse_example(batch, spec) for batch in records)
    return list(zip(*(columns[name].numpy().tolist() for name in names), strict=True))


def test_the_next_run_reads_every_row_of_it_and_learns_from_it(project, traffic):
    pytest.importorskip("tensorflow")
    before = pq.read_table(project.parent / "data" / "events.parquet")["event"].to_pylist()
    pipeline(project, "run", "--to", "Trainer")
    record = json.loads(max((project / "runs" / NAME / "logs").glob("*.json")).read_text())
    figures = {step["step"]: step["figure"] for step in record["steps"]}
    (folder,) = (project / "runs" / NAME / "artifacts" / "ExampleGen" / "examples").iterdir()
    train, late = (examples_of(folder / f"Split-{split}") for split in ("train", "eval"))
    assert figures["ExampleGen"] == f"{len(train):,} train, {len(late):,} eval", "nothing is quarantined"
    assert len(train) + len(late) == len(before) + traffic.total()

    ours = [row for row in (*train, *late) if row[1] == b"1"]
    shown = [row for row in ours if row[0] == b"impression"]
    assert len(shown) == traffic["impression"]
    # The time cut may split a visit: its actions after the cut are no labels of its impressions before it.
    late_at_most = traffic["impression"] // VISITS
    for column, kind in ((2, "click"), (3, "purchase")):
        missing = traffic[kind] - sum(row[column] == 1 for row in shown)
        assert 0 <= missing <= late_at_most, f"every {kind} finds its impression"

    learnt = sum(row[0] in (b"click", b"purchase") for row in train)
    assert learnt > sum(event in ("click", "purchase") for event in before), "more than before the server's log"
    assert figures["Trainer"].startswith(f"learnt from {learnt:,} positive events")
