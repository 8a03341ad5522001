"""`new` without a log: what is declared, what is made, and what is refused."""

import shutil

import pyarrow as pa
import pyarrow.csv
import pytest

from components.errors import SettingsError
from components.validation.schema_file import SchemaFile
from pipeline import launches
from pipeline.checks import schema_comparison, validate
from pipeline.local import loop_setup
from pipeline.onboarding import new
from pipeline.settings import Settings

ITEMS = {
    "sku": [f"s{number}" for number in range(40)],
    "title": [f"Fine thing {number}" for number in range(40)],
    "category": [f"c{number % 4}" for number in range(40)],
    "published": [f"2026-01-{1 + number % 28:02d}" for number in range(40)],
    "price": [1.5 + number for number in range(40)],
}


def catalogue(folder, **changed):
    folder.mkdir(exist_ok=True)
    columns = {name: values for name, values in (ITEMS | changed).items() if values is not None}
    pyarrow.csv.write_csv(pa.table(columns), folder / "items.csv")
    return folder / "items.csv"


def proposed(path, actions=("click",), **given):
    return new.propose_without_log("mine", path, given, actions).launch


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day_zero")
    path = catalogue(folder / "data")
    new.make(folder / "mine", None, path, None, {}, (), ("click", "purchase"))
    return folder / "mine"


def launch_of(project):
    return launches.load_file(project / "pipeline" / "launches" / "mine.py")


def settings_of(project):
    data = project.parent / "data"
    settings = Settings.from_environment({}, {"launch": "mine", "log": str(data), "workspace": str(project / "runs")})
    return Settings(**vars(settings) | {"schema": project / "schema"})


def test_the_log_is_the_servers_own(project):
    launch, settings = launch_of(project), settings_of(project)
    assert launch.log.starts_empty and launch.log.path == "mine-log/"
    assert launch.log.impression == "impression" and launch.positive_events == ("click", "purchase")
    folder = loop_setup.traffic_folder(launch, settings)
    assert folder == project.parent / "data" / "mine-log", "serve writes there without `loop`"
    assert {path.name for path in folder.iterdir()} == {".dayone-loop", ".gitignore"}


def test_the_declaration_fits_the_empty_log(project):
    launch, settings = launch_of(project), settings_of(project)
    assert validate.look(launch, settings) == []
    assert schema_comparison.run(launch, settings, None) == schema_comparison.FITS


def test_the_schema_holds_every_column_that_the_server_writes_and_the_labels(project):
    path = project / "schema" / "mine" / "log" / "schema.pbtxt"
    columns = {feature.name for feature in SchemaFile(path.read_text(), str(path)).schema.feature}
    assert columns == {*launch_of(project).log.columns(), "label_click", "label_purchase"}


def test_the_rule_that_serves_first_follows_from_the_catalogue(tmp_path):
    path = tmp_path / "data"
    assert proposed(catalogue(path)).rules.before_events == "newest"
    assert proposed(catalogue(path, priority=list(range(40)))).rules.before_events == "priority"
    assert proposed(catalogue(path, published=None)).rules.before_events == "round_robin"
    assert proposed(catalogue(path, published=None, category=None)).rules.before_events == "catalogue_order"


def test_the_weights_of_actions_follow_their_names(tmp_path):
    weights = {
        one.name: one.weight for one in proposed(catalogue(tmp_path / "data"), ("click", "purchase", "zap")).objectives
    }
    assert weights == {"click": 1.0, "purchase": 5.0, "zap": 1.0}


