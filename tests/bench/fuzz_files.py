"""The borders that are files: log, catalogue, settings in YAML, version folders."""

import contextlib
import io
import json
import random
import shutil
import time
from pathlib import Path

import fuzz_values
import pyarrow as pa
import pyarrow.parquet as pq

from components.declaration import Catalogue, Launch, Log, Objective, Split
from components.ingest.log_layout import Layout
from components.ingest.log_reader import LogReader
from pipeline import beam_profiles
from pipeline.checks import validate
from pipeline.cli.main import main as command_line
from pipeline.kubeflow import resources
from pipeline.onboarding import new
from pipeline.settings import PROJECT, Settings

LAUNCH = Launch(
    name="toy",
    log=Log("log.csv", "user", "item", "time", event="event", impression="shown", value="value", context=("device",)),
    objectives=(Objective("click", event="click"),),
    catalogue=Catalogue("items.csv", "item", title="title", categories=("kind",), numbers=("price",), active="active"),
    split=Split(eval_share=0.2),
)
HEADER = ("user", "item", "time", "event", "value", "device")
ITEMS = ("item", "title", "kind", "price", "active")
ROWS = [
    [f"u{n % 7}", f"i{n % 11}", str(1_764_547_200 + 60 * n), ("shown", "shown", "click")[n % 3], "4.5", ("tv", "web")[n % 2]]
    for n in range(60)
]  # fmt: skip
KINDS = [[f"i{n}", f"Thing {n}", "tea", f"{n}.5", "true"] for n in range(11)]


def write_csv(header, rows) -> bytes:
    """The rows as CSV, every cell quoted where it has to be."""
    lines = (",".join(map(quote, row)) for row in (header, *rows))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


def quote(cell: str) -> str:
    """The cell as RFC 4180 has it; the csv module refuses NUL."""
    return f'"{cell.replace(chr(34), chr(34) * 2)}"' if set(cell) & set('",\r\n') else cell


def change_cells(rows, rng: random.Random):
    """The rows with some cells replaced; no row becomes blank or is lost."""
    rows = [list(row) for row in rows]
    for _ in range(rng.randint(1, 5)):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = fuzz_values.text(rng)
    return rows


def settings_of(folder: Path) -> Settings:
    """Settings that look into the folder alone."""
    return Settings(launch="toy", workspace=folder / "runs", data=folder, schema=folder / "schema")


def attack_log(tally, rng, folder, end):
    """Byte and cell mutations of CSV, JSONL and Parquet; every complete row has to be read."""
    (folder / "items.csv").write_bytes(write_csv(ITEMS, KINDS))
    while time.monotonic() < end:
        rows = change_cells(ROWS, rng)
        kind, cells_only = rng.choice(("csv", "csv", "jsonl", "parquet")), rng.random() < 0.5
        content = encode(kind, rows)
        if not cells_only:
            content = fuzz_values.mutate(content, rng)
        file = folder / f"log.{kind}"
        file.write_bytes(content)
        read = tally.attempt(lambda file=file: count_rows(file), content)
        if cells_only and read is not None:
            tally.counts["rows"] += len(rows)
            if read != len(rows):
                tally.counts["lost"] += abs(len(rows) - read)
                tally.note(f"rows lost in {kind}", f"{len(rows)} written, {read} accounted for", content)
        if rng.random() < 0.3:
            tally.attempt(lambda file=file: new.propose("toy", file, None, {}), content)
            log = Launch(
                name="toy",
                log=Log(file.name, "user", "item", "time"),
                objectives=(Objective("any"),),
                split=Split(eval_share=0.2),
            )
            tally.attempt(lambda log=log: validate.report(log, validate.look(log, settings_of(folder))), content)
        file.unlink()


