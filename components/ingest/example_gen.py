"""The ExampleGen components of the graph: TFX's file-based ExampleGen with our executors inside."""

import typing

from google.protobuf import struct_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.proto import example_gen_pb2

from components.declaration import Launch
from components.declaration.paths import query_of
from components.declaration.views import CatalogueIngestView, IngestView, View
from components.ingest import executor
from components.ingest.bigquery import bigquery_example_gen
from components.ingest.example_files import GZIP_LEVEL
from components.ingest.log_files import check_literal, content_digest, split_pattern
from components.ingest.spans import any_span
from components.ingest.user_table import files_mark


def events_example_gen(
    launch: Launch, base: str, code: str, gzip_level: int = GZIP_LEVEL
) -> base_beam_component.BaseBeamComponent:
    """Makes the component "ExampleGen": the interaction log as splits "train" and "eval", cut in time; of files, or of a BigQuery query.

    Args:
      launch: the declaration; it travels in `custom_config`, so that a change of it makes new examples.
      base: the data folder, where relative paths start.
      code: the digest of the executor's code, so that TFX's cache sees an edit.
      gzip_level: of the files, 1 (fastest) to 9.
    """
    if query_of(launch.log.path):
        return bigquery_example_gen(IngestView.of(launch))
    return _node(
        "ExampleGen",
        IngestView.of(launch),
        launch.log.path,
        base,
        code,
        ("train", "eval"),
        executor.LogExecutor,
        gzip_level,
        launch.log.spans,
        _users(launch, base),
    )


def catalogue_example_gen(launch: Launch, base: str, code: str, gzip_level: int = GZIP_LEVEL) -> FileBasedExampleGen:
    """Makes the component "CatalogueExampleGen": the declared catalogue as the split "all"."""
    assert launch.catalogue is not None
    view = CatalogueIngestView.of(launch)
    return _node(
        "CatalogueExampleGen", view, view.catalogue.path, base, code, ("all",), executor.CatalogueExecutor, gzip_level
    )


def _node(
    node_id: str,
    view: View,
    path: str,
    base: str,
    code: str,
    splits: tuple[str, ...],
    executor_class: type,
    gzip_level: int,
    spans: int | None = None,
    users: dict[str, str] | None = None,
) -> FileBasedExampleGen:
    folder, dated = split_pattern(path, base)
    check_literal(folder)
    # One span is the standard driver's to choose; a window of several is the executor's, see `components.ingest.spans`.
    window = {executor.SPANS_KEY: spans, executor.SPANS_PATTERN_KEY: dated} if spans else {}
    pattern = any_span(dated) if window else dated
    # TFX asks for hash buckets to accept a split's name; our executor cuts by time and reads only the name.
    named = [example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=1) for name in splits]
    node = FileBasedExampleGen(
        input_base=folder,
        input_config=example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="files", pattern=pattern)]),
        output_config=example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=named)),
        custom_config=_carry(
            view,
            {"code": code, "content": content_digest(folder, pattern), executor.GZIP_LEVEL_KEY: gzip_level}
            | window
            | (users or {}),
        ),
        custom_executor_spec=executor_spec.BeamExecutorSpec(executor_class),
    )
    return node.with_id(node_id)


def _users(launch: Launch, base: str) -> dict[str, str]:
    """Returns where the executor finds the table of the users, and a digest of it for TFX's cache; {} where none is declared."""
    if launch.log.users is None:
        return {}
    folder, pattern = split_pattern(launch.log.users.path, base)
    keys = (executor.USERS_FOLDER_KEY, executor.USERS_PATTERN_KEY, executor.USERS_MARK_KEY)
    return dict(zip(keys, (folder, pattern, files_mark(folder, pattern)), strict=True))


def _carry(view: View, more: dict[str, typing.Any]) -> example_gen_pb2.CustomConfig:
    text = struct_pb2.Struct()
    text.update({executor.LAUNCH_KEY: view.to_json(), **more})
    config = example_gen_pb2.CustomConfig()
    config.custom_config.Pack(text)
    return config
