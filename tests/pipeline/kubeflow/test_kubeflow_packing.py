import json

import pytest

from pipeline.kubeflow import packing


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "x" * 300,
        '{"a": "b"}',
        json.dumps({"url": "schlägt 新", "parts": list(range(300))}, ensure_ascii=False),
    ],
)
def test_a_packed_text_is_unpacked_to_itself(text):
    assert packing.unpack(packing.pack(text)) == text


def test_a_packed_text_needs_no_escape_in_json():
    text = json.dumps({f"name-{number}": "value" for number in range(100)})
    packed = packing.pack(text)
    assert json.dumps(packed) == f'"{packed}"'
    assert len(packed) < len(text) / 2


def test_a_short_text_can_be_read():
    assert packing.pack("/mnt/dayone/log") == "/mnt/dayone/log"


@pytest.mark.parametrize("text", ["zlib:!", "zlib:AAAA"])
def test_a_damaged_text_is_refused(text):
    with pytest.raises(ValueError, match=r"needs base64|[Bb]ase64"):
        packing.unpack(text)
