import dataclasses
from pathlib import Path

import pytest

from components.errors import SettingsError
from pipeline import default_launch, launches
from pipeline.settings import (
    DEFAULT_LAUNCH,
    PROJECT,
    SAMPLE_LAUNCH,
    SERVER_VARIABLES,
    VARIABLES,
    KubeflowServer,
    Settings,
)


def settings_of(tmp_path, environ=(), **options):
    return Settings.from_environment({"DAYONE_WORKSPACE": str(tmp_path), **dict(environ)}, options)


def test_defaults_lie_in_the_project():
    settings = Settings.from_environment({}, {"launch": SAMPLE_LAUNCH})
    assert settings == Settings("shop", PROJECT / "runs", PROJECT / "runs" / "sample", PROJECT / "schema")
    assert Settings.from_environment({}).launch == DEFAULT_LAUNCH == default_launch.LAUNCH


def test_a_clones_launch_finds_its_log_where_it_was_found(tmp_path, monkeypatch):
    monkeypatch.setattr(default_launch, "DATA", "../data")
    monkeypatch.setattr("pipeline.settings.DEFAULT_LAUNCH", "tea")
    assert settings_of(tmp_path, launch="tea").data == PROJECT.parent / "data"
    assert settings_of(tmp_path, launch="coffee").data == Path.cwd()
    monkeypatch.setattr(default_launch, "DATA", str(tmp_path))
    assert settings_of(tmp_path, launch="tea").data == tmp_path
    assert settings_of(tmp_path, launch="tea", log=str(tmp_path / ".")).data == tmp_path


def test_derived_paths_lie_in_the_launchs_folder(tmp_path):
    settings = settings_of(tmp_path, launch="tea")
    home = tmp_path / "tea"
    assert settings.home == home
    assert (settings.pipeline_root, settings.metadata, settings.logs) == (
        home / "artifacts",
        home / "metadata.sqlite",
        home / "logs",
    )
    assert settings.serving == home / "serving" / "tea"


def test_a_custom_launch_starts_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings_of(tmp_path, launch="tea").data == tmp_path


def test_an_option_wins_over_the_environment(tmp_path):
    environ = {"DAYONE_LAUNCH": "tea", "DAYONE_LOG": str(tmp_path)}
    assert settings_of(tmp_path, environ).launch == "tea"
    assert settings_of(tmp_path, environ, launch=None).launch == "tea"
    assert settings_of(tmp_path, environ, launch="coffee").launch == "coffee"


def test_an_empty_variable_counts_as_not_set(tmp_path):
    assert settings_of(tmp_path, {"DAYONE_LAUNCH": "", "DAYONE_LOG": "", "DAYONE_BEAM_ARGS": ""}) == settings_of(
        tmp_path
    )


def test_a_folder_given_as_log_is_the_data_folder(tmp_path):
    settings = settings_of(tmp_path, log=str(tmp_path))
    assert (settings.data, settings.log) == (tmp_path, None)
    assert settings.apply_to(launches.load("shop")) == launches.load("shop")


def test_a_file_given_as_log_replaces_the_declared_one_and_keeps_the_rest(tmp_path):
    file = tmp_path / "mine.csv"
    file.touch()
    settings, shop = settings_of(tmp_path, log=str(file)), launches.load("shop")
    assert (settings.data, settings.log) == (tmp_path, file)
    assert settings.apply_to(shop) == dataclasses.replace(shop, log=dataclasses.replace(shop.log, path=str(file)))


def test_relative_paths_of_the_declaration_start_at_the_data_folder(tmp_path):
    settings = settings_of(tmp_path, log=str(tmp_path))
    assert settings.locate("a/b.csv") == tmp_path / "a" / "b.csv"
    assert settings.locate("/a/b.csv") == Path("/a/b.csv")


def test_relative_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    settings = Settings.from_environment({}, {"workspace": "here", "log": "logs"})
    assert (settings.workspace, settings.data) == (tmp_path / "here", tmp_path / "logs")


