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


def test_memory_is_bounded_in_bytes_whatever_the_ids():
    store = MemoryHistories(50, most_bytes=100_000)
    for user in range(300):
        for item in range(20):
            store.add(b"%0500d" % user, b"%0490d" % item)
    assert store.bytes <= 100_000
    assert 1 <= len(store) < 100_000 // (20 * 490)
    assert len(store.get([b"%0500d" % 299])[0]) == 20
    alone = MemoryHistories(2)
    for item in (b"A", b"BB", b"CCC"):
        alone.add(b"u", item)
    assert alone.bytes == 900 + 1 + 2 * 41 + 2 + 3


def test_what_was_before_the_start_comes_before_what_is_new_and_forgets_nobody():
    store = MemoryHistories(3, users=3)
    store.add(b"u", b"new")
    assert store.seed({b"u": [b"a", b"b", b"c"], b"v": [b"d"], b"w": [b"e"], b"x": [b"f"]}) == 3
    assert store.get([b"u", b"v", b"w", b"x"]) == [[b"b", b"c", b"new"], [b"d"], [b"e"], []]
    store.add(b"y", b"g")
    assert store.get([b"w"]) == [[]], "who acted longest ago goes first"
    bytes_of = {user: items for user in (b"u", b"v", b"y") for items in store.get([user])}
    assert store.bytes == sum(900 + 1 + sum(41 + len(item) for item in items) for items in bytes_of.values())
