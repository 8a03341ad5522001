import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.registry import card_file
from components.terminal_text import PrintableStream, printable
from pipeline.local.screen import Terminal

ROOT = Path(__file__).resolve().parents[2]
EVIL = "\x1b]0;TITLE\x07\x1b[2J\x1b[31m\u202exe.jpg\x9b1m"
RAW = ("\x1b", "\x07", "\u202e", "\x9b")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("tab\tand line\n", "tab\tand line\n"),
        ("back\rspace\x08", r"back\rspace\x08"),
        ("Zoë 日本 😀 é", "Zoë 日本 😀 é"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_moves_the_cursor_is_written_out(text, shown):
    assert printable(text) == shown


def test_a_stream_escapes_whatever_is_printed():
    raw = io.StringIO()
    print(EVIL, file=PrintableStream(raw))
    PrintableStream(raw).writelines([EVIL, "\n"])
    assert not any(sequence in raw.getvalue() for sequence in RAW) and raw.getvalue().count(r"\x1b]0;TITLE\x07") == 2


@pytest.mark.parametrize("live", [False, True])
def test_the_screen_of_a_run_shows_no_escape_of_others(live):
    raw = io.StringIO()
    with Terminal(PrintableStream(raw), width=160, live=live) as terminal:
        terminal.line(f"best: {EVIL}")
        terminal.step("Trainer", "done", EVIL, 1.0)
        terminal.show({"event": "start", "step": "Trainer"})
        terminal.show({"event": "progress", "task": EVIL, "note": EVIL, "done": 1, "total": 2})
    shown = raw.getvalue()
    assert (
        not any(sequence in shown for sequence in ("\x1b]0", "\x07", "\x1b[2J", "\u202e", "\x9b"))
        and r"\x1b]0;TITLE" in shown
    )
    assert ("\x1b" in shown) == live, "its own colours stay"


def test_a_command_shows_no_escape_of_a_file(tmp_path):
    folder = tmp_path / "shop" / "serving" / "shop" / "1"
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "saved_model.pb").touch()
    (folder / card_file.CARD).write_text(json.dumps({"kind": EVIL, "pushed_at": EVIL}))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    command = [sys.executable, "-m", "pipeline", "versions", "--launch", "shop", "--workspace", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not any(sequence in done.stdout for sequence in RAW) and r"\x1b[31m" in done.stdout
