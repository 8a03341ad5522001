"""Versions change under load: is an answer lost or wrong, how slow is the slowest, does memory stay? `make bench-serving ARGS="--storm"`.

Odd versions are one model and even ones another, so that an answer says which of the two gave it: an answer that does
not fit the version it names came from something half-loaded.
"""

import json
import shutil
import tempfile
import time
from pathlib import Path

from bench_client import Connection, Load
from server_process import ServerProcess

CLIENTS, PUSHES, RELOADS, ITEMS = 16, 10, 50, 1_000
SHORT = 4.0
QUESTION = json.dumps(
    {"instances": [{"user_id": "u", "history": ["1", "2", "3"], "device": "mobile", "country": "NL"}]}
).encode()


class Folder:
    """The folder of the versions: pushes the next one, valid or broken, and removes the oldest."""

    def __init__(self, workspace, models):
        self._serving, self._models, self.newest = workspace / "shop" / "serving" / "shop", models, 0
        self._serving.mkdir(parents=True)

    def push(self, broken=False):
        self.newest += 1
        hidden = self._serving / ".pushing-bench"
        shutil.copytree(self._models[self.newest % 2], hidden)
        if broken:
            (hidden / "variables" / "variables.index").write_bytes(b"garbage")
            (hidden / "saved_model.pb").write_bytes((hidden / "saved_model.pb").read_bytes()[:5_000])
        hidden.rename(self._serving / str(self.newest))
        shutil.rmtree(self._serving / str(self.newest - 5), ignore_errors=True)
        return self.newest


def expected(models):
    """Version modulo 2 to the items it answers."""
    from components.serving import predict_request
    from components.serving.loaded_model import LoadedModel

    answers = {}
    for parity, folder in models.items():
        model = LoadedModel(parity, folder)
        rows = predict_request.parse(QUESTION, model.inputs, predict_request.Limits()).rows
        inputs = predict_request.arrays(rows, model.inputs["serving_default"])
        answers[parity] = [item.decode() for item in model("serving_default", inputs)["item_ids"][0]]
        model.close()
    return answers


class Check:
    """What is wrong with an answer."""

    def __init__(self, models):
        self.expected, self.versions, self.broken = expected(models), set(), set()

    def __call__(self, answer):
        status, body = answer
        if status != 200:
            return f"{status}: {body[:200]!r}"
        document = json.loads(body)
        version = int(document["model_version"])
        self.versions.add(version)
        if version in self.broken or document["predictions"][0]["item_ids"] != self.expected[version % 2]:
            return f"version {version} answers {document['predictions'][0]['item_ids']}"
        return ""


def storm(server, folder, check, seconds):
    """Quiet load, then load while versions are pushed; gives both p99 in ms and how many answers there were."""

    def once():
        return Connection(server.client.port, QUESTION).ask

    quiet = Load(once, CLIENTS, check).start()
    time.sleep(max(seconds / 4, SHORT))
    calm = quiet.end()
    load = Load(once, CLIENTS, check).start()
    for number in range(PUSHES + 1):
        time.sleep(seconds / (PUSHES + 2))
        if number == PUSHES // 2:
            check.broken.add(folder.newest + 1)
            folder.push(broken=True)
        else:
            server.wait_ready(folder.push())
    time.sleep(seconds / (PUSHES + 2))
    wild = load.end()
    problems = quiet.failures + load.failures
    for name, (p50, p99, rate) in (("quiet", calm), ("versions change", wild)):
        print(f"{name:<16} p50 {p50:7.2f} ms, p99 {p99:7.2f} ms, {rate:7.0f} answers/s", flush=True)
    print(
        f"p99 {wild[1] / calm[1]:.2f} x the quiet one; {len(problems)} failed or wrong answers; answered by versions {sorted(check.versions)}",
        flush=True,
    )
    return problems


def resident(server):
    """Resident megabytes of the server's process."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def reload(server, folder, check):
    """Version after version under the load of four clients; memory every ten."""
    load = Load(lambda: Connection(server.client.port, QUESTION).ask, 4, check).start()
    memory = []
    for number in range(1, RELOADS + 1):
        server.wait_ready(folder.push())
        if number % 10 == 0:
            memory.append(resident(server))
            print(f"after {number} more versions: {memory[-1]:.0f} MB", flush=True)
    load.end()
    print(f"memory per version, from the tenth on: {(memory[-1] - memory[0]) / (RELOADS - 10):+.2f} MB", flush=True)
    return load.failures


def main(seconds, model=None):
    import bench_serving

    with tempfile.TemporaryDirectory() as temporary:
        workspace = Path(temporary)
        models = {0: workspace / "even", 1: workspace / "odd"}
        for parity, path in models.items():
            shutil.copytree(model, path) if model else bench_serving.save(path, ITEMS, seed=parity)
        folder, check = Folder(workspace, models), Check(models)
        folder.push()
        server = ServerProcess(workspace)
        try:
            server.wait_ready(1)
            problems = storm(server, folder, check, seconds) + reload(server, folder, check)
        finally:
            server.end()
        if problems:
            raise SystemExit(f"{len(problems)} answers failed, such as: {problems[:3]}")
