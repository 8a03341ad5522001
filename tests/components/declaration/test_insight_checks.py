import dataclasses

import pytest

from components.declaration import Insight, Launch
from components.declaration.triangle_view import TriangleView
from components.declaration.verdict_view import VerdictView
from components.declaration.views import RulesView, TrainerView
from components.errors import DeclarationError
from pipeline import steps
from pipeline.launches.shop import LAUNCH


def declare(**fields):
    return dataclasses.replace(LAUNCH, insight=Insight(**fields))


def test_an_insight_survives_the_json_of_its_launch():
    assert Launch.from_json(declare().to_json()) == declare()
    assert Launch.from_json(LAUNCH.to_json()).insight is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("moments", 2), ("moments", 11), ("moments", 5.0), ("users", 1), ("max_queries", 99), ("max_queries", "many")],
)
def test_a_wrong_field_is_named_with_its_value(field, value):
    with pytest.raises(DeclarationError) as error:
        declare(**{field: value})
    assert f"launch.insight.{field}" in str(error.value) and repr(value) in str(error.value)


def test_only_a_launch_with_an_insight_has_the_step():
    assert steps.TRIANGLE in [step.name for step in steps.of(declare())]
    assert steps.TRIANGLE not in [step.name for step in steps.of(LAUNCH)]


def test_the_view_trains_as_the_steps_do_and_the_margin_is_no_part_of_it():
    view = TriangleView.of(declare())
    assert RulesView.of(view) == RulesView.of(declare()) and TrainerView.of(view) == TrainerView.of(declare())
    raised = dataclasses.replace(declare(), promotion=dataclasses.replace(LAUNCH.promotion, margin=0.1, min_queries=9))
    assert TriangleView.of(raised) == view
    assert VerdictView.of(declare(moments=4)) == VerdictView.of(declare())