@pytest.mark.parametrize("text", ["s3://bucket/runs", "gs://bucket", "minio://a/b", "hdfs://host/runs"])
def test_a_workspace_in_a_store_is_refused_and_no_folder_of_that_name_is_made(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=f"--workspace needs a folder of this machine, got '{text}'"):
        Settings.from_environment({}, {"workspace": text})
    with pytest.raises(SettingsError, match="DAYONE_WORKSPACE needs a folder of this machine"):
        Settings.from_environment({"DAYONE_WORKSPACE": text}, {})
    assert list(tmp_path.iterdir()) == []


def test_beam_arguments_are_split_as_on_a_command_line(tmp_path):
    settings = settings_of(tmp_path, {"DAYONE_BEAM_ARGS": "--runner=FlinkRunner --job_name='two words'"})
    assert settings.beam_args == ("--runner=FlinkRunner", "--job_name=two words")


def test_a_beam_profile_sets_the_options_of_each_step_and_reaches_the_child_process(tmp_path):
    settings = settings_of(tmp_path, {"DAYONE_BEAM_PROFILE": "processes", "DAYONE_BEAM_ARGS": "--job_name=x"})
    assert "--direct_running_mode=multi_processing" in settings.beam_args_of("StatisticsGen")
    assert settings.beam_args_of("CatalogueExampleGen") == ()
    assert Settings.from_json(settings.to_json()) == settings
    assert settings_of(tmp_path, {}).beam_args_of("StatisticsGen") == ()


WRONG = [
    (
        {"DAYONE_WORKSPCE": "x"},
        {},
        r"variable DAYONE_WORKSPCE is no setting of this project\. Did you mean DAYONE_WORKSPACE\?",
    ),
    (
        {"DAYONE_COFFEE": "x"},
        {},
        "variable DAYONE_COFFEE is no setting of this project. Unset it, or use one of DAYONE_LAUNCH, ",
    ),
    (
        {"DAYONE_BEAM_ARGS": "--x='open"},
        {},
        "setting DAYONE_BEAM_ARGS needs options as on a command line.*No closing quotation",
    ),
    (
        {"DAYONE_BEAM_ARGS": "runner=Flink"},
        {},
        "setting DAYONE_BEAM_ARGS needs options of the form --name=value, got 'runner=Flink'",
    ),
    ({"DAYONE_LOG": "/not/there"}, {}, "setting DAYONE_LOG needs a file or folder that exists, got '/not/there'"),
    ({}, {"log": "/not/there"}, "setting --log needs a file or folder that exists, got '/not/there'"),
    ({}, {"log": ""}, "setting --log needs a value that is not empty, got ''"),
    ({"DAYONE_SCHEMA": "/not/there"}, {}, "setting DAYONE_SCHEMA needs a folder that exists, got '/not/there'"),
    (
        {},
        {"workspace": __file__},
        "setting --workspace needs a folder that exists or can be made, got .*test_settings.py",
    ),
    (
        {},
        {"workspace": __file__ + "/below"},
        "setting --workspace needs a folder that exists or can be made, got .*below",
    ),
]


@pytest.mark.parametrize(("environ", "options", "message"), WRONG)
def test_an_error_names_the_variable_or_option_the_value_and_the_form(tmp_path, environ, options, message):
    with pytest.raises(SettingsError, match=message):
        settings_of(tmp_path, environ, **options)


@pytest.mark.parametrize("name", ["DAYONE_MOVIELENS", "DAYONE_OPEN_BANDIT"])
def test_variables_of_the_tests_are_let_through(tmp_path, name):
    assert settings_of(tmp_path, {name: "somewhere"}) == settings_of(tmp_path)


def test_every_variable_is_read(tmp_path):
    values = {
        "DAYONE_LAUNCH": "tea",
        "DAYONE_LOG": str(tmp_path),
        "DAYONE_SCHEMA": str(tmp_path),
        "DAYONE_BEAM_ARGS": "--a",
    }
    values["DAYONE_WORKSPACE"] = str(tmp_path / "w")
    values |= {
        "DAYONE_KEEP_VERSIONS": "2",
        "DAYONE_KEEP_RUNS": "9",
        "DAYONE_GZIP_LEVEL": "6",
        "DAYONE_BEAM_PROFILE": "flink",
    }
    plain = Settings.from_environment({})
    for name in VARIABLES:
        assert Settings.from_environment({name: values[name]}) != plain, name


