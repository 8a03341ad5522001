"""What the pages of kubeflow/ tell people to type, and the files they name, exist."""

import re
import shlex
from pathlib import Path

import manifests
import pytest

from pipeline import beam_profiles
from pipeline.cli import main
from pipeline.cli.compile_pipeline import RESOURCES
from pipeline.kubeflow import errors, run_parameters
from pipeline.kubeflow.spec import UNCACHED
from pipeline.settings import SERVER_VARIABLES

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    name: (ROOT / "kubeflow" / name).read_text(encoding="utf-8")
    for name in ("README.md", "install.md", "run.md", "operate.md")
}
README = "\n".join(PAGES.values())
COMMANDS = sorted(set(re.findall(r"python -m pipeline ([^`\n]*)", README)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command):
    assert main.build_parser().parse_args(shlex.split(command))


def test_every_file_of_the_project_that_is_named_is_there():
    named = set(re.findall(r"`((?:pipeline|components|tests|kubeflow)/[\w./]+)`", README))
    assert len(named) > 5
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_steps_that_are_never_cached_are_named():
    (line,) = [line for line in README.splitlines() if line.startswith("- **The cache**")]
    assert all(name in line for name in UNCACHED)


def test_every_variable_parameter_and_exit_status_is_told():
    assert all(f"`{name}`" in README for name in (*SERVER_VARIABLES, *run_parameters.NAMES))
    assert all(f"| {status} | {text} |" in README for status, text in errors.EXITS.items())


def test_the_number_of_mutants_is_that_of_the_tests():
    text = (ROOT / "tests" / "pipeline" / "kubeflow" / "test_kubeflow_contract.py").read_text(encoding="utf-8")
    mutants = text[text.index("MUTANTS = {") : text.index("\n}\n")]
    (number,) = re.findall(r"and (\d+) mutants", README)
    assert len(re.findall(r'^    "', mutants, re.MULTILINE)) == int(number)


def test_the_claim_that_must_exist_is_the_one_that_the_table_mounts():
    assert "{claim: dayone, path:" in RESOURCES.read_text(encoding="utf-8")


def test_what_kubectl_is_told_to_take_is_there():
    folders = set(re.findall(r"kubectl (?:apply --kustomize|kustomize) ([\w/-]+)", README))
    assert folders == {
        "kubeflow/base",
        *(f"kubeflow/overlays/{name}" for name in ("tf-serving", "beam-flink", "beam-spark")),
    }
    assert all((ROOT / folder / "kustomization.yaml").is_file() for folder in folders)
    jobs = {
        manifest["metadata"]["name"]
        for manifest in manifests.render(ROOT / "kubeflow/overlays/kserve")
        if manifest["kind"] == "CronJob"
    }
    assert set(re.findall(r"--from=cronjob/([\w-]+)", README)) == jobs


def test_make_targets_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|    )make ([a-z-]+)", README)) <= targets


def test_what_make_manifests_prints_is_what_is_shown(capsys):
    assert manifests.main([]) == 0
    assert all(f"    {line}\n" in README for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command.startswith("rollout") and command.endswith("--dry-run")]
)
def test_what_a_dry_run_of_rollout_prints_is_what_is_shown(command, capsys):
    assert main.main([*shlex.split(command), "--launch", "shop"]) == 0
    assert f"python -m pipeline {command}\n\n    {capsys.readouterr().out}" in README


def test_the_number_of_refused_manifests_is_that_of_the_tests():
    text = (ROOT / "tests" / "kubeflow" / "test_manifests.py").read_text(encoding="utf-8")
    mutants = text[text.index("MUTANTS = {") : text.index("\n}\n")]
    (number,) = re.findall(r"fits the others; (\d+) mutants", README)
    assert len(re.findall(r'^    "', mutants, re.MULTILINE)) == int(number)


def test_profiles_and_overlays_are_described():
    rows = [line.split("|")[1].strip() for line in README.splitlines() if line.startswith(("| `", "| (none)"))]
    assert {f"`{name}`" for name in beam_profiles.load()} <= set(rows)
    assert {f"`{name}`" for name in ("tf-serving", "own-server", "kserve")} <= set(rows)
    assert all(name in README for name in beam_profiles.BEAM_STEPS)


def test_kubernetes_releases_are_those_of_the_check():
    assert f"Kubernetes {' and '.join(manifests.RELEASES)} and KServe" in README


def heads(page):
    return {
        re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
        for head in re.findall(r"^#+ (.*)$", PAGES[page], re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES)
def test_pages_and_sections_that_are_linked_are_there(page):
    for target, section in re.findall(r"\]\(((?!https?:)[\w./]*)(?:#([\w-]+))?\)", PAGES[page]):
        assert (ROOT / "kubeflow" / (target or page)).exists()
        assert not section or section in heads(target or page)


@pytest.mark.parametrize("page", PAGES)
def test_lines_are_short_but_for_tables_and_output(page):
    assert not [line for line in PAGES[page].splitlines() if len(line) > 130 and not line.startswith(("|", "    "))]
