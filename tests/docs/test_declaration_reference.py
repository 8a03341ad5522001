"""docs/declaration.md says what the code says."""

from pipeline import reference


def test_the_page_is_the_one_that_make_reference_writes():
    assert reference.PAGE.read_text(encoding="utf-8") == reference.render()


def test_every_field_has_a_meaning():
    assert [field.path for field in reference.list_fields() if not field.meaning] == []
