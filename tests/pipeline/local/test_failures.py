import pytest

from components.errors import GateError, LogError
from pipeline.local import failures

OURS = LogError("events.csv row 2", "'x' is no number.", "Mend it.")
TEXT = "events.csv row 2: 'x' is no number. Mend it."


def raised(error, cause=None):
    """The error as it arrives: raised, perhaps while another was handled."""
    try:
        try:
            if cause:
                raise cause
        finally:
            raise error
    except type(error) as caught:
        return caught


def test_an_error_of_ours_is_its_own_message():
    assert failures.explain(OURS, "SchemaGate") == {"step": "SchemaGate", "expected": True, "message": TEXT}


@pytest.mark.parametrize("explicit", [True, False])
def test_it_is_found_among_the_causes(explicit):
    outer = raised(RuntimeError("wrapped"), OURS)
    if explicit:
        outer.__cause__, outer.__context__ = OURS, None
    assert failures.find_message(outer) == TEXT


def test_a_circle_of_causes_ends():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert failures.find_message(one) is None


# How Beam quotes an error that was raised inside a DoFn.
BEAM = f"""Traceback (most recent call last):
  File "runner.py", line 1, in process
RuntimeError: components.errors.LogError: {TEXT} [while running 'Read']
"""


def test_it_is_found_in_a_text_that_quotes_it():
    assert failures.find_message(RuntimeError(BEAM)) == TEXT


def test_a_quotation_keeps_its_lines_and_the_last_one_counts():
    text = f"{BEAM}\nDuring handling\nTraceback\ncomponents.errors.GateError: column a: gone.\ncolumn b: new. [while running 'SchemaGate']\n"
    assert failures.find_message(RuntimeError(text)) == "column a: gone.\ncolumn b: new."


def test_a_quotation_at_the_end_needs_no_step():
    assert failures.find_message(RuntimeError("components.errors.GateError: column a: gone.")) == "column a: gone."


def test_a_bug_is_named_by_type_and_last_line():
    assert failures.explain(ValueError("long\nstory"), "Trainer") == {
        "step": "Trainer",
        "expected": False,
        "message": "step Trainer failed: ValueError: story",
    }


def test_a_bug_without_words_or_step():
    assert failures.explain(KeyError(), "")["message"] == "the run failed: KeyError: no message"


def test_a_message_may_have_several_lines():
    assert failures.find_message(GateError("a\nb")) == "a\nb"
