"""Logs in the forms that people have them, as files: what `new` proposes is what a run reads, and every column is named."""

import json

import pytest

from components.errors import LogError
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from pipeline.onboarding import made_project, new
from pipeline.onboarding.proposal import ProposalError

ROWS, START = 600, 1_760_000_000
HEAD = ("user_id", "item_id", "timestamp")


def base_rows():
    return [(f"u{at % 60}", f"i{at * 7 % 57}", START + at * 700) for at in range(ROWS)]


def write_csv(path, name, values):
    lines = [",".join((*HEAD, name)), *(",".join(map(str, (*row, *values(at)))) for at, row in enumerate(base_rows()))]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_jsonl(path, extra):
    rows = [dict(zip(HEAD, row, strict=True)) | extra(at) for at, row in enumerate(base_rows())]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def screen(proposed):
    return made_project.describe(proposed.data / "x", proposed, 1, {"version": "1"}, "")


def events_of_a_run(proposed):
    """The kinds of events of the proposed declaration, read as a run reads them."""
    log = proposed.launch.log
    reader = LogReader((str(proposed.data / log.path),), Layout.of_log(log))
    return set(reader.settle((log.event,))[log.event].to_pylist())


@pytest.mark.parametrize(
    ("no", "yes"),
    [("False", "True"), ("FALSE", "TRUE"), ("0.0", "1.0"), ("0", "1"), ("n", "y"), ("No", "Yes"), ("f", "t")],
)
def test_an_answer_is_declared_in_the_spelling_that_a_run_reads_in_a_csv_file(tmp_path, no, yes):
    log = write_csv(tmp_path / "log.csv", "clicked", lambda at: (yes if at % 3 == 0 else no,))
    proposed = new.propose("tea", log, None, {})
    declared = {proposed.launch.log.impression, proposed.launch.objectives[0].event}
    assert proposed.launch.log.rows_are_impressions and declared == events_of_a_run(proposed)


@pytest.mark.parametrize(("no", "yes"), [(False, True), (0, 1), (0.0, 1.0), ("no", "yes")])
def test_an_answer_is_declared_as_a_run_reads_it_in_a_jsonl_file(tmp_path, no, yes):
    log = write_jsonl(tmp_path / "log.jsonl", lambda at: {"clicked": yes if at % 3 == 0 else no})
    proposed = new.propose("tea", log, None, {})
    declared = {proposed.launch.log.impression, proposed.launch.objectives[0].event}
    assert proposed.launch.log.rows_are_impressions and declared == events_of_a_run(proposed)


@pytest.mark.parametrize("codes", [(1, 2, 3), ("1.0", "2.0", "3.0"), ("01", "02", "03")])
def test_codes_of_events_are_declared_as_a_run_reads_them(tmp_path, codes):
    log = write_csv(tmp_path / "log.csv", "event_type", lambda at: (codes[at % 3],))
    proposed = new.propose("tea", log, None, {})
    assert {objective.event for objective in proposed.launch.objectives} == events_of_a_run(proposed)


@pytest.mark.parametrize(("other", "said"), [("", r"empty in 400 of 600 rows"), ("-1", r"2 different values")])
def test_an_answer_without_a_word_for_no_is_refused_as_every_row_would_be_a_positive(tmp_path, other, said):
    log = write_csv(tmp_path / "log.csv", "clicked", lambda at: ("1" if at % 3 == 0 else other,))
    with pytest.raises(
        ProposalError, match=rf"'clicked' \(.*{said}.*every row would count as a positive.*--drop clicked"
    ):
        new.propose("tea", log, None, {})
    assert new.propose("tea", log, None, {}, ("clicked",)).left_out == {"clicked": "as --drop says"}


@pytest.mark.parametrize("spelling", ["{} stars", "{}/5", "{}%", "five"])
def test_a_rating_that_is_no_number_is_refused_as_every_row_would_be_a_positive(tmp_path, spelling):
    log = write_csv(tmp_path / "log.csv", "rating", lambda at: (spelling.format(at % 5) if at % 3 else 4,))
    with pytest.raises(ProposalError, match=r"'rating' \(.*looks like a rating, and needs a number.*--drop rating"):
        new.propose("tea", log, None, {})
    assert new.propose("tea", log, None, {}, ("rating",)).launch.objectives[0].name == "interaction"


@pytest.mark.parametrize("name", ["thumbs", "user_reaction", "sentiment"])
def test_an_opinion_in_words_is_asked_for(tmp_path, name):
    log = write_csv(tmp_path / "log.csv", name, lambda at: ("up" if at % 3 else "down",))
    with pytest.raises(ProposalError, match=rf"'{name}' \(.*looks like a rating, and needs a number"):
        new.propose("tea", log, None, {})


@pytest.mark.parametrize("name", ["result", "order_status", "outcome"])
def test_what_is_known_later_is_never_a_context(tmp_path, name):
    log = write_csv(tmp_path / "log.csv", name, lambda at: (("kept", "lost", "open")[at % 3],))
    proposed = new.propose("tea", log, None, {})
    assert proposed.launch.log.context == () and "no request knows" in proposed.left_out[name]


