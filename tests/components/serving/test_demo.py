"""The demo page: what it says, what it never does."""

import dataclasses
import html
import re

import pytest
from small_server import LAUNCH, SmallModel, push, service, serving

from components.declaration import Catalogue
from components.errors import LogError
from components.serving.demo import Demo
from components.serving.demo_users import DemoUsers
from components.serving.event_log import EventLog

USERS = DemoUsers({"u1": ["A"], "u2": ["F", "E"]}, {"device": ["tv", "phone"]})


@pytest.fixture
def answering(tmp_path):
    push(tmp_path / "serving", 5)
    return service(tmp_path / "serving")


def page(answering, *parameters, users=lambda: USERS):
    status, text = Demo(answering, users).page(parameters)
    return status, text.decode()


def section(text, heading):
    """The ids of the items under a heading, in order."""
    part = text.split(f"<h2>{heading}</h2>")[1].split("</section>")[0]
    return [html.unescape(item) for item in re.findall(r"<small>(.*?)</small>", part)]


def test_it_begins_with_the_first_user_and_shows_history_rules_and_model(answering):
    status, text = page(answering)
    assert status == 200
    assert section(text, "History") == ["A"]
    assert section(text, "No history") == section(text, "The model serves") == ["B", "C", "D", "E", "F"], (
        "what was seen is in neither"
    )
    assert 'value="u1"' in text and '<option value="phone">' in text
    assert "version 5 (model)" in text


def test_titles_and_whatever_else_comes_from_outside_are_escaped(answering):
    _, text = page(
        answering,
        ("user", '"><script>alert(1)</script>'),
        ("device", "<b>"),
        users=lambda: DemoUsers({'"><script>': ["A"]}, {"device": ["<i>"]}),
    )
    assert "<script" not in text and "<b>" not in text and "<i>" not in text
    assert "Mug &lt;A&gt; &amp; co" in text


def test_a_click_goes_into_the_history_and_changes_the_answer(answering):
    _, before = page(answering, ("user", "u1"), ("device", "tv"))
    (link,) = re.findall(r'href="(\?[^"]*clicked=C)"', before.split("The model serves")[1])
    assert html.unescape(link) == "?user=u1&device=tv&clicked=C"
    _, after = page(answering, ("user", "u1"), ("device", "tv"), ("clicked", "C"))
    assert section(after, "History") == ["C", "A"] and "clicked here" in after
    assert section(after, "The model serves") == ["B", "D", "E", "F"]
    assert after.count('tag up">&#9650; 1') == 3, "D, E and F move up by one"
    assert 'href="?user=u1&amp;device=tv"' in after, "the clicks can be taken back"


def test_scores_per_objective_stand_beside_the_items(answering):
    _, text = page(answering)
    assert [figure.strip() for figure in re.findall(r'class="figure" data-name="click">\s*([\d.]+)%', text)] == [
        "10.0",
        "20.0",
        "30.0",
        "40.0",
        "50.0",
    ]


@pytest.mark.parametrize(
    ("parameters", "kind", "items"),
    [((), "model", ["B", "C", "D", "E", "F"]), ((("user", "new"),), "model", None), ((), "rules", None)],
    ids=["a history", "no history: the list without one is the same", "the rules serve already"],
)
def test_the_baseline_answers_the_same_history(tmp_path, parameters, kind, items):
    def serve(version):
        model = SmallModel(version.number)
        model.card = {"kind": kind}
        return model

    rules = SmallModel(0)
    rules.card = {"kind": "rules", "rule": "covisitation"}
    push(tmp_path, 5)
    demo = Demo(service(tmp_path, make=serve), lambda: USERS, baseline=lambda: rules)
    status, text = demo.page(parameters)
    assert status == 200 and rules.users == 0
    assert ("covisitation" in text.decode()) == (items is not None)
    assert items is None or section(text.decode(), "The baseline") == items


def test_a_user_nobody_knows_is_answered_by_the_rules(answering):
    status, text = page(answering, ("user", "nobody"))
    assert status == 200
    assert "Nothing is known of this user: the rules answer." in text
    assert section(text, "The model serves") == ["A", "B", "C", "D", "E", "F"]


