import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import setup_environment
import setup_stacks
from setup_stacks import Interpreter, Machine

ROOT = Path(setup_environment.__file__).parent
DEBIAN_12 = Machine("linux", "x86_64", (2, 36))
DEBIAN_13 = Machine("linux", "x86_64", (2, 41))
APPLE_SILICON = Machine("darwin", "arm64")
INTEL_MAC = Machine("darwin", "x86_64")
WITHOUT_STACK = (
    Machine("linux", "aarch64", (2, 41)),
    Machine("linux", "x86_64", (2, 26)),
    Machine("linux", "x86_64", None),
    Machine("win32", "AMD64"),
)


def pythons(machine, *versions):
    return [
        Interpreter(f"/bin/python{version}", tuple(int(part) for part in version.split(".")), machine)
        for version in versions
    ]


@pytest.mark.parametrize(
    ("machine", "versions", "expected"),
    [
        (DEBIAN_12, ["3.11.7", "3.12.1", "3.10.13"], ("TFX 1.16", "3.10.13")),
        (DEBIAN_13, ["3.11.7", "3.12.1", "3.10.13"], ("TFX 1.21", "3.11.7")),
        (DEBIAN_13, ["3.13.0", "3.10.13", "3.12.1"], ("TFX 1.21", "3.12.1")),
        (DEBIAN_13, ["3.10.13", "3.10.2"], ("TFX 1.16", "3.10.13")),
        (Machine("linux", "x86_64", (2, 39)), ["3.12.3"], ("TFX 1.21", "3.12.3")),
        (Machine("linux", "x86_64", (2, 38)), ["3.12.3", "3.10.1"], ("TFX 1.16", "3.10.1")),
        (APPLE_SILICON, ["3.10.13", "3.11.7"], ("TFX 1.21", "3.11.7")),
        (INTEL_MAC, ["3.11.7", "3.10.13"], ("TFX 1.16", "3.10.13")),
    ],
)
def test_the_newest_stack_that_fits_takes_the_first_interpreter_found(machine, versions, expected):
    stack, interpreter = setup_stacks.choose(machine, pythons(machine, *versions))

    assert (stack.name, ".".join(map(str, interpreter.version))) == expected


@pytest.mark.parametrize(
    ("machine", "versions"),
    [(DEBIAN_12, ["3.11.7", "3.13.0", "3.9.18"]), (DEBIAN_12, []), (APPLE_SILICON, ["3.10.13"])],
)
def test_nothing_is_chosen_where_no_interpreter_fits(machine, versions):
    assert setup_stacks.choose(machine, pythons(machine, *versions)) is None


@pytest.mark.parametrize("machine", WITHOUT_STACK)
def test_some_machines_have_no_stack_at_all(machine):
    assert setup_stacks.choose(machine, pythons(machine, "3.10.13", "3.11.7", "3.12.1")) is None


def test_an_interpreter_of_another_processor_does_not_fit_although_the_machine_does():
    assert setup_stacks.choose(APPLE_SILICON, pythons(INTEL_MAC, "3.11.7")) is None


def test_it_stops_looking_when_it_cannot_get_better():
    interpreters = iter(pythons(DEBIAN_13, "3.10.13", "3.11.7", "3.12.1"))

    setup_stacks.choose(DEBIAN_13, interpreters)

    assert [interpreter.version for interpreter in interpreters] == [(3, 12, 1)]


@pytest.mark.parametrize(
    ("libc", "glibc"),
    [(("glibc", "2.36"), (2, 36)), (("glibc", "2.39.1"), (2, 39)), (("", ""), None), (("libc", "1.2"), None)],
)
def test_only_glibc_counts_as_glibc(libc, glibc):
    assert Machine.read("linux", "x86_64", libc).glibc == glibc


def test_the_error_says_what_was_found_and_what_to_install():
    text = setup_stacks.no_fit(DEBIAN_12, pythons(DEBIAN_12, "3.11.7"))

    assert "linux x86_64, glibc 2.36" in text
    assert "Python 3.11.7 (/bin/python3.11.7)" in text
    assert "TFX 1.21 (Python 3.11 or 3.12): needs linux x86_64 with glibc 2.39 or newer" in text
    assert "TFX 1.16 (Python 3.10): would fit this machine, but has no Python." in text
    assert "install Python 3.10 (for example: pyenv install 3.10)" in text


@pytest.mark.parametrize("machine", WITHOUT_STACK)
def test_the_error_of_a_machine_without_a_stack_names_one_that_has_it(machine):
    text = setup_stacks.no_fit(machine, [])

    assert str(machine) in text
    assert "use Ubuntu 24.04, Debian 13 or newer on x86_64" in text


def executable(path, script):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_candidates_are_the_running_python_then_pyenv_by_path_then_the_search_path(tmp_path):
    for version in ("3.10.2", "3.10.13", "3.11.7", "3.9.1", "3.13.0"):
        executable(tmp_path / "pyenv" / "versions" / version / "bin" / "python", "exit 1")
    for name in ("one/python3", "two/python3.10", "two/python3", "two/python2"):
        executable(tmp_path / name, "exit 1")
    environ = {"PYENV_ROOT": str(tmp_path / "pyenv"), "PATH": f"{tmp_path}/one{os.pathsep}{tmp_path}/two"}

    paths = [str(Path(path).relative_to(tmp_path)) for path in list(setup_stacks.candidates("/running", environ))[1:]]

    by_pyenv = [f"pyenv/versions/{version}/bin/python" for version in ("3.11.7", "3.10.13", "3.10.2")]
    assert paths == [*by_pyenv, "two/python3.10", "one/python3", "two/python3"]


