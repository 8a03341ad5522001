"""The launch that ships: a small shop, whose log `data/generate.py` makes.

Clone the template and edit this file, or write one next to it: it is all that a first launch needs.
"""

from components.declaration import Catalogue, Launch, Log, Objective, Split

LAUNCH = Launch(
    name="shop",
    log=Log(
        path="events.parquet",
        user="user_id",
        item="item_id",
        time="timestamp",
        time_unit="ms",
        event="event",
        impression="impression",
        request="request_id",
        position="position",
        policy="policy",
        propensity="propensity",
        model_version="model_version",
        context=("device", "country"),
    ),
    catalogue=Catalogue(
        path="items.parquet",
        item="item_id",
        title="title",
        categories=("category", "brand"),
        texts=("title",),
        numbers=("price",),
        active="active",
    ),
    objectives=(
        Objective("click", weight=1.0, event="click"),
        Objective("purchase", weight=5.0, event="purchase"),
    ),
    split=Split(eval_share=0.1),
)
