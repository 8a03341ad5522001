"""docs/extend.md: the code that the page shows is a launch. It runs to a verdict in tests/pipeline/onboarding/test_every_door.py."""

import dataclasses
import random
import re
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import small_vectors

from components import declaration
from components.declaration import CustomModel, Rules
from components.errors import DeclarationError
from components.serving import exploration
from pipeline import launches
from pipeline.checks import rule_checks
from pipeline.cli import main
from pipeline.local import history_choice, own_functions, users_choice

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "extend.md").read_text(encoding="utf-8")
# Each block of code follows the name of its file.
BLOCKS = dict(re.findall(r"pipeline/launches/my_feature/(\w+\.py)`:\s+```python\n(.*?)```", TEXT, re.DOTALL))
BLOCKS["model.py"] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0]
SHOP = (ROOT / "pipeline" / "launches" / "shop.py").read_text(encoding="utf-8")


def make_project(folder):
    """A copy of the project's packages with the page's launch in it: the shop's log, the page's model and rule."""
    kept = shutil.ignore_patterns("__pycache__")
    for name in ("components", "pipeline", "data", "schema"):
        shutil.copytree(ROOT / name, folder / name, ignore=kept)
    launch = folder / "pipeline" / "launches" / "my_feature"
    launch.mkdir()
    (launch / "__init__.py").write_text("")
    for name, code in BLOCKS.items():
        (launch / name).write_text(code)
    lines = {line.strip() for line in TEXT.splitlines()}
    starts = ("model=Custom", "rules=Rules", "objectives=(Obj", "promotion=Promotion", "steps=(CustomStep")
    declared = "\n    ".join(next(line for line in lines if line.startswith(start)) for start in starts)
    text = re.sub(r"    objectives=.*?\n    \),\n", "", SHOP, flags=re.DOTALL)
    text = text.replace('name="shop"', 'name="my_feature"').replace("    split=", f"    {declared}\n    split=")
    text = text.replace("import Catalogue,", "import Catalogue, CustomModel, CustomStep, Promotion, Rules,")
    (launch / "launch.py").write_text(text)
    shutil.copytree(ROOT / "schema" / "shop", folder / "schema" / "my_feature")
    return folder


DECLARED = re.findall(r"^    ((?:model|rules|promotion|objectives|steps)=.*),$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("line", DECLARED, ids=[line[:40] for line in DECLARED])
def test_what_the_page_declares_fits_the_shop_and_names_code_of_the_page(line, tmp_path, monkeypatch):
    name, _, value = line.partition("=")
    launch = dataclasses.replace(launches.load("shop"), **{name: eval(value, vars(declaration))})
    folder = tmp_path / "pipeline" / "launches" / "my_feature"
    folder.mkdir(parents=True)
    for file, code in BLOCKS.items():
        (folder / file).write_text(code)
    monkeypatch.setattr(rule_checks, "PROJECT", tmp_path)
    assert list(rule_checks.check(launch)) == []


def test_the_filters_of_the_page_are_valid():
    (value,) = re.findall(r"^    filters=(.*),$", TEXT, re.MULTILINE)
    shop = launches.load("shop")
    log = dataclasses.replace(shop.log, context=("age", "country"))
    catalogue = dataclasses.replace(shop.catalogue, filters=eval(value, vars(declaration)))
    assert len(dataclasses.replace(shop, log=log, catalogue=catalogue).catalogue.filters) == 3


def test_the_table_and_the_profiles_of_the_page_are_valid(tmp_path, monkeypatch):
    module_of("profiles", monkeypatch)
    (value,) = re.findall(r"^    users=(.*),$", TEXT, re.MULTILINE)
    (path,) = re.findall(r"--users (pipeline\.\S+)", TEXT)
    shop = launches.load("shop")
    joined = dataclasses.replace(shop, log=dataclasses.replace(shop.log, users=eval(value, vars(declaration))))
    assert joined.log.context == (*shop.log.context, "plan", "age_group")
    profiles = users_choice.make(path, joined, tmp_path, tmp_path)
    assert profiles.get([b"u"]) == [{"plan": "free", "age_group": None}]


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
    module = module_of("vectors", monkeypatch)
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


def module_of(name, monkeypatch):
    """A module of the page, as if it lay next to its launch."""
    module = types.ModuleType(f"pipeline.launches.my_feature.{name}")
    exec(BLOCKS[f"{name}.py"], module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_the_store_and_the_policy_of_the_page_serve(tmp_path, monkeypatch):
    for name in ("stores", "policies"):
        module_of(name, monkeypatch)
    (store,) = re.findall(r"--history (pipeline\.\S+)", TEXT)
    (policy,) = re.findall(r"--explore-policy (pipeline\.\S+)", TEXT)
    histories = history_choice.make(store, launches.load("shop"), tmp_path)
    histories.add(b"u", b"A")
    assert histories.get([b"u", b"v"]) == [[b"A"], []]
    rng, rotate, first = random.Random(1), own_functions.load("--explore-policy", policy, ""), []
    for _ in range(5000):
        _, order, chances = exploration.ask_policy(rotate, [3.0, 2.0, 1.0, 0.0], 4, rng)
        first.append(order[0])
        assert chances[0] == pytest.approx(0.9 * (order[0] == 0) + 0.025)
    assert first.count(2) / 5000 == pytest.approx(0.025, abs=0.01)


@pytest.mark.parametrize("path", ["run_fn", "os.system", "pipeline.local.run.run", "pipeline.launches.x", "a b"])
def test_a_dotted_path_lies_in_components_or_beside_a_launch(path):
    shop = launches.load("shop")
    with pytest.raises(DeclarationError, match="a function's dotted path"):
        dataclasses.replace(shop, model=CustomModel(run_fn=path))
    with pytest.raises(DeclarationError):
        dataclasses.replace(shop, rules=Rules(names=("popularity", path)))
