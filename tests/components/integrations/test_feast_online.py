"""The feature store end to end: Feast with SQLite, from columns of a log to an answer of the server."""

import datetime as dt
import json
import sqlite3
import sys
import threading

import numpy as np
import pytest
from small_server import LAUNCH, push, service

# Feast takes as long to import as TensorFlow.
pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
if sys.version_info < (3, 11):
    pytest.skip("Feast needs Python 3.11", allow_module_level=True)
pytest.importorskip("feast", reason="the extra `feast` is not installed")

import feast_worlds  # noqa: E402

from components.integrations import feast_histories, feast_online, feast_repository  # noqa: E402
from components.integrations.feast_repository import ITEMS, FeatureStoreError  # noqa: E402


def log(*rows):
    return feast_worlds.clicks(rows)


def fill(home, columns):
    return feast_worlds.fill(home, columns)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    many = [(f"u{user}", f"i{rng.integers(50)}", step) for user in range(2_500) for step in range(3)]
    lines = fill(home, log(("ann", "A", 0), ("ann", "B", 1), ("тома", "C", 2), *many))
    assert lines == [
        "toy_user_history: 2,502 rows offline, 2,502 read back online, none missing",
        f"toy_items: {len({item for _, item, _ in many}) + 3} rows offline, {len({item for _, item, _ in many}) + 3} read back online, none missing",
    ]
    return home


@pytest.fixture
def own_home(tmp_path):
    fill(tmp_path, log(("ann", "A", 0), ("bob", "B", 1)))
    return tmp_path


def test_the_store_gives_back_what_the_log_held(home):
    store = feast_histories.from_repository(LAUNCH, home)

    assert store.get([b"ann", "тома".encode(), b"nobody"]) == [[b"A", b"B"], [b"C"], []]


def test_every_row_of_the_offline_table_is_online(home):
    import pyarrow.parquet as pq

    rows = pq.read_table(home / "feast" / "data" / "user_history.parquet").to_pylist()
    store = feast_histories.from_repository(LAUNCH, home)
    online = [
        history
        for start in range(0, len(rows), 500)
        for history in store.get([row["user_id"].encode() for row in rows[start : start + 500]])
    ]

    assert online == [[item.encode() for item in row["history"]] for row in rows]


def test_the_server_uses_the_stored_history_and_events_received_since(home, tmp_path):
    push(tmp_path, 1)
    answering = service(tmp_path, histories=feast_histories.from_repository(LAUNCH, home))

    def recommend():
        answer = json.loads(answering.predict(b'{"instances": [{"user_id": "ann"}]}'))
        return answer["predictions"][0]["item_ids"]

    assert recommend() == ["C", "D", "E", "F"]  # A to F without the items of ann's stored history
    answering.events(b'{"events": [{"user_id": "ann", "item_id": "D", "event": "click"}]}')
    assert recommend() == ["C", "E", "F"]


def test_the_next_fill_is_seen_by_a_store_that_is_open(own_home):
    store = feast_histories.from_repository(LAUNCH, own_home)
    assert store.get([b"ann", b"cid"]) == [[b"A"], []]

    fill(own_home, log(("ann", "A", 0), ("bob", "B", 1), ("ann", "X", 5), ("cid", "B", 6)))

    assert store.get([b"ann", b"cid"]) == [[b"A", b"X"], [b"B"]]


def test_a_server_that_is_open_has_histories_while_a_fill_runs(own_home):
    store, stop, answers = feast_histories.from_repository(LAUNCH, own_home), threading.Event(), []

    def ask():
        while not stop.is_set():
            answers.append(store.get([b"ann"]))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    fill(own_home, log(("ann", "A", 0), *((f"u{user}", "B", user) for user in range(500))))
    stop.set()
    for thread in threads:
        thread.join(30)

    assert len(answers) > 100 and all(answer == [[b"A"]] for answer in answers)


def test_a_row_that_does_not_arrive_is_an_error(own_home):
    folder = own_home / feast_histories.FOLDER
    with sqlite3.connect(folder / "data" / "online.db") as connection:
        connection.execute(
            'DELETE FROM "toy_toy_items" WHERE entity_key IN (SELECT entity_key FROM "toy_toy_items" LIMIT 1)'
        )
    connection.close()
    store = feast_online.open_store(folder)

    with pytest.raises(
        FeatureStoreError,
        match=r"needs a row for each of the 2 rows of items.parquet, it lacks 1 of 2 checked, first '[AB]'",
    ):
        feast_online._verify(store, folder, LAUNCH.name, ITEMS)


def test_the_historical_join_returns_one_row_for_a_repeated_pair(home):
    import pandas as pd

    moment = dt.datetime(2026, 1, 3, tzinfo=dt.timezone.utc)
    entities = pd.DataFrame({"user_id": ["ann", "ann", "nobody"], "event_timestamp": [moment] * 3})
    store = feast_online.open_store(home / feast_histories.FOLDER)

    # What docs/infrastructure.md warns of: whoever trains from Feast has to count.
    assert len(store.get_historical_features(entity_df=entities, features=["toy_user_history:history"]).to_df()) == 2


def test_without_a_repository_the_command_is_named(tmp_path):
    with pytest.raises(
        FeatureStoreError, match=r"feature_store.yaml, which does not exist. Create it: python -m pipeline feast"
    ):
        feast_histories.from_repository(LAUNCH, tmp_path)


def test_an_empty_registry_is_one_message(tmp_path):
    (tmp_path / "feast" / "data").mkdir(parents=True)
    (tmp_path / "feast" / "feature_store.yaml").write_text(feast_repository.settings_text("toy"))

    with pytest.raises(FeatureStoreError, match=r"does not answer: .*else fill it again: python -m pipeline feast"):
        feast_histories.from_repository(LAUNCH, tmp_path)
