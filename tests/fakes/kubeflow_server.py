"""A stand-in for the server of Kubeflow Pipelines: its REST API v2beta1 on a loopback port, as far as our commands use it.

Paths, methods and fields are those of the package kfp-server-api 2.0.5 and 2.17.3 (`test_kubeflow_client.py` holds them
to it), errors those of
grpc-gateway and of the upload's own handler. It keeps the requests, and can be set to fail. As the real one of
2.17.0 was seen to do,

- it tells Argo's nodes as tasks (`tasks`), and why a run failed nowhere;
- a run that is terminated goes over CANCELING to FAILED;
- a schedule owns its runs: removing it removes a run that is going on, unless the request asks for ORPHAN and the
  release knows it (2.16);
- parameters of a run are checked by kind: a text for a number is refused, 3.5 for an integer is not;
- lists have pages of at most 100, whatever the requested size; an int64 is text; an unknown query is passed over, an
  unknown field is not.
"""

import http.server
import json
import re
import sys
import threading
import time
import uuid
from urllib.parse import parse_qs, unquote, urlsplit

import kubeflow_parameters
import yaml

API = "/apis/v2beta1"
MOMENT = "2026-11-23T18:00:00Z"
MAX_PAGE = 100
FIELDS = {
    "pipelines": {"display_name", "description", "namespace"},
    "experiments": {"display_name", "description", "namespace"},
    "runs": {"experiment_id", "display_name", "pipeline_version_reference", "runtime_config"},
}
FIELDS["recurringruns"] = FIELDS["runs"] | {"trigger", "max_concurrency", "no_catchup", "mode"}
LISTS = {"pipelines": "pipelines", "experiments": "experiments", "runs": "runs", "recurringruns": "recurringRuns"}


class KubeflowServer:
    """The server and what it knows.

    Attributes:
      url: its address.
      asked: (method, path, query, body) of every request, in order.
      things: kind -> list of the things of that kind, newest first, as the API shows them.
      uploads: the texts of the uploaded files, in order.
      failures: (method, path) -> (status, headers, body), or a number of seconds to wait with the answer, or a list of
        these, one for each request.
      release: of the server; "3.0.0" has neither the old API nor `run_details`, and tells tasks for view=FULL only.
      lives: run id -> the states that it goes through, one a look; the last one stays.
    """

    def __init__(self, tls=None):
        self.asked, self.uploads, self.failures, self.lives = [], [], {}, {}
        self.release = "2.17.0"
        self.things = {kind: [] for kind in ("pipelines", "versions", "experiments", "runs", "recurringruns")}
        handler = type("Handler", (_Handler,), {"store": self})
        self._http = _Http(("127.0.0.1", 0), handler)
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://localhost:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._http.shutdown()
        self._http.server_close()

    def add(self, kind, **fields):
        """A thing of a kind; its id is its kind and number."""
        singular = {"recurringruns": "recurring_run", "versions": "pipeline_version"}.get(kind, kind[:-1])
        name = f"{singular.replace('_', '-')}-{len(self.things[kind]) + 1}"
        thing = {f"{singular}_id": name, "created_at": MOMENT, **fields}
        self.things[kind].insert(0, thing)
        return thing

    def bodies(self, method, end):
        """The bodies of the requests whose path ends so."""
        return [body for verb, path, _, body in self.asked if verb == method and path.endswith(end)]

    def requests(self):
        return [f"{method} {path.removeprefix(API)}" for method, path, _, _ in self.asked]


