"""The border that is HTTP: a server with a model in memory, and the log that it writes."""

import http.client
import json
import logging
import time

import fuzz_values
import small_server

from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.serving.event_log import EventLog

PATHS = (
    *(("/v1/models/toy:predict",) * 6 + ("/v1/events",) * 6 + ("/v1/models/toy", "/v1/models/x:predict", "/", "/docs", "/healthz")),
    *("/readyz", "/metrics", "/openapi.json", "/demo", "/v1/models/toy/versions/1:predict", "/../etc", "/%00", "/v1/history/u"),
)  # fmt: skip
METHODS = ("POST", "POST", "POST", "POST", "POST", "POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "BREW")


class Tracebacks(logging.Handler):
    """Counts records that carry a traceback."""

    def __init__(self):
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record):
        if record.exc_info:
            self.texts.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


def attack_http(tally, rng, folder, end):
    """Requests of every kind; each acknowledged event has to be a row of the log."""
    tracebacks = Tracebacks()
    logging.getLogger().addHandler(tracebacks)
    small_server.push(folder / "versions", 1)
    log = EventLog(folder / "log")
    answering = small_server.service(folder / "versions", log, explore=0.2)
    acknowledged = 0
    with small_server.serving(answering) as client:
        while time.monotonic() < end:
            method, path, body, headers = make_request(rng)
            tally.counts["inputs"] += 1
            status, text = send(client.port, method, path, body, headers)
            tally.counts["taken" if 200 <= status < 300 else "refused"] += 1
            if status >= 500:
                tally.counts["5xx"] += 1
                tally.note(f"{status} for {method} {path}"[:80], text[:120], (method, path, body, headers))
            if path.startswith("/v1/events") and method == "POST" and status == 200:
                acknowledged += json.loads(text).get("accepted", 0)
        problem = probe(client)
    log.close()
    logging.getLogger().removeHandler(tracebacks)
    if problem:
        tally.counts["5xx"] += 1
        tally.note("after the attack", problem, problem)
    tally.counts["tracebacks"] += len(tracebacks.texts)
    for text in tracebacks.texts:
        tally.note(text[:120], text, text)
    count_lost(tally, sorted((folder / "log").rglob("*.jsonl")), acknowledged)


def count_lost(tally, files, acknowledged):
    """Counts acknowledged events that are not in the log, and rows of the log that the next run would not admit."""
    rows = [json.loads(line) for file in files for line in file.open()]
    actions = sum(row["event"] == "click" for row in rows)
    tally.counts["rows"], tally.counts["lost"] = len(rows), max(acknowledged - actions, 0)
    if not rows:
        return
    reader = LogReader([str(file) for file in files], Layout.of_log(small_server.LAUNCH.log))
    reader.settle(("time",))
    tally.counts["lost"] += reader.quarantined.rows + len(rows) - reader.quarantined.rows_in
    if reader.quarantined.rows:
        tally.note("a run would quarantine what the server took", str(reader.quarantined), rows)


def probe(client) -> str:
    """A plain request after the attack: it has to be answered."""
    status, _ = client.predict({"instances": [{"user_id": "u", "history": ["A"], "device": "tv", "age": 3.0}]})
    return "" if status == 200 else f"after the attack a plain request got {status}"


def make_request(rng):
    """Method, path, body and headers."""
    path, method = rng.choice(PATHS), rng.choice(METHODS)
    whole = {"events": [make_event(rng) for _ in range(rng.randint(1, 3))]} if path == "/v1/events" else make_query(rng)
    if rng.random() < 0.2:
        whole |= {fuzz_values.text(rng): fuzz_values.value(rng)}
    body = json.dumps(whole, default=str).encode()
    if rng.random() < 0.2:
        body = fuzz_values.mutate(body, rng)
    headers = {"content-type": rng.choice(("application/json",) * 8 + ("text/plain", ""))}
    if rng.random() < 0.15:
        name = rng.choice(("origin", "host", "content-length", "transfer-encoding", "x-y"))
        headers |= {name: rng.choice(("x", "0", "-1", "http://evil", "chunked"))}
    if rng.random() < 0.1:
        path += "?" + rng.choice(("n=-1", "n=x", "user=%ff", "user=" + "a" * 9000, "%00=1"))
    return method, path, body, headers


def make_event(rng):
    """An event, valid or with one hostile field."""
    event = {"user_id": "u", "item_id": "A", "event": "click"}
    if rng.random() < 0.4:
        name = rng.choice(("user_id", "item_id", "event", "value", "device", "age", "request_id", "x"))
        event |= {name: fuzz_values.value(rng)}
    return event


def make_query(rng):
    """A query with a hostile field."""
    instance = {"user_id": "u", "history": ["A"], "device": "tv", "age": 3.0}
    instance |= {rng.choice((*instance, "exclude_ids", "item_ids", "n", "offset", "filters")): fuzz_values.value(rng)}
    return {"instances": [instance], "signature_name": rng.choice(("rank", "serving_default", "embed_items", 5))}


def send(port, method, path, body, headers):
    """Status and text; 400 where the connection was closed without an answer, as servers may do with what is no HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.5)
    try:
        connection.putrequest(method, path, skip_host="host" in headers, skip_accept_encoding=True)
        if "content-length" not in headers and "transfer-encoding" not in headers:
            headers = headers | {"content-length": str(len(body))}
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (http.client.HTTPException, OSError, ValueError):
        return 400, ""
    finally:
        connection.close()


BORDERS = {"http": attack_http}
