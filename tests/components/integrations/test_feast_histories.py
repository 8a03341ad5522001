import pytest

from components.integrations.feast_histories import FeastHistories

SECOND = 1_000_000


class Answer:
    def __init__(self, columns):
        self.columns = columns

    def to_dict(self):
        return self.columns


class Store:
    """Answers as Feast's online store does; `held` maps a user to (items, time of the last one)."""

    def __init__(self, held):
        self.held = held

    def get_online_features(self, features, entity_rows):
        assert features == ["toy_user_history:history", "toy_user_history:as_of"]
        rows = [self.held.get(row["user_id"], (None, None)) for row in entity_rows]
        return Answer(
            {
                "user_id": entity_rows,
                "history": [history for history, _ in rows],
                "as_of": [as_of for _, as_of in rows],
            }
        )


def histories(held, now=lambda: 100 * SECOND, **options):
    return FeastHistories(Store(held), "toy_user_history", **{"length": 4, "now": now, **options})


def test_stored_then_received_events_and_an_unknown_user():
    store = histories({"u": (["A", "B"], 50 * SECOND), "v": (["C"], 9)})
    store.add(b"u", b"X")
    store.add(b"w", b"Y")

    assert store.get([b"u", b"v", b"w", b"nobody"]) == [[b"A", b"B", b"X"], [b"C"], [b"Y"], []]


def test_the_last_items_count():
    store = histories({"u": (["A", "B", "C"], 0)})
    for item in (b"D", b"E", b"D"):
        store.add(b"u", item)

    assert store.get([b"u"]) == [[b"C", b"D", b"E", b"D"]]


def test_an_event_that_the_store_holds_by_now_is_not_repeated():
    held, clock = {"u": (["A"], 10 * SECOND)}, [20 * SECOND]
    store = histories(held, now=lambda: clock[0])
    store.add(b"u", b"B")
    clock[0] = 30 * SECOND
    store.add(b"u", b"C")
    assert store.get([b"u"]) == [[b"A", b"B", b"C"]]

    held["u"] = (["A", "B"], 20 * SECOND - 300)  # the log took the event's time a moment earlier
    assert store.get([b"u"]) == [[b"A", b"B", b"C"]]
    held["u"] = (["A", "B", "C"], 30 * SECOND)
    assert store.get([b"u"]) == [[b"A", b"B", b"C"]]


def test_another_item_of_the_same_second_is_not_lost():
    store = histories({"u": (["A", "B"], 20 * SECOND)}, now=lambda: 20 * SECOND + 500_000)
    store.add(b"u", b"C")

    assert store.get([b"u"]) == [[b"A", b"B", b"C"]]


def test_the_least_recently_active_user_is_dropped_first():
    store = histories({}, users=2)
    for user in (b"u", b"v", b"u", b"w"):
        store.add(user, b"A")

    assert store.get([b"u", b"v", b"w"]) == [[b"A", b"A"], [], [b"A"]]


def test_ids_in_any_script():
    store = histories({"к": (["тарелка"], 0)})

    assert store.get(["к".encode()]) == [["тарелка".encode()]]


def test_a_broken_store_fails_at_the_start():
    class Broken:
        def get_online_features(self, **_):
            raise ConnectionError("no such host")

    with pytest.raises(ConnectionError):
        FeastHistories(Broken(), "toy_user_history", 4)
