"""Small logs in the forms in which other systems export theirs, for the recipes of docs/log.md: each function writes one."""

import csv
import datetime as dt
import json

import pyarrow as pa
import pyarrow.parquet as pq

_START = dt.datetime(2026, 1, 30, 8, tzinfo=dt.timezone.utc)
_ROWS = 240


def _visits():
    """User number, item number and moment of each event: days apart enough to cut in time."""
    for at in range(_ROWS):
        yield at, at * 7 % 23, at * 5 % 31, _START + dt.timedelta(minutes=11 * at)


def ga4(folder):
    """`ga4/dt=.../part.parquet`: the events table, a list of items per event."""
    days = {}
    for at, user, item, moment in _visits():
        params = [{"key": "page_location", "value": {"string_value": "/", "int_value": None}}]
        items = [
            {"item_id": f"sku{item}", "item_name": f"Thing {item}", "price": 2.5},
            {"item_id": f"sku{item + 1}", "item_name": f"Thing {item + 1}", "price": 3.0},
        ]
        row = {
            "event_timestamp": int(moment.timestamp() * 1e6),
            "event_name": ("view_item", "add_to_cart", "purchase")[at % 3] if at % 4 else "page_view",
            "user_pseudo_id": f"{user}.17",
            "items": items if at % 4 else [],
            "event_params": params,
            "device": {"category": ("mobile", "desktop")[at % 2]},
        }
        days.setdefault(moment.date(), []).append(row)
    for day, rows in days.items():
        part = folder / "ga4" / f"dt={day}"
        part.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), part / "part.parquet")
    return folder / "ga4"


def segment(folder):
    """`tracks.jsonl`: track calls; visitors who are not logged in have no `userId`."""
    names = ("Product Viewed", "Product Added", "Order Completed")
    rows = [
        {
            "type": "track",
            "event": names[at % 3],
            "userId": f"u{user}" if at % 3 else None,
            "anonymousId": f"a{user}",
            "timestamp": moment.isoformat().replace("+00:00", "Z"),
            "properties": {"product_id": f"sku{item}", "price": 2.5},
            "context": {"device": {"type": ("ios", "android")[at % 2]}},
        }
        for at, user, item, moment in _visits()
    ]
    return _jsonl(folder / "tracks.jsonl", rows)


def snowplow(folder):
    """`atomic.jsonl`: enriched events with one unstructured event each."""
    rows = [
        {
            "collector_tstamp": moment.strftime("%Y-%m-%d %H:%M:%S.000"),
            "event_name": ("product_view", "add_to_cart")[at % 2],
            "user_id": f"u{user}" if at % 3 else None,
            "domain_userid": f"d{user}",
            "unstruct_event_com_acme_product_1": {"product_id": f"sku{item}", "price": 2.5},
            "dvce_type": ("Mobile", "Computer")[at % 2],
        }
        for at, user, item, moment in _visits()
    ]
    return _jsonl(folder / "atomic.jsonl", rows)


def shopify(folder):
    """`orders_export.csv`: a row per line of an order."""
    zone = dt.timezone(dt.timedelta(hours=1))
    rows = [
        (
            f"#{1000 + at // 2}",
            f"p{user}@example.org",
            moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z"),
            1 + at % 3,
            f"Mug {item}",
            f"SKU-{item}",
        )
        for at, user, item, moment in _visits()
    ]
    return _csv(
        folder / "orders_export.csv",
        ("Name", "Email", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem sku"),
        rows,
    )


def postgres(folder):
    """`events.csv`: what `\\copy (SELECT ...) TO ... CSV HEADER` writes: a row per impression, t and f."""
    rows = [
        (
            f"{user:05}",
            item,
            moment.strftime("%Y-%m-%d %H:%M:%S+00"),
            "t" if at % 4 == 0 else "f",
            1 + at % 5,
            ("web", "app")[at % 2],
        )
        for at, user, item, moment in _visits()
    ]
    return _csv(folder / "events.csv", ("user_id", "item_id", "shown_at", "clicked", "position", "device"), rows)


def kafka(folder):
    """`topic/year=.../month=.../day=.../hour=.../*.jsonl`: what a sink connector writes, partitioned by time."""
    files = {}
    for at, user, item, moment in _visits():
        row = {"user_id": user, "item_id": item, "ts": int(moment.timestamp() * 1000), "event": ("view", "buy")[at % 2]}
        files.setdefault(moment.strftime("year=%Y/month=%m/day=%d/hour=%H"), []).append(row)
    for name, rows in files.items():
        (folder / "topic" / name).mkdir(parents=True)
        _jsonl(folder / "topic" / name / "topic+0+0.jsonl", rows)
    return folder / "topic"


def _jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _csv(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path
