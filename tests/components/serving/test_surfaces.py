"""Pages, similar items and lists over HTTP: what is answered, what is logged, what is hidden, who answers whom."""

import dataclasses
import json

import pytest
from small_server import LAUNCH, SmallModel, push, service, serving

from components.declaration import Catalogue, Experiment
from components.experiment.assignment import assign_user
from components.registry.experiment_push import begin_state
from components.registry.experiment_state import find_control, write_state
from components.serving.arms import Arms
from components.serving.event_log import EventLog
from components.serving.model_holder import ModelHolder

SHOP = dataclasses.replace(LAUNCH, catalogue=Catalogue("items", "id", categories=("kind",)))
PREDICT, SIMILAR, NEWEST = "/v1/models/toy:predict", "/v1/similar", "/v1/lists/newest"


@pytest.fixture
def server(tmp_path):
    push(tmp_path / "serving", 5)
    log = EventLog(tmp_path / "log")
    with serving(service(tmp_path / "serving", log, launch=SHOP), close=log.close) as client:
        yield client, log, tmp_path / "log"


def rows(log, folder):
    log.close()
    return [json.loads(line) for file in folder.glob("traffic-*") for line in file.read_text().splitlines()]


def items(client, path, **body):
    status, answer = client.ask("POST", path, body)
    assert status == 200, answer
    return answer["predictions"][0]["item_ids"] if path == PREDICT else answer["item_ids"]


def test_each_surface_takes_n_offset_and_filters(server):
    client, *_ = server
    user = {"instances": [{"user_id": "u"}]}
    assert items(client, PREDICT, **user, n=2, offset=3) == ["D", "E"]
    assert items(client, PREDICT, **user, filters={"kind": "hat"}, n=2) == ["D", "E"]
    assert items(client, PREDICT, **user, filters={"kind": ["hat", "mug"]}) == list("ABCDEF")
    assert items(client, PREDICT, **user, offset=100) == []
    assert items(client, SIMILAR, item_ids=["A"], n=3, offset=1) == ["C", "D", "E"]
    assert items(client, SIMILAR, item_ids=["A", "D"], filters={"kind": "hat"}) == ["E", "F"]
    assert items(client, NEWEST, n=2, exclude_ids=["A"]) == ["B", "C"]
    assert items(client, NEWEST, filters={"kind": "mug"}, offset=2) == ["C"]
    assert client.ask("POST", NEWEST, b"")[1]["item_ids"] == list("ABCDEF"), "no body asks for nothing special"


def test_what_is_shown_is_logged_with_who_answered_and_positions_count_from_the_offset(server):
    client, log, folder = server
    context = {"device": "tv", "age": 3}
    _, answer = client.ask(
        "POST", SIMILAR, {"item_ids": ["A"], "user_id": "u", "n": 2, "offset": 1, "context": context}
    )
    assert (answer["policy"], answer["model_version"]) == ("similar:model", "5")
    client.ask("POST", NEWEST, {"user_id": "u", "n": 1})
    client.ask("POST", PREDICT, {"instances": [{"user_id": "u"}], "n": 1, "offset": 2})
    client.ask("POST", NEWEST, {"n": 1})  # nobody
    client.ask("POST", NEWEST, {"n": 1, "user_id": "u", "log": False})
    click = {"user_id": "u", "item_id": "C", "event": "click", "request_id": answer["request_id"]}
    assert client.ask("POST", "/v1/events", {"events": [click]})[0] == 200
    written = rows(log, folder)
    assert [(row["item"], row["place"], row["policy"], row["event"]) for row in written] == [
        ("C", 1, "similar:model", "shown"),
        ("D", 2, "similar:model", "shown"),
        ("A", 0, "list:newest", "shown"),
        ("C", 2, "model", "shown"),
        ("C", 1, "similar:model", "click"),
    ]
    assert {(row["device"], row["age"]) for row in written[:2]} == {("tv", 3.0)}
    assert all(row["chance"] == 1.0 and row["version"] == "5" for row in written)


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        (SIMILAR, {}, 400, "item_ids needs the ids"),
        (SIMILAR, {"item_ids": []}, 400, "item_ids needs the ids"),
        (SIMILAR, {"item_ids": "A"}, 400, "item_ids needs a list"),
        (SIMILAR, {"item_ids": [True]}, 400, "item_ids[0]"),
        (SIMILAR, {"item_ids": ["A"] * 1001}, 413, "at most 1,000"),
        (SIMILAR, {"item_ids": ["A"], "k": 3}, 400, 'no "k"'),
        (SIMILAR, {"item_ids": ["A"], "n": 0}, 400, "n needs"),
        (SIMILAR, {"item_ids": ["A"], "user_id": "\x01"}, 400, "control characters"),
        (SIMILAR, {"item_ids": ["A"], "log": "no"}, 400, "log needs"),
        (SIMILAR, {"item_ids": ["A"], "context": ["tv"]}, 400, "context needs"),
        (SIMILAR, {"item_ids": ["A"], "context": {"devise": "tv"}}, 400, 'context has no "devise"'),
        (SIMILAR, {"item_ids": ["A"], "context": {"age": "old"}}, 400, "context.age needs a number"),
        (NEWEST, {"item_ids": ["A"]}, 400, 'no "item_ids"'),
        (NEWEST, {"filters": {"kind": "shoe"}}, 400, "one of hat, mug"),
        (NEWEST, {"filters": {"price": 1}}, 400, 'filters has no "price"'),
        (NEWEST, b"[", 400, "needs JSON"),
        ("/v1/lists/oldest", {}, 404, "there are newest"),
        ("/v1/lists/%00", {}, 404, "there is no list"),
        (
            PREDICT,
            {"instances": [{"user_id": "u", "item_ids": ["A"]}], "signature_name": "rank", "n": 1},
            400,
            "belong",
        ),
    ],
)
def test_what_is_wrong_is_refused(server, path, body, status, said):
    client, log, folder = server
    got, answer = client.ask("POST", path, body)
    assert (got, said in answer["error"]) == (status, True), answer
    assert rows(log, folder) == []


