import pytest
from small_server import LAUNCH, push, service

from components.errors import SettingsError
from components.serving.history_store import MemoryHistories
from pipeline.local import history_choice

OWN = """
class Fixed:
    def __init__(self, launch, home):
        self.items = [launch.name.encode(), home.name.encode()]

    def get(self, users):
        return [self.items for _ in users]

    def add(self, user, item):
        self.items.append(item)
"""


def test_the_default_is_in_memory(tmp_path):
    assert isinstance(history_choice.make("memory", LAUNCH, tmp_path), MemoryHistories)


def test_a_store_of_ones_own_is_made_from_the_declaration_and_the_folder(tmp_path, monkeypatch):
    (tmp_path / "own_store.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    store = history_choice.make("own_store:Fixed", LAUNCH, tmp_path / "home")
    store.add(b"u", b"A")
    assert store.get([b"u"]) == [[b"toy", b"home", b"A"]]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("redis", "setting --history needs one of memory, feast, or MODULE:FUNCTION of your own, got 'redis'"),
        ("no_such_module:make", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("json:no_such_function", "AttributeError: module 'json' has no attribute 'no_such_function'"),
        ("json:__name__", "__name__ is no function"),
        (":x", "setting --history needs"),
    ],
)
def test_a_wrong_choice_is_one_message(choice, said, tmp_path):
    with pytest.raises(SettingsError, match=said):
        history_choice.make(choice, LAUNCH, tmp_path)


class Failing:
    def get(self, users):
        raise TimeoutError("the store sleeps")

    def add(self, user, item):
        raise TimeoutError("the store sleeps")


def test_a_store_that_fails_costs_the_history_not_the_answer(tmp_path):
    push(tmp_path, 1)
    answering = service(tmp_path, histories=Failing())
    assert b'"item_ids": ["A"]' in answering.predict(b'{"instances": [{"user_id": "u"}], "k": 1}')
    assert answering.events(b'{"events": [{"user_id": "u", "item_id": "A", "event": "click"}]}') == b'{"accepted": 1}'
    assert b"dayone_history_failures_total 2.0" in answering.metrics.text()
