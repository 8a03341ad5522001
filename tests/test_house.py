import ast
import functools
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
# With all commands, `pipeline.cli`: the imports before a person has an answer.
LIGHT_MODULES = (
    "pipeline.__main__",
    "pipeline.kubeflow.compiler",
    "pipeline.kubeflow.commands",
    "pipeline.kubeflow.contract",
    "pipeline.kubeflow.resources",
    "pipeline.kubeflow.spec",
    "pipeline.kubeflow.vertex",
    "pipeline.launches",
    "pipeline.onboarding.new",
    "pipeline.settings",
    "pipeline.steps",
    "pipeline.checks.schema_comparison",
    "pipeline.checks.validate",
    "components.declaration",
    "components.errors",
    "components.progress",
)
LONGEST_FILE = 300
# Tests that were longer when lines became shorter. They may shrink.
LONGER = {
    "tests/components/evaluation/test_comparison.py": 302,
    "tests/components/ingest/test_bad_logs.py": 461,
    "tests/components/ingest/test_example_gen.py": 353,
    "tests/components/ingest/test_log_reader.py": 373,
    "tests/components/metrics/test_queries.py": 348,
    "tests/data/test_generate.py": 358,
    "tests/fakes/kubeflow_server.py": 336,
    "tests/kubeflow/test_manifests.py": 433,
    "tests/manifests.py": 304,
    "tests/pipeline/kubeflow/test_kubeflow_commands.py": 335,
    "tests/pipeline/kubeflow/test_kubeflow_entrypoint.py": 312,
    "tests/pipeline/onboarding/test_proposal.py": 302,
}
LONGEST_FUNCTION = 50
# Syntax nodes of a function, without its docstring: lines alone are kept short by making them dense. The median is 42.
MOST_NODES = 200
# Those that were larger when the limit came. They may shrink, and leave the list when they are below the limit.
LARGER = {
    "components/evaluation/comparison.py:_notes": 209,
    "components/evaluation/ranking_examples.py:_batch": 292,
    "components/evaluation/verdict_step.py:Verdict": 245,
    "components/experiment/run_outcome.py:measure": 211,
    "components/features/item_table.py:_features": 213,
    "components/integrations/faiss_index.py:send": 208,
    "components/integrations/offline_tables.py:user_history": 206,
    "components/metrics/bootstrap.py:relative_gains": 220,
    "components/metrics/queries.py:ask": 209,
    "components/metrics/validation_cut.py:held_out": 272,
    "components/metrics/validation_cut.py:questions": 293,
    "components/models/retrieval/item_tower.py:__init__": 201,
    "components/models/retrieval/retrieval_training.py:choose": 306,
    "components/models/retrieval/shortlists.py:shorten": 273,
    "components/rules/exact_ranks.py:_count_ranks": 218,
    "components/serving/app.py:_add_model_routes": 212,
    "components/validation/anomaly_reasons.py:describe_outside": 223,
    "components/validation/column_facts.py:add": 236,
    "data/plain_world.py:make_events": 338,
    "data/plain_world.py:make_world": 303,
    "data/rehearsal.py:play_future": 274,
    "data/shop_traffic.py:_request": 314,
    "data/shop_traffic.py:make_visits": 221,
    "data/shop_world.py:__init__": 245,
    "pipeline/checks/log_checks.py:_before_their_impression": 232,
    "pipeline/checks/log_checks.py:_check_joins": 382,
    "pipeline/kubeflow/spec.py:adapt": 205,
}
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


@functools.cache
def parse(path):
    return ast.parse(path.read_text())


