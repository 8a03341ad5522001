"""KServe's own Python server with twenty lines, in an environment of its own, serves a pushed version."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.engines

ROOT = Path(__file__).resolve().parents[2]
SERVER, KSERVE = Path(__file__).with_name("kserve_server.py"), "kserve>=0.15,<0.22"
SECONDS = 180


@pytest.fixture(scope="module")
def python():
    """An environment with KServe, which needs other versions than TFX, and this TensorFlow."""
    import tensorflow as tf

    uv, folder = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv"), ROOT / "build" / "kserve"
    python = folder / "bin" / "python"
    packages = (KSERVE, f"tensorflow=={tf.__version__}", f"numpy=={np.__version__}")
    for command in (
        ("venv", "--clear", "--python", os.sys.executable, folder),
        ("pip", "install", "--python", python, *packages),
    ):
        try:
            done = subprocess.run([uv, *command], capture_output=True, text=True, timeout=1_200)
        except OSError:
            pytest.skip("needs uv: make setup")
        if done.returncode:
            pytest.skip(f"the packages of KServe's server could not be installed: {done.stderr.strip()[-300:]}")
    return python


@contextlib.contextmanager
def serving(python, version, log):
    """Yields the port of a server that is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [python, SERVER, "shop", version, str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process:
        try:
            end = time.monotonic() + SECONDS
            while not is_ready(port):
                assert process.poll() is None and time.monotonic() < end, log.read_text()[-2_000:]
                time.sleep(0.5)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def is_ready(port):
    with contextlib.suppress(OSError):
        return ask(port, "GET", "/v2/health/ready")[0] == 200
    return False


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body and json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def is_json(arrays):
    """JSON has no NaN and no infinity, which stand for open ends and empty places."""
    return all(array.dtype == object or np.isfinite(array).all() for array in arrays.values())


def as_texts(array):
    return array.astype(str).tolist() if array.dtype.kind in "OS" else array.tolist()


def test_kserves_server_gives_pythons_answers(python, version, asked, tmp_path):
    sent = [one for one in asked if is_json(one.inputs) and is_json(one.outputs)]
    assert {one.signature for one in sent} >= {"serving_default", "rank"}
    with serving(python, version, tmp_path / "kserve.log") as port:
        for one in sent:
            body = {
                "signature_name": one.signature,
                "inputs": {name: as_texts(value) for name, value in one.inputs.items()},
            }
            status, text = ask(port, "POST", "/v1/models/shop:predict", body)
            assert status == 200, text
            answer = json.loads(text)["outputs"]
            one.check(
                {
                    name: np.char.encode(np.array(value)).astype(object) if one.outputs[name].dtype == object else value
                    for name, value in answer.items()
                }
            )
