import json
import threading
import time

import pytest
from small_server import LAUNCH, SmallModel, push, service

from components.ingest.labels import key_columns, label_rows
from components.ingest.log_files import find_files
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.serving import history_store
from components.serving.event_log import EventLog
from components.serving.history_store import MemoryHistories
from components.serving.request_errors import RequestError
from components.serving.signature_input import Input


@pytest.fixture
def folder(tmp_path):
    push(tmp_path / "serving", 5)
    return tmp_path / "serving"


def ask(answering, body):
    return json.loads(answering.predict(json.dumps(body).encode()))


def click(answering, user, item, **more):
    return json.loads(
        answering.events(
            json.dumps({"events": [{"user_id": user, "item_id": item, "event": "click", **more}]}).encode()
        )
    )


def test_the_smallest_request_is_answered(folder):
    body = ask(service(folder), {"instances": [{"user_id": "u"}]})
    assert body["predictions"][0]["item_ids"] == ["A", "B", "C", "D", "E", "F"]
    assert (body["model_version"], body["policies"], len(body["request_ids"])) == ("5", ["model"], 1)


def test_history_comes_from_the_events_where_the_caller_sends_none(folder):
    answering = service(folder)
    assert click(answering, "u", "A") == {"accepted": 1}
    rows = [{"user_id": "u"}, {"user_id": "v"}, {"user_id": "u", "history": []}, {"user_id": "u", "history": ["B"]}]
    firsts = [answer["item_ids"][0] for answer in ask(answering, {"instances": rows, "n": 1})["predictions"]]
    assert firsts == ["B", "A", "A", "A"]


class AgedModel(SmallModel):
    """Also weighs by ages; remembers what it was asked."""

    def __init__(self, number):
        super().__init__(number)
        default = self.inputs["serving_default"]
        self.inputs = self.inputs | {"recommend_with_ages": (*default, Input("history_ages", "float32", 2))}
        self.asked = []

    def __call__(self, signature, inputs):
        self.asked.append((signature, inputs))
        return super().__call__("serving_default", inputs)


def test_a_model_that_weighs_by_ages_is_told_how_long_the_user_was_away(folder, monkeypatch):
    model, histories = AgedModel(5), MemoryHistories()
    answering = service(folder, make=lambda version: model, histories=histories)
    monkeypatch.setattr(history_store.time, "time", lambda: 1_000_000.0)
    histories.seed({b"old": [b"A", b"B"]}, {b"old": 1_000_000.0 - 8 * 86_400})
    click(answering, "new", "C")
    monkeypatch.setattr(history_store.time, "time", lambda: 1_000_060.0)
    row = {"user_id": "told", "history": ["A", "B"], "history_ages": [90, None]}
    ask(answering, {"instances": [{"user_id": "old"}, {"user_id": "new"}, {"user_id": "nobody"}, row]})
    (signature, inputs), _ = model.asked.pop(), model.asked.clear()
    assert signature == "recommend_with_ages"
    assert inputs["history"].tolist() == [[b"A", b"B"], [b"C", b""], [b"", b""], [b"A", b"B"]]
    assert inputs["history_ages"].tolist() == [[-1, 8 * 86_400 + 60], [60, -1], [-1, -1], [90, -1]]
    ask(answering, {"instances": [{"user_id": "old", "history": ["A"]}]})  # of what the caller sends no age is known
    assert model.asked.pop()[0] == "serving_default"


def test_k_and_exclusions(folder):
    body = ask(service(folder), {"instances": [{"user_id": "u", "exclude_ids": ["A", "C"]}], "n": 2})
    assert body["predictions"] == [{"item_ids": ["B", "D"], "scores": [10.0, 9.0]}]
    everything = {"user_id": "u", "exclude_ids": ["A", "B", "C", "D", "E", "F"]}
    assert ask(service(folder), {"instances": [everything]})["predictions"] == [{"item_ids": [], "scores": []}]


def test_a_request_that_is_refused_leaves_no_trace(folder, tmp_path):
    log = EventLog(tmp_path / "log")
    answering = service(folder, log)
    events = {"events": [{"user_id": "u", "item_id": "A", "event": "click"}, {"user_id": "u"}]}
    with pytest.raises(RequestError):
        answering.events(json.dumps(events).encode())
    with pytest.raises(RequestError):
        ask(answering, {"instances": [{"user_id": "u"}, {}]})
    log.close()
    assert list((tmp_path / "log").iterdir()) == []
    assert answering.histories.get([b"u"]) == [[]]


