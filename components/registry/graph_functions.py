"""TensorFlow graphs of Python functions, without AutoGraph: nothing here branches on a tensor."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def concrete(function: Callable, *inputs: tf.TensorSpec, **named: tf.TensorSpec) -> Callable:
    """Returns the concrete function for some inputs."""
    return tf.function(function, autograph=False).get_concrete_function(*inputs, **named)


def share(function: Callable, *inputs: Any) -> Callable:
    """Returns the function as one graph, traced when it is first called, that all signatures which call it share.

    Without it each signature holds a graph of its own of what they have in common, like the scores: the export traces
    them all, and everyone who loads the model reads them all.

    Args:
      function: takes tensors, or dictionaries of them, by position.
      inputs: the `tf.TensorSpec` of each, or a dictionary of them.
    """
    graph = tf.function(function, autograph=False, input_signature=inputs)

    # Inside a Python function TensorFlow's tracking does not look for it: a SavedModel would offer it as a method.
    def call(*given: Any) -> Any:
        return graph(*given)

    return call
