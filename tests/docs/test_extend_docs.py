"""docs/extend.md: the code that the page shows is a launch that runs to a verdict."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import small_vectors
import whole_runs

from components.declaration import CustomModel, Rules
from components.errors import DeclarationError
from pipeline import launches
from pipeline.cli import main

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
MODEL, RULES, STEPS, VECTORS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SHOP = (ROOT / "pipeline" / "launches" / "shop.py").read_text(encoding="utf-8")


def make_project(folder):
    """A copy of the project's packages with the page's launch in it: the shop's log, the page's model and rule."""
    kept = shutil.ignore_patterns("__pycache__")
    for name in ("components", "pipeline", "data", "schema"):
        shutil.copytree(ROOT / name, folder / name, ignore=kept)
    launch = folder / "pipeline" / "launches" / "my_feature"
    launch.mkdir()
    (launch / "__init__.py").write_text("")
    (launch / "model.py").write_text(MODEL)
    (launch / "rules.py").write_text(RULES)
    (launch / "steps.py").write_text(STEPS)
    lines = {line.strip() for line in TEXT.splitlines()}
    starts = ("model=Custom", "rules=Rules", "steps=(CustomStep")
    declared = "\n    ".join(next(line for line in lines if line.startswith(start)) for start in starts)
    text = SHOP.replace('name="shop"', 'name="my_feature"').replace("    split=", f"    {declared}\n    split=")
    text = text.replace("import Catalogue,", "import Catalogue, CustomModel, CustomStep, Rules,")
    (launch / "launch.py").write_text(text)
    shutil.copytree(ROOT / "schema" / "shop", folder / "schema" / "my_feature")
    return folder


@pytest.mark.slow
def test_the_two_tower_of_the_page_runs_to_a_verdict(tmp_path):
    project = make_project(tmp_path / "project")
    log = whole_runs.generate(tmp_path / "log", 20_000)
    command = [sys.executable, "-m", "pipeline", "run", "--launch", "my_feature", "--log", str(log)]
    answer = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=900)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    workspace = project / "runs"
    summary = whole_runs.summary(workspace)
    rows = summary["rolling"]
    assert {"model", "cheapest", "covisitation", "popularity"} <= set(rows)
    # The two towers learn something, more than chance, and less than counting: so the rules are pushed.
    record = json.loads(max((workspace / "my_feature" / "logs").glob("*.json")).read_text())
    figures = {step["step"]: step["figure"] for step in record["steps"]}
    items = int(re.search(r"(\d+) items to recommend", figures["Trainer"])[1])
    assert 1.5 * 10 / items < rows["model"]["recall@10"] < rows["popularity"]["recall@10"]
    assert summary["verdict"]["outcome"] == "rules"
    assert re.fullmatch(r"at most \d+ events a user", figures["BotGate"])


def test_a_launch_in_a_folder_is_found_and_loaded(tmp_path, monkeypatch):
    project = make_project(tmp_path)
    monkeypatch.setattr(launches, "_FOLDER", project / "pipeline" / "launches")
    assert "my_feature" in launches.available()
    launch = launches.load("my_feature")
    assert launch.model == CustomModel(
        run_fn="pipeline.launches.my_feature.model.run_fn", hyperparameters={"dim": 32, "epochs": 3}
    )
    assert not launch.has_ranking_head


def test_vectors_go_to_the_store_of_the_page(tmp_path, monkeypatch, capsys):
    module = types.ModuleType("pipeline.launches.my_feature.vectors")
    exec(VECTORS, module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    small_vectors.push(tmp_path / "shop/serving/shop", 200, rows=small_vectors.table(active=[True, True, True, False]))
    path = f"{module.__name__}.numpy_file"
    options = ["--launch", "shop", "--workspace", str(tmp_path)]
    assert main.main(["vectors", "own", path, *options, "--dry-run"]) == 0
    assert main.main(["vectors", "own", path, *options]) == 0
    file = tmp_path / "shop/vectors/200/own/vectors.npz"
    assert capsys.readouterr().out.splitlines() == [
        f"would write 3 vectors of 3 numbers to {file}",
        f"wrote 3 vectors to {file}",
    ]
    assert np.load(file)["vectors"].shape == (3, 3)
    assert main.main(["vectors", "own", "os.path.join", *options]) == 1
    assert "a function's dotted path" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["run_fn", "os.system", "pipeline.local.run.run", "pipeline.launches.x", "a b"])
def test_a_dotted_path_lies_in_components_or_beside_a_launch(path):
    shop = launches.load("shop")
    with pytest.raises(DeclarationError, match="a function's dotted path"):
        dataclasses.replace(shop, model=CustomModel(run_fn=path))
    with pytest.raises(DeclarationError):
        dataclasses.replace(shop, rules=Rules(names=("popularity", path)))
