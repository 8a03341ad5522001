import pytest

from components.errors import SettingsError
from pipeline.local.serve_options import Options


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("explore", 1.5, "setting --explore needs a number from 0 to 1, got 1.5"),
        ("threads", 0, "setting --threads needs a number from 1 to 1024, got 0"),
        ("timeout", 0.0, "setting --timeout needs a number from 0.001 to 3600, got 0.0"),
        ("port", 70_000, "setting --port needs"),
        ("waiting", -1, "setting --waiting needs"),
        ("store_deadline", 0.05, "setting --store-deadline needs a number from 1 to 60000, got 0.05"),
    ],
)
def test_a_wrong_option_is_one_message(name, value, said):
    values = {
        "host": "127.0.0.1",
        "port": 0,
        "threads": 2,
        "waiting": 4,
        "timeout": 5.0,
        "explore": 0.0,
        "traffic": None,
    }
    with pytest.raises(SettingsError, match=said):
        Options(**values | {name: value})
