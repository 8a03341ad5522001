"""`submit`, `schedule`, `status` and `cancel` against a stand-in for the server, by kfp's own client."""

import json

import pytest
from kubeflow_server import MOMENT, KubeflowServer, refusal, tasks
from small_package import package_text

from pipeline.cli import main
from pipeline.kubeflow import runs


@pytest.fixture
def server():
    with KubeflowServer() as server:
        yield server


@pytest.fixture
def ask(server, tmp_path, monkeypatch, capsys):
    """Runs a command against the server; gives its exit status and what it said."""
    monkeypatch.setenv("DAYONE_KFP_HOST", server.url)
    monkeypatch.setattr(runs, "PAUSE", 0.01)
    file = tmp_path / "shop.yaml"
    file.write_text(package_text())

    def run(*arguments):
        more = ["--file", str(file)] if arguments[0] in ("submit", "schedule") else []
        status = main.main([*arguments, *more, "--launch", "shop"])
        out = capsys.readouterr()
        assert "Traceback" not in out.err
        return status, out.out, out.err

    return run


def test_the_first_run_uploads_the_pipeline_and_makes_the_experiment(server, ask, tmp_path):
    status, out, _ = ask(
        "submit", "--root", "minio://mlpipeline/v2/artifacts", "--set", "epochs=3", "--name", "tuesday"
    )
    assert status == 0
    assert server.requests() == [
        "GET /pipelines",
        "POST /pipelines",
        "POST /pipelines/upload_version",
        "GET /experiments",
        "POST /experiments",
        "POST /runs",
    ]
    assert server.uploads == [(tmp_path / "shop.yaml").read_text()]
    assert f"version   pipeline-version-1  {server.things['versions'][0]['display_name']}\n" in out
    assert server.bodies("POST", "/experiments")[0]["display_name"] == "shop"
    assert server.bodies("POST", "/runs") == [
        {
            "experiment_id": "experiment-1",
            "display_name": "tuesday",
            "pipeline_version_reference": {"pipeline_id": "pipeline-1", "pipeline_version_id": "pipeline-version-1"},
            "runtime_config": {"parameters": {"epochs": 3}, "pipeline_root": "minio://mlpipeline/v2/artifacts"},
        }
    ]
    assert f"run       run-1  {server.url}/#/runs/details/run-1" in out


def test_a_changed_file_is_a_new_version_and_the_same_file_is_not(server, ask, tmp_path):
    for image, count in (("dayone:1", 1), ("dayone:2", 2), ("dayone:2", 2)):
        (tmp_path / "shop.yaml").write_text(package_text(image=image))
        assert ask("submit")[0] == 0
        assert len(server.things["versions"]) == len(server.uploads) == count
    assert len(server.things["pipelines"]) == len(server.things["experiments"]) == 1
    versions = [run["pipeline_version_reference"]["pipeline_version_id"] for run in server.bodies("POST", "/runs")]
    assert versions == ["pipeline-version-1", "pipeline-version-2", "pipeline-version-2"]
    assert server.things["versions"][0]["display_name"].startswith("2-")


def test_namespace_and_token_go_with_every_request(server, ask, monkeypatch):
    monkeypatch.setenv("DAYONE_KFP_TOKEN", "secret")
    assert ask("submit", "--namespace", "team-a")[0] == 0
    assert server.token == "Bearer secret"
    assert server.things["pipelines"][0]["namespace"] == server.things["experiments"][0]["namespace"] == "team-a"
    # The same pipeline is found again in its namespace, where kfp's own look-up would not look.
    assert ask("submit", "--namespace", "team-a")[0] == 0
    assert len(server.things["pipelines"]) == 1


def test_the_same_bytes_are_uploaded_once(server, ask):
    for _ in range(3):
        assert ask("submit")[0] == 0
    assert len(server.uploads) == 1 and server.requests().count("POST /pipelines/upload_version") == 1


