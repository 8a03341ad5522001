"""The ExampleGen nodes of the graph: TFX's file-based ExampleGen with our executors inside."""

from google.protobuf import struct_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2

from components.declaration import Launch
from components.ingest import executor
from components.ingest.log_files import split_pattern


def events_example_gen(launch: Launch, base: str, code: str) -> FileBasedExampleGen:
    """Node "ExampleGen": the interaction log as splits "train" and "eval", cut in time.

    Args:
      launch: the declaration; it travels in `custom_config`, so that a change of it makes new examples.
      base: the data folder, where relative paths start.
      code: the digest of the executor's code, so that TFX's cache sees an edit.
    """
    return _node("ExampleGen", launch, launch.log.path, base, code, ("train", "eval"), executor.LogExecutor)


def catalogue_example_gen(launch: Launch, base: str, code: str) -> FileBasedExampleGen:
    """Node "CatalogueExampleGen": the declared catalogue as the split "all"."""
    assert launch.catalogue is not None
    return _node("CatalogueExampleGen", launch, launch.catalogue.path, base, code, ("all",), executor.CatalogueExecutor)


def _node(node_id: str, launch: Launch, path: str, base: str, code: str, splits: tuple[str, ...], executor_class: type) -> FileBasedExampleGen:
    folder, pattern = split_pattern(path, base)
    # TFX asks for hash buckets to accept a split's name; our executor cuts by time and reads only the name.
    named = [example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=1) for name in splits]
    node = FileBasedExampleGen(
        input_base=folder,
        input_config=example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="files", pattern=pattern)]),
        output_config=example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=named)),
        custom_config=_carry(launch, code),
        custom_executor_spec=executor_spec.BeamExecutorSpec(executor_class),
    )
    return node.with_id(node_id)


def _carry(launch: Launch, code: str) -> example_gen_pb2.CustomConfig:
    text = struct_pb2.Struct()
    text[executor.LAUNCH_KEY] = launch.to_json()
    text["code"] = code
    config = example_gen_pb2.CustomConfig()
    config.custom_config.Pack(text)
    return config
