"""What a saved recommender says of itself."""

import dataclasses

import pytest
import toy_shop
from small_recommenders import save_table

from components.registry import export, model_card

pytestmark = pytest.mark.tensorflow


def test_the_card_tells_data_window_counts_and_digests():
    card = model_card.describe(toy_shop.data(), "c0de")
    # Six users with nine clicks, two impressions before each; the last click is one microsecond after 8 hours and the
    # fifth user's turn.
    assert card["data"] == {
        "first_event": "1970-01-01T00:00:00+00:00",
        "last_event": "1970-01-01T08:00:00+00:00",
        "events": 6 * 9 * 3,
        "positives": 6 * 9,
        "items": 6,
    }
    assert (card["launch"], card["code_digest"]) == ("toy", "c0de")


def test_the_declarations_digest_changes_with_the_declaration_only():
    def digest(launch):
        return model_card.describe(toy_shop.data(launch), "")["declaration_digest"]

    assert digest(toy_shop.LAUNCH) == digest(dataclasses.replace(toy_shop.LAUNCH))
    assert digest(toy_shop.LAUNCH) != digest(dataclasses.replace(toy_shop.LAUNCH, seed=8))


def test_a_card_grows_and_keeps_what_it_said(tmp_path):
    folder = save_table(tmp_path, toy_shop.np.zeros((3, 2)), kind="rules")
    export.add_to_card(folder, {"version": 12})
    assert export.card(folder) == {"kind": "rules", "launch": "ring", "version": 12}
