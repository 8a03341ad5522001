"""The answer to a predict request in TF Serving's REST form.

Rows: {"predictions": [{"item_ids": [...], "scores": [...]}, ...]}; columns: {"outputs": {"item_ids": [[...], ...],
  ...}}. A signature with
one output gives its bare value. What pads an answer (ids "" with scores of -inf, items beyond a row's own) is cut off.
"""

import json
import math
import typing
from collections.abc import Mapping, Sequence

import numpy as np

from components.serving.predict_request import ITEMS, PredictRequest

Answer = dict[str, typing.Any]


def rows(request: PredictRequest, outputs: Mapping[str, np.ndarray]) -> list[Answer]:
    """Returns the outputs per row, as plain values."""
    plain = {name: _plain(values) for name, values in outputs.items()}
    answers = [{name: values[place] for name, values in plain.items()} for place in range(len(request.rows))]
    for answer, row in zip(answers, request.rows, strict=True):
        if ITEMS in answer:
            keep = sum(1 for item in answer[ITEMS] if item)
        elif isinstance(row.get(ITEMS), list):
            keep = len(row[ITEMS])
        else:
            continue
        answer.update({name: value[:keep] for name, value in answer.items()})
    return answers


def cut(answers: Sequence[Answer], n: int | None) -> None:
    """Leaves the first `n` of each recommendation."""
    for answer in answers:
        if n is not None and ITEMS in answer:
            answer.update({name: value[:n] for name, value in answer.items()})


def encode(request: PredictRequest, answers: Sequence[Answer], more: Mapping[str, object]) -> bytes:
    """Returns the body of the answer; `more` is added to TF Serving's own keys."""
    bare = len(answers[0]) == 1 if answers else False
    if request.columns:
        columns = {name: [answer[name] for answer in answers] for name in answers[0]}
        body: dict[str, object] = {"outputs": next(iter(columns.values())) if bare else columns}
    else:
        body = {"predictions": [next(iter(answer.values())) for answer in answers] if bare else list(answers)}
    return json.dumps(body | dict(more), allow_nan=False).encode()


def _plain(values: np.ndarray) -> list:
    """Nested lists that JSON can hold: text for bytes, null for what is no number."""
    if values.dtype == object:
        return _texts(values.tolist())
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return _without_infinities(values.tolist())
    return values.tolist()


def _texts(value: typing.Any) -> typing.Any:
    return [_texts(element) for element in value] if isinstance(value, list) else value.decode("utf-8", "replace")


def _without_infinities(value: typing.Any) -> typing.Any:
    if isinstance(value, list):
        return [_without_infinities(element) for element in value]
    return value if math.isfinite(value) else None
