"""Generates the sample: the log and the catalogue of a small invented shop, and the ground truth behind them.

    python data/generate.py --out data/sample
    python data/generate.py --form sparse --out data/sparse     # or dense: who took what and when, without impressions

`shop_world` simulates the shop (catalogue, trends, logging policy) and `shop_traffic` its users, `plain_world` the
other forms; this module writes the tables. Imports numpy and pyarrow only.
"""

import argparse
import functools
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_HERE = str(Path(__file__).resolve().parent)
if _HERE not in sys.path:  # data/ is a folder of files, not a package, and this file is also loaded by its path
    sys.path.append(_HERE)

from plain_world import FORMS, PlainWorld, check, make_events, make_world, size_of  # noqa: E402
from shop_traffic import COUNTRIES, DEVICES, EXAMINATION, RELEVANT_MATCH, SHARPNESS, Traffic, Visits, make_visits  # noqa: E402
from shop_world import BRANDS, CATEGORIES, LOOKS, MATERIALS, NEVER, LoggingPolicy, SampleError, Shop, Size, make_shop  # noqa: E402

KINDS = ("impression", "click", "purchase")
# One worker of a distributed Beam runner reads a row group.
ROWS_IN_GROUP = 1 << 18


def _columns(size: Size, traffic: Traffic, visits: Visits) -> dict[str, np.ndarray]:
    """Returns all rows sorted by time; drops visits beyond `size.events` rows, but never the first visit of a user."""
    rows = {name: np.concatenate([part[name] for part in traffic.rows]) for name in traffic.rows[0]}
    lengths = np.bincount(rows["visit"], minlength=len(visits.user))
    order = np.lexsort((np.random.default_rng([size.seed, 1]).random(len(lengths)), visits.rank > 0))
    keep = np.zeros(len(lengths), bool)
    keep[order[np.cumsum(lengths[order]) <= size.events]] = True
    rows = {name: values[keep[rows["visit"]]] for name, values in rows.items()}
    order = np.lexsort((rows["position"], rows["kind"], rows["request"], rows["visit"], rows["time"]))
    rows = {name: values[order] for name, values in rows.items()}
    has_request = rows["request"] >= 0
    _, first, request = np.unique(rows["request"][has_request], return_index=True, return_inverse=True)
    rows["request"][has_request] = np.argsort(np.argsort(first))[request.ravel()]  # numbered in order of time
    return rows


def _labels(names: Sequence[str] | np.ndarray, codes: np.ndarray) -> pa.Array:
    """Returns the name of each code; null for code -1."""
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.array(np.asarray(names).tolist(), pa.string()).take(indices)


def _event_table(rows: dict[str, np.ndarray], traffic: Traffic, visits: Visits, size: Size) -> pa.Table:
    visit, organic = rows["visit"], rows["request"] < 0
    user = visits.user[visit]
    return pa.table({
        "user_id": _labels([f"u{index:05d}" for index in range(size.users)], user),
        "item_id": _labels(_item_ids(size.items), rows["item"]),
        "timestamp": pa.array(rows["time"], pa.int64()),
        "event": _labels(KINDS, rows["kind"]),
        "request_id": _labels([f"r{index:07d}" for index in range(rows["request"].max() + 1)], rows["request"]),
        "position": pa.array(rows["position"], pa.int64(), mask=organic),
        "policy": _labels(LoggingPolicy.names, rows["context"]),
        "propensity": pa.array(rows["propensity"], pa.float64(), mask=organic),
        "model_version": _labels(["rules-1"], np.where(organic, -1, 0)),
        "device": _labels(DEVICES, traffic.device[visit]),
        "country": _labels(COUNTRIES, traffic.country[user]),
    })  # fmt: skip


def _item_ids(count: int) -> list[str]:
    return [f"i{index:05d}" for index in range(count)]


def _item_table(rng: np.random.Generator, shop: Shop) -> pa.Table:
    names = list(CATEGORIES)
    return pa.table({
        "item_id": _item_ids(len(shop.price)),
        "title": _titles(rng, shop),
        "category": [names[code] for code in shop.category],
        "brand": [BRANDS[code] for code in shop.brand],
        "price": pa.array(shop.price, pa.float64()),
        "active": pa.array(shop.withdrawn_ms == NEVER),
        "launched_ms": pa.array(shop.launched_ms, pa.int64()),
    })  # fmt: skip


def _titles(rng: np.random.Generator, shop: Shop) -> list[str]:
    """Returns titles of a word for the look, sometimes a material, and a noun: "Fjord Linen Blanket"."""
    looks, nouns = list(LOOKS.values()), list(CATEGORIES.values())
    picks = zip(
        shop.brand // 3,
        shop.category,
        rng.integers(4, size=len(shop.brand)),
        rng.integers(4, size=len(shop.brand)),
        strict=True,
    )
    materials = rng.choice(MATERIALS, len(shop.brand))
    titles = (
        f"{looks[look][word]} {material} {nouns[kind][noun]}"
        for (look, kind, word, noun), material in zip(picks, materials, strict=True)
    )
    return [" ".join(title.split()) for title in titles]


