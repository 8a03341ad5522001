"""Executors of our ExampleGens: the log as train and eval examples cut in time, the catalogue as one split.

They replace only the inside of TFX's file-based ExampleGen: driver, span, fingerprint, cache and artifact stay the
standard ones. Invalid rows go to `quarantine.jsonl.gz` in the examples' folder; where there are too many, the
run stops, and the file lies next to that folder, because TFX deletes what a failed step wrote.
"""

import typing

import numpy as np
import pyarrow as pa
import tensorflow as tf
from google.protobuf import struct_pb2
from tfx.components.example_gen import base_example_gen_executor, utils, write_split
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components.declaration.views import CatalogueIngestView, IngestView, View
from components.errors import LogError
from components.ingest import labels, shares, spans
from components.ingest.example_files import ExampleFile
from components.ingest.log_files import find_files
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.quarantine import STOPPED_ROWS, Quarantine, too_many
from components.ingest.row_checks import Quarantined
from components.ingest.shares import QUARANTINE, Share, Target
from components.ingest.time_split import cut_time
from components.ingest.user_table import FIELD, NONE, Joined, UserTable
from components.progress import set_figure

LAUNCH_KEY = "launch"
GZIP_LEVEL_KEY = "gzip_level"
SPANS_KEY, SPANS_PATTERN_KEY = "spans", "spans_pattern"
USERS_FOLDER_KEY, USERS_PATTERN_KEY, USERS_MARK_KEY = "users_folder", "users_pattern", "users_mark"
USERS_QUARANTINE = f"users-{QUARANTINE}"


class Written(typing.NamedTuple):
    """What was written: rows per split, what was quarantined, and a note for the headline metric."""

    counts: dict[str, int]
    quarantined: Quarantined
    note: str = ""


class _ArrowExecutor(base_example_gen_executor.BaseExampleGenExecutor):
    """The common part of both executors: calls `write` with TFX's inputs, and stores its counts in the artifact."""

    VIEW: type[View]
    carried: typing.Any = None

    def GetInputSourceToExamplePTransform(self) -> typing.Any:
        """Not used: `Do` reads column batches without Beam."""
        raise NotImplementedError

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> None:
        """Reads the files that the driver resolved and writes the splits of the examples artifact."""
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        examples.split_names = artifact_utils.encode_split_names(_split_names(exec_properties))
        folders = {split: artifact_utils.get_split_uri([examples], split) for split in _split_names(exec_properties)}
        carried = _unpack_config(exec_properties)
        launch, target = (
            self.VIEW.from_json(carried[LAUNCH_KEY]),
            Target(examples.uri, folders, int(carried[GZIP_LEVEL_KEY])),
        )
        self.carried = carried
        try:
            written = self.write(launch, _input_files(exec_properties, self.may_be_empty(launch)), target)
        except (OSError, tf.errors.OpError) as error:
            raise LogError(
                examples.uri,
                f"the examples cannot be written: {str(error)[:300]}.",
                "Make room, or give another workspace.",
            ) from error
        examples_utils.set_payload_format(examples, exec_properties[standard_component_specs.OUTPUT_DATA_FORMAT_KEY])
        file_format = exec_properties[standard_component_specs.OUTPUT_FILE_FORMAT_KEY]
        examples_utils.set_file_format(examples, write_split.to_file_format_str(file_format))
        _set_counts(examples, written.quarantined)
        aside = f", {written.quarantined}" if written.quarantined.rows else ""
        set_figure(examples, self.figure(written.counts) + aside + written.note)

    def write(self, launch: typing.Any, files: tuple[str, ...], target: Target) -> Written:
        """Writes the examples of each split and the quarantine."""
        raise NotImplementedError

    def may_be_empty(self, launch: typing.Any) -> bool:
        """Returns whether the input may have no file."""
        del launch
        return False

    def write_share(self, whole: Share, target: Target) -> Written:
        """Here in one go; with Beam options, which name a runner or its workers, as one element per piece of a file."""
        if self._beam_pipeline_args:
            shares.write_with_beam(whole, target, self._make_beam_pipeline())
        else:
            shares.write(whole, target)
        return Written(
            {split: int(np.count_nonzero(chosen)) for split, chosen in whole.in_split.items()}, whole.reader.quarantined
        )

    def figure(self, counts: dict[str, int]) -> str:
        """Returns the headline metric."""
        if not any(counts.values()):
            return "nothing logged yet"
        return ", ".join(f"{rows:,} {split}" for split, rows in counts.items())


