import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from components.declaration import Launch, Log, Objective, Split, Users
from pipeline.checks import user_checks
from pipeline.checks.log_view import LogView

USERS = Users("users.csv", "id", ("plan", "age"), time="since")
LAUNCH = Launch(
    name="tea",
    log=Log(path="x.csv", user="who", item="what", time="at"),
    split=Split(eval_share=0.5),
    objectives=(Objective("any"),),
)
AT = 1_760_000_000


def findings(tmp_path, text, users=USERS, logged=("a", "b", "a", "b")):
    (tmp_path / "users.csv").write_text(text)
    table = pa.table({"who": logged, "what": ["x"] * len(logged), "at": [AT] * len(logged)})
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, users=users))
    return list(user_checks.check(LogView(launch, table, tuple(table.schema.names)), users, tmp_path))


GOOD = f"id,plan,age,since\na,free,30,{AT - 9}\nb,pro,40,{AT}\n"


def test_a_good_table_has_no_finding(tmp_path):
    assert findings(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("text", "level", "words"),
    [
        (GOOD.replace("plan", "plam"), "error", "column 'plan' is not in the table of the users"),
        (GOOD + f"a,pro,31,{AT - 9}\n", "error", "repeat a user with the same 'since', such as 'a'"),
        (GOOD + f"c,x,1,{AT * 3}\n", "error", "1 since in the future"),
        (GOOD + ",x,1,5\n", "error", "1 no id"),
        (GOOD.replace("pro", "free"), "warning", "column 'plan' of the users has the value 'free' only"),
        (
            GOOD.replace("b,", "c,"),
            "warning",
            "2 of 4 (50.0%) positive events are of users that the table does not have",
        ),
        (GOOD.replace("a,", "c,").replace("b,", "d,"), "error", "does not have, such as 'a'"),
        (GOOD.replace("a,", "A,").replace("b,", "B,"), "error", "differ from its ids by case only"),
        (GOOD.replace(str(AT - 9), str(AT + 9)), "warning", "2 of 4 (50.0%) positive events lie before the first row"),
        (GOOD.replace("free", "jo@x.org").replace("pro", "al@x.org"), "warning", "holds e-mail addresses"),
        ("", "error", "cannot be read"),
    ],
)
def test_what_is_wrong_is_found(tmp_path, text, level, words):
    results = findings(tmp_path, text)
    assert [finding.level for finding in results if words in finding.what] == [level], [
        result.what for result in results
    ]


def test_the_name_of_a_column_may_say_that_it_names_a_person(tmp_path):
    users = dataclasses.replace(USERS, columns=("birthDate",))
    results = findings(tmp_path, GOOD.replace("plan", "birthDate"), users)
    assert "seems to name a person" not in str(results)  # "birth" and "date" apart say nothing
    users = dataclasses.replace(USERS, columns=("contactEmail",))
    assert "seems to name a person (email)" in findings(tmp_path, GOOD.replace("plan", "contactEmail"), users)[0].what


def test_a_table_of_today_is_told_and_so_are_columns_counted_from_the_log(tmp_path):
    users = Users("users.csv", "id", ("age", "visits"))
    random = np.random.default_rng(5)
    counts = random.integers(1, 30, 80)
    logged = [f"u{user}" for user, count in enumerate(counts) for _ in range(count)]
    rows = [f"u{user},{random.integers(20, 60)},{count + random.integers(0, 4)}" for user, count in enumerate(counts)]
    results = findings(tmp_path, "\n".join(["id,age,visits", *rows]), users, logged)
    assert [finding.level for finding in results] == ["warning", "warning"]
    assert "no time: the values of today ('age', 'visits') count for every event" in results[0].what
    assert "column 'visits' of the users follows how often the user acts in the log" in results[1].what


def test_the_name_of_a_column_may_say_that_it_is_an_outcome(tmp_path):
    users = Users("users.csv", "id", ("churned",))
    results = findings(tmp_path, "id,churned\na,x\nb,y\n", users)
    assert "column 'churned' of the users has a name (churned) that says it was counted afterwards" in results[1].what
