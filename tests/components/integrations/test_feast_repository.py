import ast

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from components.integrations import feast_repository
from components.integrations.feast_repository import ITEMS, USER_HISTORY

MOMENT = pa.array([1, 2], pa.timestamp("us", "UTC"))
TABLES = {
    USER_HISTORY: pa.table(
        {"user_id": ["u", "v"], "history": [["A"], ["A", "B"]], "as_of": [1, 2], "event_timestamp": MOMENT}
    ),
    ITEMS: pa.table(
        {
            "item_id": ["A", "B"],
            "title": ["Mug", "Hat"],
            "active": [True, False],
            "price": [1.5, 2.5],
            "event_timestamp": MOMENT,
        }
    ),
}


def test_the_files_of_a_repository(tmp_path):
    feast_repository.write(tmp_path, "toy", TABLES)

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        *("data/items.parquet", "data/user_history.parquet", "feature_store.yaml", "features.py"),
    ]
    assert pq.read_table(tmp_path / "data" / "user_history.parquet").equals(TABLES[USER_HISTORY])
    settings = yaml.safe_load((tmp_path / "feature_store.yaml").read_text())
    assert settings["project"] == "toy" and settings["online_store"] == {"type": "sqlite", "path": "data/online.db"}


def test_features_are_python_and_name_every_column():
    text = feast_repository.features_text("toy", TABLES)
    calls = [ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]

    assert [call for call in calls if call.startswith("Field(")] == [
        "Field(name='history', dtype=Array(String))",
        "Field(name='as_of', dtype=Int64)",
        "Field(name='title', dtype=String)",
        "Field(name='active', dtype=Bool)",
        "Field(name='price', dtype=Float64)",
    ]
    assert "Entity(name='user_id', join_keys=['user_id'], value_type=ValueType.STRING)" in calls
    assert "name='toy_user_history'" in text and "name='toy_items'" in text


def test_the_settings_are_the_teams_once_they_are_written_and_the_features_ours(tmp_path):
    feast_repository.write(tmp_path, "toy", TABLES)
    for name in ("feature_store.yaml", "features.py"):
        (tmp_path / name).write_text("# mine")

    feast_repository.write(tmp_path, "toy", TABLES)

    assert (tmp_path / "feature_store.yaml").read_text() == "# mine"
    assert "FeatureView(" in (tmp_path / "features.py").read_text()


def test_keys_are_read_back(tmp_path):
    feast_repository.write(tmp_path, "toy", TABLES)

    assert feast_repository.read_keys(tmp_path, ITEMS) == ["A", "B"]
