"""What a launch that starts without an event has to declare, and what its rules need."""

import dataclasses
import re

import pytest

from components.declaration import Catalogue, Launch, Log, Model, Objective, Rules, Split
from components.errors import DeclarationError

LOG = Log("log/", "u", "i", "t", event="e", impression="shown", request="r")
LAUNCH = Launch("tea", LOG, Split(eval_share=0.1), (Objective("click", event="click"),))
_CATALOGUE = Catalogue("items.csv", "item", added="since")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rules": Rules(names=("newest",)), "catalogue": None}, "launch.rules.names"),
        ({"rules": Rules(names=("priority",)), "catalogue": _CATALOGUE}, "launch.rules.names"),
        ({"rules": Rules(names=("round_robin",)), "catalogue": _CATALOGUE}, "launch.rules.names"),
        ({"log": dataclasses.replace(LOG, starts_empty=True), "catalogue": _CATALOGUE}, "launch.log.starts_empty"),
        (
            {
                "log": dataclasses.replace(LOG, starts_empty=True),
                "catalogue": _CATALOGUE,
                "rules": Rules(names=("newest",)),
                "model": Model(tuning_trials=2),
            },
            "launch.model.tuning_trials",
        ),
    ],
)
def test_a_rule_of_the_catalogue_needs_its_column_and_an_empty_start_needs_such_a_rule(changes, field):
    with pytest.raises(DeclarationError, match=re.escape(field)):
        dataclasses.replace(LAUNCH, **changes)


def test_rules_of_the_catalogue_answer_last():
    rules = Rules(names=("newest", "popularity", "covisitation"))
    assert rules.fallback_order == ("popularity", "newest") and rules.before_events == "newest"
    assert Rules().before_events is None