class _Http(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A client that hangs up, or trusts us not, is what some tests are about.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    store = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer()

    do_POST = do_DELETE = do_GET

    def _answer(self):
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_json = "json" in self.headers.get("Content-Type", "")
        body = json.loads(raw) if raw and is_json else raw
        self.store.asked.append((self.command, unquote(parts.path), query, body))
        self.store.token = self.headers.get("Authorization")
        failure = self.store.failures.get((self.command, unquote(parts.path).removeprefix(API)))
        if isinstance(failure, list):
            failure = failure.pop(0) if failure else None
        if isinstance(failure, tuple):
            return self._send(*failure)
        time.sleep(failure or 0)
        path = unquote(parts.path)
        if path == "/apis/v1beta1/healthz" and self.store.release < "3":
            return self._json(200, {"commit_sha": "0", "tag_name": self.store.release, "multi_user": False})
        if path.startswith("/apis/v1beta1"):
            return self._json(*missing(path))
        if not path.startswith(API):
            return self._send(200, {"Content-Type": "text/html"}, "<html>a page for people</html>")
        return self._json(*self._route(self.command, path.removeprefix(API), query, body))

    def _route(self, method, path, query, body):
        if path in ("/pipelines/upload", "/pipelines/upload_version"):
            return self._upload(path, query, body)
        if match := re.fullmatch(r"/pipelines/([^/]+)/versions", path):
            return self._list("versions", "pipeline_versions", query, pipeline_id=match[1])
        if match := re.fullmatch(r"/pipelines/[^/]+/versions/([^/]+)", path):
            return self._act("versions", "pipeline_version_id", match[1], lambda version: version)
        if match := re.fullmatch(r"/runs/([^/:]+):terminate", path):
            return self._act("runs", "run_id", match[1], self._terminate)
        if match := re.fullmatch(r"/recurringruns/([^/:]+):disable", path):
            return self._act("recurringruns", "recurring_run_id", match[1], lambda made: made.update(status="DISABLED"))
        kind, _, name = path.strip("/").partition("/")
        if kind not in LISTS:
            return missing(path)
        if name:
            return self._one(method, kind, name, query)
        if method == "POST":
            return self._create(kind, body)
        more = {"experiment_id": query["experiment_id"]} if "experiment_id" in query else {}
        return self._list(kind, LISTS[kind], query, **more)

    def _create(self, kind, body):
        unknown = sorted(set(body) - FIELDS[kind])
        problem = unknown and f'unknown field "{unknown[0]}" in v2beta1.{kind}'
        problem = problem or kubeflow_parameters.refusal_of(self.store.things["versions"], body)
        born = {"runs": {"state": "PENDING"}, "recurringruns": {"status": "ENABLED"}}.get(kind, {})
        return refused(problem) if problem else (200, self.store.add(kind, **body, **born))

    def _act(self, kind, key, name, act):
        for thing in self.store.things[kind]:
            if thing[key] == name:
                return 200, act(thing) or {}
        return missing(name)

    def _terminate(self, run):
        history = [{"update_time": MOMENT, "state": state} for state in ("PENDING", "RUNNING", "CANCELING", "FAILED")]
        run.update(state="FAILED", state_history=history, error=None)
        self.store.lives.pop(run["run_id"], None)

    def _one(self, method, kind, name, query):
        singular = "recurring_run" if kind == "recurringruns" else kind[:-1]
        things = self.store.things[kind]
        matches = [thing for thing in things if thing[f"{singular}_id"] == name]
        if not matches:
            return missing(name)
        if method == "DELETE":
            things.remove(matches[0])
            if kind == "recurringruns" and not (
                query.get("propagation_policy") == "ORPHAN" and self.store.release >= "2.16"
            ):
                runs = self.store.things["runs"]
                runs[:] = [
                    run
                    for run in runs
                    if run.get("recurring_run_id") != name or run["state"] in ("SUCCEEDED", "FAILED")
                ]
            return 200, {}
        states = self.store.lives.get(name)
        if states:
            matches[0].update(states.pop(0) if len(states) > 1 else states[0])
        if kind == "runs" and self.store.release >= "3":
            return 200, in_form_of_3(matches[0], query)
        return 200, matches[0]

    def _list(self, kind, key, query, **fields):
        if "filter" in query:
            (predicate,) = json.loads(query["filter"])["predicates"]
            assert predicate["operation"] in ("EQUALS", 1) and predicate["key"] == "display_name"
            fields["display_name"] = predicate["stringValue"]
        if query.get("namespace"):
            fields["namespace"] = query["namespace"]
        matches = [
            thing
            for thing in self.store.things[kind]
            if all(thing.get(name) == value for name, value in fields.items())
        ]
        first, size = int(query.get("page_token") or 0), min(int(query.get("page_size") or 20), MAX_PAGE)
        page, more = (
            matches[first : first + size],
            {"next_page_token": str(first + size)} if first + size < len(matches) else {},
        )
        # An empty list is left out, as protobuf's JSON does.
        return 200, {key: page, "total_size": len(matches), **more} if page else {}

    def _upload(self, path, query, body):
        store = self.store
        if b'name="uploadfile"' not in body:
            return 400, {"error_message": "no uploadfile", "error_details": "no uploadfile"}
        store.uploads.append(body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0].decode())
        if path.endswith("version"):
            pipeline_spec, platform_spec = yaml.safe_load_all(store.uploads[-1])
            spec = {"pipeline_spec": {"pipeline_spec": pipeline_spec, "platform_spec": platform_spec}}
            return 200, store.add("versions", pipeline_id=query["pipelineid"], display_name=query["name"], **spec)
        if any(pipeline["display_name"] == query["name"] for pipeline in store.things["pipelines"]):
            message = f"Failed to create a pipeline and a pipeline version: The name {query['name']} already exist."
            return 409, {"error_message": message, "error_details": message}
        named = {"display_name": query["name"], **({"namespace": query["namespace"]} if "namespace" in query else {})}
        pipeline = store.add("pipelines", **named)
        store.add("versions", pipeline_id=pipeline["pipeline_id"], display_name=query["name"])
        return 200, pipeline

    def _json(self, status, content):
        self._send(status, {"Content-Type": "application/json"}, json.dumps(content))

    def _send(self, status, headers, text):
        data = text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def refusal(status, code, said):
    """An error as grpc-gateway writes it."""
    details = [{"@type": "type.googleapis.com/google.rpc.Status", "code": code, "message": said}]
    return (
        status,
        {"Content-Type": "application/json"},
        json.dumps({"error": said, "code": code, "message": said, "details": details}),
    )