@pytest.mark.parametrize(
    "script", ["echo 'pyenv: python3.10: command not found' >&2; exit 127", "echo 'Python 2.7'", "exec /nowhere/python"]
)
def test_a_candidate_that_does_not_run_is_no_interpreter(tmp_path, script):
    assert setup_stacks.probe(executable(tmp_path / "python3.10", script)) is None


def test_each_working_interpreter_is_seen_once(tmp_path):
    shim = executable(tmp_path / "python3", f'exec {sys.executable} "$@"')
    interpreters = []

    versions = [
        interpreter.version
        for interpreter in setup_stacks.working([str(tmp_path / "missing"), sys.executable, shim], interpreters)
    ]

    assert versions == [tuple(sys.version_info[:3])]
    assert len(interpreters) == 1


@pytest.fixture
def project(tmp_path):
    for name in setup_environment.INPUTS:
        (tmp_path / name).write_text(name)
    executable(tmp_path / ".venv" / "bin" / "python", "exit 0")
    setup_environment.write_stamp(tmp_path, DEBIAN_12, setup_stacks.STACKS[1])
    return tmp_path


def test_an_environment_with_a_stamp_is_current(project):
    assert setup_environment.is_current(project, DEBIAN_12)


@pytest.mark.parametrize("name", setup_environment.INPUTS)
def test_a_changed_input_makes_the_environment_stale(project, name):
    (project / name).write_text("changed")

    assert not setup_environment.is_current(project, DEBIAN_12)


def test_an_environment_made_for_another_c_library_is_stale(project):
    assert not setup_environment.is_current(project, DEBIAN_13)


def test_an_environment_that_was_moved_is_stale(project, tmp_path_factory):
    moved = project.rename(tmp_path_factory.mktemp("elsewhere") / "project")

    assert not setup_environment.is_current(moved, DEBIAN_12)


def test_an_environment_whose_interpreter_is_gone_is_stale(project):
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.10")

    assert not setup_environment.is_current(project, DEBIAN_12)


@pytest.mark.parametrize("stamp", ["", "{", "{}"])
def test_an_environment_with_half_a_stamp_is_stale(project, stamp):
    (project / ".venv" / "setup.json").write_text(stamp)

    assert not setup_environment.is_current(project, DEBIAN_12)


@pytest.mark.parametrize(
    ("printed", "hint"),
    [
        ("error: [Errno 2] No such file or directory: 'g++'", "apt-get install g++"),
        (
            "fatal error: Python.h: No such file or directory\nerror: command '/usr/bin/g++' failed",
            "apt-get install python3-dev",
        ),
        ("No space left on device (os error 28)", "UV_CACHE_DIR"),
        ("dns error: failed to lookup address information", "HTTPS_PROXY"),
    ],
)
def test_a_failure_shows_the_last_lines_and_a_hint(tmp_path, printed, hint):
    workshop = setup_environment.Workshop(tmp_path, print)

    succeeded = workshop.run("sh", "-c", f"cat <<'END'\n{printed}\nEND\nexit 3")
    text = str(workshop.failure("it failed"))

    assert not succeeded
    assert printed.splitlines()[-1] in text
    assert hint in text
    assert str(workshop.log) in text


def test_children_of_the_setup_install_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", "/another")
    monkeypatch.setenv("PIP_USER", "1")

    environment = setup_environment.Workshop(tmp_path, print).environment()

    assert "VIRTUAL_ENV" not in environment
    assert environment["PIP_USER"] == "0"
    assert environment["UV_PROJECT_ENVIRONMENT"] == str(tmp_path / ".venv")


@pytest.mark.parametrize(
    ("answer", "version"), [("echo uv 0.13.9 '(x86_64)'", (0, 13)), ("echo pyenv: uv: not found; exit 127", ())]
)
def test_uv_counts_by_what_it_answers(tmp_path, answer, version):
    assert setup_environment.uv_version(executable(tmp_path / "uv", answer)) == version


@pytest.mark.parametrize("module", [setup_environment, setup_stacks])
def test_the_scripts_parse_as_python_3_8(module):
    assert ast.parse(Path(module.__file__).read_text(), feature_version=(3, 8))


def test_the_script_is_calm_when_there_is_nothing_to_do(tmp_path):
    for name in setup_environment.INPUTS:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    executable(tmp_path / ".venv" / "bin" / "python", "exit 0")
    machine = setup_stacks.probe(sys.executable).machine
    setup_environment.write_stamp(tmp_path, machine, setup_stacks.STACKS[0])

    answer = subprocess.run([sys.executable, "setup_environment.py"], capture_output=True, text=True, cwd=tmp_path)

    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == "setup: .venv is up to date: TFX 1.21 (Python 3.11 or 3.12)\n"
    assert json.loads((tmp_path / ".venv" / "setup.json").read_text())["inputs"] == setup_environment.digest(tmp_path)
