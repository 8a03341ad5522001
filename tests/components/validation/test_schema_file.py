from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.atomic_file import write_atomically
from components.errors import SettingsError
from components.validation.schema_file import SchemaFile, render

CURATED = sorted((Path(__file__).parents[3] / "schema").glob("*/*/schema.pbtxt"))
TEXT = """\
# The header { with a brace and a "quote
feature {
  name: "a"  # inside a
  type: BYTES
  domain: "a"
}

# Before b.
feature { name: "b } #" type: INT }
string_domain {
  name: "a"
  value: "x"  # why x
}
# The end.
"""


def feature(text):
    return text_format.Parse(text, schema_pb2.Feature())


@pytest.mark.parametrize("path", CURATED, ids=lambda path: "-".join(path.parts[-3:-1]))
def test_a_block_written_anew_with_the_same_meaning_is_the_same_text(path):
    file = SchemaFile(path.read_text(), str(path))

    for name, meaning in file.features().items():
        file.replace("feature", name, meaning)
    for name, meaning in file.domains().items():
        file.replace("string_domain", name, meaning)

    assert file.text == path.read_text()


def test_only_the_named_block_changes():
    file = SchemaFile(TEXT, "schema")

    file.replace("feature", "b } #", feature('name: "b } #" type: FLOAT float_domain { min: 0.5 }'))

    changed = 'feature {\n  name: "b } #"\n  type: FLOAT\n  float_domain { min: 0.5 }\n}\n'
    assert file.text == TEXT.replace('feature { name: "b } #" type: INT }\n', changed)
    assert file.features()["b } #"].type == schema_pb2.FLOAT


def test_a_removed_block_leaves_the_comments_before_it():
    file = SchemaFile(TEXT, "schema")

    file.replace("feature", "a", None)

    assert file.text.startswith('# The header { with a brace and a "quote\n\n# Before b.\nfeature {')
    assert list(file.features()) == ["b } #"]


def test_a_new_block_is_appended():
    file = SchemaFile("feature { name: 'a' }", "schema")

    file.replace("feature", "c", feature('name: "c" type: INT'))

    assert file.text == "feature { name: 'a' }\nfeature {\n  name: \"c\"\n  type: INT\n}\n"


def test_comments_inside_a_block_are_listed():
    file = SchemaFile(TEXT, "schema")

    assert file.comments_in("feature", "a") == ["# inside a"]
    assert file.comments_in("string_domain", "a") == ["# why x"]
    assert file.comments_in("feature", "b } #") == []


def test_an_invalid_schema_file_is_an_error_with_its_line():
    with pytest.raises(SettingsError, match=r"schema needs a schema in protobuf's text form, got 'schema/x'. Line 2:1"):
        SchemaFile("feature { }\nfeatures { }", "schema/x")


def test_each_field_of_a_column_has_a_line():
    meaning = feature('value_count { min: 1 max: 1 } presence { min_count: 1 } bool_domain { } type: INT name: "é"')

    expected = [
        '  name: "é"',
        "  type: INT",
        "  bool_domain { }",
        "  presence { min_count: 1 }",
        "  value_count { min: 1 max: 1 }",
    ]
    assert render("feature", meaning).splitlines() == ["feature {", *expected, "}"]


def test_writing_replaces_the_file_and_leaves_no_other_file(tmp_path):
    path = tmp_path / "shop" / "log" / "schema.pbtxt"

    write_atomically(path, "one")
    path.chmod(0o640)
    write_atomically(path, "two")

    assert path.read_text() == "two"
    assert [file.name for file in path.parent.iterdir()] == ["schema.pbtxt"]
    assert path.stat().st_mode & 0o777 == 0o640