def test_withheld_items_are_on_no_surface_and_the_pages_are_full(server):
    client, *_ = server
    assert client.ask("POST", "/v1/items/withhold", {"item_ids": ["B"]})[0] == 200
    assert items(client, PREDICT, instances=[{"user_id": "u"}], n=2, filters={"kind": "mug"}) == ["A", "C"]
    assert items(client, SIMILAR, item_ids=["A"], n=2) == ["C", "D"]
    assert items(client, NEWEST, n=2) == ["A", "C"]
    blank = {"user_id": "u", "n": 2, "offset": 0, "filter_kind": [], "history": []}
    assert items(client, PREDICT, signature_name="recommend_page", instances=[blank]) == ["A", "C"]


def test_the_signatures_are_answered_in_tf_servings_form_too(server):
    client, log, folder = server
    lists = {"signature_name": "list_items", "instances": [{"rule": "newest", "n": 1}, {"rule": "newest", "n": 2}]}
    _, answer = client.ask("POST", PREDICT, lists)
    assert [row["item_ids"] for row in answer["predictions"]] == [["A"], ["A", "B"]]
    assert rows(log, folder) == [], "as with every signature but serving_default, nothing says that it is shown"


class OldModel(SmallModel):
    """A version from before there were pages."""

    def __init__(self, number):
        super().__init__(number)
        self.inputs = {name: self.inputs[name] for name in ("serving_default", "rank")}

    def choices(self):
        return {}


def test_a_version_from_before_answers_what_it_can(tmp_path):
    push(tmp_path, 4)
    with serving(service(tmp_path, launch=SHOP, make=lambda version: OldModel(version.number))) as client:
        assert items(client, PREDICT, instances=[{"user_id": "u"}], n=2) == ["A", "B"]
        for path, body in (
            (SIMILAR, {"item_ids": ["A"]}),
            (NEWEST, {}),
            (PREDICT, {"instances": [{"user_id": "u"}], "n": 99}),
        ):
            status, answer = client.ask("POST", path, body)
            assert status == 404 and "version 4" in answer["error"]


def test_a_user_gets_every_surface_from_the_version_of_their_arm(tmp_path):
    folder = tmp_path / "toy"
    push(folder, 20)
    push(find_control(folder), 10)
    state = begin_state(
        {"launch": "toy", "ramp": (1.0,), "days": 14, "holdout": 0.2, "planned_variance": None}, 10, 20, 100
    )
    write_state(folder, state)
    make = lambda version: SmallModel(version.number)  # noqa: E731
    arms = Arms(ModelHolder(folder, make), ModelHolder(find_control(folder), make))
    arms.served.check()
    arms.control.check()
    arms.check()
    answering = service(folder, launch=dataclasses.replace(SHOP, experiment=Experiment("click")), arms=arms)
    with serving(answering) as client:
        for user in (f"u{number}" for number in range(20)):
            version = {0: "10", 1: "20"}[assign_user(state.id, 1.0, user)]
            for path, body in ((SIMILAR, {"item_ids": ["A"]}), (NEWEST, {})):
                assert client.ask("POST", path, body | {"user_id": user})[1]["model_version"] == version