def test_waiting_shows_the_steps_and_ends_with_the_run(server, ask):
    server.lives["run-1"] = [
        {"state": "PENDING"},
        {"state": "RUNNING", **tasks(example_gen="RUNNING")},
        {"state": "RUNNING", **tasks(example_gen="SUCCEEDED", trainer="RUNNING")},
        {
            "state": "SUCCEEDED",
            "finished_at": "2026-11-23T18:12:05Z",
            **tasks(example_gen="SUCCEEDED", trainer="SUCCEEDED"),
        },
    ]
    status, out, _ = ask("submit", "--wait")
    assert status == 0
    shown = [line.split()[1:] for line in out.splitlines()[3:-1]]
    assert shown == [
        ["RUNNING", "example-gen"],
        ["SUCCEEDED", "example-gen"],
        ["RUNNING", "trainer"],
        ["SUCCEEDED", "trainer"],
    ]
    assert out.splitlines()[-1] == "run       run-1  SUCCEEDED  12 min 5 s"


@pytest.mark.parametrize("release", ["2.17.0", "3.0.0"])
def test_only_compiled_tasks_are_steps_and_a_number_is_an_attempt(server, ask, release):
    server.release = release
    ask("submit")
    server.things["runs"][0].update(
        state="RUNNING", **tasks(example_gen=["FAILED", "FAILED", "SUCCEEDED"], trainer=["RUNNING"])
    )
    shown = [line.split() for line in ask("status", "run-1")[1].splitlines()[:-1]]
    attempts = [] if release >= "3" else ["(attempt", "3)"]
    assert shown == [["SUCCEEDED", "example-gen", *attempts, "1", "min", "0", "s"], ["RUNNING", "trainer"]]


@pytest.mark.parametrize("release", ["2.17.0", "3.0.0"])
def test_a_failed_step_says_where_its_log_lies(server, ask, release):
    server.release = release
    ask("submit")
    server.things["runs"][0].update(state="FAILED", error=None, **tasks(example_gen="SUCCEEDED", trainer="FAILED"))
    status, _, out = ask("status", "run-1")
    assert status == 3
    folder = "minio://mlpipeline/v2/artifacts/shop/run-1/trainer/"
    reason = ": OOMKilled" if release >= "3" else ""
    assert out.startswith(f"          trainer failed{reason}; what it wrote: {folder}") and out.rstrip().endswith(
        "/executor-logs"
    )
    assert ("/*/" in out) == (release < "3") and "example-gen" not in out


def test_a_run_with_a_root_of_its_own_has_its_logs_there(server, ask):
    ask("submit", "--root", "gs://bucket/runs")
    server.things["runs"][0].update(state="FAILED", **tasks(trainer="FAILED"))
    assert "gs://bucket/runs/shop/run-1/trainer/*/executor-logs" in ask("status", "run-1")[2]


def test_states_that_the_server_no_longer_tells_are_named(server, ask):
    """Above 1 MiB Argo packs the status, which Kubeflow Pipelines never unpacks: the states of the steps freeze, that of the run does not."""
    ask("submit")
    server.things["runs"][0].update(state="SUCCEEDED", **tasks(example_gen="SUCCEEDED", trainer="RUNNING"))
    status, _, out = ask("status", "run-1")
    assert status == 0 and "no longer tells the state of the steps" in out and out.rstrip().endswith("go on: trainer")
    server.things["runs"][0].update(**tasks(example_gen="SUCCEEDED", trainer="SUCCEEDED"))
    assert ask("status", "run-1")[2] == ""


@pytest.mark.parametrize(
    ("state", "status"),
    [("SUCCEEDED", 0), ("FAILED", 3), ("CANCELED", 4), ("SKIPPED", 4), ("RUNNING", 5), ("PAUSED", 5)],
)
def test_the_exit_status_tells_the_outcome(server, ask, state, status):
    server.add("runs", state=state, error={"code": 2, "message": "trainer: OOMKilled"} if state == "FAILED" else None)
    assert ask("status", "run-1")[0] == status
    code, out, complaint = ask("status", "run-1", "--wait", "--limit", "0")
    assert code == status
    assert f"run-1  {state}" in out
    assert ("OOMKilled" in complaint) == (state == "FAILED")


def test_five_looks_that_fail_in_a_row_end_the_waiting_and_four_do_not(server, ask):
    server.add("runs", state="RUNNING")
    outage = refusal(503, 14, "upstream connect error")
    server.failures["GET", "/runs/run-1"] = [outage] * 5
    status, _, out = ask("status", "run-1", "--wait")
    assert status == 13 and "503: upstream connect error" in out
    assert server.requests().count("GET /runs/run-1") == 5

    server.lives["run-1"] = [{"state": "RUNNING"}, {"state": "SUCCEEDED"}]
    server.failures["GET", "/runs/run-1"] = [outage] * 4
    assert ask("status", "run-1", "--wait")[0] == 0
    assert server.requests().count("GET /runs/run-1") == 5 + 4 + 2


