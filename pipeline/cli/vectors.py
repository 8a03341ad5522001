"""`python -m pipeline vectors WHERE`: the item vectors of a version, for a search index. See docs/infrastructure.md."""

import argparse
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components.declaration.functions import check_path, load_function
from components.errors import SettingsError
from components.registry import versions
from components.registry.versions import VersionError
from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Help, Parser

if TYPE_CHECKING:
    from components.integrations.sink import Sink

PINECONE_KEY, PINECONE_HOST = "PINECONE_API_KEY", "PINECONE_INDEX_HOST"
QDRANT_URL, QDRANT_KEY = "QDRANT_URL", "QDRANT_API_KEY"
KINDS = ("auto", "flat", "hnsw")
_EXAMPLES = f"""\
examples:
  # an index file, with its recall measured
  python -m pipeline vectors faiss
  # what would be written, and the schema
  python -m pipeline vectors vespa --dry-run
  # upsert, then delete withdrawn items; the key comes from {PINECONE_KEY}
  python -m pipeline vectors pinecone --host HOST
"""


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    vectors = commands.add_parser(
        "vectors",
        help="export the item vectors of the served version: Parquet, faiss, pgvector, Qdrant, Vespa, Pinecone, Vertex AI",
        description="Export the active items of the served version and their vectors. A version of the rules has none: then nothing is exported, and "
        "the exit status is 1. See docs/infrastructure.md.",
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    targets = vectors.add_subparsers(title="where to", metavar="WHERE", required=True)
    for add in (_add_parquet, _add_faiss, _add_pgvector, _add_qdrant, _add_vespa, _add_pinecone, _add_vertex, _add_own):
        target = add(targets)
        launch_options.add(target, "launch", "workspace")
        target.add_argument(
            "--version", type=int, metavar="NUMBER", help="the version, see `versions` (default: the served one)"
        )
        target.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
        target.set_defaults(command=_export)


def _target(targets: "Commands[Parser]", name: str, what: str, make: Callable) -> argparse.ArgumentParser:
    target = targets.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    target.set_defaults(make=make, target=name)
    return target


def _add_folder(target: argparse.ArgumentParser) -> argparse.ArgumentParser:
    target.add_argument(
        "--folder", type=Path, metavar="DIR", help="where to write (default: runs/<launch>/vectors/<version>/<where>)"
    )
    return target


def _add_parquet(targets: "Commands[Parser]") -> argparse.ArgumentParser:
    return _add_folder(_target(targets, "parquet", "one table of ids, vectors and catalogue columns", _parquet))


def _add_faiss(targets: "Commands[Parser]") -> argparse.ArgumentParser:
    target = _add_folder(
        _target(targets, "faiss", "a faiss index file, its rows, and its recall against exact search", _faiss)
    )
    target.add_argument(
        "--kind",
        choices=KINDS,
        default="auto",
        help="the index (default: flat up to 50,000 items, then hnsw)",
    )
    target.add_argument(
        "--recall",
        type=float,
        default=0.95,
        help="the recall@10 that hnsw's search is widened to (default: %(default)s)",
    )
    return target


def _add_pgvector(targets: "Commands[Parser]") -> argparse.ArgumentParser:
    what = "a Postgres table for the extension pgvector; the connection comes from libpq's variables (PGHOST, ...)"
    target = _target(targets, "pgvector", what, _pgvector)
    target.add_argument("--schema", default="public", help="the tables' schema (default: %(default)s)")
    target.add_argument(
        "--kind",
        choices=KINDS,
        default="auto",
        help="the index (default: none, so exact, up to 50,000 items, then hnsw)",
    )
    target.add_argument(
        "--recall", type=float, default=0.95, help="the recall@10 that hnsw must reach (default: %(default)s)"
    )
    target.add_argument("--keep", type=int, default=2, help="how many versions' tables stay (default: %(default)s)")
    return target


def _add_qdrant(targets: "Commands[Parser]") -> argparse.ArgumentParser:
    target = _target(targets, "qdrant", f"a Qdrant collection; the key comes from {QDRANT_KEY}", _qdrant)
    target.add_argument("--url", help=f"the server, or a folder for the client's own store (default: {QDRANT_URL})")
    target.add_argument(
        "--keep", type=int, default=2, help="how many versions' collections stay (default: %(default)s)"
    )
    target.add_argument("--batch", type=int, default=256, help="vectors per request (default: %(default)s)")
    target.add_argument("--timeout", type=int, default=30, help="seconds for one request (default: %(default)s)")
    return target


def _add_vespa(targets: "Commands[Parser]") -> argparse.ArgumentParser:
    return _add_folder(_target(targets, "vespa", "a Vespa application package and the feed for it, as files", _vespa))


def _add_pinecone(targets: "Commands[Parser]") -> argparse.ArgumentParser:
    target = _target(targets, "pinecone", f"upserts to a Pinecone index; the key comes from {PINECONE_KEY}", _pinecone)
    target.add_argument("--host", help=f"the index's host (default: {PINECONE_HOST})")
    target.add_argument(
        "--namespace",
        default="",
        help="replace the vectors of this namespace (default: a namespace per version, v<version>)",
    )
    target.add_argument("--keep", type=int, default=2, help="how many versions' namespaces stay (default: %(default)s)")
    target.add_argument(
        "--max-deletes",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="largest share of a namespace to delete (default: %(default)s)",
    )
    target.add_argument("--batch", type=int, default=100, help="vectors per request (default: %(default)s)")
    target.add_argument("--timeout", type=float, default=30.0, help="seconds for one request (default: %(default)s)")
    return target


def _add_vertex(targets: "Commands[Parser]") -> argparse.ArgumentParser:
    target = _target(
        targets, "vertex", "a BigQuery table and a Vertex AI Feature Store view with vector search", _vertex
    )
    target.add_argument("--project", required=True, help="the cloud project's id")
    target.add_argument("--region", required=True, help="of the online store, as europe-west4")
    target.add_argument("--dataset", required=True, help="of BigQuery; must exist")
    target.add_argument("--store", required=True, help="the online store's id; created if missing")
    return target


def _add_own(targets: "Commands[Parser]") -> argparse.ArgumentParser:
    target = _add_folder(
        _target(targets, "own", "a vector store of your own, by the dotted path of its function", _own)
    )
    target.add_argument("function", metavar="PATH", help="takes a folder, returns a Sink: docs/extend.md")
    return target


def _export(options: argparse.Namespace) -> int:
    settings = context.load(options, "launch", "workspace").settings
    version = _version(settings.serving, options.version)
    folder = getattr(options, "folder", None) or settings.home / "vectors" / str(version.number) / options.target
    # Here, because pyarrow takes a fifth of a second to import, and --help needs none.
    from components.registry import vector_file

    sink = options.make(options, Path(folder).resolve(), os.environ)
    offered = vector_file.read(version.folder).select_active()
    for line in sink.plan(offered) if options.dry_run else sink.send(offered):
        print(line, flush=True)
    return 0


def _version(folder: Path, number: int | None) -> versions.Version:
    listed = versions.find_all(folder)
    if number is None:
        served = next((version for version in listed if version.state == "served"), None)
        if served is None:
            raise VersionError(
                f"an export needs a pushed version in {folder}, got none. Run the pipeline first: python -m pipeline run."
            )
        return served
    chosen = next((version for version in listed if version.number == number), None)
    if chosen is None:
        raise VersionError(
            f"--version needs a version in {folder}, got {number}. There are: {', '.join(str(version.number) for version in listed) or 'none'}."
        )
    return chosen


def _parquet(_options: argparse.Namespace, folder: Path, _environ: Mapping[str, str]) -> "Sink":
    from components.integrations.parquet_file import ParquetFile

    return ParquetFile(folder)


def _faiss(options: argparse.Namespace, folder: Path, _environ: Mapping[str, str]) -> "Sink":
    from components.integrations.faiss_index import FaissIndex

    _check("--recall", options.recall, 0, 1)
    return FaissIndex(folder, options.kind, options.recall)


def _pgvector(options: argparse.Namespace, _folder: Path, _environ: Mapping[str, str]) -> "Sink":
    from components.integrations.pgvector_table import PgvectorTable

    _check("--recall", options.recall, 0, 1)
    _check("--keep", options.keep, 1, 1_000)
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", options.schema):
        raise SettingsError(
            "--schema", options.schema, "lower-case letters, digits and underscores, as Postgres has them"
        )
    return PgvectorTable(options.schema, options.kind, options.recall, options.keep)


def _qdrant(options: argparse.Namespace, _folder: Path, environ: Mapping[str, str]) -> "Sink":
    from components.integrations.qdrant_collection import QdrantCollection

    url = options.url or environ.get(QDRANT_URL, "")
    if not url:
        raise SettingsError(QDRANT_URL, url, "the URL of a Qdrant server, or a folder", "--url gives it too.")
    for option, high in (("keep", 1_000), ("batch", 10_000), ("timeout", 3_600)):
        _check(f"--{option}", getattr(options, option), 1, high)
    return QdrantCollection(url, environ.get(QDRANT_KEY, ""), options.keep, options.batch, options.timeout)


def _vespa(_options: argparse.Namespace, folder: Path, _environ: Mapping[str, str]) -> "Sink":
    from components.integrations.vespa_package import VespaPackage

    return VespaPackage(folder)


def _pinecone(options: argparse.Namespace, _folder: Path, environ: Mapping[str, str]) -> "Sink":
    from components.integrations.pinecone_index import PineconeIndex

    host, key = options.host or environ.get(PINECONE_HOST, ""), environ.get(PINECONE_KEY, "")
    if not key:
        raise SettingsError(
            PINECONE_KEY, key, "the API key of your Pinecone project", "It is read from the environment only."
        )
    if not host:
        raise SettingsError(
            PINECONE_HOST, host, "the host of an index, as the console shows it", "--host gives it too."
        )
    for option, low, high in (
        ("keep", 1, 1_000),
        ("max_deletes", 0, 1),
        ("batch", 1, 1_000),
        ("timeout", 0.001, 3_600),
    ):
        _check(f"--{option.replace('_', '-')}", getattr(options, option), low, high)
    return PineconeIndex(
        host, key, options.namespace, options.keep, options.max_deletes, options.batch, options.timeout
    )


def _vertex(options: argparse.Namespace, _folder: Path, _environ: Mapping[str, str]) -> "Sink":
    from components.integrations.vertex_store import VertexStore

    return VertexStore(options.project, options.region, options.dataset, options.store)


def _own(options: argparse.Namespace, folder: Path, _environ: Mapping[str, str]) -> "Sink":
    check_path("PATH", options.function)
    sink: Sink = load_function("PATH", options.function)(folder)
    return sink


def _check(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(option, value, f"a number from {low} to {high}")
