"""Settings and launch of a command."""

import argparse

import pytest

from components.errors import SettingsError
from pipeline import launches
from pipeline.cli import context


def test_the_named_options_are_settings_and_the_others_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("DAYONE_WORKSPACE", str(tmp_path / "environment"))
    options = argparse.Namespace(launch="movielens", workspace=str(tmp_path / "option"), log=True)
    assert context.load(options, "launch").settings.workspace == tmp_path / "environment"
    loaded = context.load(options, "launch", "workspace")
    assert loaded.settings.workspace == tmp_path / "option"
    assert loaded.launch == launches.load("movielens")


def test_a_log_of_its_own_replaces_the_declared_one(tmp_path):
    log = tmp_path / "mine.parquet"
    log.touch()
    loaded = context.load(argparse.Namespace(launch=None, log=str(log)), "launch", "log")
    assert loaded.launch.log.path == launches.load(launches.DEFAULT).log.path
    assert loaded.effective_launch.log.path == str(log)


def test_a_launch_that_does_not_exist_is_an_error():
    with pytest.raises(SettingsError, match=r"'shp'.* Did you mean shop"):
        context.load(argparse.Namespace(launch="shp"), "launch")