def test_a_look_that_is_refused_ends_the_waiting_at_once(server, ask):
    server.add("runs", state="RUNNING")
    server.failures["GET", "/runs/run-1"] = [refusal(401, 16, "token has expired")]
    assert ask("status", "run-1", "--wait")[0] == 10
    assert server.requests() == ["GET /runs/run-1"]


def test_a_run_shows_its_steps(server, ask):
    server.add("runs", state="RUNNING", **tasks(example_gen="SUCCEEDED", trainer="RUNNING"))
    _, out, _ = ask("status", "run-1")
    assert [line.split() for line in out.splitlines()] == [
        ["SUCCEEDED", "example-gen", "1", "min", "0", "s"],
        ["RUNNING", "trainer"],
        ["run", "run-1", "RUNNING"],
    ]


def test_a_schedule_runs_by_the_clock_one_at_a_time_and_makes_up_for_nothing(server, ask):
    status, out, _ = ask("schedule", "0 4 * * *", "--set", "epochs=3")
    assert status == 0
    (body,) = server.bodies("POST", "/recurringruns")
    assert body["trigger"] == {"cron_schedule": {"cron": "0 0 4 * * *"}}
    # An int64 is text in protobuf's JSON.
    assert (body["max_concurrency"], body["no_catchup"], body["mode"]) == ("1", True, "ENABLE")
    assert body["runtime_config"] == {"parameters": {"epochs": 3}}
    assert body["display_name"] == "shop"
    assert "'shop' at '0 0 4 * * *'" in out


def test_a_schedule_takes_the_place_of_the_one_of_its_name_and_leaves_the_others(server, ask):
    for name, cron in (("daily", "0 4 * * *"), ("weekly", "0 5 * * 1"), ("daily", "0 6 * * *")):
        assert ask("schedule", cron, "--name", name)[0] == 0
    kept = {
        thing["display_name"]: thing["trigger"]["cron_schedule"]["cron"] for thing in server.things["recurringruns"]
    }
    assert kept == {"daily": "0 0 6 * * *", "weekly": "0 0 5 * * 1"}
    # The new one is made before the old one goes: a failure in between leaves two, not none.
    requests = server.requests()
    assert requests[-1] == "DELETE /recurringruns/recurring-run-1"
    assert max(place for place, request in enumerate(requests) if request == "POST /recurringruns") < len(requests) - 1


def test_what_there_is_is_listed(server, ask):
    assert ask("status")[1] == "no run yet: there is no experiment 'shop'\n"
    ask("submit", "--name", "monday")
    ask("submit", "--name", "tuesday")
    ask("schedule", "0 4 * * *")
    server.things["runs"][1].update(state="SUCCEEDED", finished_at="2026-11-23T18:00:42Z")
    _, out, _ = ask("status")
    assert [line.split() for line in out.splitlines()] == [
        ["run", "run-2", "PENDING", *MOMENT[:16].split("T"), "tuesday"],
        ["run", "run-1", "SUCCEEDED", *MOMENT[:16].split("T"), "42", "s", "monday"],
        ["schedule", "recurring-run-1", "ENABLED", "0", "0", "4", "*", "*", "*", "shop"],
    ]


def test_a_schedule_beyond_the_first_page_is_found(server, ask):
    ask("submit")
    for number in range(150):
        server.add("recurringruns", experiment_id="experiment-1", display_name=f"other {number}", status="ENABLED")
    server.things["recurringruns"].append(
        server.add("recurringruns", experiment_id="experiment-1", display_name="shop", status="ENABLED")
    )
    oldest = server.things["recurringruns"].pop(0)
    assert ask("cancel", "--schedule", "shop")[1] == f"schedule  {oldest['recurring_run_id']}  removed\n"


def going(server):
    """A schedule with a run that is still running."""
    schedule = server.things["recurringruns"][0]["recurring_run_id"]
    return server.add("runs", experiment_id="experiment-1", recurring_run_id=schedule, state="RUNNING")["run_id"]


