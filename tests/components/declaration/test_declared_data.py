"""The parts of the declaration that say what there is."""

from components.declaration.data import Log, Objective


def test_columns_come_in_the_order_of_their_roles():
    log = Log(path="x.csv", context=("c",), value="v", request="r", event="e", time="t", item="i", user="u")
    assert log.columns() == ("u", "i", "t", "e", "v", "r", "c")


def test_columns_without_a_role_are_left_out():
    assert Log(path="x.csv", user="u", item="i", time="t").columns() == ("u", "i", "t")


def test_the_label_of_an_objective_carries_its_name():
    assert Objective("click", event="tap").label == "label_click"