def simulate(answering, users, seed_rows=3):
    """Every user asks a few times, clicks the first item shown, and does something that no answer led to."""
    for user in range(users):
        for _ in range(seed_rows):
            body = ask(answering, {"instances": [{"user_id": f"u{user}", "device": "tv", "age": user}], "n": 4})
            shown = body["predictions"][0]["item_ids"]
            if shown:
                click(answering, f"u{user}", shown[0], request_id=body["request_ids"][0])
        click(answering, f"u{user}", "F", device="phone")


def test_the_log_that_the_server_writes_is_read_back_whole_by_ingest(folder, tmp_path):
    log = EventLog(tmp_path / "log", rows_per_file=50)
    simulate(service(folder, log, explore=0.5), users=20)
    log.close()
    reader = LogReader(find_files(str(tmp_path / "log"), "*"), Layout.of_log(LAUNCH.log))
    columns = reader.settle(LAUNCH.log.columns())
    times = columns["time"].to_numpy()
    marks = label_rows(columns.select(key_columns(LAUNCH)), times, times.max() + 1, LAUNCH)["label_click"]
    assert ((marks == 1).sum(), (marks == 0).sum()) == (20 * 3, 20 * 3 * 3), (
        "one of the four that were shown is clicked"
    )
    table = columns.to_pandas()
    assert len(table) == log.written and log.dropped == 0
    shown, clicked = table[table.event == "shown"], table[table.event == "click"]
    assert (len(shown), len(clicked)) == (20 * 3 * 4, 20 * 4)
    assert set(shown.policy) == {"model", "explore"}
    assert shown[["request", "place", "chance", "version", "device", "age"]].notna().all().all()
    assert shown.chance.between(0, 1).all()
    joined = clicked[clicked.request.notna()].merge(
        shown, on=["request", "item", "place", "policy", "chance", "device", "age", "user"]
    )
    assert len(joined) == 20 * 3, "every click finds its impression, and tells the same of it"
    assert (joined.time_x >= joined.time_y).all()
    assert clicked[clicked.request.isna()].device.tolist() == ["phone"] * 20


def test_what_is_not_shown_to_anyone_is_not_logged(folder, tmp_path):
    log = EventLog(tmp_path / "log")
    answering = service(folder, log)
    ask(answering, {"instances": [{"user_id": "u"}], "log": False})
    ask(answering, {"signature_name": "rank", "instances": [{"user_id": "u", "item_ids": ["A"]}]})
    ask(answering, {"instances": [{"user_id": ""}]})  # nobody: a row without a user would stop the next run
    log.close()
    assert log.written == 0


def test_versions_change_under_requests_without_a_failure(folder):
    answering, ended, answered_rows = service(folder), [], [0]
    stop = threading.Event()

    def storm():
        while not stop.is_set():
            answered_rows[0] += len(ask(answering, {"instances": [{"user_id": "u"}]})["predictions"])
        ended.append(True)

    threads = [threading.Thread(target=storm) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(6, 26):
        push(folder, number)
        answering.holder.check()
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(ended) == 3 and answered_rows[0] > 20 and answering.holder.number == 25


def test_the_answer_and_the_log_name_the_policy_that_answered(folder, tmp_path):
    log = EventLog(tmp_path / "log")
    answering = service(folder, log, make=lambda version: SmallModel(version.number, falls_back=True))
    rows = [{"user_id": "u"}, {"user_id": "v", "history": ["A"]}, {"user_id": "w", "history": ["unknown"]}]
    policies = ["rules", "model", "rules"]
    assert ask(answering, {"instances": rows, "n": 1})["policies"] == policies
    log.close()
    (file,) = (tmp_path / "log").iterdir()
    assert [json.loads(line)["policy"] for line in file.read_text().splitlines()] == policies
    text = answering.metrics.text().decode()
    assert 'dayone_rows_total{policy="rules",signature="serving_default"} 2.0' in text


def test_status_and_metadata(folder):
    answering = service(folder)
    assert json.loads(answering.status())["model_version_status"][0]["state"] == "AVAILABLE"
    described = json.loads(answering.metadata())
    assert described["model_spec"] == {"name": "toy", "signature_name": "", "version": "5"}
    inputs = described["metadata"]["signature_def"]["signature_def"]["rank"]["inputs"]
    assert inputs["history"] == {
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}] * 2, "unknown_rank": False},
    }
    assert inputs["age"]["dtype"] == "DT_FLOAT"
