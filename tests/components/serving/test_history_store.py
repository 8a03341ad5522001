from components.serving.history_store import MemoryHistories


def test_the_last_items_in_order():
    store = MemoryHistories(2)
    for item in (b"A", b"B", b"C"):
        store.add(b"u", item)
    assert store.get([b"nobody", b"u"]) == [[], [b"B", b"C"]]


def test_the_user_not_heard_of_for_longest_is_forgotten():
    store = MemoryHistories(2, users=2)
    for user in (b"u", b"v", b"u", b"w"):
        store.add(user, b"A")
    assert (store.get([b"v"]), len(store)) == ([[]], 2)
    assert store.get([b"u"]) == [[b"A", b"A"]]
