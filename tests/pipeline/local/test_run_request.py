from pathlib import Path

from pipeline import launches
from pipeline.local.run_request import GRAPH, Request
from pipeline.settings import Settings


def test_a_request_survives_its_line_of_json(tmp_path):
    settings = Settings.from_environment({}, {"workspace": str(tmp_path)})
    for request in (
        Request(launches.load("shop"), settings),
        Request(launches.load("movielens"), settings, "SchemaGate", "Trainer", "mine.graph", 7),
    ):
        line = request.to_json()
        assert "\n" not in line
        assert Request.from_json(line) == request


def test_the_graph_is_named_where_it_is(tmp_path):
    module, function = GRAPH.rsplit(".", 1)
    file = Path(__file__).resolve().parents[3] / (module.replace(".", "/") + ".py")
    assert f"def {function}(" in file.read_text()
