import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.declaration import Log
from pipeline import launches
from pipeline.local import sample
from pipeline.onboarding import log_sample, proposal
from pipeline.onboarding.column_profile import Column
from pipeline.onboarding.log_sample import Sample

ROWS = 2_000
T0 = 1_760_000_000


def sample_of(columns, path="events.csv"):
    made = {name: Column(name, pa.array(values)) for name, values in columns.items()}
    return Sample(Path("/data"), path, (f"/data/{path}",), ",", made, len(next(iter(columns.values()))))


def ids(prefix, many, seed=1):
    return [f"{prefix}{number}" for number in np.random.default_rng(seed).integers(0, many, ROWS)]


def plain(**more):
    return {"member": ids("m", 200), "video": ids("v", 300, 2), "at": list(range(T0, T0 + ROWS))} | more


def some(*values, seed=3):
    return np.random.default_rng(seed).choice(values, ROWS).tolist()


def test_the_samples_roles_are_those_of_its_declaration(tmp_path):
    sample.make(tmp_path, events=5_000)
    shop = launches.load("shop")
    found = proposal.propose(log_sample.read(tmp_path / shop.log.path), {})
    assert found.log(shop.log.path, ",") == shop.log


def public(variable, file):
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"{variable} does not name the folder of {file}, which may not be shipped")
    return log_sample.read(Path(folder) / file)


def test_movielens_ratings_are_understood():
    shipped = launches.load("movielens").log
    assert proposal.propose(public("DAYONE_MOVIELENS", shipped.path), {}).log(shipped.path, "\t") == shipped


def test_a_log_without_users_is_refused_and_says_so():
    with pytest.raises(proposal.ProposalError) as caught:
        proposal.propose(public("DAYONE_OPEN_BANDIT", "men.csv"), {})
    text = str(caught.value)
    assert text.startswith("men.csv: no column could be taken for the user's id.\n  found: item = 'item_id'")
    assert (
        "user_feature_0: string, 3 different values such as" in text
        and "(describes the user, does not name it)" in text
    )
    assert text.endswith("If one of the columns is it, say which: --user COL. If none is, add it to the log.")


@pytest.mark.parametrize(
    ("user", "item", "time"),
    [
        ("customer_id", "sku", "happened_at"),
        ("visitorid", "itemid", "timestamp"),
        ("userId", "movieId", "ts"),
        ("UserUUID", "TrackURI", "played"),
        ("session_id", "article", "date"),
    ],
)
def test_the_needed_columns_go_by_many_names(user, item, time):
    columns = {
        user: ids("u", 200),
        "user_age": some(20, 30),
        item: ids("i", 300, 2),
        "item_price": some(1, 2),
        time: list(range(T0, T0 + ROWS)),
    }
    roles = proposal.propose(sample_of(columns), {})
    assert roles.column == {"user": user, "item": item, "time": time}


def test_the_only_other_column_of_ids_may_be_the_one_that_is_missing():
    roles = proposal.propose(
        sample_of({"x": ids("x", 200), "video": ids("v", 300, 2), "at": list(range(T0, T0 + ROWS))}), {}
    )
    assert roles.column["user"] == "x"
    assert roles.why["user"].startswith("the only other column that looks like ids: string, 200 different values")


def test_two_columns_of_ids_are_not_guessed_between():
    columns = {"x": ids("x", 200), "y": ids("y", 300, 2), "at": list(range(T0, T0 + ROWS))}
    said = r"no column could be taken for the user's id or the item's id\.\n  found: time = 'at'(.|\n)*--user COL --item COL"
    with pytest.raises(proposal.ProposalError, match=said):
        proposal.propose(sample_of(columns), {})
    assert proposal.propose(sample_of(columns), {"user": "y", "item": "x"}).column == {
        "user": "y",
        "item": "x",
        "time": "at",
    }


def test_a_column_that_is_named_must_be_there_and_a_time_a_time():
    with pytest.raises(
        proposal.ProposalError,
        match=r"--user needs a column of events\.csv, got 'nobody'\. Its columns: member, video, at\.",
    ):
        proposal.propose(sample_of(plain()), {"user": "nobody"})
    with pytest.raises(proposal.ProposalError, match=r"--time video: needs epoch seconds, .* got string, "):
        proposal.propose(sample_of(plain()), {"time": "video"})


def test_everything_that_was_shown_is_understood():
    columns = plain(
        action=some("shown", "shown", "tap", "buy"),
        search_id=ids("s", 400, 4),
        rank=some(0, 1, 2),
        strategy=some("hot", "new"),
        model=some("m1"),
        probability=some(0.5, 0.25),
        dwell=some(1.5, 2.5, 0.5),
        surface=some("home", "feed"),
        mood=some("sad", "glad"),
    )
    assert proposal.propose(sample_of(columns), {}).log("events.csv", ",") == Log(
        path="events.csv",
        user="member",
        item="video",
        time="at",
        event="action",
        impression="shown",
        request="search_id",
        position="rank",
        policy="strategy",
        model_version="model",
        propensity="probability",
        value="dwell",
        context=("surface", "mood"),
    )


def test_a_context_varies_within_users_and_is_not_the_items():
    member, video = ids("m", 200), ids("v", 300, 2)
    columns = {"member": member, "video": video, "at": list(range(T0, T0 + ROWS))}
    columns |= {
        "gender": [name[-1] for name in member],
        "colour": [name[-1] for name in video],
        "weather": some("dry", "wet"),
        "note": ids("n", 900, 5),
    }
    roles = proposal.propose(sample_of(columns), {})
    assert roles.context == ("weather",)
    reasons = {name: reason.split(":")[0] for name, reason in roles.unused.items()}
    assert reasons == {
        "gender": "never varies within a user",
        "colour": "belongs to the item",
        "note": "needs 2 to 50 different values to be a context",
    }


def test_the_first_rows_decide_and_always_decide_the_same():
    first, second = (proposal.propose(sample_of(plain(mood=some("sad", "glad"))), {}) for _ in range(2))
    assert first == second


def test_an_answer_in_true_and_false_is_a_value_and_another_flag_is_none():
    found = proposal.propose(sample_of(plain(liked=some(True, False), debug=some(True, False))), {})
    assert found.column["value"] == "liked"
    assert "value" not in proposal.propose(sample_of(plain(debug=some(True, False))), {}).column


def test_a_date_that_is_not_iso_is_told_what_is_read():
    with pytest.raises(
        proposal.ProposalError,
        match=r"at: string, .*'14\.11\.2023 22:13' \(looks like a date; a time needs epoch .*ISO 8601",
    ):
        proposal.propose(sample_of(plain(at=["14.11.2023 22:13"] * ROWS)), {})


def test_a_value_is_a_number_even_where_a_few_are_none():
    roles = proposal.propose(sample_of(plain(stars=["1", "5"] * (ROWS // 2 - 1) + ["none", "4"])), {})
    assert roles.column["value"] == "stars"
    assert roles.why["value"].startswith("a number from 1 to 5 whose name says value")
