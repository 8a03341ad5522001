"""The pages: every command that they show can be typed, every file and heading that they name exists."""

import re
import shlex

import doc_pages
import pytest
from doc_pages import ROOT, read_page

from pipeline import settings, steps

PAGES = doc_pages.list_pages()
# Their lines are at most 120 columns; a table's row is one line.
NARROW = tuple(
    name
    for name in (
        "README.md",
        "CHANGELOG.md",
        *(
            f"docs/{page}.md"
            for page in (
                "index",
                "clone",
                "evaluation",
                "infrastructure",
                "glossary",
                "install",
                "support",
                "exit",
                "privacy",
            )
        ),
    )
)


OF_THE_TEMPLATE = pytest.mark.skipif(doc_pages.IS_CLONE, reason="a clone's README is its own")


def list_shown(program):
    return [(page, call) for page in PAGES for call in doc_pages.list_commands(read_page(page), program)]


SHOWN_PIPELINE, SHOWN_MAKE = list_shown("python -m pipeline"), list_shown("make")


@OF_THE_TEMPLATE
def test_pages_show_commands():
    readme = [call for page, call in SHOWN_PIPELINE if page == "README.md"]
    assert len(readme) > 5 and len(SHOWN_PIPELINE) > 60 and len(SHOWN_MAKE) > 30
    assert ("README.md", "run") in SHOWN_MAKE and ("README.md", "serve") in SHOWN_MAKE


@pytest.mark.parametrize(("page", "call"), SHOWN_PIPELINE)
def test_pipeline_commands_can_be_typed(page, call):
    assert not doc_pages.refuse_pipeline(call), page


@pytest.mark.parametrize("command", doc_pages.list_help_texts())
def test_commands_in_help_texts_can_be_typed(command):
    calls = doc_pages.list_commands(doc_pages.list_help_texts()[command], "python -m pipeline")
    assert not [refusal for call in calls if (refusal := doc_pages.refuse_pipeline(call))]


def test_help_texts_show_commands():
    texts = "\n".join(doc_pages.list_help_texts().values())
    assert "run --to SchemaGate" in doc_pages.list_commands(texts, "python -m pipeline")


def test_wrong_commands_are_found():
    assert doc_pages.refuse_pipeline("run --to Gate") == "no step Gate"
    text = "    python -m pipeline run --lunch shop\n    make runn  # a comment\n"
    (command,), (call,) = (doc_pages.list_commands(text, program) for program in ("python -m pipeline", "make"))
    assert "unrecognized arguments: --lunch" in doc_pages.refuse_pipeline(command)
    assert doc_pages.read_make(call) == (["runn"], {}) and "runn" not in doc_pages.TARGETS


@pytest.mark.parametrize(("page", "call"), SHOWN_MAKE)
def test_make_commands_can_be_typed(page, call):
    targets, variables = doc_pages.read_make(call)
    assert set(targets) <= doc_pages.TARGETS and set(variables) <= doc_pages.VARIABLES, page
    for target in targets:
        program = doc_pages.find_program(target)
        if "ARGS" in variables and program.startswith("-m pipeline "):
            assert not doc_pages.refuse_pipeline(f"{program.removeprefix('-m pipeline ')} {variables['ARGS']}")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for path, heading in doc_pages.list_links(read_page(page)):
        target = ROOT / page if not path else (ROOT / page).parent / path
        assert target.exists(), path
        if heading:
            assert heading in doc_pages.list_headings(target.read_text(encoding="utf-8")), (path, heading)


@pytest.mark.parametrize("page", NARROW)
def test_files_that_are_named_exist(page):
    named = [
        code
        for code in re.findall(r"`([\w./-]+)`", read_page(page))
        if re.match(r"(pipeline|components|tests|docs|kubeflow|schema|data)/", code)
        and not re.search("my_feature|LAUNCH", code)
    ]
    assert not [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", NARROW)
def test_lines_are_at_most_120_columns(page):
    lines = enumerate(read_page(page).splitlines(), 1)
    assert not [number for number, line in lines if len(line) > 120 and not line.startswith("|")]


@pytest.mark.parametrize("page", PAGES)
def test_environment_variables_exist(page):
    groups = [group for name, group in vars(settings).items() if name.endswith("VARIABLES")]
    named = set(re.findall(r"\bDAYONE_\w+", read_page(page))) - {"DAYONE_KFP_"}
    assert named <= {name for group in groups for name in group}


def test_programs_of_the_menu_know_the_options_that_are_shown():
    shown = set()
    for _, call in SHOWN_MAKE:
        targets, variables = doc_pages.read_make(call)
        options = [
            word for word in shlex.split(variables.get("ARGS", "")) if word.startswith("--") and word != "--help"
        ]
        shown |= {(doc_pages.find_program(target), option) for target in targets for option in options}
    files = {pair for pair in shown if pair[0].endswith(".py")}
    assert ("tests/bench/bench_quality.py", "--data") in files
    assert not [pair for pair in files if f'"{pair[1]}"' not in read_page(pair[0])]


@OF_THE_TEMPLATE
def test_readme_draws_the_steps_by_their_names():
    drawing = read_page("README.md").split("```")[1]
    names = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)*\b", drawing))
    assert names <= {step.name for step in steps.STEPS}
    assert {steps.EXAMPLE_GEN, steps.GATE, steps.RULES, steps.TRAINER, steps.VERDICT, steps.PUSHER} <= names


@OF_THE_TEMPLATE
def test_every_environment_variable_of_a_run_is_in_readme():
    assert all(f"`{name}`" in read_page("README.md") for name in settings.VARIABLES)


def test_every_page_is_in_the_index():
    linked = {path for path, _ in doc_pages.list_links(read_page("docs/index.md"))}
    assert {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")} - {"index.md"} <= linked


def test_glossary_is_in_alphabetical_order():
    terms = re.findall(r"^\| \*\*(.+?)\*\*", read_page("docs/glossary.md"), re.MULTILINE)
    assert len(terms) > 40 and terms == sorted(terms, key=str.lower)


@pytest.mark.parametrize("page", NARROW)
def test_code_in_a_sentence_ends_on_its_line(page):
    prose = re.sub(r"^```.*?^```", "", read_page(page), flags=re.MULTILINE | re.DOTALL)
    assert not [line for line in prose.splitlines() if line.count("`") % 2]
