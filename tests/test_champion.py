import pytest
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import path_utils, proto_utils

from components.models import champion_version
from components.models.champion import ChampionPusherExecutor

pytestmark = pytest.mark.tensorflow


def push(folder, blessed):
    """Pushes a model by the executor; returns what the pushed artifact says."""
    model, blessing, pushed = standard_artifacts.Model(), standard_artifacts.ModelBlessing(), standard_artifacts.PushedModel()
    for name, artifact in {"model": model, "blessing": blessing, "pushed": pushed}.items():
        artifact.uri = str(folder / name)
    saved = folder / path_utils.serving_model_dir("model")
    saved.mkdir(parents=True)
    (saved / "saved_model.pb").write_bytes(b"graph")
    blessing.set_int_custom_property("blessed", int(blessed))
    destination = pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "serving/shop")))
    inputs = {"model": [model], "model_blessing": [blessing]}
    ChampionPusherExecutor().Do(inputs, {"pushed_model": [pushed]}, {"push_destination": proto_utils.proto_to_json(destination)})
    return pushed


def test_what_is_pushed_is_the_champion(tmp_path):
    version = push(tmp_path, blessed=True).get_string_custom_property("pushed_version")
    assert champion_version.served(str(tmp_path / "serving/shop")) == str(tmp_path / "serving/shop" / version)
    assert (tmp_path / "serving/shop.champion.json").is_file()


def test_what_is_not_blessed_leaves_the_champion_where_it_is(tmp_path):
    assert not push(tmp_path, blessed=False).get_int_custom_property("pushed")
    assert not (tmp_path / "serving").exists()
