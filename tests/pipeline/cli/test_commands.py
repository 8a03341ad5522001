"""The command line as a person meets it."""

import re
import shutil
import subprocess
import sys

import pytest
from commands import MOST_CPU_SECONDS, ROOT, one_message, pipeline, pipeline_process

from pipeline import launches, steps
from pipeline.cli import main
from pipeline.settings import VARIABLES

(menu,) = main.build_parser()._subparsers._group_actions


def test_help_is_the_menu_and_comes_at_once():
    answer = pipeline_process("--help")
    assert answer.returncode == 0
    assert all(word in answer.stdout for word in ("run", "launches", "versions", "rollback", "serve", *VARIABLES))
    assert answer.cpu < MOST_CPU_SECONDS


def test_help_on_run_names_every_step_and_shows_examples():
    answer = pipeline("run", "--help")
    assert all(f"  {step.name}" in answer.stdout for step in steps.STEPS)
    assert "python -m pipeline run --from Trainer" in answer.stdout


def test_launches_are_listed():
    lines = pipeline("launches").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(launches.available())
    for line, name in zip(lines, launches.available(), strict=True):
        assert f"  log {launches.load(name).log.path}" in line
        assert line.endswith("  (default)") == (name == launches.DEFAULT)


def test_no_command_shows_the_help():
    answer = pipeline()
    assert answer.returncode == 0
    assert answer.stdout == pipeline("--help").stdout


def test_the_version_is_that_of_the_project():
    version = re.search(r'^__version__ = "(.*)"', (ROOT / "pipeline/__init__.py").read_text(), re.MULTILINE)[1]
    assert pipeline("--version").stdout == f"dayone {version}\n"


def test_the_package_takes_its_version_from_there():
    metadata = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in metadata
    assert 'version = { attr = "pipeline.__version__" }' in metadata
    package = re.search(r'^name = "(.*)"', metadata, re.MULTILINE)[1]
    assert f'name = "{package}"\nsource = {{ editable = "." }}' in (ROOT / "uv.lock").read_text()


@pytest.mark.parametrize(("typed", "meant"), [(("rnu",), "run"), (("vectors", "fais"), "faiss")])
def test_a_mistyped_word_gets_a_hint(typed, meant):
    assert f"Did you mean '{meant}'?" in one_message(pipeline(*typed), status=2)


@pytest.mark.parametrize("command", ["", *menu.choices])
def test_help_fits_80_columns(command):
    lines = pipeline(*command.split(), "--help").stdout.splitlines()
    assert lines and max(map(len, lines)) <= 80


@pytest.mark.parametrize("arguments", [("vectors",), ("rnu",), ("run", "--form", "SchemaGate")])
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
    answer = pipeline_process("run", "--launch", "shop", cwd=project)
    message = one_message(answer)
    assert answer.cpu < MOST_CPU_SECONDS
    assert message.startswith("error: pipeline/launches/shop.py:")
    assert "declaration: launch.log.time_unit needs one of s, ms, us, ns, excel, iso, got 'minutes'." in message


@pytest.mark.parametrize("module", ["components", "components.terminal_text", "pipeline.cli", "pipeline.settings"])
def test_ctrl_c_while_it_imports_is_one_word_too(module):
    code = f"""
import runpy, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
sys.argv = ["pipeline", "launches"]
runpy.run_module("pipeline", run_name="__main__")
"""
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout, answer.stderr) == (main.EXIT_STOPPED, "", "stopped\n")


def test_ctrl_c_before_the_run_exits_with_130(monkeypatch, capsys):
    def stop():
        raise KeyboardInterrupt

    monkeypatch.setattr(launches, "available", stop)
    assert main.main(["launches"]) == main.EXIT_STOPPED
    assert capsys.readouterr().err == "stopped\n"
