"""A server on a free port of this machine, with a model that is a handful of dictionaries: for tests that need no TensorFlow.

The model ranks items A to F; what was seen or excluded is left out. `rank` knows one objective, "click".
"""

import contextlib
import http.client
import json
import os
import threading
from pathlib import Path

import numpy as np
import uvicorn

from components.declaration import Launch, Log, Objective, Split
from components.errors import DayoneError
from components.serving import app
from components.serving.access import of_server
from components.serving.connections import ConnectionLimits
from components.serving.model_holder import ModelHolder
from components.serving.predict_request import Limits
from components.serving.prometheus_metrics import Metrics
from components.serving.service import Service
from components.serving.signature_input import Input
from components.serving.work_queue import WorkQueue
from pipeline.local import server as local_server

LAUNCH = Launch(
    name="toy",
    log=Log(
        *("log", "user", "item", "time"),
        time_unit="ms",
        event="event",
        impression="shown",
        request="request",
        position="place",
        policy="policy",
        propensity="chance",
        model_version="version",
        context=("device", "age"),
    ),
    objectives=(Objective("click", event="click"),),
    split=Split(eval_share=0.25),
)
ITEMS = [b"A", b"B", b"C", b"D", b"E", b"F"]
CONTEXT = (Input("device", "string", 1), Input("age", "float32", 1))
INPUTS = {
    "serving_default": (
        Input("exclude_ids", "string", 2),
        Input("history", "string", 2),
        Input("user_id", "string", 1),
        *CONTEXT,
    ),
    "rank": (Input("history", "string", 2), Input("item_ids", "string", 2), Input("user_id", "string", 1), *CONTEXT),
    "embed_items": (Input("item_ids", "string", 1),),
}
# Pages: of a catalogue whose column "kind" is "mug" for A, B, C and "hat" for the others.
PAGE = (Input("n", "int64", 1), Input("offset", "int64", 1), Input("filter_kind", "string", 2))
EXCLUDED = Input("exclude_ids", "string", 2)
INPUTS |= {
    "recommend_page": (*INPUTS["serving_default"], Input("history_ages", "float32", 2), *PAGE),
    "similar_items": (EXCLUDED, Input("item_ids", "string", 2), *CONTEXT, *PAGE),
    "list_items": (EXCLUDED, Input("rule", "string", 1), *CONTEXT, *PAGE),
}
CHOICES = {"rules": {"newest": None}, "filter_kind": {"hat": None, "mug": None}}
OUTPUTS = {
    "serving_default": (Input("item_ids", "string", 2), Input("scores", "float32", 2)),
    "rank": (Input("click", "float32", 2),),
    "embed_items": (Input("embedding", "float32", 2),),
}
OUTPUTS |= dict.fromkeys(("recommend_page", "similar_items", "list_items"), OUTPUTS["serving_default"])


OWN = of_server("127.0.0.1")
BOUNDS = ConnectionLimits(drain_seconds=0.2)


class SmallModel:
    """A version in memory."""

    def __init__(self, number, warms_up=True, delay=None, falls_back=False):
        self.falls_back = falls_back
        self.number, self.card, self.inputs, self.outputs = number, {"kind": "model"}, INPUTS, OUTPUTS
        self.warms_up, self.users, self.retired, self.delay = warms_up, 0, False, delay or (lambda: None)

    def __call__(self, signature, inputs):
        assert self.users > 0, "used without a lease"
        self.delay()
        if signature == "embed_items":
            return {"embedding": np.array([[len(item), 1.0] for item in inputs["item_ids"]], np.float32)}
        if signature == "rank":
            return {
                "click": np.vectorize(lambda item: ITEMS.index(item) / 10 if item in ITEMS else 0.0, [np.float32])(
                    inputs["item_ids"]
                )
            }
        histories = inputs.get("history", inputs.get("item_ids", [[]] * len(inputs["exclude_ids"])))
        rows = [
            [item for item in ITEMS if item not in {*history, *hidden}]
            for history, hidden in zip(histories, inputs["exclude_ids"], strict=True)
        ]
        if "n" in inputs:
            rows = [
                self._cut(row, *page)
                for row, *page in zip(rows, *(inputs[page_input.name] for page_input in PAGE), strict=True)
            ]
        padded = np.array([row + [b""] * (len(ITEMS) - len(row)) for row in rows], object)
        scores = np.array(
            [[10.0 - place if item else -np.inf for place, item in enumerate(row)] for row in padded], np.float32
        )
        answered = {"answered_by": np.array([b"model"] * len(rows), object)} if signature == "similar_items" else {}
        return {"item_ids": padded, "scores": scores} | answered

    def _cut(self, row, n, offset, kinds):
        """A page of a ranking, of the items of some kinds."""
        kinds = {kind for kind in kinds if kind}
        kept = [item for item in row if not kinds or (b"mug" if item in ITEMS[:3] else b"hat") in kinds]
        return kept[max(offset, 0) :][: n if n > 0 else len(kept)]

    def choices(self):
        return CHOICES

    def answers_as(self, history):
        return self.card["kind"] if not self.falls_back or set(ITEMS) & set(history) else "rules"

    def titles(self):
        return {"A": "Mug <A> & co", "B": "Hat 'B'"}

    def acquire(self):
        self.users += 1
        return True

    def release(self):
        self.users -= 1

    def warm_up(self):
        if not self.warms_up:
            raise DayoneError(f"version {self.number} fails its warm-up")
        return 1

    def retire(self):
        self.retired = True


def push(folder, number):
    """A version folder as the pusher leaves it, for a model that is not read from it."""
    hidden = folder / f".pushing-{number}"
    hidden.mkdir(parents=True)
    (hidden / "saved_model.pb").touch()
    hidden.rename(folder / str(number))


def service(
    folder,
    log=None,
    explore=0.0,
    launch=LAUNCH,
    make=lambda version: SmallModel(version.number),
    limits=None,
    histories=None,
    **more,
):
    """A service whose first version is loaded, if there is one."""
    holder = ModelHolder(Path(folder), make)
    holder.check()
    return Service(launch, holder, log, Metrics(), limits or Limits(), explore, histories, **more)


@contextlib.contextmanager
def serving(
    answering, threads=2, waiting=16, seconds=5.0, close=lambda: None, demo=None, access=OWN, bounds=BOUNDS, **more
):
    """Serves on a free port; yields a `Client`."""
    listening = local_server.listen("127.0.0.1", 0)
    queue = WorkQueue(threads, waiting, seconds)
    server = uvicorn.Server(
        local_server.configure(app.create(answering, queue, close, demo, access, **more), access, bounds)
    )
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield Client(listening.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        if (
            listening.fileno() >= 0
        ):  # uvloop may end before it has let go of the socket, which then would never be closed
            os.close(listening.detach())


class Client:
    """Asks one server; each call is a connection of its own unless `keep` is used."""

    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, headers=()):
        """Status, and the JSON or the text of the answer."""
        return self.whole(method, path, body, headers)[:2]

    def whole(self, method, path, body=None, headers=()):
        """Status, JSON or text, and headers of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            encoded = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            kind = {} if encoded is None else {"content-type": "application/json"}
            connection.request(method, path, encoded, kind | dict(headers))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return (
            answer.status,
            json.loads(text) if answer.headers["content-type"] == "application/json" else text.decode(),
            answer.headers,
        )

    def predict(self, body, name="toy"):
        return self.ask("POST", f"/v1/models/{name}:predict", body)

    def page(self, path):
        """Status, text and headers of a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()
