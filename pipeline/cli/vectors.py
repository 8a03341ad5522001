"""`python -m pipeline vectors WHERE`: the item vectors of a version, handed to what searches them. See docs/infrastructure.md."""

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components.declaration.functions import check_path, load_function
from components.errors import SettingsError
from components.registry import versions
from components.registry.versions import VersionError
from pipeline import launches
from pipeline.cli import launch_options
from pipeline.settings import Settings

if TYPE_CHECKING:
    from components.integrations.sink import Sink

PINECONE_KEY, PINECONE_HOST = "PINECONE_API_KEY", "PINECONE_INDEX_HOST"
_EXAMPLES = f"""\
examples:
  python -m pipeline vectors faiss                     an index file, with its recall measured
  python -m pipeline vectors vespa --dry-run           what would be written, and the schema
  python -m pipeline vectors pinecone --host HOST      upsert, then delete what is gone; the key comes from {PINECONE_KEY}
"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    vectors = commands.add_parser(
        "vectors",
        help="export the item vectors of what is served: Parquet, faiss, Vespa, Pinecone, Vertex AI",
        description="Export the active items of the served version and their vectors. A version of the rules has none: then nothing is exported, and "
        "the exit status is 1. See docs/infrastructure.md.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    places = vectors.add_subparsers(title="where to", metavar="WHERE", required=True)
    for add in (_add_parquet, _add_faiss, _add_vespa, _add_pinecone, _add_vertex, _add_own):
        place = add(places)
        launch_options.add(place, "launch", "workspace")
        place.add_argument(
            "--version", type=int, metavar="NUMBER", help="the version, see `versions` (default: the served one)"
        )
        place.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
        place.set_defaults(command=_export)


def _place(
    places: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str, make: Callable
) -> argparse.ArgumentParser:
    place = places.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    place.set_defaults(make=make, place=name)
    return place


def _add_folder(place: argparse.ArgumentParser) -> argparse.ArgumentParser:
    place.add_argument(
        "--folder", type=Path, metavar="DIR", help="where to write (default: runs/<launch>/vectors/<version>/<where>)"
    )
    return place


def _add_parquet(places: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    return _add_folder(_place(places, "parquet", "one table of ids, vectors and catalogue columns", _parquet))


def _add_faiss(places: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    place = _add_folder(
        _place(places, "faiss", "a faiss index file, its rows, and its recall against exact search", _faiss)
    )
    place.add_argument(
        "--kind",
        choices=("auto", "flat", "hnsw"),
        default="auto",
        help="the index (default: flat up to 50,000 items, then hnsw)",
    )
    place.add_argument(
        "--recall",
        type=float,
        default=0.95,
        help="the recall@10 that hnsw's search is widened to (default: %(default)s)",
    )
    return place


def _add_vespa(places: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    return _add_folder(_place(places, "vespa", "a Vespa application package and the feed for it, as files", _vespa))


def _add_pinecone(places: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    place = _place(places, "pinecone", f"upserts to a Pinecone index; the key comes from {PINECONE_KEY}", _pinecone)
    place.add_argument("--host", help=f"the index's host (default: {PINECONE_HOST})")
    place.add_argument(
        "--namespace", default="", help="replace in place there (default: a namespace per version, v<version>)"
    )
    place.add_argument("--keep", type=int, default=2, help="how many versions' namespaces stay (default: %(default)s)")
    place.add_argument(
        "--max-deletes",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="share of a namespace that may be gone (default: %(default)s)",
    )
    place.add_argument("--batch", type=int, default=100, help="vectors per request (default: %(default)s)")
    place.add_argument("--timeout", type=float, default=30.0, help="seconds for one request (default: %(default)s)")
    return place


def _add_vertex(places: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    place = _place(places, "vertex", "a BigQuery table and a Vertex AI Feature Store view with vector search", _vertex)
    place.add_argument("--project", required=True, help="the cloud project's id")
    place.add_argument("--region", required=True, help="of the online store, as europe-west4")
    place.add_argument("--dataset", required=True, help="of BigQuery; it has to exist")
    place.add_argument("--store", required=True, help="the online store's id; it is created if it is not there")
    return place


def _add_own(places: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    place = _add_folder(_place(places, "own", "a vector store of your own, by the dotted path of its function", _own))
    place.add_argument("function", metavar="PATH", help="takes a folder, returns a Sink: docs/extend.md")
    return place


def _export(given: argparse.Namespace) -> int:
    settings = Settings.from_environment(os.environ, {"launch": given.launch, "workspace": given.workspace})
    launches.load(settings.launch)
    version = _version(settings.serving, given.version)
    folder = getattr(given, "folder", None) or settings.home / "vectors" / str(version.number) / given.place
    # Here, because pyarrow takes a fifth of a second to import, and --help needs none.
    from components.registry import vector_file

    sink = given.make(given, Path(folder).resolve(), os.environ)
    offered = vector_file.read(version.folder).offered()
    for line in sink.plan(offered) if given.dry_run else sink.send(offered):
        print(line, flush=True)
    return 0


def _version(folder: Path, number: int | None) -> versions.Version:
    found = versions.listed(folder)
    if number is None:
        served = next((version for version in found if version.state == "served"), None)
        if served is None:
            raise VersionError(
                f"an export needs a pushed version in {folder}, got none. Run the pipeline first: python -m pipeline run."
            )
        return served
    chosen = next((version for version in found if version.number == number), None)
    if chosen is None:
        raise VersionError(
            f"--version needs a version in {folder}, got {number}. There are: {', '.join(str(each.number) for each in found) or 'none'}."
        )
    return chosen


def _parquet(_given: argparse.Namespace, folder: Path, _environ: Mapping[str, str]) -> "Sink":
    from components.integrations.parquet_file import ParquetFile

    return ParquetFile(folder)


def _faiss(given: argparse.Namespace, folder: Path, _environ: Mapping[str, str]) -> "Sink":
    from components.integrations.faiss_index import FaissIndex

    _check("--recall", given.recall, 0, 1)
    return FaissIndex(folder, given.kind, given.recall)


def _vespa(_given: argparse.Namespace, folder: Path, _environ: Mapping[str, str]) -> "Sink":
    from components.integrations.vespa_package import VespaPackage

    return VespaPackage(folder)


def _pinecone(given: argparse.Namespace, _folder: Path, environ: Mapping[str, str]) -> "Sink":
    from components.integrations.pinecone_index import PineconeIndex

    host, key = given.host or environ.get(PINECONE_HOST, ""), environ.get(PINECONE_KEY, "")
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
        _check(f"--{option.replace('_', '-')}", getattr(given, option), low, high)
    return PineconeIndex(host, key, given.namespace, given.keep, given.max_deletes, given.batch, given.timeout)


def _vertex(given: argparse.Namespace, _folder: Path, _environ: Mapping[str, str]) -> "Sink":
    from components.integrations.vertex_store import VertexStore

    return VertexStore(given.project, given.region, given.dataset, given.store)


def _own(given: argparse.Namespace, folder: Path, _environ: Mapping[str, str]) -> "Sink":
    check_path("PATH", given.function)
    sink: Sink = load_function("PATH", given.function)(folder)
    return sink


def _check(option: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(option, value, f"a number from {low} to {high}")
