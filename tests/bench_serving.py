"""Latency and throughput of the local server, side by side with what it could be at best: `make bench-serving`.

One run asks the same SavedModel with the same request: called in this process, through a bare FastAPI handler, through our server (without
and with its log), by 1, 4 and 16 clients on this machine's loopback. Each cell takes `--seconds`. The clients share the cores with
the server: compare the rows of one run with each other, not with other machines.
"""

import argparse
import contextlib
import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CLIENTS = (1, 4, 16)
DIM, K = 32, 10
BODY = {"instances": [{"user_id": "u", "history": ["1", "2", "3"], "exclude_ids": ["4"], "device": "mobile", "country": "NL"}]}


def save(folder, items):
    """A recommender of that many items: the query is the mean of the history's vectors, the scores are exact."""
    import tensorflow as tf
    from small_recommenders import LAUNCH
    from small_recommenders import items as table

    from components.models import export
    from components.models.recommender import Recommender

    class Nearest(Recommender):
        def __init__(self):
            super().__init__(LAUNCH, table(items), {"device": tf.string, "country": tf.string})
            self._vectors = tf.constant(np.random.default_rng(0).normal(size=(items + 1, DIM)), tf.float32)
            self._top_k = K

        def scores(self, history, context):
            query = tf.reduce_mean(tf.gather(self._vectors, history), axis=1)
            return tf.matmul(query, self._vectors[1:], transpose_b=True)

    export.save(Nearest(), str(folder), {"kind": "model"})


def bare(folder, port):
    """The least that answers over HTTP: a FastAPI handler that calls the SavedModel."""
    import tensorflow as tf
    import uvicorn
    from fastapi import FastAPI

    model = tf.saved_model.load(folder)
    signature, app = model.signatures["serving_default"], FastAPI()

    @app.post("/v1/models/shop:predict")
    def predict(body: dict) -> dict:
        columns = {name: [row[name] for row in body["instances"]] for name in body["instances"][0]}
        answer = signature(**{name: tf.constant(column) for name, column in columns.items()})
        return {
            "predictions": {
                "item_ids": [[item.decode() for item in row] for row in answer["item_ids"].numpy()],
                "scores": answer["scores"].numpy().tolist(),
            }
        }

    uvicorn.run(app, port=port, log_level="critical")


@contextlib.contextmanager
def server(*command):
    """A server process; yields when it answers."""
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def measure(call, clients, seconds):
    """Asks until the time is over; `call()` gives each client its own function. Milliseconds p50 and p99, answers per second."""
    taken, stop = [[] for _ in range(clients)], threading.Event()

    def ask(mine):
        once = call()
        while not stop.is_set():
            began = time.perf_counter()
            once()
            mine.append(time.perf_counter() - began)

    threads = [threading.Thread(target=ask, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    times = np.concatenate(taken) * 1e3
    return np.quantile(times, 0.5), np.quantile(times, 0.99), len(times) / seconds


def over_http(port):
    """A client that keeps its connection."""
    connection, body = http.client.HTTPConnection("127.0.0.1", port, timeout=60), json.dumps(BODY)

    def once():
        connection.request("POST", "/v1/models/shop:predict", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text

    return once


def in_process(folder):
    """The model alone: parsed arrays in, arrays out."""
    from components.serving import predict_request
    from components.serving.loaded_model import LoadedModel

    model = LoadedModel(1, folder)
    request = predict_request.parse(json.dumps(BODY).encode(), model.inputs, predict_request.Limits())
    inputs = predict_request.arrays(request.rows, model.inputs["serving_default"])
    return lambda: model("serving_default", inputs)


def wait(port):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(OSError, AssertionError):
            return over_http(port)()
        time.sleep(0.3)
    raise TimeoutError(f"no server answers on port {port}")


def report(name, items, call, clients, seconds):
    call()()
    p50, p99, rate = measure(call, clients, seconds)
    print(f"{items:>8,} {name:<24} {clients:>7} {p50:>9.2f} {p99:>9.2f} {rate:>10.0f}", flush=True)


def bench(items, seconds, port):
    """All rows of one size."""
    workspace = Path(tempfile.mkdtemp())
    folder = workspace / "shop" / "serving" / "shop" / "1"
    try:
        save(folder, items)
        once = in_process(folder)
        report("in process", items, lambda: once, 1, seconds)
        ours = ("-m", "pipeline", "serve", "--launch", "shop", "--workspace", str(workspace), "--port", str(port))
        rows = {"bare FastAPI": (__file__, "--bare", str(folder), "--port", str(port)), "our server, no log": (*ours, "--no-log"), "our server": ours}
        for name, command in rows.items():
            with server(*command):
                wait(port)
                for clients in CLIENTS:
                    report(name, items, lambda: over_http(port), clients, seconds)
    finally:
        shutil.rmtree(workspace)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 20_000], help="sizes of the catalogue (default: 1000 20000)")
    parser.add_argument("--seconds", type=float, default=4.0, help="per measured cell (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8599, help="a free port (default: %(default)s)")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare(options.bare, options.port)
        return
    print(f"{'items':>8} {'what':<24} {'clients':>7} {'p50 ms':>9} {'p99 ms':>9} {'answers/s':>10}")
    for items in options.items:
        bench(items, options.seconds, options.port)


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    main()
