import sys
import types

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
    module = types.ModuleType("components.own_store")
    exec(OWN, module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    store = history_choice.make("components.own_store.Fixed", LAUNCH, tmp_path / "home")
    store.add(b"u", b"A")
    assert store.get([b"u"]) == [[b"toy", b"home", b"A"]]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("redis", "setting --history needs one of memory, feast, or a dotted path such as .*, got 'redis'"),
        ("components.house:make", "Write 'components.house.make'"),
        ("json.loads", "setting --history needs one of"),
        ("components.no_such_module.make", "No module named 'components.no_such_module'"),
        ("components.serving.history_store.nothing", "a function nothing in components.serving.history_store"),
        ("components.serving.history_store.KEPT_BYTES", "setting --history needs"),
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
    assert b'"item_ids": ["A"]' in answering.predict(b'{"instances": [{"user_id": "u"}], "n": 1}')
    assert answering.events(b'{"events": [{"user_id": "u", "item_id": "A", "event": "click"}]}') == b'{"accepted": 1}'
    assert b"dayone_history_failures_total 2.0" in answering.metrics.text()
