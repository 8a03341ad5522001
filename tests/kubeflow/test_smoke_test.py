"""The smoke test of a reader's cluster: what it would do, that it passes where all is well, and what it says of each thing that is not."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import main

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "kubeflow" / "smoke_test.sh"
# Answers as a cluster's kubectl does, but for the words in BROKEN; its forwarded port answers as TF Serving does.
KUBECTL = """
import http.server, os, sys
line = " ".join(sys.argv[1:])
if os.environ.get("BROKEN") and os.environ["BROKEN"] in line:
    sys.exit("Error from server (NotFound): not found")
answers = {"current-context": "a-cluster", "logs": "  17  served", "version": "Server Version: v1.31.0", "get namespace": "namespace/kubeflow",
           "--raw": '{"multi_user":false}', "configmap kfp-launcher": os.environ.get("LAUNCHER", ""),
           "configmap workflow-controller": os.environ.get("DEFAULTS", ""), "get service seaweedfs": "service/seaweedfs",
           "get pod": "pod/shop-predictor-00001",
           "rollout": "rolled out"}
if "get service" in line and "get service seaweedfs" not in line:
    sys.exit("Error from server (NotFound): not found")
print(next((answer for words, answer in answers.items() if words in line), ""))
class Answer(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        said = os.environ["SERVED"] if self.path == "/v1/models/shop:predict" and b"user_id" in asked else ""
        self.send_response(200 if said else 404)
        self.end_headers()
        self.wfile.write(said.encode())
if "port-forward" in line:
    open(os.environ["FORWARDED"], "w").write(str(os.getpid()))
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[-1].split(":")[0])), Answer).serve_forever()
"""
NEEDED = ("bash", "grep", "cat", "sleep")


def run(tmp_path, *arguments, broken="", cluster=None, served='{"predictions": [{"item_ids": ["i1"]}]}', kubectl=True):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in NEEDED:
        (programs / name).symlink_to(shutil.which(name))
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python").chmod(0o755)
    if kubectl:
        (programs / "answer.py").write_text(KUBECTL)
        (programs / "kubectl").write_text(f'#!/bin/sh\nexec {sys.executable} {programs / "answer.py"} "$@"\n')
        (programs / "kubectl").chmod(0o755)
    environment = {
        "PATH": str(programs),
        "BROKEN": broken,
        "SERVED": served,
        "FORWARDED": str(tmp_path / "forwarded"),
        **(cluster or {}),
    }
    return subprocess.run(
        [programs / "bash", SCRIPT, *arguments], env=environment, capture_output=True, text=True, timeout=120, cwd=ROOT
    )


@pytest.mark.parametrize("serving", ["tf-serving", "own-server", "kserve"])
def test_all_is_well(tmp_path, serving):
    answer = run(tmp_path, "--no-run", "--serving", serving)
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[-1] == "all is well" and all(": ok" in line for line in lines[:-1]) and len(lines) == 11
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "forwarded").read_text()), 0)
    if serving == "tf-serving":
        readme = (ROOT / "kubeflow" / "install.md").read_text(encoding="utf-8")
        assert all(f"    {line}".rstrip() + "\n" in readme for line in lines)
    assert lines[-2] == '10. the served model answers: ok ({"predictions": [{"item_ids": ["i1"]}]})'


@pytest.mark.parametrize(
    ("broken", "step", "hint"),
    [
        ("config current-context", "1. kubectl has a context", "kubectl config use-context"),
        ("version", "2. the cluster answers", "the address and the login"),
        ("get namespace", "3. the namespace kubeflow is there", "Is Kubeflow Pipelines installed?"),
        ("healthz", "4. Kubeflow Pipelines is healthy", "is ml-pipeline running?"),
        ("kfp-launcher", "5. the artifact store is there", "minio-service is gone since"),
        ("workflow-controller", "6. steps are retried as the table says", "templateDefaults"),
        ("pvc/dayone", "7. the volume is bound", "storage class"),
        ("create job", "8. a version is on the volume", "Did the run push?"),
        ("rollout status", "9. the server is ready", "logs deployment/tf-serving"),
    ],
)
def test_the_first_step_that_fails_says_where_to_look(tmp_path, broken, step, hint):
    answer = run(tmp_path, "--no-run", broken=broken)
    assert answer.returncode == 1
    assert f"{step}: FAILED\nError from server (NotFound): not found\n" in answer.stderr and hint in answer.stderr
    assert "all is well" not in answer.stdout


PROVIDERS = " minio:\n  default:\n    endpoint: {}:9000\n"


@pytest.mark.parametrize(
    ("launcher", "said"),
    [
        ("", "the backend's own"),
        (" ", "the backend's own"),
        ("minio://mlpipeline/v2/artifacts ", "the backend's own minio://mlpipeline/v2/artifacts"),
        (PROVIDERS.format("seaweedfs.kubeflow"), "seaweedfs.kubeflow"),
        ("s3://b/a s3:\n  default:\n    endpoint: s3.eu-west-1.amazonaws.com\n", "s3.eu-west-1.amazonaws.com"),
    ],
)
def test_a_store_is_the_backends_own_or_a_service_that_exists(tmp_path, launcher, said):
    answer = run(tmp_path, "--no-run", cluster={"LAUNCHER": launcher})
    assert answer.returncode == 0 and f"5. the artifact store is there: ok ({said}" in answer.stdout


def test_a_store_whose_service_is_gone_is_a_failure(tmp_path):
    """As an older base of this project left it on Kubeflow Pipelines 2.16 and later."""
    answer = run(tmp_path, "--no-run", cluster={"LAUNCHER": PROVIDERS.format("minio-service.kubeflow")})
    assert answer.returncode == 1 and "5. the artifact store is there: FAILED" in answer.stderr


def test_a_default_that_overrules_the_retries_is_a_failure(tmp_path):
    defaults = "spec:\n  templateDefaults:\n    retryStrategy:\n      limit: 2\n      retryPolicy: OnError\n"
    answer = run(tmp_path, "--no-run", cluster={"DEFAULTS": defaults})
    assert answer.returncode == 1 and "6. steps are retried as the table says: FAILED" in answer.stderr
    assert "edit configmap workflow-controller-configmap" in answer.stderr


@pytest.mark.parametrize("served", ["", '{"error": "Missing inputs"}'])
def test_an_answer_without_items_is_a_failure(tmp_path, served):
    answer = run(tmp_path, "--no-run", served=served)
    assert (
        answer.returncode == 1
        and "10. the served model answers: FAILED" in answer.stderr
        and "docs/serving.md" in answer.stderr
    )


def test_a_run_needs_a_compiled_file(tmp_path):
    answer = run(tmp_path, "--file", "none.yaml")
    assert answer.returncode == 1 and "8. the compiled file is one that the backend takes: FAILED" in answer.stderr


def test_a_dry_run_needs_no_cluster_and_the_commands_it_shows_can_be_typed(tmp_path):
    answer = run(tmp_path, "--dry-run", kubectl=False)
    assert answer.returncode == 0, answer.stderr
    ours = [
        line.strip().removeprefix("python -m pipeline ")
        for line in answer.stdout.splitlines()
        if "python -m pipeline" in line
    ]
    assert [shlex.split(line)[0] for line in ours] == ["compile", "submit"]
    assert all(main.build_parser().parse_args(shlex.split(line)) for line in ours)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--nothing"], "error: unknown option --nothing (--help shows the usage)\n"),
        (["--file"], "error: --file needs a value"),
        (["--serving", "triton"], "--serving needs tf-serving, own-server, kserve or none, got triton"),
    ],
)
def test_a_wrong_option_is_told(tmp_path, arguments, said):
    answer = run(tmp_path, *arguments)
    assert answer.returncode == 2 and said in answer.stderr and answer.stdout == ""


def test_help(tmp_path):
    answer = run(tmp_path, "--help", kubectl=False)
    assert answer.returncode == 0 and answer.stdout.startswith("usage: kubeflow/smoke_test.sh")
    assert os.access(SCRIPT, os.X_OK)
