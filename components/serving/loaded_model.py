"""A version in memory: a SavedModel behind a session, its signatures, its warm-up.

It is loaded as TF Serving loads it, into a session, and not by `tf.saved_model.load`: a load takes 0.45 CPU-s instead
of 0.7 (the shop's model), most of it outside of Python, so that requests go on meanwhile. TensorFlow is imported by the
functions that need it.
"""

import logging
import threading
import typing
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.errors import DayoneError, first_line
from components.registry import card_file, vector_file
from components.serving.predict_request import DEFAULT_SIGNATURE, ITEMS
from components.serving.request_errors import RequestError
from components.serving.request_values import BLANK
from components.serving.signature_input import Input

NEEDED_OUTPUTS = (ITEMS, "scores")
PROBED = (DEFAULT_SIGNATURE, "rank", "embed_query", "embed_items")
PROBE_ROWS = 2
Arrays = dict[str, np.ndarray]


class ModelError(DayoneError):
    """A version that cannot serve."""


class LoadedModel:
    """One version; call `close` when no request uses it any more."""

    def __init__(self, number: int, folder: Path, threads: int = 1):
        """Loads the SavedModel.

        Args:
          number: of the version.
          folder: of the version.
          threads: how many calls run at once; each of them runs on one core, which suits many small requests.

        Raises:
          ModelError: if the folder holds no SavedModel that keeps the contract.
        """
        self.number, self.folder, self.card = number, folder, card_file.read(folder)
        self._session, signatures = _open(folder, threads)
        self._calls = {
            name: _Call(self._session, definition)
            for name, definition in signatures.items()
            if _is_served(name, definition)
        }
        self._catalogue = _make_lookup(self._session, signatures.get("catalogue"), {ITEMS, "titles"})
        self._ask_choices = _make_lookup(self._session, signatures.get("choices"), {"rules"})
        self._titles: dict[str, str] | None = None
        self._choices: dict[str, typing.Any] | None = None
        self._known = vector_file.known_ids(folder)
        self.inputs: dict[str, tuple[Input, ...]] = {name: call.inputs for name, call in self._calls.items()}
        self.outputs: dict[str, tuple[Input, ...]] = {name: call.outputs for name, call in self._calls.items()}
        self._users, self._retired, self._lock = 0, False, threading.Lock()
        self._check_outputs()

    def _check_outputs(self) -> None:
        missing = set(NEEDED_OUTPUTS) - {tensor.name for tensor in self.outputs.get(DEFAULT_SIGNATURE, ())}
        if missing:
            self.close()
            raise ModelError(
                f"version {self.number} needs a signature {DEFAULT_SIGNATURE} with {' and '.join(NEEDED_OUTPUTS)}; "
                f"it lacks {sorted(missing)}."
            )

    def __call__(self, signature: str, inputs: Arrays) -> Arrays:
        """Asks a signature.

        Args:
          signature: its name.
          inputs: input name to array, see `predict_request.arrays`.

        Returns:
          Output name to array.

        Raises:
          RequestError: if the graph refuses the values (bytes that are no example).
        """
        import tensorflow as tf

        try:
            return self._calls[signature](inputs)
        except tf.errors.InvalidArgumentError as error:
            raise RequestError(f"signature {signature} of version {self.number} cannot read these inputs.") from error

    def warm_up(self) -> int:
        """Asks each signature of the contract a blank request of two rows, then what lies in the version's warm-up file.

        Returns:
          How many requests the file held.

        Raises:
          ModelError: if one of them fails: this version would fail people, too.
        """
        from components.registry import warmup

        count, has_requests = 0, (self.folder / warmup.WARMUP).is_file()
        try:
            for signature in PROBED:
                if signature in self._calls:
                    self._probe(signature)
            for signature, inputs in warmup.read(str(self.folder)) if has_requests else ():
                rows = {len(values) for values in self._calls[signature](inputs).values()}
                if rows != {len(next(iter(inputs.values())))}:
                    raise ModelError(f"version {self.number} answers {signature} with {sorted(rows)} rows.")
                count += 1
        except ModelError:
            raise
        except Exception as error:  # whatever a version's graph raises, the answer is the same: it is not served
            raise ModelError(f"version {self.number} fails its warm-up: {first_line(error)}") from error
        return count

    def _probe(self, signature: str) -> None:
        """Asks a blank request of two rows, made from the signature alone, and checks the answer as a caller would read it."""
        inputs = {tensor.name: _blank(tensor) for tensor in self.inputs[signature]}
        outputs = self._calls[signature](inputs)
        shapes = {name: values.shape for name, values in outputs.items()}
        if any(shape[:1] != (PROBE_ROWS,) for shape in shapes.values()):
            raise ModelError(f"version {self.number} answers {signature} of {PROBE_ROWS} rows with shapes {shapes}.")
        if signature != DEFAULT_SIGNATURE:
            return
        items, scores = outputs[ITEMS], outputs["scores"]
        if items.dtype != object or items.ndim != 2 or scores.shape != items.shape or scores.dtype.kind != "f":
            raise ModelError(
                f"version {self.number} needs {ITEMS} and scores of one shape, text and floats, got "
                f"{ITEMS} {items.dtype} {items.shape} and scores {scores.dtype} {scores.shape}."
            )
        if not np.isfinite(scores[items != b""]).all():
            raise ModelError(f"version {self.number} answers items with scores that are no numbers.")

    def titles(self) -> typing.Mapping[str, str]:
        """Item id to title, of what may be recommended; empty where the version does not say. Read once, when it is first asked for."""
        if self._titles is None:
            columns = self._catalogue({}) if self._catalogue else {ITEMS: np.array([]), "titles": np.array([])}
            ids, titles = (
                [text.decode("utf-8", "replace") for text in columns[name].tolist()] for name in (ITEMS, "titles")
            )
            self._titles = dict(zip(ids, titles, strict=True))
        return self._titles

    def choices(self) -> typing.Mapping[str, typing.Any]:
        """Input of each filter to its values, or to its least and greatest number; `rules` to the lists. Read once, when first asked for.

        Values are the keys of a dictionary: in order, and quick to look up.
        """
        if self._choices is None:
            outputs = self._ask_choices({}) if self._ask_choices else {}
            self._choices = {
                name: dict.fromkeys(text.decode("utf-8", "replace") for text in values.tolist())
                if values.dtype == object
                else values.tolist()
                for name, values in outputs.items()
            }
        return self._choices

    def answers_as(self, history: Sequence[bytes]) -> str:
        """Returns the policy that answers such a history: without a known item the model leaves it to its rules."""
        if self._known is not None and self._known.isdisjoint(history):
            return "rules"
        return str(self.card.get("kind", "model"))

    def acquire(self) -> bool:
        """Begins a use, until whose end the session stays open; False if it is closed already."""
        with self._lock:
            if self._retired and not self._users:
                return False
            self._users += 1
            return True

    def release(self) -> None:
        """Ends a use."""
        with self._lock:
            self._users -= 1
            done = self._retired and not self._users
        if done:
            self.close()

    def retire(self) -> None:
        """Closes as soon as the last use has ended."""
        with self._lock:
            self._retired, done = True, not self._users
        if done:
            self.close()

    def close(self) -> None:
        """Gives the memory back."""
        self._session.close()


