import json

import pytest

from pipeline.kubeflow import input_types

SCHEMA = (
    "title: tfx.{}\ntype: object\nproperties:\n  span:\n    type: integer\n    description: Span for an artifact.\n"
)
DECLARED = {
    "artifacts": {
        "model": {"artifactType": {"instanceSchema": SCHEMA.format("Model")}},
        "examples": {"artifactType": {"instanceSchema": SCHEMA.format("Examples")}, "isOptional": True},
    },
    "parameters": {"code": {"parameterType": "STRING"}, "format": {"parameterType": "NUMBER_INTEGER"}},
}


def test_the_short_text_by_eye():
    assert input_types.encode(json.dumps(DECLARED, indent=2)) == "examples:tfx.Examples,model:tfx.Model;format"
    assert input_types.encode("{}") == ";"


def test_titles_and_integers_come_back():
    decoded = json.loads(input_types.decode(input_types.encode(json.dumps(DECLARED))))
    titles = {name: artifact["artifactType"]["instanceSchema"] for name, artifact in decoded["artifacts"].items()}
    assert titles == {"model": "title: tfx.Model", "examples": "title: tfx.Examples"}
    assert decoded["parameters"] == {"format": {"parameterType": "NUMBER_INTEGER"}}


@pytest.mark.parametrize("text", ["{}", json.dumps(DECLARED)])
def test_json_stays_json(text):
    assert input_types.decode(text) == text
    assert input_types.decode("") == "{}"


def test_another_text_is_refused():
    with pytest.raises(ValueError, match="NAME:TITLE"):
        input_types.decode("model")
