"""Executors of our ExampleGens: the log as train and eval examples cut in time, the catalogue as one split.

They replace only the inside of TFX's file-based ExampleGen: driver, span, fingerprint, cache and artifact stay the standard ones.
"""

import contextlib
import typing

import numpy as np
import pyarrow as pa
from google.protobuf import struct_pb2
from tfx.components.example_gen import base_example_gen_executor, utils, write_split
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components.declaration import Launch
from components.errors import LogError
from components.ingest import labels
from components.ingest.example_files import ExampleFile
from components.ingest.log_files import find_files
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from components.ingest.time_split import cut_time
from components.progress import Progress, set_figure

LAUNCH_KEY = "launch"


class _ArrowExecutor(base_example_gen_executor.BaseExampleGenExecutor):
    """What both executors share: from TFX's dictionaries to a call of `write`, and from its counts to the artifact."""

    def GetInputSourceToExamplePTransform(self) -> typing.Any:
        """Not used: `Do` reads column batches without Beam."""
        raise NotImplementedError

    def Do(self, input_dict: dict, output_dict: dict, exec_properties: dict) -> None:
        """Reads the files that the driver resolved and writes the splits of the examples artifact."""
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        examples.split_names = artifact_utils.encode_split_names(_split_names(exec_properties))
        folders = {split: artifact_utils.get_split_uri([examples], split) for split in _split_names(exec_properties)}
        counts = self.write(_declared_launch(exec_properties), _input_files(exec_properties), folders)
        examples_utils.set_payload_format(examples, exec_properties[standard_component_specs.OUTPUT_DATA_FORMAT_KEY])
        file_format = exec_properties[standard_component_specs.OUTPUT_FILE_FORMAT_KEY]
        examples_utils.set_file_format(examples, write_split.to_file_format_str(file_format))
        set_figure(examples, self.figure(counts))

    def write(self, launch: Launch, files: tuple[str, ...], folders: dict[str, str]) -> dict[str, int]:
        """Writes the examples into the folder of each split and returns the rows per split."""
        raise NotImplementedError

    def figure(self, counts: dict[str, int]) -> str:
        """The figure that matters."""
        return ", ".join(f"{rows:,} {split}" for split, rows in counts.items())


class LogExecutor(_ArrowExecutor):
    """Writes the interaction log, with labels, as splits "train" and "eval"."""

    def write(self, launch: Launch, files: tuple[str, ...], folders: dict[str, str]) -> dict[str, int]:
        """Two passes: the first holds the columns that cut and labels need, the second streams all of them."""
        reader = LogReader(files, Layout.of_log(launch.log))
        keys = reader.settle((launch.log.time, *labels.key_columns(launch)))
        times = keys[launch.log.time].to_numpy()
        cut = cut_time(times, launch.split)
        label_columns = labels.label_rows(keys, times, cut, launch)
        in_split = {"train": times < cut, "eval": times >= cut}
        return _write_splits(reader, folders, in_split, label_columns)


class CatalogueExecutor(_ArrowExecutor):
    """Writes the catalogue as the split "all"."""

    def write(self, launch: Launch, files: tuple[str, ...], folders: dict[str, str]) -> dict[str, int]:
        """One row per item; an item that is there twice is an error."""
        assert launch.catalogue is not None
        reader = LogReader(files, Layout.of_catalogue(launch.catalogue))
        items = reader.settle((launch.catalogue.item,))[launch.catalogue.item]
        _check_unique(items, launch.catalogue.item)
        return _write_splits(reader, folders, {"all": np.ones(len(items), bool)}, {})

    def figure(self, counts: dict[str, int]) -> str:
        """How many items there are."""
        return f"{counts['all']:,} items"


def _write_splits(
    reader: LogReader, folders: dict[str, str], in_split: dict[str, np.ndarray], label_columns: dict[str, np.ndarray]
) -> dict[str, int]:
    """Streams all columns into the files of the splits.

    Args:
      reader: settled.
      folders: per split.
      in_split: per split [rows] bool.
      label_columns: per label [rows] int8, `NO_LABEL` where the row has none.

    Returns:
      Rows written per split.
    """
    total = sum(int(chosen.sum()) for chosen in in_split.values())
    progress, row = Progress("writing examples", total), 0
    with contextlib.ExitStack() as stack:
        files = {split: stack.enter_context(ExampleFile(folders[split])) for split in in_split}
        for batch in reader.batches():
            rows = slice(row, row + batch.num_rows)
            labelled = _with_labels(batch, {name: values[rows] for name, values in label_columns.items()})
            for split, chosen in in_split.items():
                files[split].write(labelled.filter(pa.array(chosen[rows])))
            row = rows.stop
            progress.advance(batch.num_rows)
    counts = {split: file.rows for split, file in files.items()}
    if sum(counts.values()) != total or row != total:
        raise RuntimeError(f"examples: {total} rows in the first pass, {row} in the second, {counts} written; did a file change meanwhile?")
    return counts


def _with_labels(batch: pa.RecordBatch, label_columns: dict[str, np.ndarray]) -> pa.RecordBatch:
    arrays = [pa.array(values.astype(np.int64), mask=values == labels.NO_LABEL) for values in label_columns.values()]
    return pa.RecordBatch.from_arrays([*batch.columns, *arrays], [*batch.schema.names, *label_columns])


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


def _input_files(exec_properties: dict[str, typing.Any]) -> tuple[str, ...]:
    pattern = _input_config(exec_properties).splits[0].pattern
    return find_files(exec_properties[standard_component_specs.INPUT_BASE_KEY], pattern)


def _declared_launch(exec_properties: dict[str, typing.Any]) -> Launch:
    config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY], config)
    carried = struct_pb2.Struct()
    config.custom_config.Unpack(carried)
    return Launch.from_json(carried[LAUNCH_KEY])
