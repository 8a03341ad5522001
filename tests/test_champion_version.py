import json

import pytest

from components.models import champion_version

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def served(tmp_path):
    return tmp_path / "serving" / "shop"


def version(served, name, whole=True):
    folder = served / name
    folder.mkdir(parents=True)
    if whole:
        (folder / "saved_model.pb").touch()
    return str(folder)


def test_nothing_is_served_where_nothing_is(served):
    assert champion_version.served("") == ""
    assert champion_version.served(str(served)) == ""
    served.mkdir(parents=True)
    assert champion_version.served(str(served)) == ""


def test_without_a_pointer_it_is_the_highest_number_that_holds_a_model(served):
    version(served, "9")
    ten = version(served, "10")
    version(served, "11", whole=False)
    version(served, "notes")
    assert champion_version.served(str(served)) == champion_version.served(f"{served}/") == ten


def test_the_pointer_wins_and_lies_beside_the_folder_that_a_server_reads(served):
    nine, _ = version(served, "9"), version(served, "10")
    champion_version.point(str(served), "9")
    assert champion_version.served(str(served)) == nine
    assert sorted(path.name for path in served.iterdir()) == ["10", "9"]
    assert json.loads((served.parent / "shop.champion.json").read_text()) == {"version": "9"}


def test_a_new_pointer_replaces_the_old_one_and_leaves_nothing_beside_it(served):
    version(served, "9")
    ten = version(served, "10")
    for name in ("9", "10"):
        champion_version.point(str(served), name)
    assert champion_version.served(str(served)) == ten
    assert sorted(path.name for path in served.parent.iterdir()) == ["shop", "shop.champion.json"]


def test_a_versions_folder_is_its_own_answer_even_if_it_is_gone(served):
    nine = version(served, "9")
    champion_version.point(str(served), "10")
    assert champion_version.served(nine) == nine
    assert champion_version.served(str(served / "8")) == str(served / "8")


def test_a_pointer_to_a_version_that_is_gone_is_not_passed_over_in_silence(served):
    version(served, "9")
    champion_version.point(str(served), "10")
    assert champion_version.served(str(served)) == str(served / "10")
