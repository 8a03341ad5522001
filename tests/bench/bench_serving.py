"""What the local server costs, side by side with what it could be at best, in one run: `make bench-serving`.

The same SavedModel gets the same request: in a process with plain TensorFlow, in a process as our server calls it,
through a bare FastAPI handler, and through our server (without and with its log), by 1, 4, 16 and 64 clients on this
machine's loopback. The clients share the cores with the server: compare the rows of one run with each other, not with
other machines.

    make bench-serving ARGS="--storm"      60 s of load while ten versions are pushed and a broken one arrives; then memory over 50 versions
    make bench-serving ARGS="--soak"       ten minutes of varied requests and events by 16 clients: does memory stay? (--seconds 90 for less)
    make bench-serving ARGS="--model DIR"  a version of yours instead of made-up ones, asked as the shop is
"""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fakes")]

from bench_client import Connection, measure  # noqa: E402

CLIENTS = (1, 4, 16, 64)
DIM, K = 32, 10
BODY = {
    "instances": [
        {"user_id": "u", "history": ["1", "2", "3"], "exclude_ids": ["4"], "device": "mobile", "country": "NL"}
    ]
}
ROWS = ("in process, TensorFlow", "in process, ours", "bare FastAPI", "our server, no log", "our server")


def save(folder, items, seed=0):
    """A recommender of that many items: the query is the mean of the history's vectors, the scores are exact."""
    import tensorflow as tf
    from small_recommenders import LAUNCH
    from small_recommenders import items as table

    from components.registry import export
    from components.registry.recommender import Recommender

    class Nearest(Recommender):
        def __init__(self):
            super().__init__(LAUNCH, table(items), {"device": tf.string, "country": tf.string})
            self._vectors = tf.constant(np.random.default_rng(seed).normal(size=(items + 1, DIM)), tf.float32)
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
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def over_http(port):
    return Connection(port, json.dumps(BODY).encode()).ask


def plain_tensorflow(folder):
    """What anybody would call: tensors in, tensors out."""
    import tensorflow as tf

    model = tf.saved_model.load(str(folder))
    inputs = {name: tf.constant([BODY["instances"][0][name]]) for name in BODY["instances"][0]}

    def once():
        model.signatures["serving_default"](**inputs)

    return once


def our_call(folder):
    """The model behind our server: parsed arrays in, arrays out."""
    from components.serving import predict_request
    from components.serving.loaded_model import LoadedModel

    model = LoadedModel(1, folder)
    request = predict_request.parse(json.dumps(BODY).encode(), model.inputs, predict_request.Limits())
    inputs = predict_request.arrays(request.rows, model.inputs["serving_default"])

    def once():
        model("serving_default", inputs)

    return once


def wait(port):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if over_http(port)()[0] == 200:
                return
        time.sleep(0.3)
    raise TimeoutError(f"no server answers on port {port}")


def report(found, items, name, call, clients, seconds):
    """Measures one cell, prints it and notes it."""
    found[name, clients] = p50, p99, rate = measure(call, clients, seconds)
    print(f"{items:>8} {name:<24} {clients:>7} {p50:>9.2f} {p99:>9.2f} {rate:>10.0f}", flush=True)


def bench(folder, items, seconds, port):
    """All rows for one model; gives (row, clients) to (p50, p99, rate)."""
    workspace, results = folder.parents[3], {}
    for name, once in zip(ROWS, (plain_tensorflow(folder), our_call(folder)), strict=False):
        for _ in range(20):
            once()
        report(results, items, name, lambda once=once: once, 1, seconds)
    ours = ("-m", "pipeline", "serve", "--launch", "shop", "--workspace", str(workspace), "--port", str(port))
    for name, command in zip(
        ROWS[2:], ((__file__, "--bare", str(folder), "--port", str(port)), (*ours, "--no-log"), ours), strict=True
    ):
        with server(*command):
            wait(port)
            for clients in CLIENTS:
                report(results, items, name, lambda: over_http(port), clients, seconds)
    return results


def ratios(found):
    """The two figures that are held: latency against the call alone, throughput against the least that serves it."""
    for name in ROWS[3:]:
        latency = found[name, 1][0] / found[ROWS[0], 1][0]
        rate = found[name, 16][2] / found[ROWS[2], 16][2]
        print(
            f"         {name}: p50 of one client {latency:.2f} x plain TensorFlow's, answers of 16 clients {rate:.2f} x bare FastAPI's",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--items",
        type=int,
        nargs="+",
        default=[1_000, 20_000, 200_000],
        help="sizes of the catalogue (default: %(default)s)",
    )
    parser.add_argument("--model", type=Path, help="measure this version folder instead")
    parser.add_argument(
        "--seconds",
        type=float,
        help="per measured cell (default: 3), of the storm (default: 60), of the soak (default: 600)",
    )
    parser.add_argument("--port", type=int, default=8599, help="a free port (default: %(default)s)")
    parser.add_argument("--storm", action="store_true", help="versions are pushed under load")
    parser.add_argument("--soak", action="store_true", help="memory under varied load")
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare(options.bare, options.port)
        return
    if options.storm:
        import bench_storm

        bench_storm.main(options.seconds or 60.0, options.model)
        return
    if options.soak:
        import bench_soak

        bench_soak.main(options.seconds or 600.0, options.model)
        return
    print(f"{'items':>8} {'what':<24} {'clients':>7} {'p50 ms':>9} {'p99 ms':>9} {'answers/s':>10}")
    for items in ["own"] if options.model else options.items:
        with tempfile.TemporaryDirectory() as workspace:
            folder = Path(workspace) / "shop" / "serving" / "shop" / "1"
            if options.model:
                shutil.copytree(options.model, folder)
            else:
                save(folder, items)
            ratios(bench(folder, items, options.seconds or 3.0, options.port))


if __name__ == "__main__":
    main()
