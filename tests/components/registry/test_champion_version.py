import pytest

from components.registry import champion_version

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
    assert champion_version.find_served("") == ""
    assert champion_version.find_served(str(served)) == ""
    served.mkdir(parents=True)
    assert champion_version.find_served(str(served)) == ""


def test_it_is_the_highest_number_that_holds_a_model(served):
    version(served, "9")
    ten = version(served, "10")
    version(served, "11", whole=False)
    version(served, "notes")
    assert champion_version.find_served(str(served)) == champion_version.find_served(f"{served}/") == ten


def test_a_versions_folder_is_its_own_answer_even_if_it_is_gone(served):
    nine = version(served, "9")
    assert champion_version.find_served(nine) == nine
    assert champion_version.find_served(str(served / "8")) == str(served / "8")
