import dataclasses

import pytest

from components.declaration import Launch, Log, Model, Objective, Split, Users
from components.declaration.views import IngestView, TrainerView
from components.errors import DeclarationError

USERS = Users("users.csv", "id", ("plan", "age"), time="since")
LOG = Log("log.csv", "user", "item", "time", context=("device",), users=USERS)
LAUNCH = Launch(
    name="shop",
    log=LOG,
    objectives=(Objective("any"),),
    split=Split(eval_share=0.2),
    model=Model(ranking_features=("plan",)),
)


def test_the_users_columns_are_context():
    assert LOG.context == ("device", "plan", "age")
    assert LOG.user_columns == ("plan", "age")
    assert dataclasses.replace(LOG, path="other.csv").context == LOG.context
    assert Log("log.csv", "user", "item", "time", context=("plan",), users=USERS).context == ("plan", "age")


def test_json_gives_back_what_was_declared():
    assert Launch.from_json(LAUNCH.to_json()) == LAUNCH
    assert IngestView.from_json(IngestView.of(LAUNCH).to_json()).log.users == USERS


def test_only_ingest_reads_where_the_table_is():
    moved = dataclasses.replace(LAUNCH, log=dataclasses.replace(LOG, users=dataclasses.replace(USERS, path="new.csv")))
    assert TrainerView.of(moved) == TrainerView.of(LAUNCH)
    assert IngestView.of(moved) != IngestView.of(LAUNCH)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"columns": ()}, "columns", "at least one column"),
        ({"columns": ("plan", "plan")}, r"columns\[0\]", "each once"),
        ({"columns": ("id",)}, r"columns\[0\]", "besides the user and the time"),
        ({"columns": ("since",)}, r"columns\[0\]", "besides the user and the time"),
        ({"columns": ("item",)}, r"columns\[0\]", "no other role of the log"),
        ({"columns": ("user",)}, r"columns\[0\]", "no other role of the log"),
        ({"columns": "plan"}, "columns", "a tuple"),
        ({"columns": ("",)}, "columns", "not empty"),
        ({"path": ""}, "path", "not empty"),
        ({"path": "bigquery:SELECT 1"}, "path", "files"),
        ({"time_unit": "days"}, "time_unit", "one of s, ms"),
        ({"time_format": "%d.%m.%Y"}, "time_format", 'time_unit="iso"'),
        ({"delimiter": ";;"}, "delimiter", "one character"),
        ({"max_quarantined": 2.0}, "max_quarantined", "from 0 to 1"),
    ],
)
def test_a_table_that_makes_no_sense_is_told_by_its_field(change, field, words):
    users = dataclasses.replace(USERS, **change)
    with pytest.raises(DeclarationError, match=rf"launch\.log\.users\.{field} .*{words}"):
        dataclasses.replace(LAUNCH, log=dataclasses.replace(LOG, context=("device",), users=users), model=Model())


def test_a_label_prefix_and_a_request_name_are_refused_as_for_any_context():
    for name in ("label_x", "user_id"):
        users = dataclasses.replace(USERS, columns=(name,))
        with pytest.raises(DeclarationError, match=name):
            dataclasses.replace(LAUNCH, log=dataclasses.replace(LOG, context=(), users=users), model=Model())


def test_a_query_joins_its_own_columns():
    log = dataclasses.replace(LOG, path="bigquery:SELECT 1")
    with pytest.raises(DeclarationError, match=r"launch\.log\.users"):
        dataclasses.replace(LAUNCH, log=log, split=Split(eval_from="2026-01-01"))