def encode(kind: str, rows) -> bytes:
    """The log in one of its forms."""
    if kind == "csv":
        return write_csv(HEADER, rows)
    if kind == "jsonl":
        return "".join(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n" for row in rows).encode()
    out = pa.BufferOutputStream()
    safe = [[cell.encode("utf-8", "replace").decode() for cell in row] for row in rows]
    pq.write_table(pa.table([list(column) for column in zip(*safe, strict=True)], list(HEADER)), out)
    return out.getvalue().to_pybytes()


def count_rows(file: Path) -> int:
    """The rows that a run accounts for: read or quarantined."""
    reader = LogReader([str(file)], Layout.of_log(LAUNCH.log))
    kept = len(reader.settle(("time",)))
    assert kept == reader.quarantined.rows_in - reader.quarantined.rows, (kept, reader.quarantined)
    return reader.quarantined.rows_in


def attack_catalogue(tally, rng, folder, end):
    """Byte and cell mutations of a catalogue, through `validate`."""
    (folder / "log.csv").write_bytes(write_csv(HEADER, ROWS))
    while time.monotonic() < end:
        content = write_csv(ITEMS, change_cells(KINDS, rng))
        content = content if rng.random() < 0.5 else fuzz_values.mutate(content, rng)
        (folder / "items.csv").write_bytes(content)
        tally.attempt(lambda: validate.report(LAUNCH, validate.look(LAUNCH, settings_of(folder))), content)
        if rng.random() < 0.2:
            tally.attempt(lambda: new.propose("toy", folder / "log.csv", folder / "items.csv", {}), content)


def attack_yaml(tally, rng, folder, end):
    """Mutated resources and Beam profiles."""
    sources = {"resources.yaml": resources.load, "beam_profiles.yaml": beam_profiles.load}
    while time.monotonic() < end:
        name = rng.choice(tuple(sources))
        content = (PROJECT / "kubeflow" / name).read_bytes()
        if rng.random() < 0.5:
            content = content.replace(
                rng.choice([b"1", b"cpu", b"memory", b": ", b"  ", b"- "]),
                fuzz_values.text(rng).encode("utf-8", "replace"),
            )
        file = folder / name
        file.write_bytes(fuzz_values.mutate(content, rng))
        tally.attempt(lambda name=name, file=file: sources[name](file), file.read_bytes())


def attack_versions(tally, rng, folder, end):
    """Version folders in any state, through the commands that list, roll back and withhold."""
    base = PROJECT / "pipeline" / "launches"
    assert (base / "shop.py").is_file()
    serving = folder / "shop" / "serving" / "shop"
    while time.monotonic() < end:
        shutil.rmtree(folder / "shop", ignore_errors=True)
        for number in rng.sample(range(1, 9), rng.randint(0, 4)):
            make_version(serving / f"{number}{rng.choice(('', '', '', '.withdrawn', '.x'))}", rng)
        for name in ("refused.json", "experiment.json", "withheld.json", ".refusals.json"):
            if rng.random() < 0.4:
                serving.mkdir(parents=True, exist_ok=True)
                (serving / name).write_bytes(fuzz_values.mutate(json.dumps({"1": fuzz_values.text(rng)}).encode(), rng))
        for command in (["versions"], ["rollback"], ["withhold", "--list"], ["experiment"], ["history"]):
            words = [*command, "--launch", "shop", "--workspace", str(folder)]
            tally.attempt(lambda words=words: run_command(words), (words, listing(folder)))


def make_version(version: Path, rng: random.Random) -> None:
    """A version folder with some of its files, complete or not."""
    version.mkdir(parents=True, exist_ok=True)
    for name in ("saved_model.pb", "assets.extra/card.json", "card.json", "variables/variables.index"):
        if rng.random() < 0.7:
            file = version / name
            file.parent.mkdir(exist_ok=True)
            card = {
                "kind": fuzz_values.value(rng),
                "pushed_at": fuzz_values.value(rng),
                "metrics": {"recall@10": fuzz_values.value(rng)},
            }
            content = json.dumps(card, default=str).encode()
            file.write_bytes(content if rng.random() < 0.6 else fuzz_values.mutate(content, rng))


def run_command(words: list[str]) -> str:
    """What a command prints; its exit status is its own affair."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), contextlib.suppress(SystemExit):
        command_line(words)
    return out.getvalue()


def listing(folder: Path) -> list[tuple[str, bytes]]:
    """The files of a folder and their content, to repeat a fault."""
    return [(str(path.relative_to(folder)), path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]


BORDERS = {"log": attack_log, "catalogue": attack_catalogue, "yaml": attack_yaml, "version folder": attack_versions}
