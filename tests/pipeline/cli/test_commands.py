"""The command line as a person meets it: in a process of its own."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import launches, steps
from pipeline.cli import main
from pipeline.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[3]
MOST_CPU_SECONDS = 0.5


def pipeline(*arguments, cwd=ROOT, **environ):
    """Runs `python -m pipeline`; the result also holds the CPU seconds it took."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments], cwd=cwd, env=clean | environ, capture_output=True, text=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return answer


def one_message(answer, status=1):
    """The message of a failed command, after checking that it is all that was said, and was said at once."""
    assert answer.returncode == status, answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""
    assert answer.cpu < MOST_CPU_SECONDS
    return answer.stderr


def test_help_is_the_menu_and_comes_at_once():
    answer = pipeline("--help")
    assert answer.returncode == 0
    assert all(word in answer.stdout for word in ("run", "launches", "versions", "rollback", "serve", *VARIABLES))
    assert answer.cpu < MOST_CPU_SECONDS


def test_help_on_run_names_every_step_and_shows_examples():
    answer = pipeline("run", "--help")
    assert all(f"  {step.name}" in answer.stdout for step in steps.STEPS)
    assert "python -m pipeline run --from Trainer" in answer.stdout
    assert answer.cpu < MOST_CPU_SECONDS


def test_launches_are_listed():
    answer = pipeline("launches")
    assert answer.stdout.splitlines() == [
        name + "  (default)" * (name == launches.DEFAULT) for name in launches.available()
    ]


@pytest.mark.parametrize("arguments", [(), ("rnu",), ("run", "--form", "SchemaGate")])
def test_wrong_usage_exits_with_2(arguments):
    message = one_message(pipeline(*arguments), status=2)
    assert message.startswith("usage: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--launch", "shp"), "error: setting --launch needs one of"),
        (("run", "--from", "Tranier"), "Did you mean Trainer?"),
        (("run", "--to", ""), "error: --to needs a step"),
        (("run", "--from", "Pusher", "--to", "SchemaGate"), "comes after"),
        (
            ("run", "--log", "not_there.csv"),
            "error: setting --log needs a file or folder that exists, got 'not_there.csv'",
        ),
        (("run", "--workspace", "README.md/x"), "error: setting --workspace needs a folder"),
    ],
)
def test_a_mistake_is_one_message_at_once(arguments, said, tmp_path):
    (tmp_path / "README.md").touch()
    arguments = [str(tmp_path / argument) if argument.startswith("README") else argument for argument in arguments]
    assert said in one_message(
        pipeline(*arguments, *(["--workspace", str(tmp_path)] if "--workspace" not in arguments else []))
    )


def test_a_mistyped_variable_is_one_message_at_once():
    assert "Did you mean DAYONE_LAUNCH?" in one_message(pipeline("run", DAYONE_LUNCH="shop"))


def test_a_missing_log_is_one_message_and_writes_nothing(tmp_path):
    answer = pipeline("run", "--launch", "movielens", "--log", str(tmp_path), "--workspace", str(tmp_path / "runs"))
    assert (
        "ml-100k.inter: there is no such file or folder. Say where the files of launch 'movielens' are: --log DIR."
        in one_message(answer)
    )
    assert not (tmp_path / "runs").exists()


def test_a_wrong_declaration_is_one_message_at_once(tmp_path):
    project = tmp_path / "project"
    for folder in ("pipeline", "components"):
        shutil.copytree(ROOT / folder, project / folder)
    (project / "schema").mkdir()
    shop = project / "pipeline" / "launches" / "shop.py"
    shop.write_text(shop.read_text().replace('time_unit="ms"', 'time_unit="minutes"'))
    message = one_message(pipeline("run", "--launch", "shop", cwd=project))
    assert message.startswith("error: pipeline/launches/shop.py:")
    assert "declaration: launch.log.time_unit needs one of s, ms, us, iso, got 'minutes'." in message


def test_ctrl_c_before_the_run_exits_with_130(monkeypatch, capsys):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(launches, "available", stop)
    assert main.main(["launches"]) == main.EXIT_STOPPED
    assert capsys.readouterr().err == "stopped\n"