@pytest.mark.parametrize("release", ["2.16.0", "2.17.0", "3.0.0"])
def test_the_run_of_a_replaced_schedule_goes_on(server, ask, release):
    server.release = release
    ask("schedule", "0 4 * * *")
    run = going(server)
    out = ask("schedule", "0 5 * * *")[1]
    assert f"replaces  recurring-run-1  removed; its run {run} continues" in out
    assert [made["recurring_run_id"] for made in server.things["recurringruns"]] == ["recurring-run-2"]
    assert [run["run_id"] for run in server.things["runs"]] == [run]


def test_an_old_server_would_end_the_run_so_the_schedule_is_disabled(server, ask):
    server.release = "2.15.0"
    ask("schedule", "0 4 * * *")
    run = going(server)
    status, out, _ = ask("cancel", "--schedule", "shop")
    assert (
        status == 0
        and f"schedule  recurring-run-1  disabled; its run {run} continues; removing it now would end that run" in out
    )
    assert [run["run_id"] for run in server.things["runs"]] == [run] and server.things["recurringruns"][0][
        "status"
    ] == "DISABLED"
    server.things["runs"][0]["state"] = "SUCCEEDED"
    assert ask("cancel", "--schedule", "shop")[1] == "schedule  recurring-run-1  removed\n"
    assert server.things["recurringruns"] == []


def test_a_run_is_ended_and_a_schedule_removed(server, ask):
    ask("submit")
    ask("schedule", "0 4 * * *")
    assert ask("cancel", "run-1")[0] == 0
    # The server calls it FAILED, after CANCELING.
    assert server.things["runs"][0]["state"] == "FAILED"
    status, out, _ = ask("status", "run-1")
    assert (status, out) == (4, "run       run-1  CANCELED\n")
    assert "CANCELED" in ask("status")[1]
    assert ask("cancel", "--schedule", "shop")[1] == "schedule  recurring-run-1  removed\n"
    assert server.things["recurringruns"] == []
    status, _, out = ask("cancel", "--schedule", "shop")
    assert status == 1
    assert "--schedule needs the name of a schedule of experiment 'shop', got 'shop'" in out


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(server, ask, monkeypatch):
    monkeypatch.setenv("DAYONE_KFP_TOKEN", "secret")
    dry = ask("submit", "--dry-run", "--name", "tuesday")[1]
    assert server.asked == []
    assert "secret" not in dry
    ask("submit", "--name", "tuesday")
    requests = [line.split("?")[0] for line in dry.splitlines() if line.startswith(("GET ", "POST "))]
    sent = [request.replace(" ", f" {server.url}/apis/v2beta1") for request in server.requests()]
    assert requests == sent
    body = dry[dry.index("{", dry.index("/v2beta1/runs")) : dry.index("pipeline  ")]
    ids = {"experiment-1": "EXPERIMENT_ID", "pipeline-1": "PIPELINE_ID", "pipeline-version-1": "VERSION_ID"}
    text = json.dumps(server.bodies("POST", "/runs")[0])
    for item_id, stands in sorted(ids.items(), reverse=True):
        text = text.replace(f'"{item_id}"', f'"{stands}"')
    assert json.loads(body) == json.loads(text)


def test_a_dry_run_needs_no_server(ask, monkeypatch):
    monkeypatch.delenv("DAYONE_KFP_HOST")
    for arguments in (("submit",), ("schedule", "0 4 * * *"), ("cancel", "run-1")):
        status, out, _ = ask(*arguments, "--dry-run")
        assert status == 0
        assert "http://HOST/apis/v2beta1/" in out
    status, _, out = ask("submit")
    assert status == 1
    assert "setting DAYONE_KFP_HOST needs the address of Kubeflow Pipelines" in out


def test_what_is_wrong_without_the_server_is_found_before_it_is_asked(server, ask, tmp_path):
    for wrong in (("--set", "epoch=3"), ("--root", "/mnt/artifacts")):
        assert ask("submit", *wrong)[0] == 1
    (tmp_path / "shop.yaml").unlink()
    status, _, out = ask("submit")
    assert status == 1 and "Compile the pipeline first: python -m pipeline compile" in out
    assert server.asked == []
