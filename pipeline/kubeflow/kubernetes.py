"""The part of KFP's `KubernetesExecutorConfig` that we write, field by field.

The driver parses this message strictly, so a wrong name is an error of every pod. The message itself is in the package
kfp-kubernetes, which nothing else here needs; so the fields that we use are written down as they stand in
`kubernetes_platform/proto/kubernetes_executor_config.proto`.
"""

from collections.abc import Iterator
from typing import Any

# The type of a field: str or int; a dict for a message; a list of one for a repeated field; "labels" for a map of text.
_FIELDS: dict[str, Any] = {
    "imagePullPolicy": str,
    "activeDeadlineSeconds": int,
    "nodeSelector": {"labels": "labels"},
    "tolerations": [{"key": str, "operator": str, "value": str, "effect": str, "tolerationSeconds": int}],
    "pvcMount": [{"constant": str, "mountPath": str}],
    "emptyDirMounts": [{"volumeName": str, "mountPath": str, "sizeLimit": str}],
    "imagePullSecret": [{"secretName": str}],
    "securityContext": {"runAsUser": int, "runAsGroup": int, "runAsNonRoot": bool},
    "secretAsEnv": [{"secretName": str, "keyToEnv": [{"secretKey": str, "envVar": str}]}],
}


def executor_problems(where: str, config: object) -> Iterator[str]:
    """Yields what is wrong with the configuration of one executor, one sentence each."""
    yield from _problems(where, config, _FIELDS)


def _problems(where: str, value: object, kind: Any) -> Iterator[str]:
    if isinstance(kind, list):
        yield from _list_problems(where, value, kind[0])
    elif isinstance(kind, dict):
        yield from _message_problems(where, value, kind)
    elif kind == "labels":
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            yield f"{where} must be labels, all text, got {value!r}"
    elif not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        yield f"{where} must be of type {kind.__name__}, got {value!r}"


def _list_problems(where: str, value: object, kind: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where} must be a list, got {value!r}"
        return
    for place, part in enumerate(value):
        yield from _problems(f"{where}[{place}]", part, kind)


def _message_problems(where: str, value: object, fields: dict[str, Any]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} must be a message, got {value!r}"
        return
    for name, part in value.items():
        if name in fields:
            yield from _problems(f"{where}.{name}", part, fields[name])
        else:
            yield f"{where} has the unknown field {name!r}"
