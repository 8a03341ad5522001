"""Four logs that are nothing like the sample, for the tests of clones: other names, other units, other events."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pyarrow.csv

START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
USERS, ITEMS = 300, 80


def plain_log(folder, rows=6_000, seed=5):
    """`visits.csv`: who, what, when in microseconds; no events, no requests, no catalogue."""
    rng = np.random.default_rng(seed)
    user, item = _tastes(rng, rows)
    moments = np.sort(rng.integers(0, 20 * 86_400_000_000, rows)) + int(START.timestamp()) * 1_000_000
    columns = {
        "customer": [f"c{number}" for number in user],
        "sku": (item + 1000).tolist(),
        "happened_at": moments.tolist(),
        "channel": rng.choice(["web", "app", "kiosk"], rows).tolist(),
    }
    pyarrow.csv.write_csv(pa.table(columns), folder / "visits.csv")
    return folder / "visits.csv"


def rich_log(folder, answers=900, seed=6):
    """`deeds.csv`, where four articles are shown per answer and some are tapped, kept or bought; and `articles.csv`."""
    rng = np.random.default_rng(seed)
    user, liked = _tastes(rng, answers)
    rows = []
    for number in range(answers):
        moment = START + dt.timedelta(minutes=int(number) * 20)
        shown = [int(liked[number]), *rng.integers(0, ITEMS, 3).tolist()]
        for slot, article in enumerate(rng.permutation(list(dict.fromkeys(shown))).tolist()):
            row = {
                "visitor": f"v{user[number]}",
                "article": f"a{article}",
                "answer_id": f"q{number}",
                "surface": "feed" if number % 3 else "mail",
            }
            rows.append(row | {"ts": moment, "kind": "shown", "slot": slot})
            chance = 0.8 if article == liked[number] else 0.1
            for kind, share in (("tap", chance), ("bookmark", chance / 2), ("purchase", chance / 3)):
                if rng.random() < share:
                    seconds = 3 + number % 20
                    rows.append(row | {"ts": moment + dt.timedelta(seconds=seconds), "kind": kind, "slot": None})
    rows.sort(key=lambda row: row["ts"])
    table = pa.table({name: [row[name].isoformat() if name == "ts" else row[name] for row in rows] for name in rows[0]})
    pyarrow.csv.write_csv(table, folder / "deeds.csv", pyarrow.csv.WriteOptions(delimiter=";"))
    return folder / "deeds.csv", _articles(folder)


def music_log(folder, plays=6_000, seed=8):
    """`plays.jsonl`: who listened to what, when in milliseconds, and for how many seconds; nested, without a catalogue."""
    rng = np.random.default_rng(seed)
    listener, track = _tastes(rng, plays)
    moments = np.sort(rng.integers(0, 20 * 86_400_000, plays)) + int(START.timestamp()) * 1_000
    liked = rng.random(plays) < 0.7
    seconds = np.where(liked, rng.integers(60, 240, plays), rng.integers(1, 30, plays))
    with (folder / "plays.jsonl").open("w") as file:
        for at in range(plays):
            device = ["phone", "desktop", "speaker"][int(rng.integers(3))]
            row = {"listener_id": f"l{listener[at]}", "track_id": f"t{track[at]}", "played_at": int(moments[at])}
            file.write(json.dumps(row | {"listened_seconds": int(seconds[at]), "client": {"device": device}}) + "\n")
    return folder / "plays.jsonl"


def order_log(folder, orders=1_500, seed=9):
    """`orders.csv`, lines of orders in the European form, with reorders, and `products.csv` with descriptions."""
    rng = np.random.default_rng(seed)
    customer, first = _tastes(rng, orders)
    lines = ["customer_id;order_no;order_date;sku;quantity;net_price"]
    for number in range(orders):
        day = (START + dt.timedelta(hours=3 * number)).date()
        usual = [int(first[number]), int(customer[number] % 4)]  # what a customer always orders
        for sku in dict.fromkeys([*usual, int(rng.integers(ITEMS))]):
            price = f"{rng.integers(5, 900)},{rng.integers(10, 99)}"
            line = (
                f"K{customer[number]:05d}",
                f"A-{number}",
                day.isoformat(),
                f"{sku:04d}",
                str(rng.integers(1, 50)),
                price,
            )
            lines.append(";".join(line))
    (folder / "orders.csv").write_text("\n".join(lines) + "\n")
    lines = ["sku;name;description;category;list_price;available"]
    for number in range(ITEMS):
        kind = ["Schraube", "Mutter", "Bohrer", "Dichtung"][number % 4]
        words = f"{kind} aus Edelstahl, Größe {number}, für den Dauereinsatz"
        lines.append(f"{number:04d};{kind} M{number};{words};{kind};{number + 1},5{number % 10};{int(number % 20 > 0)}")
    (folder / "products.csv").write_text("\n".join(lines) + "\n")
    return folder / "orders.csv", folder / "products.csv"


def _articles(folder):
    columns = {
        "article": [f"a{number}" for number in range(ITEMS)],
        "headline": [f"Story about {'sport' if number % 2 else 'music'} {number}" for number in range(ITEMS)],
        "section": [f"s{number % 4}" for number in range(ITEMS)],
        "length_words": [100 + number * 7 for number in range(ITEMS)],
        "published": [1 if number % 20 else 0 for number in range(ITEMS)],
    }
    pyarrow.csv.write_csv(pa.table(columns), folder / "articles.csv")
    return folder / "articles.csv"


def _tastes(rng, rows):
    """Users and items, so that each user keeps to a quarter of the items."""
    user = rng.zipf(1.4, rows) % USERS
    item = (rng.zipf(1.3, rows) % (ITEMS // 4)) * 4 + user % 4
    return user, item
