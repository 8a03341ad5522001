import pytest

from components.errors import SettingsError
from pipeline import launches

GOOD = """\
from components.declaration import Launch, Log, Objective, Split

LAUNCH = Launch(
    name="tea",
    log=Log(path="x.csv", user="u", item="i", time="t", time_unit="s"),
    split=Split(eval_days=1),
    objectives=(Objective("any"),),
)
"""


def load_text(tmp_path, text):
    path = tmp_path / "tea.py"
    path.write_text(text)
    return launches.load_file(path)


def message_of(tmp_path, text):
    with pytest.raises(launches.LaunchError) as caught:
        load_text(tmp_path, text)
    return str(caught.value).replace(str(tmp_path), "DIR")


def test_the_default_is_among_those_available():
    assert launches.DEFAULT in launches.available()


@pytest.mark.parametrize("name", launches.available())
def test_the_launches_that_ship_load_under_their_own_name(name):
    assert launches.load(name).name == name


def test_an_unknown_launch_lists_those_available():
    with pytest.raises(
        SettingsError, match=r"--launch needs one of .*movielens.*shop.*, got 'shp'. Did you mean shop\?"
    ):
        launches.load("shp")


@pytest.mark.parametrize("name", ["", "__init__", "../shop", "shop.py"])
def test_a_name_cannot_lead_out_of_the_folder(name):
    with pytest.raises(SettingsError, match="--launch needs one of"):
        launches.load(name)


def test_a_good_file_gives_its_declaration(tmp_path):
    assert load_text(tmp_path, GOOD).name == "tea"


def test_a_wrong_declaration_is_shown_with_file_and_line(tmp_path):
    message = message_of(tmp_path, GOOD.replace("eval_days=1", "eval_days=0"))
    assert message == "DIR/tea.py:3: declaration: launch.split.eval_days needs a number of days above 0, got 0."


def test_a_syntax_error_is_shown_with_file_and_line(tmp_path):
    assert message_of(tmp_path, GOOD.replace('name="tea",', 'name="tea"')).startswith("DIR/tea.py:4: ")


def test_an_exception_is_shown_with_the_line_that_caused_it(tmp_path):
    text = GOOD.replace("eval_days=1", "days=1")
    assert (
        message_of(tmp_path, text)
        == "DIR/tea.py:6: Split has no field 'days'. Did you mean 'eval_days'? Its fields: eval_share, eval_days, eval_from."
    )
    part = GOOD.replace("eval_days=1)", "eval_days=1), model=Model()")
    assert message_of(tmp_path, part).endswith(
        ": Model is not imported. Add it above: from components.declaration import Model"
    )
    assert message_of(tmp_path, "\n1 / 0") == "DIR/tea.py:2: ZeroDivisionError: division by zero"
    assert message_of(tmp_path, "import no_such_module").startswith("DIR/tea.py:1: ModuleNotFoundError: ")


@pytest.mark.parametrize(("text", "got"), [("", "none"), ("LAUNCH = {}", "a dict")])
def test_a_file_without_launch_says_what_it_needs(tmp_path, text, got):
    assert message_of(tmp_path, text) == f"DIR/tea.py: a launch file needs LAUNCH = Launch(...), got {got}."


def test_a_copied_file_may_not_keep_the_originals_name(tmp_path):
    message = message_of(tmp_path, GOOD.replace('"tea"', '"shop"'))
    assert message == "DIR/tea.py: launch.name needs to be the file's name, 'tea', got 'shop'."
