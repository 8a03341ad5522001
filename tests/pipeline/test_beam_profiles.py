import re

import pytest
import yaml

from pipeline import beam_profiles
from pipeline.beam_profiles import NONE, BeamProfile, ProfileError

GOOD = {
    "here": {"args": ["--x=1"], "steps": {"Transform": ["--x=2", "--i={image}"], "Evaluator": []}},
    "there": {"args": [], "remote": True},
}


def chosen(tmp_path, name, content):
    path = tmp_path / "profiles.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    return beam_profiles.choose(name, path)


def test_a_step_takes_the_profiles_options_unless_it_has_its_own(tmp_path):
    profile = chosen(tmp_path, "here", GOOD)
    assert profile == BeamProfile("here", ("--x=1",), {"Transform": ("--x=2", "--i={image}"), "Evaluator": ()})
    assert profile.args_of("StatisticsGen") == ("--x=1",)
    assert profile.args_of("Evaluator") == ()
    assert profile.with_image("dayone:1").args_of("Transform") == ("--x=2", "--i=dayone:1")
    assert chosen(tmp_path, "there", GOOD).remote


def test_without_a_profile_there_are_no_options():
    assert beam_profiles.choose("") is NONE
    assert NONE.args_of("Transform") == ()


WRONG = [
    ("her", GOOD, "needs one of here, there, got 'her'. Did you mean here?"),
    ("a", {"a": {"steps": {}}}, "a needs args, and nothing but remote, args, steps"),
    ("a", {"a": {"args": [], "remotely": True}}, "a needs args, and nothing but"),
    ("a", {"a": {"args": "--x=1"}}, "a.args needs a list of options of the form --name=value, got '--x=1'"),
    ("a", {"a": {"args": ["x=1"]}}, "a.args needs a list of options"),
    ("a", {"a": {"args": [], "remote": "yes"}}, "a.remote needs true or false, got 'yes'"),
    ("a", {"a": {"args": [], "steps": ["Transform"]}}, "a.steps needs options by step"),
    (
        "a",
        {"a": {"args": [], "steps": {"Transfrom": []}}},
        "a.steps needs steps that run Beam: .*got 'Transfrom'. Did you mean Transform?",
    ),
    ("a", {"a": {"args": [], "steps": {"Trainer": []}}}, "a.steps needs steps that run Beam"),
    ("a", {"a": {"args": [], "steps": {"Transform": "x"}}}, "a.steps.Transform needs a list of options"),
    (
        "a",
        {"a": {"args": ["--project=<PROJECT>"]}},
        "a.args needs your own values instead of <...>, got '--project=<PROJECT>'. Edit profiles.yaml.",
    ),
    ("a", {"a": {"args": [], "steps": {"Transform": ["--t=gs://<B>/t"]}}}, "a.steps.Transform needs your own values"),
    ("a", "a: [", "needs YAML"),
    ("a", "", "needs profiles by name"),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG)
def test_an_error_names_its_location(tmp_path, name, content, message):
    with pytest.raises(ProfileError, match=re.escape(message).replace(r"\.\*", ".*")):
        chosen(tmp_path, name, content)


def test_the_shipped_profiles_are_valid_and_dataflow_needs_a_project():
    profiles = beam_profiles.load()
    assert sorted(profiles) == ["dataflow", "flink", "processes", "spark"]
    assert {name for name, profile in profiles.items() if profile.remote} == {"dataflow", "flink", "spark"}
    for name in ("flink", "processes", "spark"):
        assert beam_profiles.choose(name) == profiles[name]
    with pytest.raises(
        ProfileError, match=r"dataflow\.args needs your own values instead of <...>, got '--project=<PROJECT>'"
    ):
        beam_profiles.choose("dataflow")


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ProfileError, match=r"none.yaml needs a file that can be read"):
        beam_profiles.choose("x", tmp_path / "none.yaml")


def test_a_file_in_another_encoding_is_an_error(tmp_path):
    (tmp_path / "profiles.yaml").write_bytes("x: {wo: Zürich}".encode("latin1"))
    with pytest.raises(ProfileError, match="needs UTF-8"):
        beam_profiles.choose("x", tmp_path / "profiles.yaml")
