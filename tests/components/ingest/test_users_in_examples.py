"""The table of the users in the examples that ExampleGen writes."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from executed_node import execute, features_of, quarantined, run

from components.declaration import Launch, Log, Objective, Split, Users
from components.errors import LogError
from components.ingest import executor, shares
from components.ingest.example_gen import events_example_gen

pytestmark = pytest.mark.tensorflow

LOG = Log("log/", "user", "item", "time", context=("device",), users=Users("users.csv", "id", ("plan",), time="since"))
LAUNCH = Launch(name="shop", log=LOG, objectives=(Objective("any"),), split=Split(eval_share=0.25))
START = 1_700_000_000


def write_log(folder, rows=80, seed=3):
    """A Parquet file of three row groups, and the server's own file, which holds the users' columns itself."""
    random = np.random.default_rng(seed)
    (folder / "log").mkdir()
    columns = {
        "user": [f"u{user}" for user in random.integers(0, 9, rows)],
        "item": random.integers(0, 9, rows),
        "time": START + random.permutation(rows),
        "device": ["tv"] * rows,
    }
    pq.write_table(pa.table(columns), folder / "log/a.parquet", row_group_size=30)
    served = {"user": "u1", "item": "i", "device": None}
    lines = [served | {"time": START + at, "plan": plan} for at, plan in ((10, "as answered"), (70, None))]
    (folder / "log/traffic-1-ab.jsonl").write_text("\n".join(map(json.dumps, lines)))
    table = "id,plan,since\n" + "".join(f"u{user},free,{START}\nu{user},pro,{START + 40}\n" for user in range(8))
    (folder / "users.csv").write_text(table)


def expected(user, time, own):
    return own or (None if user == b"u8" else b"pro" if time >= START + 40 else b"free")


def test_each_event_holds_its_users_columns_as_of_its_time(tmp_path):
    write_log(tmp_path)
    examples = run(events_example_gen(LAUNCH, str(tmp_path), ""), tmp_path)
    rows = features_of(examples, "train") + features_of(examples, "eval")
    assert len(rows) == 82
    for row in rows:
        served = "device" not in row and row["time"][0] == (START + 10) * 1_000_000
        plan = expected(row["user"][0], row["time"][0] / 1e6, b"as answered" if served else None)
        assert row.get("plan", [None])[0] == plan
    assert {row.get("plan", [None])[0] for row in rows} == {b"free", b"pro", b"as answered", None}
    share = sum(row["user"][0] != b"u8" for row in rows) / 82
    assert examples.get_string_custom_property("figure").endswith(f"users known for {share:.0%}")


def test_shares_on_beam_hold_the_same(tmp_path, monkeypatch):
    write_log(tmp_path)
    whole = []
    monkeypatch.setattr(shares, "write", lambda share, target: whole.append(share))
    run(events_example_gen(LAUNCH, str(tmp_path), ""), tmp_path)
    rows = list(whole[0].reader.batches())
    monkeypatch.undo()
    parts = [
        shares._complete(part, batch, slice(0, batch.num_rows))
        for part in shares.split_up(whole[0])
        for batch in part.reader.batches()
    ]
    one, start = [], 0
    for batch in rows:
        one.append(shares._complete(whole[0], batch, slice(start, start + batch.num_rows)))
        start += batch.num_rows
    assert len(parts) == 4
    assert pa.Table.from_batches(parts).to_pydict() == pa.Table.from_batches(one).to_pydict()


def quick(rows):
    """A label that reads a column of the users."""
    assert set(rows) >= {"plan", "device", "user"}
    return rows["plan"] == "pro"


def test_a_label_of_the_team_reads_the_users_columns(tmp_path, monkeypatch):
    write_log(tmp_path)
    monkeypatch.setattr("components.ingest.own_labels.load_function", lambda field, path: quick)
    objective = Objective("any", label_fn="pipeline.launches.shop.labels.quick")
    launch = dataclasses.replace(LAUNCH, objectives=(objective,))
    rows = features_of(run(events_example_gen(launch, str(tmp_path), ""), tmp_path), "train")
    assert {(row.get("plan", [b""])[0] == b"pro", row["label_any"][0]) for row in rows} == {(True, 1), (False, 0)}


def test_wrong_rows_of_the_table_are_kept_aside_or_stop_the_run(tmp_path):
    write_log(tmp_path)
    with (tmp_path / "users.csv").open("a") as file:
        file.write(f"u1,late,soon\n,lost,{START}\n")
    allowed = dataclasses.replace(LOG, users=dataclasses.replace(LOG.users, max_quarantined=0.2))
    examples = run(events_example_gen(dataclasses.replace(LAUNCH, log=allowed), str(tmp_path), ""), tmp_path)
    aside = quarantined(f"{examples.uri}/{executor.USERS_QUARANTINE}")
    assert [row["reason"] for row in aside] == ["since unreadable", "no id"]
    with pytest.raises(LogError, match=r"launch.log.users.max_quarantined allows 1.00%.*since unreadable"):
        run(events_example_gen(LAUNCH, str(tmp_path), ""), tmp_path)


def test_a_change_of_the_table_is_a_reason_to_read_again(tmp_path):
    write_log(tmp_path)

    def key():
        return execute(events_example_gen(LAUNCH, str(tmp_path), "code"))[1]["custom_config"]

    first = key()
    assert key() == first
    (tmp_path / "users.csv").write_text((tmp_path / "users.csv").read_text().replace("u1,pro", "u1,max"))
    assert key() != first


def test_a_table_that_is_not_there_is_named(tmp_path):
    write_log(tmp_path)
    (tmp_path / "users.csv").unlink()
    with pytest.raises(LogError, match=r"users\.csv.*no such file"):
        run(events_example_gen(LAUNCH, str(tmp_path), ""), tmp_path)
