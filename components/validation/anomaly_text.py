"""What the schema check found, in sentences a person can act on."""

import collections.abc

from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.errors import GateError


def describe(anomalies: anomalies_pb2.Anomalies) -> list[str]:
    """One sentence per column with an anomaly, sorted by column; what concerns the whole data set comes first.

    Example:
      "device: unexpected string values. Examples contain values missing from the schema: fridge (~1%)."
    """
    whole = []
    if anomalies.data_missing:
        whole.append("all columns: no data. There is not a single row.")
    elif anomalies.HasField("dataset_anomaly_info"):
        whole.append(_sentence("all columns", anomalies.dataset_anomaly_info))
    columns = {".".join(info.path.step) or key: info for key, info in anomalies.anomaly_info.items()}
    return whole + sorted(_sentence(column, info) for column, info in columns.items())


def gate_error(per_split: collections.abc.Mapping[str, collections.abc.Sequence[str]], data: str, schema: str) -> GateError | None:
    """The error that stops a run, or None if there is nothing to stop it for.

    Args:
      per_split: the sentences of `describe` for each split.
      data: what was checked: "log" or "catalogue".
      schema: the curated schema's place, named as the file to edit.
    """
    splits_of: dict[str, list[str]] = {}
    for split, sentences in per_split.items():
        for sentence in sentences:
            splits_of.setdefault(sentence, []).append(split)
    if not splits_of:
        return None
    lines = [f"  {sentence} [{', '.join(splits)}]" for sentence, splits in splits_of.items()]
    head = f"the {data} does not fit its schema; nothing was learnt from it:"
    return GateError("\n".join([head, *lines, f"Fix the data, or accept it into the schema: {schema}"]))


def _sentence(column: str, info: anomalies_pb2.AnomalyInfo) -> str:
    short = info.short_description.strip().rstrip(".") or "anomaly"
    return f"{column}: {short[0].lower()}{short[1:]}. {' '.join(info.description.split())}".rstrip()
