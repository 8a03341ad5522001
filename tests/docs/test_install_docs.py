"""docs/install.md, docs/exit.md and the dev container say what is there."""

import json
import re

from doc_pages import ROOT, read_page

import setup_stacks

INSTALL = read_page("docs/install.md")
DEV, IMAGE = ((ROOT / name).read_text(encoding="utf-8") for name in (".devcontainer/Dockerfile", "kubeflow/Dockerfile"))


def test_stacks_are_those_of_the_set_up():
    for stack in setup_stacks.STACKS:
        rows = [line for line in INSTALL.splitlines() if f"| {stack.name} |" in line]
        pythons = " or ".join(map(setup_stacks.join_numbers, stack.pythons))
        assert len(rows) == 2 and all(row.endswith(f"| {pythons} |") for row in rows)
        assert any(f"glibc {setup_stacks.join_numbers(stack.glibc)} or newer" in row for row in rows)
        assert any({"arm64": "Apple silicon", "x86_64": "Intel"}[stack.mac] in row for row in rows)


def test_messages_are_those_of_the_set_up():
    source = read_page("setup_environment.py") + read_page("setup_stacks.py")
    table = INSTALL[INSTALL.index("| message |") :]
    messages = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    assert len(messages) == 4
    assert all(message in source.replace("\\", "") for message in messages)


def test_the_container_serves_where_the_page_publishes():
    assert "DAYONE_WORKSPACE=/tmp/dayone" in IMAGE and "USER 1000:1000" in IMAGE
    runs = re.findall(r"^ {4}docker run .*", INSTALL, re.MULTILINE)
    assert len(runs) == 2 and all('"$PWD/runs:/tmp/dayone"' in line for line in runs)
    assert "/tmp/dayone" not in INSTALL.replace('"$PWD/runs:/tmp/dayone"', "")


def test_the_dev_container_has_the_base_and_the_compiler_of_the_image():
    bases = set(re.findall(r"^FROM (python:\S+)", IMAGE, re.MULTILINE))
    assert set(re.findall(r"^FROM (\S+)", DEV, re.MULTILINE)) == bases
    assert {"g++", "git", "make"} <= set(re.search(r"recommends (.*?) &&", DEV)[1].split())
    described = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert described["build"]["dockerfile"] == "Dockerfile" and described["postCreateCommand"] == "make setup"
    assert f"--uid 1000 --shell /bin/bash {described['remoteUser']}\n" in DEV


def test_packages_that_need_no_tfx_import_none():
    named = re.findall(r"`components/(\w+)`", read_page("docs/exit.md"))
    assert named == ["metrics", "rules", "serving"]
    sources = [path for name in named for path in (ROOT / "components" / name).rglob("*.py")]
    assert len(sources) > 30
    for path in sources:
        assert not re.search(r"^\s*(from|import) tfx\b", path.read_text(encoding="utf-8"), re.MULTILINE), path
