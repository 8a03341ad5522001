"""Digests of code, on a tiny package."""

import functools
import hashlib
import shutil

import pytest

from pipeline import code_digest, steps

SOURCES = {
    "__init__.py": "",
    "train.py": "from components.data import read as reader\nfrom components.models import tower\n",
    "data.py": "import os\nimport components.units\n\ndef read(): ...\n",
    "units.py": "def convert():\n    from components import train  # a cycle, and inside a function\n",
    "models/__init__.py": "",
    "models/tower.py": "from . import layer\nfrom .layer import Layer\n",
    "models/layer.py": "class Layer: ...\n",
    "models/other.py": "x = 1\n",
    "report.py": "from components import train\n",
}
REACHED = ("__init__.py", "train.py", "data.py", "units.py", "models/__init__.py", "models/tower.py", "models/layer.py")


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(code_digest, "PROJECT", tmp_path)
    for name, text in SOURCES.items():
        path = tmp_path / "components" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    code_digest.of_module.cache_clear()
    yield tmp_path / "components"
    code_digest.of_module.cache_clear()


def digest(module):
    """Computes the digest as a new process would."""
    code_digest.of_module.cache_clear()
    return code_digest.of_module(module)


@pytest.mark.parametrize("file", REACHED)
def test_an_edit_of_the_module_or_of_what_it_imports_changes_the_digest(package, file):
    before = digest("components.train")
    (package / file).write_text(SOURCES[file] + "edited = 1\n")
    assert digest("components.train") != before
    (package / file).write_text(SOURCES[file])
    assert digest("components.train") == before


@pytest.mark.parametrize("file", sorted(set(SOURCES) - set(REACHED)))
def test_other_modules_do_not_matter(package, file):
    before = digest("components.train")
    (package / file).write_text("y = 2\n")
    assert digest("components.train") == before


def test_an_added_import_changes_the_digest(package):
    (package / "data.py").write_text(SOURCES["data.py"] + "from components.models.other import x as y\n")
    before = digest("components.train")
    (package / "models/other.py").write_text("x = 2\n")
    assert digest("components.train") != before


def test_modules_on_a_cycle_are_all_found_from_each(package):
    (package / "data.py").write_text("import components.units\n")
    before = digest("components.data"), digest("components.units")
    (package / "train.py").write_text(SOURCES["train.py"] + "edited = 1\n")
    after = digest("components.data"), digest("components.units")
    assert before[0] != after[0] and before[1] != after[1]


def test_moved_text_is_a_change(package):
    before = digest("components.train")
    (package / "models/layer.py").write_text("")
    (package / "models/tower.py").write_text(SOURCES["models/tower.py"] + SOURCES["models/layer.py"])
    assert digest("components.train") != before


def test_a_module_that_does_not_exist_is_an_error(package):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        digest("components.nowhere")


def test_of_file(tmp_path):
    file = tmp_path / "schema.pbtxt"
    assert code_digest.of_file(file) == ""
    file.write_text("feature {}")
    assert code_digest.of_file(str(file)) == hashlib.sha256(b"feature {}").hexdigest()[:16]


def test_the_steps_of_the_pipeline_have_digests_that_differ():
    evaluation = (
        "components.evaluation.retrieval_step",
        "components.evaluation.ranking_step",
        "components.evaluation.verdict_step",
    )
    modules = ("components.ingest.executor", "components.rules.training", "components.models.training", *evaluation)
    assert len({digest(module) for module in modules}) == len(modules)


def test_an_edit_of_the_verdicts_words_does_not_repeat_the_evaluation(tmp_path, monkeypatch):
    names = [f"components.evaluation.{step}" for step in ("retrieval_step", "ranking_step", "verdict_step")]
    shutil.copytree(
        code_digest.PROJECT / "components", tmp_path / "components", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(code_digest, "PROJECT", tmp_path)
    before = [digest(name) for name in names]
    for module in ("summary", "report", "verdict_words"):
        with (tmp_path / "components" / "evaluation" / f"{module}.py").open("a") as file:
            file.write("A_WORD = 1\n")
    after = [digest(name) for name in names]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, True, False]
    code_digest.of_module.cache_clear()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""Reads."""\nx = 1\n', '"""Reads all."""\nx = 1  # why\n'),
        (
            'def f(x):\n    raise ValueError(f"{x} is wrong")\n',
            'def f(x):\n    raise ValueError(f"{x} is not right")\n',
        ),
        ("x = [1, 2]\n", "x = [\n    1,\n    2,\n]\n"),
    ],
)
def test_words_and_layout_do_not_matter(package, before, after):
    (package / "data.py").write_text(before)
    first = digest("components.data")
    (package / "data.py").write_text(after)
    assert digest("components.data") == first


def test_which_error_is_raised_matters(package):
    (package / "data.py").write_text("def f():\n    raise ValueError('x')\n")
    first = digest("components.data")
    (package / "data.py").write_text("def f():\n    raise KeyError('x')\n")
    assert digest("components.data") != first


# One module of each package, and the steps whose cache key an edit of it changes.
LEARNING = {"Rules", "Tuner", "Trainer", "Refit"}
COMPARING = {"RetrievalEvaluator", "RankingExamples"}
TRIANGLE = {"Triangle"}  # trains as Rules and Trainer do; a team's model is in its key, too
RERUNS = {
    "components.errors": set(),
    "components.declaration.checks": set(),
    "components.ingest.labels": {"ExampleGen", "CatalogueExampleGen"},
    "components.validation.drift": {"DriftBaseline", "DriftGate"},
    "components.validation.schema_limits": {"SchemaGate", "CatalogueSchemaGate"},
    "components.features.histories": LEARNING | COMPARING | TRIANGLE,
    "components.metrics.bootstrap": {"Refit", "RetrievalEvaluator", "Verdict"} | TRIANGLE,
    "components.registry.warmup": {"Refit", "Rules", "Trainer", "RetrievalEvaluator", "Verdict"} | TRIANGLE,
    "components.rules.counting": (LEARNING - {"Refit"}) | TRIANGLE,
    "components.models.retrieval.query_tower": {"Refit", "Tuner", "Trainer"},
    "components.models.ranking.ranking_head": {"Trainer"},
    "components.models.tuning.search": {"Tuner"},
    "components.evaluation.slices": COMPARING,
    "components.evaluation.head_figures": {"Evaluator"},
    "components.evaluation.triangle_words": {"Verdict"},
    "components.evaluation.doubling": TRIANGLE,
    "components.evaluation.verdict_words": {"Verdict"},
    "components.declaration.slice_names": COMPARING | {"Verdict"},
    "components.serving.app": set(),
    "components.integrations.faiss_index": set(),
}


@pytest.mark.parametrize("module", RERUNS)
def test_an_edit_reruns_the_steps_that_run_it(module, monkeypatch):
    def digests():
        code_digest.of_module.cache_clear()
        return {step.name: tuple(map(code_digest.of_module, step.code)) for step in steps.STEPS}

    monkeypatch.setattr(code_digest, "_imports", functools.cache(code_digest._imports))
    original = functools.cache(code_digest._code)
    monkeypatch.setattr(code_digest, "_code", original)
    before = digests()
    monkeypatch.setattr(code_digest, "_code", lambda name: original(name) + b"edited" * (name == module))
    after = digests()
    code_digest.of_module.cache_clear()
    assert {name for name in before if before[name] != after[name]} == RERUNS[module]
