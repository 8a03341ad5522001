import pyarrow as pa
import pytest

from components.declaration import Launch, Log, Objective, Split
from pipeline.checks import column_checks, id_checks, log_checks
from pipeline.checks.log_view import LogView

ROWS = 400
DAY = 86_400


def view(users=None, items=None, exclude_seen=True, **more):
    columns = {
        "who": users or [f"u{at % 40}" for at in range(ROWS)],
        "what": items or [f"i{at}" for at in range(ROWS)],
        "at": [1_769_900_000 + at for at in range(ROWS)],
    }
    declared = {name: value for name, value in more.items() if not isinstance(value, list)}
    columns |= {name: value for name, value in more.items() if isinstance(value, list)}
    log = Log("x.csv", "who", "what", "at", **declared)
    launch = Launch(
        "tea",
        log,
        Split(eval_share=0.1),
        (Objective("click", event="click" if log.event else None),),
        exclude_seen=exclude_seen,
    )
    return LogView(launch, pa.table(columns), tuple(columns))


def texts(check, seen):
    return [(finding.level, finding.what) for finding in check(seen)]


@pytest.mark.parametrize("word", ["null", "NA", "None", "(not set)", "undefined", "-1", "0"])
def test_a_word_for_no_id_is_named_with_its_share_and_the_way_to_drop_it(word):
    users = [word if at % 4 == 0 else f"u{at % 40}" for at in range(ROWS)]
    (finding,) = id_checks.check_placeholders(view(users))
    assert (finding.level, finding.what) == (
        "warning",
        f"'who' is {word!r} in 100 of 400 (25.0%) rows: it looks like a missing id.",
    )
    assert finding.fix == f"Leave these rows out: launch.log.missing_ids=({word!r},)."


def test_rare_words_and_ids_that_count_from_zero_are_no_placeholders():
    rare = [f"u{at % 40}" if at else "null" for at in range(ROWS)]
    assert texts(id_checks.check_placeholders, view(rare)) == []
    assert texts(id_checks.check_placeholders, view([str(at % 40) for at in range(ROWS)])) == []


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("u7", "u7 ", "blanks"),
        ("café", "cafe\u0301", "their Unicode form"),
        ("Ann", "ann", "case"),
        ("007", "7", "leading zeros"),
    ],
)
def test_ids_that_differ_by_their_spelling_alone_are_named(one, other, what):
    users = [(one, other, "x")[at % 3] for at in range(ROWS)]
    results = texts(id_checks.check_spellings, view(users))
    assert results == [
        (
            "warning",
            f"1 of 3 (33.3%) ids of 'who' differ from another by {what} only, such as {one!a} and {other!a}.",
        )
    ]


def test_ids_that_differ_otherwise_are_not():
    assert texts(id_checks.check_spellings, view()) == []


@pytest.mark.parametrize("user", ["ann{}@example.org", "+49 170 123456{}"])
def test_addresses_as_users_are_named(user):
    (result,) = texts(id_checks.check_contacts, view([user.format(at % 10) for at in range(ROWS)]))
    assert result == ("warning", "'who' holds e-mail addresses or telephone numbers.")
    assert texts(id_checks.check_contacts, view()) == []


def test_one_user_is_an_error():
    assert texts(id_checks.check_one, view(["u"] * ROWS)) == [("error", "the log has only one user, 'u'.")]


def test_repeats_are_measured_where_they_would_be_left_out():
    columns = {"users": [f"u{at % 40}" for at in range(ROWS)], "items": [f"i{at % 80}" for at in range(ROWS)]}
    assert texts(id_checks.check_repeats, view(**columns)) == [
        ("warning", "80% of the positive events repeat an earlier one of their user and item.")
    ]
    assert texts(id_checks.check_repeats, view(**columns, exclude_seen=False)) == []
    assert texts(id_checks.check_repeats, view()) == []


def test_a_position_that_begins_elsewhere_than_declared_is_named():
    shown = {
        "event": "deed",
        "impression": "shown",
        "position": "slot",
        "deed": ["shown", "click"] * (ROWS // 2),
        "slot": [1, 2] * (ROWS // 2),
    }
    (result,) = texts(column_checks.check_positions, view(**shown))
    assert result == ("warning", "the positions in 'slot' begin at 1; launch.log.first_position is 0.")
    assert texts(column_checks.check_positions, view(**shown, first_position=1)) == []


@pytest.mark.parametrize("early", [60, -60])
def test_actions_before_their_impressions_are_said_as_that(early):
    pairs = [
        (f"r{at}", deed, 1_769_900_000 + DAY * at - (early if deed == "click" else 0))
        for at in range(ROWS // 2)
        for deed in ("shown", "click")
    ]
    columns = {
        "asked": [pair[0] for pair in pairs],
        "deed": [pair[1] for pair in pairs],
        "at": [pair[2] for pair in pairs],
    }
    results = texts(
        log_checks.check_impressions,
        view(items=["i"] * ROWS, event="deed", impression="shown", request="asked", **columns),
    )
    expected = [("error", "200 of 200 (100.0%) actions are earlier than their impression, by 60 s in the median.")]
    assert results == (expected if early > 0 else [])


def test_impressions_alone_are_said_in_one_sentence():
    results = texts(log_checks.check_objectives, view(event="deed", impression="shown", deed=["shown"] * ROWS))
    assert results == [("error", "the log holds 400 impressions and no action yet ('click').")]
