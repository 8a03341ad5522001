"""The server under requests made from its own OpenAPI: right ones, almost right ones, and ones of the wrong kind altogether."""

import hypothesis
import pytest
import tensorflow as tf
from small_recommenders import next_item, save_table
from small_server import LAUNCH, service, serving

from components.serving.loaded_model import LoadedModel

schemathesis = pytest.importorskip("schemathesis", reason="the dev group of pyproject.toml brings it")
pytestmark = pytest.mark.tensorflow

EXAMPLES = 30
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
GOOD = {"instances": [{"user_id": "u", "history": ["3"]}], "n": 1}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A server with a real model."""
    folder = tmp_path_factory.mktemp("serving")
    save_table(folder / "5", next_item(count=10), LAUNCH, context={"device": tf.string, "age": tf.float32})
    with serving(service(folder, make=lambda version: LoadedModel(version.number, version.folder))) as client:
        yield client


BODIES = ["/v1/models/{name}:predict", "/v1/models/{name}/versions/{version}:predict", "/v1/events"]
LOOKED_UP = ["/v1/models/{name}/versions/{version}", "/v1/models/{name}/metadata"]
ALLOWED = [("POSITIVE", "POST", path) for path in BODIES] + [("POSITIVE", "GET", path) for path in LOOKED_UP]


@pytest.mark.parametrize(("mode", "method", "path"), [*ALLOWED, *(("NEGATIVE", "POST", path) for path in BODIES)])
def test_whatever_the_description_allows_or_not_there_is_an_answer_as_described(client, mode, method, path):
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{client.port}/openapi.json")
    operation, statuses = schema[path][method], set()
    named = {"name": "toy"} | ({"version": "5"} if "version" in path else {})

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        case=operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode]),
        known=hypothesis.strategies.booleans(),
    )
    def ask(case, known):
        if known and case.path_parameters:
            case.path_parameters = named
        response = case.call()
        statuses.add(response.status_code)
        case.validate_response(response, checks=[getattr(schemathesis.checks, check) for check in CHECKS])

    ask()
    assert client.predict(GOOD)[1]["predictions"] == [{"item_ids": ["4"], "scores": [1.0]}], (
        "the next good request is answered"
    )
    assert statuses & {200, 400}, "requests got as far as their values"
