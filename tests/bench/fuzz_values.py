"""Hostile values and mutations, drawn from a seeded generator."""

import random

TEXTS = (
    *("", " ", "0", "-1", "007", "7.0", "1e400", "-0", "nan", "inf", "NULL", "None", "(not set)", "true", "Yes", "4,5", "1,234.5"),
    *("2026-02-30", "20260131", "1764547200", "99999999999999999999", "1764547200.5", "12/31/2025 23:59", "T", "::", ";", "\t", ","),
    *('"', '""', "'", "\n", "\r\n", "\x00", "\x1b[31m", "\u202ethgir", "\ufeff", "\u2028", "e\u0301", "é", "名前", "\ud800", "🙂" * 40),
    *("a" * 5000, "../../etc/passwd", "{SPAN}", "{YYYY}", "*", "[", "%s", "${HOME}", "<script>", "{{7*7}}", "=1+1", "item_ids", "label_x"),
)  # fmt: skip
OTHERS = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**63,
    -(2**63) - 1,
    1e308,
    float("nan"),
    float("inf"),
    [],
    [1],
    {},
    {"a": 1},
    [[]],
    (),
    "x",
)


def text(rng: random.Random) -> str:
    """A hostile text."""
    picked = rng.choice(TEXTS)
    return picked if rng.random() < 0.8 else picked + rng.choice(TEXTS)


def value(rng: random.Random) -> object:
    """A hostile value of any type that JSON or Python may hold."""
    return text(rng) if rng.random() < 0.5 else rng.choice(OTHERS)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """The bytes after one to four cuts, flips, insertions or repetitions."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        match rng.randrange(6):
            case 0:
                content = content[:at]
            case 1 if at < len(content):
                content = content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
            case 2:
                content = content[:at] + text(rng).encode("utf-8", "surrogatepass") + content[at:]
            case 3:
                content = content[:at] + content[at : at + rng.randint(1, 200)] + content[at:]
            case 4:
                lines = content.split(b"\n")
                rng.shuffle(lines)
                content = b"\n".join(lines)
            case _:
                content = content.replace(
                    rng.choice([b",", b'"', b"\n", b"0", b":"]), rng.choice([b";", b"", b"\r", b"\x00", b"{"]), 3
                )
    return content