def test_what_the_server_was_told_is_history_too(answering):
    answering.events(b'{"events": [{"user_id": "u1", "item_id": "B", "event": "click"}]}')
    assert section(page(answering)[1], "History") == ["B", "A"]


def test_without_titles_users_or_a_ranking_head_it_shows_what_there_is(tmp_path):
    class Bare(SmallModel):
        def titles(self):
            return {}

    def make(version):
        model = Bare(version.number)
        model.inputs = {name: inputs for name, inputs in model.inputs.items() if name != "rank"}
        return model

    def gone():
        raise LogError("events/", "is <not> there.", "Look.")

    push(tmp_path, 5)
    status, text = page(service(tmp_path, make=make), users=gone)
    assert status == 200
    assert section(text, "No history") == ["A", "B", "C", "D", "E", "F"]
    assert "No users to choose from" in text and "&lt;not&gt;" in text
    assert "%</span>" not in text and "The baseline" not in text


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ([("age", "old")], "age needs a number, got &#39;old&#39;"),
        ([("user", "u" * 600)], "needs at most 512 bytes"),
        ([("clicked", "A")] * 1_200, "needs at most 1,000 ids"),
    ],
)
def test_what_is_wrong_with_the_address_is_said_on_the_page(answering, parameters, said):
    status, text = page(answering, *parameters)
    assert 400 <= status < 500
    assert said in text


def test_nothing_of_it_is_logged_or_remembered_and_a_browser_may_run_no_script(tmp_path):
    push(tmp_path / "serving", 5)
    log = EventLog(tmp_path / "log")
    answering = service(tmp_path / "serving", log, explore=1.0)
    with serving(answering, close=log.close, demo=Demo(answering, lambda: USERS)) as client:
        status, text, headers = client.page("/demo?user=u1&clicked=B&age=7")
        assert (status, section(text, "The model serves")) == (200, ["C", "D", "E", "F"])
        assert (
            headers["content-type"].startswith("text/html")
            and "default-src 'none'" in headers["content-security-policy"]
        )
        assert client.page("/demo?user=%00%ff&age=nan")[0] < 500
    assert list((tmp_path / "log").iterdir()) == []
    assert answering.read_histories([b"u1"]) == [[]]


def test_without_a_version_it_says_so(tmp_path):
    status, text = page(service(tmp_path))
    assert status == 503 and "no version is loaded yet" in text


SHOP = dataclasses.replace(LAUNCH, catalogue=Catalogue("items", "id", categories=("kind",)))


def test_a_category_can_be_chosen_and_stays_chosen_after_a_click(tmp_path):
    push(tmp_path, 5)
    answering = service(tmp_path, launch=SHOP)
    _, text = page(answering)
    assert re.findall(r'<select name="(.*?)">', text) == ["filter_kind"]
    assert re.findall(r"<option>(.*?)</option>", text) == ["hat", "mug"]
    status, text = page(answering, ("user", "u1"), ("filter_kind", "hat"))
    assert (status, section(text, "The model serves")) == (200, ["D", "E", "F"])
    assert section(text, "No history") == ["D", "E", "F"]
    assert "<option selected>hat</option>" in text
    (link,) = re.findall(r'href="(\?[^"]*clicked=D)"', text.split("The model serves")[1])
    assert html.unescape(link) == "?user=u1&filter_kind=hat&clicked=D"
    status, text = page(answering, ("filter_kind", "<b>"))
    assert status == 400 and "one of hat, mug" in text and "<b>" not in text


def test_the_items_like_one_are_shown_and_who_says_so(tmp_path):
    push(tmp_path, 5)
    answering = service(tmp_path, launch=SHOP)
    _, text = page(answering, ("user", "u1"), ("clicked", "C"))
    assert "?user=u1&amp;clicked=C&amp;like=D" in text
    status, text = page(answering, ("user", "u1"), ("like", "A"), ("filter_kind", "mug"))
    assert (status, section(text, "Similar to Mug &lt;A&gt; &amp; co")) == (200, ["B", "C"])
    assert "answered by: model" in text


def test_a_version_without_lists_and_filters_has_a_page_too(tmp_path):
    class Old(SmallModel):
        def choices(self):
            return {}

    push(tmp_path, 5)
    status, text = page(service(tmp_path, launch=SHOP, make=lambda version: Old(version.number)))
    assert status == 200 and "<select" not in text
