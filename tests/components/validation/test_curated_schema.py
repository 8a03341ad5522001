"""The step of the curated schema: TFX's own executor, and a cache key that covers the file's content."""

import pytest
from tfx.components.schema_gen.import_schema_gen import executor
from tfx.types import standard_artifacts

from components.validation.curated_schema import CuratedSchema

pytestmark = pytest.mark.tensorflow

TEXT = 'feature { name: "user" type: BYTES presence { min_fraction: 1 } }\n'


def test_an_edit_changes_the_cache_key():
    one, two = CuratedSchema("schema.pbtxt", "aaaa"), CuratedSchema("schema.pbtxt", "bbbb")
    assert one.exec_properties == {"schema_file": "schema.pbtxt", "digest": "aaaa"}
    assert two.exec_properties == one.exec_properties | {"digest": "bbbb"}


def test_the_output_is_a_schema_artifact():
    node = CuratedSchema("schema.pbtxt", "aaaa").with_id("Schema")
    assert node.id == "Schema"
    assert list(node.outputs) == ["schema"]
    assert node.outputs["schema"].type is standard_artifacts.Schema


def test_the_artifact_holds_a_copy_of_the_file(tmp_path):
    (tmp_path / "log.pbtxt").write_text(TEXT)
    node = CuratedSchema(str(tmp_path / "log.pbtxt"), "aaaa")
    schema = standard_artifacts.Schema()
    schema.uri = str(tmp_path / "out")

    node.executor_spec.executor_class().Do({}, {"schema": [schema]}, dict(node.exec_properties))

    assert issubclass(node.executor_spec.executor_class, executor.Executor)
    assert (tmp_path / "out" / "schema.pbtxt").read_text() == TEXT
