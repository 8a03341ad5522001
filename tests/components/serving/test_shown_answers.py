import dataclasses
import tracemalloc

from components.serving.shown_answers import Shown, ShownAnswers

SHOWN = Shown("u", "r", ["B", "A"], [0.75, 0.25], "explore", "17", {"device": b"tv", "age": 4.0}, 2_000_500)


def answer(number, width=6, items=10):
    ids = [f"i{(number * items + place) % 1_000:0{width}d}" for place in range(items)]
    context = {"device": b"mobile", "age": 40.0, "history": ["x" * 100] * 50}
    return Shown(
        f"u{number:05d}",
        f"{number:016x}",
        ids,
        [0.9 + 0.01 * place for place in range(items)],
        "model",
        "1795449687",
        context,
        10**15 + number,
    )


def test_an_answer_comes_back_as_it_was():
    answers = ShownAnswers(("device", "age"))
    answers.add(SHOWN)
    assert answers.get("r") == SHOWN
    assert answers.get("other") is answers.get(None) is None


def test_only_the_declared_context_is_kept():
    answers = ShownAnswers(("device",))
    answers.add(dataclasses.replace(SHOWN, context={"device": b"tv", "history": [b"x"] * 1_000}))
    assert answers.get("r").context == {"device": b"tv"}


def test_the_oldest_are_forgotten_when_there_is_no_room():
    answers = ShownAnswers((), most_bytes=50_000)
    for number in range(1_000):
        answers.add(answer(number))
    assert answers.bytes <= 50_000 and 30 < len(answers) < 100
    assert answers.get(f"{999:016x}") and answers.get(f"{999 - len(answers) + 1:016x}")
    assert answers.get(f"{999 - len(answers):016x}") is None


def test_the_bound_is_that_of_the_memory_python_takes():
    """Python's own account of all allocations stays within a fifth of the bound, for short and for long ids."""
    for width, items in ((6, 10), (490, 10), (6, 100)):
        answers = ShownAnswers(("device", "age"), most_bytes=600_000)
        tracemalloc.start()
        for number in range(1_200):
            answers.add(answer(number, width, items))
        memory = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert 0.7 * 600_000 < memory < 1.2 * 600_000, (width, items, memory, answers.bytes)