@pytest.mark.parametrize(
    ("changed", "given", "actions", "needed"),
    [
        ({}, {"user": "who"}, ("click",), "--user"),
        ({}, {"item": "ean"}, ("click",), "--item"),
        ({"sku": None, "title": None}, {}, ("click",), "--item"),
        ({"active": [False] * 40}, {}, ("click",), "active"),
        ({}, {"item": "category"}, ("click",), "category .4 different ones in 40 rows"),
        (
            {"sku": None, "item_id": [f"i{number // 2}" for number in range(40)]},
            {},
            ("click",),
            "item_id .20 different",
        ),
        ({"sku": None, "id": [None, *range(39)]}, {}, ("click",), "id .39 different"),
        ({}, {}, ("Click!",), "--actions"),
        ({}, {}, ("impression",), "--actions"),
        ({}, {}, ("click", "click"), "--actions"),
    ],
)
def test_what_cannot_be_declared_is_refused_by_name(tmp_path, changed, given, actions, needed):
    with pytest.raises(SettingsError, match=needed):
        proposed(catalogue(tmp_path / "data", **changed), actions, **given)


def test_an_id_of_several_words_is_the_id_that_its_name_says(tmp_path):
    path = catalogue(tmp_path / "data", sku=None, item_id=[f"fine old thing {number}" for number in range(40)])
    assert proposed(path).catalogue.item == "item_id"


def test_a_dropped_column_gets_no_role(tmp_path):
    path = catalogue(tmp_path / "data")
    columns = proposed(path).catalogue, new.propose_without_log("mine", path, {}, ("click",), ("published",)).launch
    assert (columns[0].added, columns[1].catalogue.added) == ("published", None)
    with pytest.raises(SettingsError, match="--drop"):
        new.propose_without_log("mine", path, {}, ("click",), ("nothing",))


def test_a_project_that_was_removed_can_be_made_again(tmp_path):
    path = catalogue(tmp_path / "data")
    for _ in range(2):
        new.make(tmp_path / "mine", None, path, None, {})
        assert (tmp_path / "mine" / "pipeline" / "launches" / "mine.py").is_file()
        shutil.rmtree(tmp_path / "mine")


def test_without_log_and_catalogue_there_is_nothing_to_recommend(tmp_path):
    with pytest.raises(SettingsError, match="--catalogue"):
        new.make(tmp_path / "mine", None, None, None, {})
    assert not (tmp_path / "mine").exists()


def test_a_folder_that_holds_a_log_already_is_not_taken_over(tmp_path):
    path = catalogue(tmp_path / "data")
    (path.parent / "mine-log").mkdir()
    (path.parent / "mine-log" / "events.csv").touch()
    with pytest.raises(SettingsError, match="mine-log"):
        new.make(tmp_path / "mine", None, path, None, {})


def test_impressions_alone_are_no_error_yet(project):
    launch, settings = launch_of(project), settings_of(project)
    row = '{{"user_id": "u{0}", "item_id": "s{0}", "timestamp": {1}, "event": "impression", "request_id": "r{0}", "position": 0}}'
    log = project.parent / "data" / "mine-log" / "traffic-1-a.jsonl"
    log.write_text("".join(row.format(number, 1_770_000_000_000 + number) + "\n" for number in range(20)))
    try:
        columns = "policy propensity model_version"
        errors = [finding for finding in validate.look(launch, settings) if finding.level == "error"]
        assert all(any(name in finding.what for name in columns.split()) for finding in errors), errors
    finally:
        log.unlink()


def test_a_log_of_impressions_alone_beside_a_catalogue_starts_without_an_action(tmp_path):
    path = catalogue(tmp_path / "data")
    rows = {
        "user_id": [f"u{number % 7}" for number in range(60)],
        "item_id": [f"s{number % 40}" for number in range(60)],
        "timestamp": [1_770_000_000 + number for number in range(60)],
        "event": ["impression"] * 60,
    }
    pyarrow.csv.write_csv(pa.table(rows), tmp_path / "data" / "log.csv")
    launch = new.propose("mine", tmp_path / "data" / "log.csv", path, {}).launch
    assert launch.log.starts_empty and launch.log.impression == "impression"
    assert launch.rules.before_events is not None and launch.positive_events == ("click",)
