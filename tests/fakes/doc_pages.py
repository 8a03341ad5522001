"""The Markdown pages of the project, and what they show: code, commands, links, headings."""

import contextlib
import io
import re
import shlex
from pathlib import Path

from pipeline import steps
from pipeline.cli import main

ROOT = Path(__file__).resolve().parents[2]
# A project made by `new` has a README of its own.
IS_CLONE = (ROOT / ".dayone-template").exists()
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"^([A-Z]+) \??=", MAKEFILE, re.MULTILINE))

_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def list_pages():
    """Returns every page, by its path from the project's root."""
    folders = [ROOT, ROOT / "docs", ROOT / "data", ROOT / "schema", ROOT / "kubeflow"]
    return sorted(str(page.relative_to(ROOT)) for folder in folders for page in folder.glob("*.md"))


def read_page(name):
    return (ROOT / name).read_text(encoding="utf-8")


def list_code(text):
    """Returns the code of a page: the lines of its blocks, and what stands between backticks."""
    blocks = _FENCED.findall(text)
    prose = _FENCED.sub("", text)
    indented = re.findall(r"^ {4,}(\S.*)$", prose, re.MULTILINE)
    return [*(line for block in blocks for line in block.splitlines()), *indented, *_INLINE.findall(prose)]


def list_commands(text, program):
    """Returns the arguments of each call of a program ("make", "python -m pipeline") that a page shows."""
    calls = []
    for line in list_code(re.sub(r"\s*\\\n\s*", " ", text)):
        for part in re.split(r" && | \| ", re.sub(r"(\s+# |\s{3,}).*", "", line)):
            match = re.search(rf"(?:^|[\s/]){program}(?:\s+(.*))?$", part)
            if match and (program != "make" or part.lstrip("$ ").startswith("make")):
                calls.append(match[1] or "")
    return sorted(set(calls))


def list_help_texts():
    """Returns the examples that each command's help ends with, indented as code is, by the command's name."""
    (menu,) = main.build_parser()._subparsers._group_actions
    return {
        name: re.sub("^", "    ", command.epilog, flags=re.MULTILINE)
        for name, command in menu.choices.items()
        if command.epilog
    }


def refuse_pipeline(arguments):
    """Returns the message with which the command line refuses a shown command; "" if it takes it.

    A command without arguments may be a mention of it: then only its name counts.
    """
    words = shlex.split(arguments)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            options = main.build_parser().parse_args([*words, "--help"] if len(words) == 1 else words)
        except SystemExit as ended:  # `--help` ends with 0
            return printed.getvalue() if ended.code else ""
    parts = (getattr(options, "first", None), getattr(options, "last", None))
    unknown = [name for name in parts if name and name not in {step.name for step in steps.STEPS}]
    return f"no step {unknown[0]}" if unknown else ""


def read_make(arguments):
    """Returns the targets and the variables of a shown call of make."""
    words = shlex.split(arguments)
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    return [word for word in words if "=" not in word], variables


def find_program(target):
    """Returns what a target of the Makefile runs with `$(ARGS)`; "" for a target that passes none on."""
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    call = re.search(r"/python (.*?) ?\$\(ARGS\)", recipe[1]) if recipe else None
    return call[1] if call else ""


def list_links(text):
    """Returns the relative links of a page as (path, heading); either may be ""."""
    prose = _INLINE.sub("", _FENCED.sub("", text))
    targets = [target for target in _LINK.findall(prose) if not re.match(r"[a-z]+:", target)]
    return sorted({(target.partition("#")[0], target.partition("#")[2]) for target in targets})


def list_headings(text):
    """Returns the anchors of a page's headings, as renderers of Markdown make them."""
    heads = re.findall(r"^#+ (.*)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
