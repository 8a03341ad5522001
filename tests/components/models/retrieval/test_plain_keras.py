"""The retrieval model on a plain Keras model in place of TensorFlow Recommenders': the same losses, so that one may leave TFRS."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs
import tf_keras
from toy_shop import KERAS_SEEDS, LAUNCH, data, events

from components.models.retrieval import retrieval_model, retrieval_training
from components.models.retrieval.context import RequestContext

pytestmark = [pytest.mark.tensorflow, KERAS_SEEDS]


class PlainModel(tf_keras.Model):
    """All that this project uses of `tfrs.Model`: a training step on `compute_loss`."""

    def train_step(self, inputs):
        """One step of the optimizer; returns the losses."""
        with tf.GradientTape() as tape:
            loss = self.compute_loss(inputs, training=True)
            regularization = tf.add_n(self.losses) if self.losses else tf.constant(0.0)
            total = loss + regularization
        gradients = tape.gradient(total, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss, "regularization_loss": regularization, "total_loss": total}


def plain_retrieval_model(monkeypatch):
    """Our retrieval model, its module loaded once more with the plain model in TFRS's place."""
    monkeypatch.setattr(tfrs, "Model", PlainModel)
    spec = importlib.util.spec_from_file_location("plain_retrieval_model", retrieval_model.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.undo()
    return module.RetrievalModel


def losses(monkeypatch, model_class):
    """The loss of each training step, and the trained item vectors."""
    recorded = []

    class Noting(model_class):
        def train_step(self, inputs):
            answer = super().train_step(inputs)
            tf.py_function(lambda loss: recorded.append(float(loss)), [answer["loss"]], [])
            return answer

    monkeypatch.setattr(retrieval_training, "RetrievalModel", Noting)
    shop = data(LAUNCH, events(LAUNCH, users=40))
    request = RequestContext(LAUNCH.log.context, shop.transform)
    tf.keras.utils.set_random_seed(3)
    towers = retrieval_training.train(shop, request, request.of_rows(shop.events.context), "test")
    return np.array(recorded), towers.model.vectors().numpy()


def test_a_plain_keras_model_reaches_the_same_loss(monkeypatch):
    ours, our_vectors = losses(monkeypatch, retrieval_model.RetrievalModel)
    plain_class = plain_retrieval_model(monkeypatch)
    assert not issubclass(plain_class, retrieval_model.RetrievalModel)
    assert issubclass(plain_class, PlainModel)
    assert not isinstance(PlainModel(), tfrs.Model)
    plain, plain_vectors = losses(monkeypatch, plain_class)
    assert len(ours) == len(plain) > 10
    assert ours[-1] < ours[0]
    assert plain == pytest.approx(ours, abs=1e-6)
    assert plain_vectors == pytest.approx(our_vectors, abs=1e-6)
