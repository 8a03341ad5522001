"""Whether TensorFlow's strategies for several devices and several workers pay for the towers: `make bench-strategies`.

The same windows of made-up histories train the same towers for the same number of steps, on this machine's CPU: in one
process; by `MirroredStrategy` on two logical devices; by `MultiWorkerMirroredStrategy` in two processes that find each
other by TF_CONFIG, as Kubeflow's training operator sets it. A batch of the strategies is that of one process, halved
for each replica. `loss` is the mean over the last tenth of the steps.

    make bench-strategies ARGS="--items 1000 --steps 200"
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fakes")]
os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}

REPLICAS, LENGTH, BATCH = 2, 50, 256
ONE, MIRRORED, WORKERS = "one process", "MirroredStrategy, 2 devices", "MultiWorkerMirroredStrategy, 2 workers"


def windows(items, rows, seed=1):
    """Histories on a ring: the next item is a step further, so that there is something to learn."""
    import numpy as np

    rng = np.random.default_rng(seed)
    start, stride = rng.integers(1, items, (rows, 1)), rng.integers(1, 4, (rows, 1))
    ring = (start + stride * np.arange(LENGTH + 1)) % (items - 1) + 1
    return {
        "history": ring[:, :-1].astype(np.int32),
        "target": ring[:, 1:].astype(np.int32),
        "weight": np.ones((rows, LENGTH), np.float32),
        "context": {},
    }


def towers(items, seed):
    """The retrieval model without a declared context."""
    import numpy as np
    import tensorflow as tf
    from small_recommenders import LAUNCH
    from small_recommenders import items as table

    from components.declaration import Model
    from components.models.retrieval.context import ContextEmbedding
    from components.models.retrieval.retrieval_model import RetrievalModel

    tf.keras.utils.set_random_seed(seed)
    counts = np.ones(items, int)
    return RetrievalModel(table(items - 1), counts, Model(history=LENGTH), ContextEmbedding({}, ())), LAUNCH


def train(strategy, items, steps):
    """Takes the steps; returns losses, seconds and CPU seconds after the first step, which traces."""
    import numpy as np
    import tensorflow as tf

    from components.models.retrieval.lazy_adam import LazyAdam

    replicas = strategy.num_replicas_in_sync
    data = tf.data.Dataset.from_tensor_slices(windows(items, 40 * BATCH)).repeat().batch(BATCH, drop_remainder=True)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    with strategy.scope():
        model, _ = towers(items, seed=3)
        model.compute_loss(tf.nest.map_structure(lambda column: column[:1], next(iter(data))))
        optimizer = LazyAdam(1e-3)
        optimizer.build(model.trainable_variables)

    def step(batch):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(batch, training=True) / replicas
        optimizer.apply_gradients(
            zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
        )
        return loss

    @tf.function
    def everywhere(batch):
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(step, args=(batch,)), axis=None)

    batches = iter(strategy.experimental_distribute_dataset(data.with_options(options)))
    losses = [float(everywhere(next(batches)))]
    began, cpu = time.monotonic(), time.process_time()
    losses += [float(everywhere(next(batches))) for _ in range(steps - 1)]
    return (
        losses[0],
        float(np.mean(losses[-max(steps // 10, 1) :])),
        time.monotonic() - began,
        time.process_time() - cpu,
    )


def run_one(how, items, steps):
    """In this process, which is one of the two workers where TF_CONFIG says so."""
    import tensorflow as tf

    if how == MIRRORED:
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS)
        strategy = tf.distribute.MirroredStrategy([f"/cpu:{number}" for number in range(REPLICAS)])
    elif how == WORKERS:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    print(json.dumps(train(strategy, items, steps)))


def measure(how, items, steps):
    """Starts the processes; returns first and last loss, seconds, and the CPU seconds of all."""
    from beam_workers import free_port

    command = [sys.executable, __file__, "--how", how, "--items", str(items), "--steps", str(steps)]
    cluster = {"worker": [f"localhost:{free_port()}" for _ in range(REPLICAS if how == WORKERS else 1)]}
    processes = []
    for index in range(len(cluster["worker"])):
        config = {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})}
        environ = os.environ | (config if how == WORKERS else {})
        processes.append(subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True))
    answers = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
    first, last, seconds, _ = answers[0]
    return first, last, seconds, sum(answer[3] for answer in answers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 50_000], help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=120, help="default: %(default)s")
    parser.add_argument("--how", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.how:
        run_one(options.how, options.items[0], options.steps)
        return
    print("| items | how | first loss | loss | wall s | CPU-s |")
    print("|---|---|---|---|---|---|")
    for items in options.items:
        for how in (ONE, MIRRORED, WORKERS):
            first, last, seconds, cpu = measure(how, items, options.steps)
            print(f"| {items:,} | {how} | {first:.4f} | {last:.4f} | {seconds:.1f} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()