@pytest.mark.parametrize(("form", "digits"), [("%Y%m%d%H", 10), ("%Y%m%d%H%M", 12), ("%Y%m%d%H%M%S", 14)])
def test_numbers_that_spell_a_date_and_an_hour_are_that_and_no_seconds(tmp_path, form, digits):
    log = tmp_path / "log.csv"
    rows = (
        (f"u{at % 60}", f"i{at % 57}", f"202511{at % 28 + 1:02}{at % 24:02}{at % 60:02}{at % 59:02}"[:digits])
        for at in range(ROWS)
    )
    log.write_text(",".join(HEAD) + "\n" + "".join(",".join(row) + "\n" for row in rows))
    declared = new.propose("tea", log, None, {}).launch.log
    assert (declared.time_unit, declared.time_format) == ("iso", form)


@pytest.mark.parametrize("name", ["recommended", "was_returned", "fraud", "ok"])
@pytest.mark.parametrize("words", ["no yes", "N Y", "false true"])
def test_a_yes_or_no_beside_a_rating_is_never_a_context(tmp_path, name, words):
    no, yes = words.split()
    log = write_csv(tmp_path / "log.csv", f"rating,{name}", lambda at: (at % 5 + 1, yes if at % 3 else no))
    proposed = new.propose("tea", log, None, {})
    assert proposed.launch.log.value == "rating" and proposed.launch.log.context == ()


@pytest.mark.parametrize("anonymous", ["domain_userid", "anonymousId", "visitor_id", "guest_user_id"])
def test_the_account_is_the_user_and_the_browser_fills_its_gaps(tmp_path, anonymous):
    log = write_csv(
        tmp_path / "log.csv", f"{anonymous},account_id", lambda at: (f"d{at % 90}", f"a{at % 40}" if at % 3 else "")
    )
    log.write_text(log.read_text().replace("user_id,item_id", "row,item_id", 1))
    declared = new.propose("tea", log, None, {}).launch.log
    assert (declared.user, declared.user_fallbacks) == ("account_id", (anonymous,))


@pytest.mark.parametrize(("returned", "objective"), [(True, ("purchase", 1.0)), (False, ("interaction", None))])
def test_a_quantity_above_zero_is_a_purchase_however_many_were_bought(tmp_path, returned, objective):
    log = write_csv(tmp_path / "log.csv", "Quantity", lambda at: (-1 if returned and at % 9 == 0 else at % 5 + 1,))
    proposed = new.propose("tea", log, None, {}).launch.objectives
    assert [(one.name, one.value_at_least) for one in proposed] == [objective]


@pytest.mark.parametrize("item_length", ["duration_ms", "duration", "video_seconds"])
def test_how_long_somebody_stayed_is_the_value_and_never_the_items_own_length(tmp_path, item_length):
    names = f"{item_length},play_time_ms"
    log = write_csv(tmp_path / "log.csv", names, lambda at: (1000 + at * 7 % 57, at % 31 * 100))
    assert new.propose("tea", log, None, {}).launch.log.value == "play_time_ms"
    alone = new.propose("tea", log, None, {}, ("play_time_ms",))
    assert alone.launch.log.value is None and item_length in alone.left_out


def test_of_two_times_the_one_without_gaps_is_taken(tmp_path):
    log = write_csv(tmp_path / "log.csv", "created_at", lambda at: (START + at,))
    rows = log.read_text().splitlines()
    log.write_text(
        "\n".join(
            ",".join([*row.split(",")[:2], "", row.split(",")[3]]) if at % 3 == 1 else row
            for at, row in enumerate(rows)
        )
    )
    assert new.propose("tea", log, None, {}).launch.log.time == "created_at"


def test_a_flag_that_is_true_in_every_row_is_no_answer(tmp_path):
    log = write_csv(tmp_path / "log.csv", "purchased", lambda at: ("1",))
    assert new.propose("tea", log, None, {}).launch.objectives[0].name == "interaction"


def test_every_column_without_a_role_is_named_on_the_screen_with_its_reason(tmp_path):
    names = "coupon,blank,item_ids,price,note"
    log = write_csv(tmp_path / "log.csv", names, lambda at: ("", "  ", "pq"[at % 2], at % 9 + 0.5, f"n{at % 300}"))
    (tmp_path / "items.csv").write_text("item_id,title,shelf\n" + "".join(f"i{at},Lamp {at},x\n" for at in range(57)))
    output = screen(new.propose("tea", log, tmp_path / "items.csv", {}, ("note",)))
    left_out = dict(line[16:].split("  (") for line in output.splitlines() if line.startswith("  left out"))
    assert left_out.keys() == {"coupon", "blank", "item_ids", "price", "note", "items.csv: shelf"}
    assert left_out["coupon"].startswith("empty in every row") and left_out["blank"].startswith("empty in every row")
    assert left_out["item_ids"].startswith("its name in requests") and left_out["note"] == "as --drop says)"
    assert "  catalogue     items.csv  ('item_id' holds 100% of the items in the log's first rows)" in output


