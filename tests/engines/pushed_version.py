"""A version as the pipeline pushes it, and its warm-up requests with the answers of plain TensorFlow."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
import whole_runs
from tensorflow.core.protobuf import saved_model_pb2

from components.registry import warmup


@dataclasses.dataclass(frozen=True)
class Asked:
    """One request, and the answer that every other runtime should give."""

    signature: str
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]

    def check(self, outputs):
        """Texts are equal, numbers up to rounding."""
        assert outputs.keys() == self.outputs.keys()
        for name, expected in self.outputs.items():
            if expected.dtype == object:
                assert np.array_equal(outputs[name], expected), (self.signature, name)
            else:
                np.testing.assert_allclose(outputs[name], expected, rtol=1e-5, atol=1e-6, err_msg=name)


@dataclasses.dataclass(frozen=True)
class LocalRun:
    """A run on a sample of 20,000 events, in one process.

    Attributes:
      data: the sample's folder.
      groups: how many row groups its log has.
      workspace: of the run.
      step_seconds: of each step.
      version: the folder that was pushed.
    """

    data: Path
    groups: int
    workspace: Path
    step_seconds: dict[str, float]
    version: Path


def run_here(folder, groups=4):
    """Runs the pipeline."""
    data, workspace = whole_runs.generate(folder / "data", 20_000), folder / "runs"
    log = pq.read_table(data / "events.parquet")
    pq.write_table(log, data / "events.parquet", row_group_size=-(-len(log) // groups))
    status, printed, record = whole_runs.run(workspace, log=data)
    assert status == 0, printed
    (version,) = whole_runs.versions(workspace)
    pushed = workspace / "shop" / "serving" / "shop" / version
    return LocalRun(data, groups, workspace, {step["step"]: step["wall"] for step in record["steps"]}, pushed)


def ask(version):
    """Returns the version's warm-up requests, of all its signatures, with their answers."""
    signatures = tf.saved_model.load(str(version)).signatures
    asked = []
    for name, inputs in warmup.read(str(version)):
        answers = signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        asked.append(Asked(name, inputs, {key: value.numpy() for key, value in answers.items()}))
    assert {one.signature for one in asked} >= {"serving_default", "rank", "similar_items"}
    return asked


def signature_tensors(version, name):
    """Returns the tensors' names of a signature's inputs and outputs, such as "serving_default_history:0"."""
    saved = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    signature = saved.meta_graphs[0].signature_def[name]
    return ({key: one.name for key, one in side.items()} for side in (signature.inputs, signature.outputs))
