import math

import numpy as np
import pytest
from scipy import stats

from components.experiment import looks
from components.registry.experiment_state import Look


def equal_looks(count):
    return [Look(information=float(index), share=index / count) for index in range(1, count + 1)]


def test_five_equal_looks_give_the_published_obrien_fleming_boundaries():
    # Lan and DeMets, Biometrika 1983, and every table since: two-sided 5%.
    assert looks.two_sided_boundaries(equal_looks(5)) == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=5e-4)


def test_five_equal_looks_give_the_published_pocock_boundaries():
    # Jennison and Turnbull, Group Sequential Methods, 2000, chapter 7; one-sided 2.5%.
    assert looks.harm_boundaries(equal_looks(5)) == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=1.5e-3)


def test_one_look_is_the_usual_test():
    assert looks.two_sided_boundaries(equal_looks(1)) == pytest.approx([stats.norm.isf(0.025)])
    assert looks.harm_boundaries(equal_looks(1)) == pytest.approx([stats.norm.isf(0.025)])


def test_all_error_is_spent_at_the_end_and_none_at_the_start():
    for spend, alpha in ((looks.spend_like_obrien_fleming, 0.05), (looks.spend_like_pocock, 0.025)):
        spent = [spend(share) for share in np.linspace(0, 1, 50)]
        assert spent[0] == 0 and spent[-1] == pytest.approx(alpha) and spent == sorted(spent)


def test_boundaries_hold_their_error_on_random_walks_with_uneven_looks():
    information = np.array([0.02, 0.05, 0.3, 0.31, 0.7, 1.0])
    sequence = [Look(part, part) for part in information.tolist()]
    steps = np.random.default_rng(0).normal(size=(400_000, 6)) * np.sqrt(np.diff(information, prepend=0))
    z = steps.cumsum(axis=1) / np.sqrt(information)

    two_sided = np.mean((np.abs(z) > looks.two_sided_boundaries(sequence)).any(axis=1))
    harm = np.mean((z < -np.array(looks.harm_boundaries(sequence))).any(axis=1))

    assert two_sided == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 400_000))
    assert harm == pytest.approx(0.025, abs=4 * math.sqrt(0.025 * 0.975 / 400_000))


def test_a_boundary_depends_on_past_looks_only():
    sequence = equal_looks(5)

    assert looks.two_sided_boundaries(sequence[:3]) == pytest.approx(looks.two_sided_boundaries(sequence)[:3])


def test_a_look_with_next_to_no_information_cannot_be_crossed():
    assert looks.two_sided_boundaries([Look(0.001, 0.001)]) == [math.inf]


def test_the_rest_is_spent_on_the_last_planned_day_and_not_before():
    assert looks.share_of_plan(planned_variance=1.0, variance=4.0, day=3, days=14) == pytest.approx(min(1 / 4, 3 / 14))
    assert looks.share_of_plan(planned_variance=1.0, variance=0.1, day=7, days=14) == 0.5
    assert looks.share_of_plan(planned_variance=1.0, variance=9.0, day=14, days=14) == 1.0


def test_a_look_without_new_information_is_the_last_look_again():
    first = (Look(2.0, 0.2),)

    assert looks.add_look(first, Look(2.0, 0.2)) == first
    assert looks.add_look(first, Look(1.9, 0.3)) == first
    assert looks.add_look(first, Look(3.0, 0.3)) == (*first, Look(3.0, 0.3))
