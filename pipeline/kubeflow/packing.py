"""Long texts of the compiled pipeline, packed.

Argo keeps six copies of what a step is told in the workflow's status (Kubeflow Pipelines 2.17), each as JSON within
JSON within JSON, where a quotation mark takes up to eight bytes. Above 1 MiB it packs the status, and Kubeflow Pipelines
no longer tells the state of any step. A packed text has neither quotation marks nor backslashes: it keeps its length.
"""

import base64
import zlib

PREFIX = "zlib:"
# What a quotation mark or backslash adds to a text that stands as JSON within JSON within JSON.
_ESCAPES = 7


def pack(text: str) -> str:
    """Returns the text as base64 of zlib after a prefix, if that is shorter than the text with its escapes; else the text."""
    packed = PREFIX + base64.b64encode(zlib.compress(text.encode(), 9)).decode()
    escaped = len(text) + _ESCAPES * (text.count('"') + text.count("\\") + text.count("\n"))
    return packed if len(packed) < escaped else text


def unpack(text: str) -> str:
    """Returns what was packed; a text without the prefix as it is.

    Raises:
      ValueError: if the text after the prefix is no base64 of zlib.
    """
    if not text.startswith(PREFIX):
        return text
    try:
        return zlib.decompress(base64.b64decode(text.removeprefix(PREFIX), validate=True)).decode()
    except zlib.error as error:
        raise ValueError(f"a packed text needs base64 of zlib after {PREFIX!r}, got {text[:40]!r}") from error