def version(settings, name, saved=True):
    folder = settings.serving / name
    folder.mkdir(parents=True)
    if saved:
        (folder / "saved_model.pb").touch()
    return str(folder)


def test_the_champion_is_the_highest_number_that_holds_a_model(tmp_path):
    settings = settings_of(tmp_path)
    assert settings.champion() == ""
    version(settings, "9")
    ten = version(settings, "10")
    version(settings, "11", saved=False)
    version(settings, "notes")
    assert settings.champion() == ten


def test_settings_survive_json(tmp_path):
    file = tmp_path / "log.csv"
    file.touch()
    for settings in (
        settings_of(tmp_path),
        settings_of(tmp_path, {"DAYONE_BEAM_ARGS": "--a --b=1"}, log=str(file), cache=False),
    ):
        assert Settings.from_json(settings.to_json()) == settings


def test_the_number_of_kept_versions_is_a_whole_number(tmp_path):
    assert settings_of(tmp_path).keep_versions == 5
    assert settings_of(tmp_path, {"DAYONE_KEEP_VERSIONS": "2"}).keep_versions == 2
    for wrong in ("0", "-1", "two", "1.5"):
        with pytest.raises(SettingsError, match="setting DAYONE_KEEP_VERSIONS needs an integer from 1 on, got"):
            settings_of(tmp_path, {"DAYONE_KEEP_VERSIONS": wrong})


def test_a_server_is_read_from_the_environment_and_options_win(tmp_path):
    ca = tmp_path / "ca.pem"
    ca.touch()
    environ = {
        "HOST": "https://kfp.example/pipeline/",
        "NAMESPACE": "team-a",
        "TOKEN": " abc\n",
        "CA": str(ca),
        "ROOT": "s3://bucket/a",
        "TIMEOUT": "5",
    }
    environ = {f"DAYONE_KFP_{name}": value for name, value in environ.items()}
    assert set(environ) == set(SERVER_VARIABLES)
    server = KubeflowServer.from_environment(environ)
    assert server == KubeflowServer("https://kfp.example/pipeline", "team-a", "abc", ca, "s3://bucket/a", 5)
    assert "abc" not in repr(server)
    assert (
        KubeflowServer.from_environment(environ, {"host": "http://localhost:8080", "root": None}).host
        == "http://localhost:8080"
    )
    assert KubeflowServer.from_environment({}) == KubeflowServer("", "", "", None, "", 30)
    assert settings_of(tmp_path, environ) == settings_of(tmp_path)


@pytest.mark.parametrize(
    ("environ", "options", "message"),
    [
        (
            {"DAYONE_KFP_HOST": "kfp.example"},
            {},
            "setting DAYONE_KFP_HOST needs an address such as http://localhost:8080 .*got 'kfp.example'",
        ),
        ({}, {"host": "kfp.example"}, "setting --host needs an address"),
        ({}, {"root": "/mnt"}, "setting --root needs a URI in an object store: gs://, s3://, minio://, got '/mnt'"),
        ({"DAYONE_KFP_CA": "/not/there"}, {}, "setting DAYONE_KFP_CA needs a PEM file that exists"),
        ({"DAYONE_KFP_TIMEOUT": "0"}, {}, "setting DAYONE_KFP_TIMEOUT needs an integer from 1 on, got '0'"),
        ({"DAYONE_KFP_HOSTS": "x"}, {}, "Did you mean DAYONE_KFP_HOST?"),
    ],
)
def test_an_invalid_server_setting_is_named(environ, options, message):
    with pytest.raises(SettingsError, match=message):
        KubeflowServer.from_environment(environ, options)


def test_the_gzip_level_is_a_digit(tmp_path):
    assert settings_of(tmp_path).gzip_level == 1
    assert settings_of(tmp_path, {"DAYONE_GZIP_LEVEL": "6"}).gzip_level == 6
    for wrong in ("0", "10", "six", "1.5", "-1"):
        with pytest.raises(SettingsError, match="setting DAYONE_GZIP_LEVEL needs an integer from 1 to 9, got"):
            settings_of(tmp_path, {"DAYONE_GZIP_LEVEL": wrong})