def missing(what):
    status, _, text = refusal(404, 5, f"Failed to find {what}: ResourceNotFoundError: {what} not found.")
    return status, json.loads(text)


def refused(said):
    status, _, text = refusal(400, 3, said)
    return status, json.loads(text)


def tasks(workflow="shop-q4x7h", **states):
    """The details of a run whose steps are in these states, as 2.17.0 tells Argo's nodes: each with its attempt, `executor(0)` once per step."""
    names = [name.replace("_", "-") for name in states]
    details = [
        {"display_name": name, "state": "RUNNING", "start_time": MOMENT, "create_time": MOMENT, "error": None}
        for name in (
            workflow,
            f"{workflow}(0)",
            "root",
            "root(0)",
            "root-driver",
            "root-driver(0)",
            *(f"{name}-driver(0)" for name in names),
        )
    ]
    for second, (name, state) in enumerate(zip(names, states.values(), strict=True)):
        times = {"create_time": MOMENT, "start_time": f"2026-11-23T18:00:{second:02}Z"}
        ended = {"end_time": f"2026-11-23T18:01:{second:02}Z"} if state not in ("RUNNING", "PENDING") else {}
        attempts = [state] if isinstance(state, str) else state
        for attempt, phase in enumerate(attempts):
            details.append({"display_name": f"{name}({attempt})", "state": phase, "error": None, **times, **ended})
            details.append({"display_name": f"executor({attempt})", "state": phase, "error": None, **times, **ended})
    return {"run_details": {"task_details": details}}


def in_form_of_3(run, query):
    """A run as 3.0 tells it: `tasks` for view=FULL, with outputs; of the nodes only the steps, one task each."""
    answer = {name: value for name, value in run.items() if name != "run_details"}
    if query.get("view") == "FULL":
        details = (run.get("run_details") or {}).get("task_details") or []
        steps = [
            detail
            for detail in details
            if "-driver" not in detail["display_name"] and not detail["display_name"].startswith(OTHERS)
        ]
        answer["tasks"] = [task_of_3(detail, run["run_id"]) for detail in steps]
    return answer


OTHERS = ("root", "executor", "shop-q4x7h")


def task_of_3(detail, run):
    """A task in the fields of V2beta1PipelineTask, as in the API's definition for 3.0: no start, but a message of the pod's life."""
    name = detail["display_name"].partition("(")[0]
    uri = f"minio://mlpipeline/v2/artifacts/shop/{run}/{name}/{uuid.uuid5(uuid.NAMESPACE_URL, name)}/executor-logs"
    times = {"create_time": detail.get("start_time", MOMENT)} | (
        {"end_time": detail["end_time"]} if "end_time" in detail else {}
    )
    outputs = {"artifacts": [{"artifact_key": "executor-logs", "type": "OUTPUT", "artifacts": [{"uri": uri}]}]}
    failed = {"status_metadata": {"message": "OOMKilled"}} if detail["state"] == "FAILED" else {}
    return {
        "name": name,
        "display_name": name,
        "state": detail["state"],
        "type": "RUNTIME",
        "outputs": outputs,
        **times,
        **failed,
    }
