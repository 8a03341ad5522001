"""Graphs that signatures share."""

import pytest
import tensorflow as tf

from components.registry.graph_functions import concrete, share

pytestmark = pytest.mark.tensorflow


class Doubled(tf.Module):
    """Two signatures that need the double of their inputs."""

    def __init__(self):
        super().__init__()
        self.traces = 0
        self.doubled = share(self._double, tf.TensorSpec([None]), {"more": tf.TensorSpec([None])})

    def _double(self, values, columns):
        self.traces += 1
        return 2 * (values + columns["more"])

    def add(self, values):
        return {"sum": self.doubled(values, {"more": values}) + 1}

    def multiply(self, values):
        return {"product": self.doubled(values, {"more": values}) * 10}


def test_signatures_trace_and_save_what_they_share_once(tmp_path):
    module, spec = Doubled(), tf.TensorSpec([None], tf.float32, "values")
    signatures = {"add": concrete(module.add, spec), "multiply": concrete(module.multiply, spec)}
    tf.saved_model.save(module, str(tmp_path), signatures)
    assert module.traces == 1
    loaded, values = tf.saved_model.load(str(tmp_path)), tf.constant([1.0, 2.0])
    assert loaded.signatures["add"](values=values)["sum"].numpy().tolist() == [5.0, 9.0]
    assert loaded.signatures["multiply"](values=values)["product"].numpy().tolist() == [40.0, 80.0]
    assert not hasattr(loaded, "doubled")