@functools.cache
def functions(path):
    return [node for node in ast.walk(parse(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def code_lines(function):
    """The lines of a function without its docstring."""
    doc = function.body[0] if ast.get_docstring(function) else None
    return function.end_lineno - function.lineno + 1 - (doc.end_lineno - doc.lineno + 1 if doc else 0)


def syntax_nodes(function):
    """The nodes of a function's body without its docstring; a name's context (read or written) does not count."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return sum(not isinstance(node, ast.expr_context) for statement in body for node in ast.walk(statement))


def imported(path):
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_components_never_import_the_pipeline():
    arrows = {name_of(path): set(imported(path)) for path in PACKAGED if path.is_relative_to(ROOT / "components")}

    assert arrows
    assert not {
        name: modules
        for name, modules in arrows.items()
        if any(module.split(".")[0] in ("pipeline", "tests") for module in modules)
    }


def test_what_a_person_waits_for_loads_neither_tensorflow_nor_tfx():
    commands = [f"pipeline.cli.{path.stem}" for path in (ROOT / "pipeline" / "cli").glob("[!_]*.py")]
    script = f"""
import importlib, sys
for module in {sorted(LIGHT_MODULES) + sorted(commands)!r}:
    before = set(sys.modules)
    importlib.import_module(module)
    for heavy in sorted(set({HEAVY!r}) & (set(sys.modules) - before)):
        print(module, "imports", heavy)
from pipeline.cli import main
try:
    main.main(["run", "--help"])
finally:
    print("after help:", *set({HEAVY!r}) & set(sys.modules))
"""

    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("usage: ") and answer.stdout.endswith("after help:\n")


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


def test_a_file_fits_in_the_head():
    lines = {name_of(path): path.read_text().count("\n") for path in SOURCES}

    assert not {name: count for name, count in lines.items() if count > LONGER.get(name, LONGEST_FILE)}


def test_a_function_is_short():
    lines = [(name_of(path), function.name, code_lines(function)) for path in SOURCES for function in functions(path)]

    assert not [entry for entry in lines if entry[-1] > LONGEST_FUNCTION]


def test_a_function_is_simple():
    """Tests are left out: an expected value may be a long table."""
    code = [path for path in SOURCES if not path.is_relative_to(ROOT / "tests")]
    nodes = {}
    for path in code:
        for function in functions(path):
            name = f"{name_of(path)}:{function.name}"
            nodes[name] = max(syntax_nodes(function), nodes.get(name, 0))

    assert not {name: count for name, count in nodes.items() if count > LARGER.get(name, MOST_NODES)}
    done = {name: nodes.get(name, 0) for name in LARGER if nodes.get(name, 0) <= MOST_NODES}
    assert not done, "these are below the limit: strike them from LARGER"


def test_a_module_says_what_it_is_and_has_a_name_of_its_own():
    code = [path for path in SOURCES if not path.is_relative_to(ROOT / "tests")]

    assert not [name_of(path) for path in code if not ast.get_docstring(parse(path))]
    assert not [name_of(path) for path in code if path.stem in VAGUE_NAMES]


def test_a_module_with_tfx_components_keeps_its_annotations_real():
    def is_component(node):
        return isinstance(node, ast.FunctionDef) and "component" in map(ast.unparse, node.decorator_list)

    decorated = [path for path in PACKAGED if any(map(is_component, ast.walk(parse(path))))]

    assert decorated
    assert not [name_of(path) for path in decorated if "__future__" in imported(path)]


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
        name: matches
        for name, text in readable.items()
        if (matches := [match.group() for match in MACHINE_PATHS.finditer(text)])
    }
    assert not {
        name: matches
        for name, text in readable.items()
        if (matches := [match.group() for match in REGISTRIES.finditer(text)])
    }


def dotted_names():
    """Every string of the wiring that names something in `components` by its dotted path; stores are the server's."""
    strings = {
        node.value
        for path in PACKAGED
        if path.is_relative_to(ROOT / "pipeline") and path.stem != "history_choice"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return sorted(text for text in strings if DOTTED_NAME.fullmatch(text))


@pytest.mark.tensorflow
def test_what_tfx_loads_by_name_is_a_function_in_a_module_of_functions():
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in PACKAGED}
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
