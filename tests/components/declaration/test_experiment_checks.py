import dataclasses

import pytest

from components.declaration import Experiment, Launch
from components.errors import DeclarationError
from pipeline.launches.shop import LAUNCH

DECLARED = Experiment("click", guards=("purchase",))


def declare(**fields):
    return dataclasses.replace(LAUNCH, experiment=dataclasses.replace(DECLARED, **fields))


def test_an_experiment_survives_the_json_of_its_launch():
    launch = declare()

    assert Launch.from_json(launch.to_json()) == launch
    assert Launch.from_json(LAUNCH.to_json()).experiment is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ramp", ()),
        ("ramp", (0.1, 0.1)),
        ("ramp", (0.5, 0.1)),
        ("ramp", (0.0, 1.0)),
        ("ramp", (0.5, 1.5)),
        ("ramp", [0.5]),
        ("days", 7),
        ("days", "14"),
        ("effect", 0.0),
        ("min_users", 1),
        ("holdout", 0.5),
        ("holdout", -0.1),
        ("objective", "like"),
        ("guards", ("like",)),
        ("guards", ("click",)),
        ("guards", ("purchase", "purchase")),
    ],
)
def test_a_wrong_field_is_named(field, value):
    with pytest.raises(DeclarationError, match=f"launch.experiment.{field}"):
        declare(**{field: value})


def test_an_experiment_needs_impressions():
    log = dataclasses.replace(LAUNCH.log, impression=None)

    with pytest.raises(DeclarationError, match=r"launch\.log\.impression"):
        dataclasses.replace(LAUNCH, log=log, experiment=Experiment("click"))