def test_of_very_many_columns_without_a_role_the_screen_says_how_many_there_are(tmp_path):
    log = write_csv(tmp_path / "log.csv", ",".join(f"f{at}" for at in range(30)), lambda at: [at] * 30)
    listed = [line for line in screen(new.propose("tea", log, None, {})).splitlines() if line.startswith("  left out")]
    assert len(listed) == 21 and listed[-1] == "  left out      and 10 more columns"


def test_nested_columns_that_no_role_names_are_named(tmp_path):
    log = write_jsonl(tmp_path / "log.jsonl", lambda at: {"params": [{"key": "page", "value": {"text": "x"}}]})
    assert new.propose("tea", log, None, {}).left_out == {"params": "nested, and no role names it"}


def test_a_context_by_its_name_is_declared_with_one_value_too(tmp_path):
    log = write_jsonl(tmp_path / "log.jsonl", lambda at: {"device": {"category": "mobile", "brand": "x"}})
    assert new.propose("tea", log, None, {}).launch.log.context == ("device.category", "device.brand")


@pytest.mark.parametrize("mark", ["|", ";", " "])
def test_a_list_of_items_that_is_written_as_text_is_named_as_one(tmp_path, mark):
    rows = "".join(f"u{at % 60},{START + at},i{at % 57}{mark}i{at % 31}{mark}i{at % 7}\n" for at in range(ROWS))
    (tmp_path / "log.csv").write_text("customer,at,skus\n" + rows)
    with pytest.raises(ProposalError, match=rf"skus: .*a list written as text, its elements separated by '\{mark}'"):
        new.propose("tea", tmp_path / "log.csv", None, {})


def test_an_id_column_without_a_value_is_named_as_empty(tmp_path):
    (tmp_path / "log.csv").write_text(
        "user_id,item_id,timestamp\n" + "".join(f",i{at % 57},{START + at}\n" for at in range(ROWS))
    )
    with pytest.raises(ProposalError, match=r"user_id: no value at all \(empty in every row\)"):
        new.propose("tea", tmp_path / "log.csv", None, {})


def test_a_time_of_day_beside_its_date_is_named_as_one(tmp_path):
    log = write_csv(tmp_path / "log.csv", "time", lambda at: (f"{at % 24:02}:{at % 60:02}",))
    log.write_text(log.read_text().replace("timestamp,time", "date,time", 1))
    assert (
        new.propose("tea", log, None, {}).left_out["time"].startswith("a time of day: write it and the date into one")
    )


def test_a_date_that_two_forms_read_alike_is_not_asked_for(tmp_path):
    rows = "".join(f"u{at % 60},i{at % 57},{at % 12 + 1:02}/{at % 12 + 1:02}/2025\n" for at in range(ROWS))
    (tmp_path / "log.csv").write_text("user_id,item_id,date\n" + rows)
    assert new.propose("tea", tmp_path / "log.csv", None, {}).launch.log.time_format == "%m/%d/%Y"
    (tmp_path / "log.csv").write_text("user_id,item_id,date\n" + rows + "u1,i1,03/04/2025\n")
    with pytest.raises(ProposalError, match=r"'03/04/2025' can be read in 2 ways.*2025-03-04 .*2025-04-03 "):
        new.propose("tea", tmp_path / "log.csv", None, {})


@pytest.mark.parametrize("year", [1975, 2050])
def test_dates_of_another_age_are_named_as_dates(tmp_path, year):
    rows = "".join(f"u{at % 60},i{at % 57},{year}-01-{at % 28 + 1:02}T10:00:00\n" for at in range(ROWS))
    (tmp_path / "log.csv").write_text(",".join(HEAD) + "\n" + rows)
    message = rf"\(dates from {year}-01-01 to {year}-01-28: a time lies between 1985 and 2040\)"
    with pytest.raises(ProposalError, match=message):
        new.propose("tea", tmp_path / "log.csv", None, {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<!DOCTYPE html><html><body>403</body></html>\n", "is a web page, needs CSV as text"),
        ("<html>\n<body>\n</body></html>\n", "is a web page, needs CSV as text"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12345\n", "Git LFS file.* git lfs pull"),
        ("41 20 3 1761956176\n33 43 5 1761956876\n", "its 4 columns are separated by blanks"),
        ("41  20 2025-11-01\n33  43 2025-11-02\n", "its 3 columns are separated by blanks"),
    ],
)
def test_a_file_that_is_no_table_is_named_as_what_it_is(tmp_path, content, said):
    (tmp_path / "log.csv").write_text(content)
    with pytest.raises(LogError, match=said):
        new.propose("tea", tmp_path / "log.csv", None, {})


@pytest.mark.parametrize(("every", "said"), [(1, "100%"), (3, "33%")])
def test_times_in_the_future_are_named_with_their_share_and_unit(tmp_path, every, said):
    rows = ((f"u{at % 60}", f"i{at % 57}", START + at + (10**9 if at % every == 0 else 0)) for at in range(ROWS))
    (tmp_path / "log.csv").write_text(",".join(HEAD) + "\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows))
    with pytest.raises(ProposalError, match=rf"timestamp: .*read as s, {said} of them lie after 2040, in the future"):
        new.propose("tea", tmp_path / "log.csv", None, {})
