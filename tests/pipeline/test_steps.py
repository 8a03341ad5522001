import dataclasses

import pytest

from components.errors import PartialRunError
from pipeline import launches, steps

SHOP, MOVIELENS = launches.load("shop"), launches.load("movielens")


def names(launch):
    return [step.name for step in steps.of(launch)]


def test_the_shop_has_every_step_that_needs_no_declaration_of_its_own():
    further = ("tuning", "insight", "experiment", "refit")
    assert names(SHOP) == [step.name for step in steps.STEPS if step.needs not in further]


def test_a_launch_with_tuning_trials_has_a_search():
    searching = dataclasses.replace(SHOP, model=dataclasses.replace(SHOP.model, tuning_trials=3))
    assert set(names(searching)) - set(names(SHOP)) == {steps.TUNER}


def test_a_launch_that_refits_has_one_more_step_before_the_pusher():
    refitting = dataclasses.replace(SHOP, promotion=dataclasses.replace(SHOP.promotion, refit=True))
    assert names(refitting) == [*names(SHOP)[:-1], steps.REFIT, steps.PUSHER]


def test_names_are_given_once():
    assert len({step.name for step in steps.STEPS}) == len(steps.STEPS)


def test_without_a_catalogue_its_steps_are_left_out():
    bare = dataclasses.replace(SHOP, catalogue=None)
    assert set(names(SHOP)) - set(names(bare)) == {
        steps.CATALOGUE_EXAMPLE_GEN,
        steps.CATALOGUE_STATISTICS_GEN,
        steps.CATALOGUE_SCHEMA,
        steps.CATALOGUE_VALIDATOR,
        steps.CATALOGUE_GATE,
    }


def test_without_a_ranking_head_its_steps_are_left_out():
    unjoined = dataclasses.replace(SHOP, log=dataclasses.replace(SHOP.log, impression=None))
    assert set(names(SHOP)) - set(names(unjoined)) == {steps.RANKING_EXAMPLES, steps.EVALUATOR}
    assert steps.EVALUATOR in names(MOVIELENS)


def test_a_step_has_a_description():
    assert steps.describe("SchemaGate") == "stops the run when the log does not fit its schema"
    assert steps.describe("Toaster") == ""


@pytest.mark.parametrize(
    "part",
    [(None, None), ("Trainer", None), (None, "SchemaGate"), ("SchemaGate", "Trainer"), ("SchemaGate", "SchemaGate")],
)
def test_a_part_may_begin_and_end_at_any_step(part):
    assert steps.check_part(SHOP, *part) is None


def test_a_mistyped_step_lists_the_steps_in_order():
    with pytest.raises(
        PartialRunError,
        match=r"--from needs a step .*'Tranier'. Did you mean Trainer\? The steps: ExampleGen, .*, Pusher\.",
    ):
        steps.check_part(SHOP, "Tranier", None)
    with pytest.raises(PartialRunError, match=r"--to needs a step .*, got 'x'. The steps: ExampleGen"):
        steps.check_part(SHOP, None, "x")


def test_a_step_that_this_launch_lacks_is_an_error():
    with pytest.raises(PartialRunError, match="--to needs a step of this launch's pipeline, got 'CatalogueSchemaGate'"):
        steps.check_part(dataclasses.replace(SHOP, catalogue=None), None, "CatalogueSchemaGate")


def test_a_part_may_not_end_before_it_begins():
    with pytest.raises(PartialRunError, match="--from Pusher comes after --to SchemaGate: no step lies between"):
        steps.check_part(SHOP, "Pusher", "SchemaGate")