def _truth(
    rows: dict[str, np.ndarray], traffic: Traffic, visits: Visits, shop: Shop, size: Size
) -> dict[str, np.ndarray]:
    """Returns the arrays that data/README.md describes under "The truth"."""
    return {
        "item_vectors": shop.vectors, "item_popularity": shop.popularity, "period_start_ms": size.period_start_ms(),
        "item_launched_ms": shop.launched_ms, "item_withdrawn_ms": shop.withdrawn_ms,
        "visit_user": visits.user, "visit_start_ms": visits.start_ms, "visit_taste": visits.taste,
        "states": np.concatenate(traffic.states), "event_state": rows["state"], "event_relevance": rows["relevance"].astype(np.float32),
        "examination": np.array(EXAMINATION), "sharpness": np.array(SHARPNESS), "relevant_match": np.array(RELEVANT_MATCH), "appeal": traffic.appeal,
    }  # fmt: skip


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a temporary file and renames it to `path`, so that the file is always complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def generate(
    out: Path, events: int = 100_000, seed: int = 7, users: int | None = None, items: int | None = None, days: int = 30
) -> str:
    """Writes events.parquet, items.parquet and truth/truth.npz; the same arguments give the same tables.

    Args:
      out: the output folder; it is created if needed, and existing files are replaced. `events.parquet` is written
        last.
      events: approximate number of rows of the log.
      seed: seed of all random numbers.
      users: number of users; None for one per 60 events.
      items: number of items; None for 1,000 per 100,000 events, growing with the square root of the events.
      days: length of the log in days.

    Returns:
      A one-line summary of the sample.

    Raises:
      SampleError: if a number is out of range; the message names the option.
    """
    users = max(events // 60, 5) if users is None else users
    items = max(int(1000 * max(events / 1e5, 0) ** 0.5), 40) if items is None else items
    size = Size(events, users, items, days, seed)
    rng = np.random.default_rng(seed)
    shop = make_shop(rng, size)
    visits = make_visits(rng, size)
    traffic = Traffic(rng, size, shop, visits)
    traffic.play()
    rows = _columns(size, traffic, visits)
    truth, catalogue, log = (
        _truth(rows, traffic, visits, shop, size),
        _item_table(rng, shop),
        _event_table(rows, traffic, visits, size),
    )
    _write(out / "truth" / "truth.npz", lambda path: _save(path, truth))
    _write(out / "items.parquet", lambda path: pq.write_table(catalogue, path))
    _write(out / "events.parquet", lambda path: pq.write_table(log, path, row_group_size=ROWS_IN_GROUP))
    return f"{_summary(rows, visits, size)}: {out}"


def generate_plain(
    out: Path,
    form: str,
    events: int = 200_000,
    seed: int = 7,
    users: int | None = None,
    items: int | None = None,
    days: int = 60,
) -> str:
    """Writes the events.parquet, items.parquet and truth/truth.npz of a form of `plain_world` to the folder `out`; arguments as of `generate`.

    The log has the columns user_id, item_id and timestamp (milliseconds), the catalogue item_id, category, brand and
    launched_ms; the truth is the fields of `PlainWorld`, `user_tastes` [users, 3] and `days`.

    Raises:
      SampleError: a number does not fit; the message names the form.
    """
    most_users, most_items = size_of(form, events)
    users, items = users or most_users, items or most_items
    check(form, events, users, items)
    rng = np.random.default_rng(seed)
    world = make_world(rng, form, items, days)
    user, item, time_ms, tastes = make_events(rng, world, form, events, users, days)
    ids, names = np.array(_item_ids(items)), np.array([f"u{index:06d}" for index in range(users)])
    log = pa.table({"user_id": names[user], "item_id": ids[item], "timestamp": pa.array(time_ms, pa.int64())})
    truth = vars(world) | {"user_tastes": tastes, "days": np.array(days)}
    _write(out / "truth" / "truth.npz", lambda path: _save(path, truth))
    _write(out / "items.parquet", lambda path: pq.write_table(_plain_items(world, ids), path))
    _write(out / "events.parquet", lambda path: pq.write_table(log, path, row_group_size=ROWS_IN_GROUP))
    return f"{len(user):,} events of {users:,} users on {items:,} items in {days} days: {out}"


def _plain_items(world: PlainWorld, ids: np.ndarray) -> pa.Table:
    return pa.table({
        "item_id": ids,
        "category": [f"c{code:03d}" for code in world.category],
        "brand": [f"b{code:05d}" for code in world.brand],
        "launched_ms": pa.array(world.launched_ms, pa.int64()),
    })  # fmt: skip


def _summary(rows: dict[str, np.ndarray], visits: Visits, size: Size) -> str:
    kinds = ", ".join(
        f"{count:,} {kind}s" for kind, count in zip(KINDS, np.bincount(rows["kind"], minlength=3), strict=True)
    )
    users = len(np.unique(visits.user[rows["visit"]]))
    return f"{len(rows['visit']):,} events ({kinds}) of {users:,} users on {size.items:,} items in {size.days} days"


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with path.open("wb") as file:  # numpy appends .npz to a path, but not to an open file
        np.savez(file, **arrays)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python data/generate.py",
        description="Generates the sample: the log and catalogue of a small invented shop.",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("data/sample"), help="the folder to write to (default: %(default)s)"
    )
    parser.add_argument(
        "--form", choices=("shop", *FORMS), default="shop", help="what kind of log (default: %(default)s)"
    )
    parser.add_argument("--events", type=int, default=100_000, help="about how many rows of log (default: %(default)s)")
    parser.add_argument("--users", type=int, help="default: one per 60 events")
    parser.add_argument("--items", type=int, help="default: 1000, and more or fewer with the square root of the events")
    parser.add_argument("--days", type=int, default=30, help="how long the log is (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of every random choice (default: %(default)s)")
    chosen = vars(parser.parse_args(arguments))
    form = chosen.pop("form")
    began = time.monotonic()
    try:
        make = generate if form == "shop" else functools.partial(generate_plain, form=form)
        print(make(**chosen), f"({time.monotonic() - began:.1f} s)")
    except (SampleError, OSError) as error:
        print(f"data/generate.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
