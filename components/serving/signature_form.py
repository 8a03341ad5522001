"""TF Serving's description of a signature, as its metadata has it."""

from components.serving.model_holder import Model
from components.serving.signature_input import Input


def describe_signature(model: Model, name: str) -> dict[str, object]:
    """Returns the inputs and outputs of a signature in TF Serving's form."""
    sides = {"inputs": model.inputs[name], "outputs": model.outputs[name]}
    described = {side: {tensor.name: _tensor(tensor) for tensor in tensors} for side, tensors in sides.items()}
    return described | {"method_name": "tensorflow/serving/predict"}


def _tensor(each: Input) -> dict[str, object]:
    dims = [{"size": "-1", "name": ""}] * each.rank
    dtype = "DT_" + {"float32": "FLOAT", "float64": "DOUBLE"}.get(each.dtype, each.dtype.upper())
    return {"dtype": dtype, "tensor_shape": {"dim": dims, "unknown_rank": False}}
