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
    roles = proposal.propose(log_sample.read(tmp_path / shop.log.path), {})
    assert roles.log(shop.log.path, ",") == shop.log


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
    message = r"no column could be taken for the user's id or the item's id\.\n  found: time = 'at'(.|\n)*--user COL --item COL"
    with pytest.raises(proposal.ProposalError, match=message):
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
    with pytest.raises(
        proposal.ProposalError, match=r"--time video: needs epoch seconds to nanoseconds, .* got string, "
    ):
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


@pytest.mark.parametrize(
    ("no", "yes", "written"),
    [
        (False, True, ("false", "true")),
        (0, 1, ("0", "1")),
        ("No", "Yes", ("No", "Yes")),
        ("f", "t", ("f", "t")),
        (0.0, 1.0, ("0", "1")),
    ],
)
def test_an_answer_in_any_spelling_makes_each_row_an_impression(no, yes, written):
    roles = proposal.propose(
        sample_of(plain(liked=some(no, yes), debug=some(no, yes), verified_purchase=some(no, yes))), {}
    ).log("x.csv", ",")
    assert (roles.event, roles.impression, roles.rows_are_impressions, roles.value) == ("liked", written[0], True, None)
    assert roles.context == () or set(roles.context) == {"debug"}


def test_a_flag_that_is_no_answer_separates_nothing():
    roles = proposal.propose(sample_of(plain(debug=some(True, False))), {}).log("x.csv", ",")
    assert (roles.event, roles.value) == (None, None)


@pytest.mark.parametrize("ratings", [(1.0, 5.0), ("1,5", "4,5"), (1, 2, 5)])
def test_a_rating_is_the_value_before_any_answer(ratings):
    roles = proposal.propose(sample_of(plain(verified_purchase=some(True, False), rating=some(*ratings))), {})
    assert (roles.column["value"], roles.column.get("event"), roles.context) == ("rating", None, ())


@pytest.mark.parametrize("name", ["is_click", "converted", "dwell_label", "purchase_state"])
def test_an_outcome_is_never_a_context(name):
    assert proposal.propose(sample_of(plain(**{name: some("good", "bad", "ugly")})), {}).context == ()


@pytest.mark.parametrize("shown", ["position", "propensity"])
def test_where_nothing_separates_shown_from_taken_it_stops_and_asks(shown):
    columns = plain(**{shown: some(0, 1), "outcome_code": some(3, 4)})
    text = rf"'{shown}' says where an item was shown, and no column says which were taken(.|\n)*outcome_code(.|\n)*--event COL(.|\n)*--drop {shown}"
    with pytest.raises(proposal.ProposalError, match=text):
        proposal.propose(sample_of(columns), {})


def test_a_log_of_impressions_alone_declares_them():
    roles = proposal.propose(
        sample_of(plain(event=["impression"] * ROWS, request_id=ids("r", 300, 9), position=some(0, 1))), {}
    )
    assert (roles.column["event"], roles.impression, roles.context) == ("event", "impression", ())


def test_names_that_requests_have_already_are_left_out():
    roles = proposal.propose(
        sample_of(plain(item_ids=some("p", "q"), history=some("x", "y"), Mood=some("a", "b"), mood=some("c", "d"))), {}
    )
    assert roles.context == ("Mood",)
    assert roles.unused["item_ids"].startswith("its name in requests, 'item_ids', is taken")


def test_ids_are_counted_as_a_run_reads_them():
    texts = [f"{'00' if at % 2 else ''}{at % 50}" for at in range(ROWS)]
    sample = sample_of(plain(member=[at % 50 for at in range(ROWS)]))
    sample.columns["member"] = Column("member", sample.columns["member"].values, pa.array(texts))
    assert "50 different ids such as '0'" in proposal.propose(sample, {}).why["user"]


def test_invoices_are_not_the_items_beside_stock_codes():
    columns = {
        "InvoiceNo": ids("5", 300),
        "StockCode": ids("2", 200, 2),
        "CustomerID": ids("1", 100, 3),
        "InvoiceDate": list(range(T0, T0 + ROWS)),
    }
    assert proposal.propose(sample_of(columns), {}).column["item"] == "StockCode"
    columns["Thing"] = columns.pop("StockCode")
    with pytest.raises(proposal.ProposalError, match=r"the item's id\.(.|\n)*InvoiceNo: string(.|\n)*Thing: string"):
        proposal.propose(sample_of(columns), {})


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("14.11.2023 22:13", "%d.%m.%Y %H:%M"),
        ("11/14/2023 10:13 PM", "%m/%d/%Y %I:%M %p"),
        ("14/11/2023", "%d/%m/%Y"),
        ("Sat Nov 01 00:16:16 -0700 2025", "%a %b %d %H:%M:%S %z %Y"),
    ],
)
def test_a_time_in_another_form_is_declared_where_it_can_only_be_one(text, form):
    roles = proposal.propose(sample_of(plain(at=[text] * ROWS)), {})
    assert (roles.time_unit, roles.time_format) == ("iso", form)


def test_a_time_that_can_be_read_in_two_ways_is_asked_for():
    columns = plain(at=["11/10/2023 22:13"] * ROWS)
    message = r"'11/10/2023 22:13' can be read in 2 ways\. Say which: --time-format \"%m/%d/%Y %H:%M\" \(2023-11-10.*\) or --time-format \"%d/%m/%Y"
    with pytest.raises(proposal.ProposalError, match=message):
        proposal.propose(sample_of(columns), {})
    assert proposal.propose(sample_of(columns), {"time_format": "%d/%m/%Y %H:%M"}).time_format == "%d/%m/%Y %H:%M"


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        (list(range(20250101, 20250101 + 28)), ("iso", "%Y%m%d")),
        ([45000.5 + at for at in range(28)], ("excel", None)),
        ([(T0 + at) * 10**9 for at in range(28)], ("ns", None)),
    ],
)
def test_days_of_calendars_and_spreadsheets_are_times_where_the_name_says_so(values, declared):
    roles = proposal.propose(sample_of(plain(at=(values * ROWS)[:ROWS])), {})
    assert (roles.time_unit, roles.time_format) == declared


def test_times_of_several_units_are_refused_with_their_shares():
    mixed = [(T0 + at) * (1000 if at % 2 else 1) for at in range(ROWS)]
    with pytest.raises(
        proposal.ProposalError, match=r"at: int64(.|\n)*\(50% fit s, 50% fit ms: a run needs one unit\)"
    ):
        proposal.propose(sample_of(plain(at=mixed)), {})


def test_positions_keep_the_base_of_the_log():
    columns = plain(event=some("impression", "click"), position=some(1, 2, 3))
    assert proposal.propose(sample_of(columns), {}).log("x.csv", ",").first_position == 1


def test_a_value_is_a_number_even_where_a_few_are_none():
    roles = proposal.propose(sample_of(plain(stars=["1", "5"] * (ROWS // 2 - 1) + ["none", "4"])), {})
    assert roles.column["value"] == "stars"
    assert roles.why["value"].startswith("a number from 1 to 5 whose name says value")
