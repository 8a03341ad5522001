"""The curated schema as a text file that people edit: changes one column's blocks and no other byte.

A schema file is a row of blocks, `feature { ... }` and `string_domain { ... }`, with comments before and in them. A
changed block is written anew, so the comments inside of it are lost; those before it stay.
"""

import dataclasses
import re

from google.protobuf import message, text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.errors import SettingsError

_PIECES = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}<>]""")
_NAMED = ("feature", "string_domain")
# The order in which people read a column: its type, its values, its presence. Other fields come last.
_ORDER = (
    "name",
    "type",
    "domain",
    "int_domain",
    "float_domain",
    "string_domain",
    "bool_domain",
    "presence",
    "shape",
    "value_count",
)
_OTHERS = len(_ORDER)


@dataclasses.dataclass
class Block:
    """A piece of the file.

    Attributes:
      kind, name: of a feature or a string domain; "" for all other text.
      text: as it stands in the file.
    """

    kind: str
    name: str
    text: str


class SchemaFile:
    """A schema's text and its meaning.

    Example:
      file = SchemaFile(path.read_text(), str(path))
      file.replace("feature", "device", feature)
      write_atomically(path, file.text)
    """

    def __init__(self, text: str, path: str):
        """Reads the text.

        Raises:
          SettingsError: if it is not a schema.
        """
        try:
            self.schema = text_format.Parse(text, schema_pb2.Schema())
        except text_format.ParseError as error:
            raise SettingsError("schema", path, "a schema in protobuf's text form", f"Line {error}") from error
        self._blocks = _split(text)

    @property
    def text(self) -> str:
        """The text as it is now."""
        return "".join(block.text for block in self._blocks)

    def features(self) -> dict[str, schema_pb2.Feature]:
        """Returns the columns by name."""
        return {feature.name: feature for feature in self.schema.feature}

    def domains(self) -> dict[str, schema_pb2.StringDomain]:
        """Returns the named string domains, which features refer to."""
        return {domain.name: domain for domain in self.schema.string_domain}

    def replace(self, kind: str, name: str, meaning: message.Message | None) -> None:
        """Writes a block anew, appends it if there is none, or removes it (None); comments before it stay."""
        blocks = [block for block in self._blocks if (block.kind, block.name) == (kind, name)]
        if meaning is None:
            for block in blocks:
                block.kind, block.text = "", _parts(block.text)[0]
        elif blocks:
            blocks[0].text = _parts(blocks[0].text)[0] + render(kind, meaning)
        else:
            if self._blocks and not self.text.endswith("\n"):
                self._blocks.append(Block("", "", "\n"))
            self._blocks.append(Block(kind, name, render(kind, meaning)))
        self.schema = text_format.Parse(self.text, schema_pb2.Schema())

    def comments_in(self, kind: str, name: str) -> list[str]:
        """Returns the comments inside a block: `replace` removes them."""
        bodies = [_parts(block.text)[1] for block in self._blocks if (block.kind, block.name) == (kind, name)]
        return [piece for body in bodies for piece in _PIECES.findall(body) if piece.startswith("#")]


def render(kind: str, meaning: message.Message) -> str:
    """Returns a block with one line per field, ending in a line break."""
    fields = sorted(
        meaning.ListFields(), key=lambda found: _ORDER.index(found[0].name) if found[0].name in _ORDER else _OTHERS
    )
    lines = []
    for field, value in fields:
        for one in value if hasattr(value, "append") else [value]:
            holder = type(meaning)()
            holder.MergeFrom(type(meaning)(**{field.name: [one] if hasattr(value, "append") else one}))
            lines.append("  " + text_format.MessageToString(holder, as_one_line=True, as_utf8=True).strip())
    return "\n".join([f"{kind} {{", *lines, "}", ""])


def _split(text: str) -> list[Block]:
    """Returns the top-level blocks, each with the comments and blank lines before it; the rest is the last block."""
    blocks, start, depth = [], 0, 0
    for piece in _PIECES.finditer(text):
        depth += {"{": 1, "<": 1, "}": -1, ">": -1}.get(piece.group(), 0)
        if depth == 0 and piece.group() in "}>":
            end = piece.end() + 1 if text[piece.end() : piece.end() + 1] == "\n" else piece.end()
            blocks.append(_block(text[start:end]))
            start = end
    return [*blocks, Block("", "", text[start:])] if text[start:] else blocks


def _block(text: str) -> Block:
    body = _parts(text)[1]
    kind = next((kind for kind in _NAMED if re.match(rf"{kind}\s*:?\s*[{{<]", body)), "")
    if not kind:
        return Block("", "", text)
    schema = text_format.Parse(body, schema_pb2.Schema())
    return Block(kind, getattr(schema, kind)[0].name, text)


def _parts(text: str) -> tuple[str, str]:
    """Returns the comments and blank lines before a block, and the block."""
    lead = re.match(r"(?:\s|#[^\n]*(?:\n|\Z))*", text)
    at = lead.end() if lead else 0
    return text[:at], text[at:]