class _Call:
    """One signature as a callable of the session: names resolved once, and run in the thread that calls, without a hop to TensorFlow's own.

    Measured on 1,000 items, one request: 0.03 ms; `Session.make_callable`, which looks everything up again, 0.2; a
    signature of `tf.saved_model.load` 0.2. The method is TensorFlow's own (Keras 2 runs on it) and not of its public
    interface: the tests hold it to the same answers and errors on every TensorFlow that is supported.
    """

    def __init__(self, session: typing.Any, definition: typing.Any):
        self.inputs = tuple(_describe_input(name, info) for name, info in sorted(definition.inputs.items()))
        self.outputs = tuple(_describe_input(name, info) for name, info in sorted(definition.outputs.items()))
        self._run = session._make_callable_from_options(_call_options(self.inputs, self.outputs, definition))

    def __call__(self, inputs: Arrays) -> Arrays:
        answers = self._run(*(inputs[tensor.name] for tensor in self.inputs))
        return {tensor.name: np.asarray(answer) for tensor, answer in zip(self.outputs, answers, strict=True)}


def _make_lookup(session: typing.Any, definition: typing.Any, needed: set[str]) -> _Call | None:
    """Returns the call of a signature without inputs; None where the version does not have it."""
    return _Call(session, definition) if definition and needed <= set(definition.outputs) else None


def _call_options(inputs: tuple[Input, ...], outputs: tuple[Input, ...], definition: typing.Any) -> typing.Any:
    from tensorflow.core.protobuf import config_pb2

    options = config_pb2.CallableOptions()
    options.feed.extend(definition.inputs[tensor.name].name for tensor in inputs)
    options.fetch.extend(definition.outputs[tensor.name].name for tensor in outputs)
    options.run_options.inter_op_thread_pool = -1  # the caller's thread
    return options


def _open(folder: Path, threads: int) -> tuple[typing.Any, dict[str, typing.Any]]:
    import tensorflow as tf

    # The loader says on every load that it is of TensorFlow 1; it is what TF Serving does in C++.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    graph = tf.Graph()
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=threads)
    session = tf.compat.v1.Session(graph=graph, config=config)
    try:
        with graph.as_default():
            loaded = tf.compat.v1.saved_model.loader.load(session, [tf.saved_model.SERVING], str(folder))
    except Exception as error:  # a broken folder raises whatever the broken part raises
        session.close()
        raise ModelError(f"{folder} does not load as a SavedModel: {first_line(error)}") from error
    return session, dict(loaded.signature_def)


def _is_served(name: str, definition: typing.Any) -> bool:
    return not name.startswith("__") and len(definition.inputs) > 0


def _describe_input(name: str, info: typing.Any) -> Input:
    import tensorflow as tf

    return Input(name, tf.dtypes.as_dtype(info.dtype).name, len(info.tensor_shape.dim))


def _blank(each: Input) -> np.ndarray:
    """Two rows in which nothing is known: what the server fills in for a missing value, and one unknown id where a list is wanted.

    Raises:
      ModelError: if the server could never fill this input.
    """
    if each.dtype not in BLANK or each.rank not in (1, 2) or (each.rank == 2 and each.dtype != "string"):
        raise ModelError(f"an input needs one of {', '.join(sorted(BLANK))} per row or a list of ids, got {each}.")
    blank = BLANK[each.dtype] if each.rank == 1 else b"no such item"
    return np.full((PROBE_ROWS,) + (1,) * (each.rank - 1), blank, object if each.dtype == "string" else each.dtype)
