"""KServe's own model server on a version folder: `kserve_server.py NAME FOLDER PORT`."""

import sys

import tensorflow as tf
from kserve import Model, ModelServer


class Version(Model):
    """Answers requests of the form {"signature_name": ..., "inputs": {input: column}}."""

    def __init__(self, name, folder):
        super().__init__(name)
        self.module, self.ready = tf.saved_model.load(folder), True

    def predict(self, payload, headers=None):
        signature = self.module.signatures[payload.get("signature_name", "serving_default")]
        kinds = signature.structured_input_signature[1]
        outputs = signature(
            **{name: tf.constant(column, kinds[name].dtype) for name, column in payload["inputs"].items()}
        )
        return {
            "outputs": {
                name: output.numpy().astype("U" if output.dtype == tf.string else None).tolist()
                for name, output in outputs.items()
            }
        }


if __name__ == "__main__":
    ModelServer(http_port=int(sys.argv[3]), enable_grpc=False).start([Version(*sys.argv[1:3])])