class LogExecutor(_ArrowExecutor):
    """Writes the interaction log, with labels, as splits "train" and "eval"."""

    VIEW = IngestView

    def may_be_empty(self, launch: IngestView) -> bool:
        """Returns whether the declaration allows an empty log."""
        return launch.log.starts_empty

    def write(self, launch: IngestView, files: tuple[str, ...], target: Target) -> Written:
        """Works in two passes: the first holds the columns for cut and labels, the second streams every column."""
        if not files:
            return _write_nothing(target)
        reader = LogReader(files, Layout.of_log(launch.log))
        joins = (launch.log.user,) if launch.log.users else ()
        keys = reader.settle(tuple(dict.fromkeys((launch.log.time, *joins, *labels.key_columns(launch)))))
        _check_share(reader, files, target, launch.log.max_quarantined, "launch.log.max_quarantined")
        times = keys[launch.log.time].to_numpy()
        users, note = self._join_users(launch, keys, times, target)
        if users and any(objective.label_fn for objective in launch.objectives):
            keys = users.add_to_table(keys)
        cut = cut_time(times, launch.split, launch.log.starts_empty)
        labels.check_positives(keys, times, cut, launch)
        label_columns = labels.label_rows(keys, times, cut, launch)
        in_split = {"train": times < cut, "eval": times >= cut}
        return self.write_share(Share(reader, in_split, label_columns, users), target)._replace(note=note)

    def _join_users(
        self, launch: IngestView, keys: pa.Table, times: np.ndarray, target: Target
    ) -> tuple[Joined | None, str]:
        """Joins the declared table of the users; returns the join, if there is one, and a note of how many events it reaches."""
        declared = launch.log.users
        if declared is None:
            return None, ""
        files = spans.window_files(str(self.carried[USERS_FOLDER_KEY]), str(self.carried[USERS_PATTERN_KEY]))
        table = UserTable(declared, files)
        _check_share(table.reader, files, target, declared.max_quarantined, f"{FIELD}.max_quarantined")
        quarantined = table.reader.quarantined
        if quarantined.rows:
            _write_quarantine(table.reader, f"{target.uri}/{USERS_QUARANTINE}")
        joined = table.join(keys[launch.log.user], times)
        aside = f" ({quarantined})" if quarantined.rows else ""
        share = np.count_nonzero(joined.rows != NONE) / max(len(times), 1)
        return joined, f", users known for {share:.0%}{aside}"


def _write_quarantine(reader: LogReader, path: str) -> None:
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.gfile.GFile(path, "wb") as file, Quarantine(file) as quarantine:
        for _ in reader.batches(quarantine):
            pass


def _write_nothing(target: Target) -> Written:
    """Writes splits without an example: a log that starts empty has no file on its first day."""
    for folder in target.folders.values():
        with ExampleFile(folder, target.gzip_level):
            pass
    return Written(dict.fromkeys(target.folders, 0), Quarantined(0, {}))


class CatalogueExecutor(_ArrowExecutor):
    """Writes the catalogue as the split "all"."""

    VIEW = CatalogueIngestView

    def write(self, launch: CatalogueIngestView, files: tuple[str, ...], target: Target) -> Written:
        """Writes one row per item; a repeated item is an error."""
        reader = LogReader(files, Layout.of_catalogue(launch.catalogue))
        items = reader.settle((launch.catalogue.item,))[launch.catalogue.item]
        _check_share(reader, files, target, launch.catalogue.max_quarantined, "launch.catalogue.max_quarantined")
        _check_unique(items, launch.catalogue.item)
        return self.write_share(Share(reader, {"all": np.ones(len(items), bool)}, {}), target)

    def figure(self, counts: dict[str, int]) -> str:
        """Returns the number of items."""
        return f"{counts['all']:,} items"


def _check_share(reader: LogReader, files: tuple[str, ...], target: Target, allowed: float, field: str) -> None:
    """Stops the run if too many rows are invalid, and quarantines the first of them next to the folder that TFX deletes.

    Raises:
      LogError: with counts, examples and the path; also if no row is left.
    """
    quarantined = reader.quarantined
    if not quarantined.rows_in:
        return
    if quarantined.share <= allowed and quarantined.rows < quarantined.rows_in:
        return
    path = f"{target.uri.rstrip('/')}.{QUARANTINE}"
    with tf.io.gfile.GFile(path, "wb") as file, Quarantine(file) as quarantine:
        for _ in reader.batches(quarantine):
            if quarantine.rows >= STOPPED_ROWS:
                break
    raise too_many(files, quarantined, allowed, quarantine, path, field)


def _set_counts(examples: typing.Any, found: Quarantined) -> None:
    """Sets the counts as custom properties of the artifact."""
    examples.set_int_custom_property("rows_in", found.rows_in)
    examples.set_int_custom_property("rows_quarantined", found.rows)
    for reason, count in found.counts.items():
        examples.set_int_custom_property(f"quarantined: {reason}", count)


def _check_unique(items: pa.ChunkedArray, column: str) -> None:
    counts = items.value_counts()
    twice = counts.filter(pa.compute.greater(counts.field("counts"), 1)).field("values")
    if len(twice):
        problem = f"{len(twice):,} items are there more than once, such as {twice[0].as_py()!r}."
        raise LogError(f"catalogue, column {column!r}", problem, "Keep one row per item.")


def _split_names(exec_properties: dict[str, typing.Any]) -> list[str]:
    output = example_gen_pb2.Output()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.OUTPUT_CONFIG_KEY], output)
    return utils.generate_output_split_names(_input_config(exec_properties), output)


def _input_config(exec_properties: dict[str, typing.Any]) -> example_gen_pb2.Input:
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], config)
    return config


def _input_files(exec_properties: dict[str, typing.Any], may_be_empty: bool) -> tuple[str, ...]:
    folder, pattern = (
        exec_properties[standard_component_specs.INPUT_BASE_KEY],
        _input_config(exec_properties).splits[0].pattern,
    )
    carried, files = _unpack_config(exec_properties), find_files(folder, pattern, may_be_empty)
    # The driver's pattern matches every span of a rolling window's log, so that its fingerprint sees them all.
    return (
        spans.newest(files, folder, carried[SPANS_PATTERN_KEY], int(carried[SPANS_KEY]))
        if SPANS_KEY in carried
        else files
    )


def _unpack_config(exec_properties: dict[str, typing.Any]) -> struct_pb2.Struct:
    config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], config)
    carried = struct_pb2.Struct()
    config.custom_config.Unpack(carried)
    return carried
