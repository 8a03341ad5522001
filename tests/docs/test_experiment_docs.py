"""docs/experiment.md: its snippets choose as the server does, its fields and decisions are those that exist."""

import dataclasses
import json
import re
import shutil
import subprocess
import typing
from pathlib import Path

import pytest
from small_server import SmallModel, push

from components.declaration import Experiment
from components.experiment.decision import Kind
from components.registry.experiment_push import begin_state, move_state
from components.registry.experiment_state import encode_state, find_control, write_state
from components.serving.arms import Arms
from components.serving.model_holder import ModelHolder

PAGE = (Path(__file__).parents[2] / "docs" / "experiment.md").read_text()
USERS = ["", *(f"u{number}" for number in range(500)), "Zoë", "a/b"]
BEGIN = {"launch": "toy", "ramp": (0.3, 1.0), "days": 14, "holdout": 0.2, "planned_variance": None}
STATE = begin_state(BEGIN, 10, 20, now=100)
STATES = {
    "none": None,
    "first stage": STATE,
    "last stage": move_state(STATE, "ramp", (), 200),
    "model served before": dataclasses.replace(STATE, others=20),
    "holdout": move_state(STATE, "won", (), 200),
}


def snippet(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL).group(1)


def choose(tmp_path, state):
    """What the server does: the folder that answers each user."""
    folder = tmp_path / "toy"
    push(folder, 20)
    push(find_control(folder), 10)
    if state is not None:
        write_state(folder, state)
    small = lambda version: SmallModel(version.number)  # noqa: E731
    arms = Arms(ModelHolder(folder, small), ModelHolder(find_control(folder), small))
    for part in (arms.served, arms.control, arms):
        part.check()
    return [{10: "toy_control", 20: "toy"}[arms.choose(user)[1].number] for user in USERS]


@pytest.mark.parametrize("name", STATES)
def test_the_python_snippet_chooses_as_the_server_does(tmp_path, name):
    names = {}
    exec(snippet("python"), names)
    state = STATES[name] and json.loads(encode_state(STATES[name]))

    assert [names["choose_model"]("toy", state, user) for user in USERS] == choose(tmp_path, STATES[name])


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js, which is not on this machine")
@pytest.mark.parametrize("name", STATES)
def test_the_javascript_snippet_chooses_as_the_server_does(tmp_path, name):
    state = STATES[name] and json.loads(encode_state(STATES[name]))
    script = f"{snippet('javascript')}\nconst [state, users] = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n"
    script += "console.log(JSON.stringify(users.map(user => chooseModel('toy', state, user))));"
    payload = json.dumps([state, USERS])
    answer = subprocess.run(["node", "-e", script], input=payload, capture_output=True, text=True, check=True)

    assert json.loads(answer.stdout) == choose(tmp_path, STATES[name])


def test_every_field_and_decision_is_in_the_page():
    for field in dataclasses.fields(Experiment):
        assert f"| `{field.name}` |" in PAGE
    for kind in typing.get_args(Kind):
        assert f"| `{kind}` |" in PAGE


def test_the_commands_of_the_page_exist():
    from pipeline.cli import main

    named = set(re.findall(r"python -m pipeline (\w+)", PAGE))
    assert named == {"plan", "start", "experiment", "stop"}
    for name in named:
        with pytest.raises(SystemExit) as ended:
            main.main([name, "--help"])
        assert ended.value.code == 0
