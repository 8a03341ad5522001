import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ("tensorflow", "tfx", "tfx_bsl", "apache_beam")
HEAVY = (*ENGINES, "tensorflow_recommenders", "tf_keras", "keras", "ml_metadata", "kfp", "pandas")
LIGHT_MODULES = (
    "pipeline.__main__",
    "pipeline.cli.main",
    "pipeline.cli.compile",
    "pipeline.cli.feast",
    "pipeline.kubeflow.compiler",
    "pipeline.kubeflow.commands",
    "pipeline.kubeflow.contract",
    "pipeline.cli.kubeflow",
    "pipeline.kubeflow.resources",
    "pipeline.kubeflow.spec",
    "pipeline.launches",
    "pipeline.onboarding.new",
    "pipeline.cli.rollout",
    "pipeline.cli.serve",
    "pipeline.settings",
    "pipeline.steps",
    "pipeline.checks.validate",
    "pipeline.cli.vectors",
    "pipeline.cli.versions",
    "pipeline.kubeflow.vertex",
    "components.declaration",
    "components.errors",
    "components.progress",
)
LONGEST_FILE = 300
LONGEST_FUNCTION = 50
VAGUE_NAMES = ("utils", "util", "helpers", "helper", "common", "base", "constants", "misc")
DOTTED_NAME = re.compile(r"components(\.\w+)+")
# Written in pieces, so that this file does not find itself.
MACHINE_PATHS = re.compile("|".join(("/ho" + r"me/\w", "/ro" + r"ot/", "/Us" + r"ers/\w", "C:" + r"\\Users")))
REGISTRIES = re.compile(r"(py" + r"pi|python" + r"hosted|npm" + r"js|dock" + r"er)\.(org|com|io)\b")


def project_files():
    """The files that belong to the project: what git would commit; without git, what is there."""
    if (ROOT / ".git").exists():
        listing = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        paths = [ROOT / name for name in listing.stdout.splitlines()]
    else:
        made = {"runs", "build", "dist", "__pycache__"}
        shown = [
            path
            for path in ROOT.iterdir()
            if not path.name.startswith(".") and path.suffix != ".egg-info" and path.name not in made
        ]
        paths = [
            path
            for top in shown
            for path in (top, *top.rglob("*"))
            if not made.intersection(path.relative_to(ROOT).parts)
        ]
    return sorted(path for path in paths if path.is_file())


SOURCES = [path for path in project_files() if path.suffix == ".py"]
PACKAGED = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("components", "pipeline")]


def name_of(path):
    return str(path.relative_to(ROOT))


def functions(path):
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def code_lines(function):
    """The lines of a function without its docstring."""
    doc = function.body[0] if ast.get_docstring(function) else None
    return function.end_lineno - function.lineno + 1 - (doc.end_lineno - doc.lineno + 1 if doc else 0)


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def heavy_modules_after(module):
    """Which heavy packages a fresh Python has loaded after importing the module."""
    script = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()


def test_components_never_import_the_pipeline():
    arrows = {
        name_of(path): set(imported(ast.parse(path.read_text())))
        for path in PACKAGED
        if path.is_relative_to(ROOT / "components")
    }

    assert arrows
    assert not {
        name: found
        for name, found in arrows.items()
        if any(module.split(".")[0] in ("pipeline", "tests") for module in found)
    }


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_what_a_person_waits_for_loads_neither_tensorflow_nor_tfx(module):
    assert heavy_modules_after(module) == []


def test_help_is_answered_without_tensorflow():
    script = f"""
import sys
from pipeline import commands
try:
    commands.main(["--help"])
finally:
    print("heavy:", *set({HEAVY!r}) & set(sys.modules))
"""

    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.endswith("heavy:\n")


def test_only_pipeline_and_components_are_packages():
    configured = re.search(
        r"packages\.find\]\n(?:#.*\n)?include = (\[.*\])", (ROOT / "pyproject.toml").read_text()
    ).group(1)
    packages = setuptools.find_namespace_packages(str(ROOT), include=ast.literal_eval(configured))

    assert {package.split(".")[0] for package in packages} == {"pipeline", "components"}
    assert {path.parent.relative_to(ROOT).parts[0] for path in SOURCES if path.name == "__init__.py"} == {
        "pipeline",
        "components",
    }


def test_no_package_lacks_its_init_file():
    assert not {name_of(path.parent) for path in PACKAGED if not (path.parent / "__init__.py").exists()}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_fits_in_the_head(path):
    too_long = {
        function.name: code_lines(function) for function in functions(path) if code_lines(function) > LONGEST_FUNCTION
    }

    assert path.read_text().count("\n") <= LONGEST_FILE
    assert not too_long


@pytest.mark.parametrize("path", [path for path in SOURCES if not path.is_relative_to(ROOT / "tests")], ids=name_of)
def test_a_module_says_what_it_is_and_has_a_name_of_its_own(path):
    assert ast.get_docstring(ast.parse(path.read_text()))
    assert path.stem not in VAGUE_NAMES


@pytest.mark.parametrize("path", PACKAGED, ids=name_of)
def test_a_module_with_tfx_components_keeps_its_annotations_real(path):
    tree = ast.parse(path.read_text())
    decorated = any(
        isinstance(node, ast.FunctionDef) and "component" in map(ast.unparse, node.decorator_list)
        for node in ast.walk(tree)
    )

    assert not (decorated and "__future__" in set(imported(tree)))


def test_nothing_names_a_registry_or_a_folder_of_someones_machine():
    # A clone says in that one file where its log lies, which may be anywhere on the machine.
    skipped = {"uv.lock", "default_launch.py"}
    texts = {
        name_of(path): path.read_bytes()
        for path in project_files()
        if path.name not in skipped and path.stat().st_size < 1_000_000
    }
    readable = {name: text.decode() for name, text in texts.items() if b"\0" not in text}

    assert not {
        name: found
        for name, text in readable.items()
        if (found := [match.group() for match in MACHINE_PATHS.finditer(text)])
    }
    assert not {
        name: found
        for name, text in readable.items()
        if (found := [match.group() for match in REGISTRIES.finditer(text)])
    }


def dotted_names():
    """Every string of the wiring that names something in `components` by its dotted path."""
    strings = {
        node.value
        for path in PACKAGED
        if path.is_relative_to(ROOT / "pipeline")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return sorted(text for text in strings if DOTTED_NAME.fullmatch(text))


@pytest.mark.tensorflow
def test_what_tfx_loads_by_name_is_a_function_in_a_module_of_functions():
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in PACKAGED}
    names = [name for name in dotted_names() if name not in modules]
    assert names

    for name in names:
        module_name, _, attribute = name.rpartition(".")
        module = importlib.import_module(module_name)
        # TFX reloads such a module, and a class that is defined in it would become another class.
        assert not [
            node.name for node in ast.parse(Path(module.__file__).read_text()).body if isinstance(node, ast.ClassDef)
        ], name
        assert callable(getattr(module, attribute)), name


def test_the_light_lane_collects_without_tensorflow():
    script = f"""
import sys, pytest
status = pytest.main(["--lane", "light", "--collect-only", "-qq"])
print("heavy:", *set({ENGINES!r}) & set(sys.modules))
sys.exit(status)
"""

    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)

    assert answer.returncode == 0, answer.stdout[-2000:]
    assert answer.stdout.endswith("heavy:\n")
