"""The Pusher's executor on real artifacts and folders."""

import os

import pytest
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import json_utils, proto_utils

from components.registry import card_file, pusher, versions

pytestmark = pytest.mark.tensorflow


def push(tmp_path, blessed=True, keep=2):
    """Pushes a small model; returns the `pushed_model` artifact."""
    artifacts = {
        "model": standard_artifacts.Model(),
        "model_blessing": standard_artifacts.ModelBlessing(),
        "pushed_model": standard_artifacts.PushedModel(),
    }
    for name, artifact in artifacts.items():
        artifact.uri = str(tmp_path / "artifacts" / name)
        os.makedirs(artifact.uri, exist_ok=True)
    model = tmp_path / "artifacts" / "model" / "Format-Serving"
    (model / "assets.extra").mkdir(parents=True, exist_ok=True)
    (model / versions.MODEL_FILE).write_text("graph")
    (model / card_file.CARD).write_text('{"kind": "rules"}')
    artifacts["model_blessing"].set_int_custom_property("blessed", int(blessed))
    destination = pusher_pb2.PushDestination(
        filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(tmp_path / "serving"))
    )
    properties = {
        "push_destination": proto_utils.proto_to_json(destination),
        "custom_config": json_utils.dumps({pusher.KEEP: keep}),
    }
    inputs = {name: [artifacts[name]] for name in ("model", "model_blessing")}
    pusher.VersionPusherExecutor().Do(inputs, {"pushed_model": [artifacts["pushed_model"]]}, properties)
    return artifacts["pushed_model"]


def test_a_push_leaves_a_whole_version_and_nothing_else(tmp_path):
    pushed = push(tmp_path)
    served = versions.find_served(tmp_path / "serving")
    assert pushed.get_string_custom_property("pushed_version") == str(served.number)
    assert pushed.get_string_custom_property("pushed_destination") == str(served.folder)
    assert os.listdir(tmp_path / "serving") == [str(served.number)]
    card = card_file.read(served.folder)
    assert card["kind"] == "rules" and card["pushed_at"].endswith("+00:00")


def test_pushes_within_a_second_are_versions_of_their_own_and_old_ones_go(tmp_path):
    numbers = [int(push(tmp_path).get_string_custom_property("pushed_version")) for _ in range(4)]
    assert numbers == sorted(set(numbers))
    assert [version.number for version in versions.find_all(tmp_path / "serving")] == numbers[-2:]


def test_what_is_not_blessed_is_not_pushed(tmp_path):
    assert push(tmp_path, blessed=False).get_int_custom_property("pushed") == 0
    assert os.listdir(tmp_path / "serving") == []
