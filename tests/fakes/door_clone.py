"""A clone in which a team uses each door of docs/extend.md once: the page's own code, in the launch's folder.

`python door_clone.py FOLDER` makes the clone and prints what each door adds to it.
"""

import re
import subprocess
import sys
from pathlib import Path

import clone_logs
import pyarrow as pa
import pyarrow.csv

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "extend.md").read_text(encoding="utf-8")
# Each block of code of the page follows the name of its file; the model's is the first.
BLOCKS = dict(re.findall(r"pipeline/launches/my_feature/(\w+\.py)`:\s+```python\n(.*?)```", PAGE, re.DOTALL))
BLOCKS["model.py"] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
FOLDER = "pipeline.launches.my_feature"
OWN_MODEL = f'model=CustomModel(run_fn="{FOLDER}.model.run_fn", hyperparameters={{"dim": 32, "epochs": 3}}),'
TOWER = f'query_tower="{FOLDER}.towers.Convolution"'
USERS = 'users=Users("users.csv", user="visitor", columns=("plan",), time="since", time_unit="iso"),'
STEP = f'CustomStep("BotGate", "{FOLDER}.steps.BotGate", inputs={{"examples": "ExampleGen.examples"}}'
STEPS = f'steps=({STEP}, parameters={{"most_events": 100000}}, before=("Rules", "Trainer")),),'
OBJECTIVES = f"""objectives=(
        Objective("click", event="tap"),
        Objective("quick", weight=2.0, event="tap", label_fn="{FOLDER}.labels.quick"),
    ),"""
METRIC = f'metrics=("{FOLDER}.metrics.first_screen",)'
SLICE = f'slices=("section", "{FOLDER}.slices.evening")'
GUARDS = 'guards=("first_screen", "evening")'
RULES = f'rules=Rules(names=("covisitation", "popularity", "{FOLDER}.rules.cheapest")),'
# Door to what it adds: files of the page's code, and text of the declaration.
DOORS = {
    "model": (("model.py",), OWN_MODEL),
    "tower": (("towers.py",), TOWER),
    "feature of the head": ((), 'ranking_features=("surface", "section", "length_words", "plan")'),
    "users table": ((), USERS),
    "users store": (("profiles.py",), ""),
    "objective": (("labels.py",), OBJECTIVES.split("\n")[2]),
    "metric": (("metrics.py",), METRIC),
    "slice": (("slices.py",), SLICE),
    "rule": (("rules.py",), RULES),
    "step": (("steps.py",), STEPS),
    "history store": (("stores.py",), ""),
    "exploration policy": (("policies.py",), ""),
    "vector sink": (("vectors.py",), ""),
}


def write_users(folder):
    """A visitor's plan says which quarter of the articles they like; each has had another one before."""
    visitors = range(clone_logs.USERS)
    rows = [(f"v{visitor}", f"plan {visitor % 4}", clone_logs.START) for visitor in visitors]
    rows += [(visitor, "trial", clone_logs.START.replace(year=2025)) for visitor, _, _ in rows]
    columns = {
        "visitor": [row[0] for row in rows],
        "plan": [row[1] for row in rows],
        "since": [row[2].isoformat() for row in rows],
    }
    pyarrow.csv.write_csv(pa.table(columns), folder / "users.csv")


def declare(clone, own_model):
    """Makes the launch a folder, and uses the doors; own towers and an own model exclude each other."""
    launch = clone / "pipeline" / "launches" / "my_feature"
    proposed = launch.with_suffix(".py")
    if proposed.exists():
        launch.mkdir()
        proposed.rename(launch / "launch.py")
        (launch / "__init__.py").write_text("")
        for name, code in BLOCKS.items():
            (launch / name).write_text(code)
        text = (launch / "launch.py").read_text()
        text = text.replace("import Catalogue, Launch, Log, Objective, Promotion, Split", f"import {_IMPORTS}")
        text = re.sub(r"    objectives=.*?\n    \),\n", f"    {OBJECTIVES}\n", text, flags=re.DOTALL)
        text = text.replace('        delimiter=";",\n', f'        delimiter=";",\n        {USERS}\n', 1)
        text = re.sub(r"    promotion=.*?\n    \),\n", "", text, flags=re.DOTALL)
        promotion = f'promotion=Promotion(metric="recall@5", {METRIC}, {SLICE}, {GUARDS}, refit=True),'
        head = DOORS["feature of the head"][1]
        ours = f"model=Model({TOWER}, {head}, history=20),"
        added = "".join(f"    {line}\n" for line in (ours, promotion, RULES, STEPS))
        text = text.replace("    # The last tenth", f"{added}    # The last tenth")
        (launch / "launch.py").write_text(text)
    text = (launch / "launch.py").read_text()
    if own_model:
        (launch / "launch.py").write_text(re.sub(r"    model=.*\n", f"    {OWN_MODEL}\n", text))


_IMPORTS = """(
    Catalogue,
    CustomModel,  # noqa: F401
    CustomStep,
    Launch,
    Log,
    Model,
    Objective,
    Promotion,
    Rules,
    Split,
    Users,
)"""


def make(folder, python=sys.executable):
    """Makes log, catalogue, users and clone below a folder; the clone is committed as `new` made it."""
    data = folder / "data"
    data.mkdir(parents=True)
    log, catalogue = clone_logs.rich_log(data, answers=2_500)
    write_users(data)
    clone = folder / "my_feature"
    command = [python, "-m", "pipeline", "new", str(clone), "--log", str(log), "--catalogue", str(catalogue)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "As new made it")
    return clone


def git(folder, *arguments):
    """Runs git; returns what it prints."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    answer = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return answer.stdout


def size(door):
    """Lines of code and lines of the declaration that a door adds."""
    files, text = DOORS[door]
    code = sum(1 for name in files for line in BLOCKS[name].splitlines() if line.strip())
    return code, len(text.splitlines())


def main(folder):
    clone = make(folder)
    declare(clone, own_model=False)
    for door in DOORS:
        print(f"{door:<20} {size(door)[0]:>3} lines of code, {size(door)[1]} of the declaration")
    print(git(clone, "status", "--porcelain", "--untracked-files=all"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
