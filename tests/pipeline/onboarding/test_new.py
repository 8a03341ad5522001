"""`python -m pipeline new`: what it makes, and what it refuses."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import clone_logs
import doc_pages
import pytest
import yaml
from commands import one_message, pipeline

from components.declaration import Catalogue, Log, Objective
from components.errors import SettingsError
from pipeline import launches
from pipeline.onboarding import new, project_files, template_files
from pipeline.onboarding.proposal import ProposalError
from pipeline.settings import PROJECT

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs") / "data"
    folder.mkdir()
    clone_logs.plain_log(folder, rows=500)
    clone_logs.rich_log(folder, answers=200)
    return folder


@pytest.fixture(scope="module")
def plain(data):
    folder = data.parent / "My Feature"
    return folder, new.make(folder, data / "visits.csv", None, None, {})


def text(folder, *parts):
    return folder.joinpath(*parts).read_text(encoding="utf-8")


def test_every_file_of_the_template_is_there_and_the_launch_is_the_default(plain):
    folder, _ = plain
    rendered = {Path("pipeline/default_launch.py"), *map(Path, project_files.render("x", "d", "l", {"version": ""}))}
    rendered |= {Path("pyproject.toml"), Path("uv.lock")}
    copied = {path for path in template_files.list_files(PROJECT) if path not in rendered}
    assert not [path for path in copied if (folder / path).read_bytes() != (PROJECT / path).read_bytes()]
    module = ("pipeline", "default_launch.py")
    before, after = text(PROJECT, *module).splitlines(), text(folder, *module).splitlines()
    # In a clone of a clone one of the two may be as it was.
    changed = ['LAUNCH = "my_feature"', 'DATA: str | None = "../data"']
    assert set(changed) <= set(after) and set(after) - set(before) <= set(changed)
    assert len(after) == len(before)
    assert text(folder, ".dayone-template").startswith("# The template that this project was made from")
    assert "version = " in text(folder, ".dayone-template")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["My Feature", "data"]


def test_the_declaration_is_what_the_log_shows(plain):
    launch = launches.load_file(plain[0] / "pipeline" / "launches" / "my_feature.py")
    assert launch.log == Log(
        path="visits.csv", user="customer", item="sku", time="happened_at", time_unit="us", context=("channel",)
    )
    assert (launch.catalogue, launch.objectives) == (None, (Objective("interaction"),))


def test_a_rich_log_and_its_catalogue_are_declared(data):
    proposed = new.propose("news", data / "deeds.csv", data / "articles.csv", {})
    assert proposed.launch.log == Log(
        path="deeds.csv",
        user="visitor",
        item="article",
        time="ts",
        time_unit="iso",
        event="kind",
        impression="shown",
        request="answer_id",
        position="slot",
        context=("surface",),
        delimiter=";",
    )
    assert proposed.launch.catalogue == Catalogue(
        "articles.csv",
        "article",
        title="headline",
        categories=("section",),
        texts=("headline",),
        numbers=("length_words",),
        active="published",
    )
    names = {objective.name: (objective.weight, objective.event) for objective in proposed.launch.objectives}
    assert names == {"tap": (1, "tap"), "bookmark": (2, "bookmark"), "purchase": (5, "purchase")}


def test_the_first_schema_holds_every_column_and_label(plain, data):
    schema = text(plain[0], "schema", "my_feature", "log", "schema.pbtxt")
    assert [line.split('"')[1] for line in schema.splitlines() if line.startswith('  name: "')] == [
        "customer",
        "sku",
        "happened_at",
        "channel",
        "channel",
    ]
    assert 'value: "kiosk"' in schema
    made = new._schemas(new.propose("news", data / "deeds.csv", data / "articles.csv", {}))
    assert "label_purchase" in made["log"] and 'name: "headline"' in made["catalogue"]


def test_what_is_said_names_each_guess_and_the_next_two_commands(plain):
    folder, output = plain
    assert "  user          customer  (the name says user: " in output
    commands = output[output.index("Next:") :].splitlines()[1:3]
    assert commands == [f"  cd '{folder}' && {sys.executable} -m pipeline validate", f"  cd '{folder}' && make run"]
    assert "git add -A && git commit" in output


def test_the_project_is_its_own(plain):
    folder, _ = plain
    assert text(folder, "README.md").startswith("# my_feature\n") and "make run" in text(folder, "README.md")
    assert text(folder, "CHANGELOG.md").startswith("# Changelog of my_feature\n")
    steps = yaml.safe_load(text(folder, ".github", "workflows", "ci.yml"))["jobs"]["launch"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert [command for command in commands if "make" in command][-1] == "make test-light"
    assert "if [ -e ../data/visits.csv ]; then make validate; " in commands[1]
    for page in ("README.md", "CHANGELOG.md"):
        assert not [
            path for path, _ in doc_pages.list_links(text(folder, page)) if path and not (folder / path).exists()
        ]


def test_the_launch_has_tests_of_its_own(plain):
    folder, _ = plain
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/launches/test_launch_my_feature.py",
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DAYONE_", "PYTEST_"))}
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=clean)
    assert "2 passed" in answer.stdout, answer.stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")
def test_the_project_is_a_repository_that_takes_no_log(plain):
    folder, output = plain

    def git(*arguments):
        return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True).stdout.split()

    assert "note:" not in output
    assert git("symbolic-ref", "--short", "HEAD") == ["main"]
    assert git("config", "merge.ours.driver") == ["true"]
    git("add", "-A")
    for name in ("data/events.csv", "logs/day/part-0.parquet", "traffic.jsonl.gz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("u,i\n")
    assert not [line for line in git("status", "--porcelain", "-uall") if line == "??"]


def test_the_next_command_can_be_copied(plain):
    command = plain[1][plain[1].index("Next:") :].splitlines()[1]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    answer = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=clean)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.splitlines()[-1].startswith("my_feature: 0 errors, ")


def test_an_empty_folder_is_used_and_any_other_refused(data, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    new.make(empty, data / "visits.csv", None, "tea", {})
    assert (empty / "pipeline" / "launches" / "tea.py").is_file()
    for target in (empty, data / "visits.csv"):
        with pytest.raises(
            SettingsError,
            match=r"DIR needs a folder that does not exist or is empty, got .*Nothing is ever overwritten",
        ):
            new.make(target, data / "visits.csv", None, "tea", {})
    with pytest.raises(
        SettingsError, match=r"DIR needs a folder outside of the template, got .*For example \.\./my_feature\."
    ):
        new.make(PROJECT / "mine", data / "visits.csv", None, "tea", {})


@pytest.mark.parametrize(
    ("name", "folder", "said"),
    [
        ("Tea", "x", "--name needs a name in lower-case letters, digits and _, a letter first, 40 at most, got 'Tea'."),
        ("../up", "x", "--name needs a name"),
        ("", "x", "--name needs a name"),
        (None, "2nd", "DIR needs a name in lower-case letters, .* got '2nd'. Give one with --name."),
        (
            "shop",
            "x",
            "--name needs a name that the template's launches .*shop.* do not have, got 'shop'. Give another with --name.",
        ),
    ],
)
def test_a_name_must_be_one_and_new(data, tmp_path, name, folder, said):
    with pytest.raises(SettingsError, match=said):
        new.make(tmp_path / folder, data / "visits.csv", None, name, {})
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_is_not_understood_leaves_nothing_behind(tmp_path):
    (tmp_path / "log.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(ProposalError, match="candidates:"):
        new.make(tmp_path / "deep" / "clone", tmp_path / "log.csv", None, None, {})
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_events_without_an_action_are_refused(tmp_path):
    (tmp_path / "log.csv").write_text(
        "user,item,time,event\nu,i,1760000000,impression\nu,j,1760000001,impression\nv,i,1760000002,dislike\n"
    )
    with pytest.raises(
        ProposalError, match=r"log\.csv: the events impression, dislike hold no action: nothing says what people want\."
    ):
        new.propose("tea", tmp_path / "log.csv", None, {})


def test_a_log_beside_the_project_moves_with_it_and_one_elsewhere_is_named_in_full(tmp_path):
    project = tmp_path / "work" / "mine"
    assert new.data_folder(tmp_path / "work" / "data", project) == "../data"
    assert new.data_folder(project / "logs", project) == "logs"
    assert new.data_folder(tmp_path / "elsewhere", project) == str(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("arguments", "beginning"),
    [
        (("DIR", "--log", "not_there.csv"), "error: "),
        (("DIR", "--log", "LOG", "--catalogue", "LOG", "--name", "Tea"), "error: setting --name needs a name"),
        (("DIR", "--log", "LOG", "--user", "nobody"), "error: --user needs a column of visits.csv, got 'nobody'."),
        (("DIR", "--log", "EMPTY"), "error: EMPTY: "),
        (("DIR", "--log", "NO_ROWS"), "error: NO_ROWS: has a header but no rows."),
        (("DIR", "--log", "SHEET"), "error: SHEET: is a zip archive or a spreadsheet, needs CSV as text. Unpack it"),
        (
            ("DIR", "--log", "NOWHERE"),
            "error: setting --log needs a file or folder that exists, or a pattern of files, got 'NOWHERE'. Read are CSV,",
        ),
        (
            ("DIR", "--log", "LOG", "--catalogue", "NOWHERE"),
            "error: setting --catalogue needs a file or folder that exists, or",
        ),
        (("DIR", "--log", "LOG", "--time", "channel"), "error: --time channel: needs epoch seconds"),
        (
            ("DIR", "--log", ""),
            "error: setting --log needs a file or folder that exists, or a pattern of files, got ''.",
        ),
        (("", "--log", "LOG"), "error: setting DIR needs a path that is not empty, got ''."),
        (("LOG/x", "--log", "LOG"), "error: setting DIR needs a folder that can be made, got "),
    ],
)
def test_a_mistake_is_one_message_without_a_traceback(data, tmp_path, arguments, beginning):
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "no_rows.csv").write_text("user,item,time\n")
    (tmp_path / "sheet.csv").write_bytes(b"PK\x03\x04\0\0")
    named = {"DIR": str(tmp_path / "x"), "LOG": str(data / "visits.csv"), "LOG/x": str(data / "visits.csv" / "x")}
    named |= {"NOWHERE": str(tmp_path / "nowhere"), "EMPTY": str(tmp_path / "empty.jsonl")}
    named |= {"NO_ROWS": str(tmp_path / "no_rows.csv"), "SHEET": str(tmp_path / "sheet.csv")}
    message = one_message(pipeline("new", *(named.get(argument, argument) for argument in arguments)))
    for name in ("EMPTY", "NO_ROWS", "SHEET", "NOWHERE"):
        beginning = beginning.replace(name, named[name])
    assert message.startswith(beginning)
    assert not (tmp_path / "x").exists()


def test_a_log_whose_name_has_no_ending_is_read_as_csv(data, tmp_path):
    (tmp_path / "visits").write_bytes((data / "visits.csv").read_bytes())
    assert new.propose("tea", tmp_path / "visits", None, {}).launch.log.path == "visits"


def test_a_pattern_of_dated_folders_is_declared_as_it_is(data, tmp_path):
    for day in ("2026-01-01", "2026-01-02"):
        (tmp_path / "days" / day).mkdir(parents=True)
        (tmp_path / "days" / day / "visits.csv").write_bytes((data / "visits.csv").read_bytes())
    proposed = new.propose("tea", tmp_path / "days" / "{YYYY}-{MM}-{DD}" / "*.csv", None, {})
    assert (proposed.data, proposed.launch.log.path) == (tmp_path / "days", "{YYYY}-{MM}-{DD}/*.csv")
    assert new.propose("tea", tmp_path / "days" / "2026-01-01", None, {}).launch.log.path == "2026-01-01"


def test_the_page_on_clones_names_options_that_there_are():
    page = text(ROOT, "docs", "clone.md")
    menus = "".join(
        subprocess.run(
            [sys.executable, "-m", "pipeline", command, "--help"], cwd=ROOT, capture_output=True, text=True
        ).stdout
        for command in ("new", "run")
    )
    options = set(re.findall(r"`(--[a-z]+)`", page))
    assert options >= {"--name", "--user", "--item", "--time", "--log"}
    assert not {option for option in options if option not in menus}
