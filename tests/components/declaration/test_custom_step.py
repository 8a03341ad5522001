"""A team's own steps, as declared."""

import dataclasses

import pytest

from components.declaration import CustomStep, Launch, Log, Objective, Split
from components.errors import DeclarationError

STEP = CustomStep("BotGate", "pipeline.launches.shop.steps.BotGate", inputs={"examples": "ExampleGen.examples"})
LAUNCH = Launch(
    name="tea",
    log=Log(path="log/", user="u", item="i", time="t"),
    objectives=(Objective("any"),),
    split=Split(eval_share=0.1),
)


def test_a_launch_with_a_step_survives_its_json():
    launch = dataclasses.replace(LAUNCH, steps=(dataclasses.replace(STEP, parameters={"most": 3, "word": "a"}),))
    assert Launch.from_json(launch.to_json()) == launch


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "botgate"}, "launch.steps[0].name"),
        ({"name": ""}, "launch.steps[0].name"),
        ({"name": "Bot Gate"}, "launch.steps[0].name"),
        ({"component": "BotGate"}, "launch.steps[0].component"),
        ({"component": "os.path.join"}, "launch.steps[0].component"),
        ({"component": "pipeline.local.run.run"}, "launch.steps[0].component"),
        ({"inputs": {"examples": "ExampleGen"}}, "launch.steps[0].inputs['examples']"),
        ({"inputs": {"examples": 3}}, "launch.steps[0].inputs['examples']"),
        ({"inputs": ("ExampleGen.examples",)}, "launch.steps[0].inputs"),
        ({"parameters": {"most": [1]}}, "launch.steps[0].parameters['most']"),
        ({"before": "Trainer"}, "launch.steps[0].before"),
    ],
)
def test_an_error_names_the_field(changes, field):
    with pytest.raises(DeclarationError) as caught:
        dataclasses.replace(LAUNCH, steps=(dataclasses.replace(STEP, **changes),))
    assert caught.value.field == field


def test_a_name_is_given_once():
    with pytest.raises(DeclarationError, match=r"launch\.steps\[0\]\.name needs a name of its own"):
        dataclasses.replace(LAUNCH, steps=(STEP, STEP))
