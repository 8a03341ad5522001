"""The sample's shop: its size, catalogue, trends and logging policy.

Letters: I items, D = `DIM` latent dimensions, B periods (popularity and the shop's rules are recounted once per
period), n requests at a time, L = `LENGTH` shown items per request, C categories. Imports numpy only.
"""

import dataclasses

import numpy as np

START_MS = 1_740_787_200_000  # 2025-03-01T00:00:00Z
DAY_MS = 86_400_000
NEVER = np.iinfo(np.int64).max
DIM = 24
LENGTH = 8
EVENTS_PER_VISIT = 20
SHUFFLED = 0.3  # share of the popularity lists that are in random order
NEW_SHARE = 0.2  # share of items launched during the log
NEW_PULL, NEW_DAYS = 3.8, 4.0  # log weight of a new item on its first day; days until a third of it remains
LOOKS = {
    "Nordic": ("Fjord", "Birch", "Pale", "Snowfall"),
    "Rustic": ("Barn", "Oak", "Hearth", "Weathered"),
    "Retro": ("Disco", "Diner", "Jukebox", "Seventies"),
    "Urban": ("Concrete", "Metro", "Loft", "Neon"),
    "Botanic": ("Fern", "Moss", "Clover", "Meadow"),
    "Coastal": ("Harbour", "Driftwood", "Tide", "Pebble"),
}
CATEGORIES = {
    "lighting": ("Lamp", "Lantern", "Pendant", "Sconce"),
    "kitchen": ("Kettle", "Skillet", "Carafe", "Whisk"),
    "bedding": ("Duvet", "Pillow", "Blanket", "Sheet Set"),
    "bath": ("Towel", "Bath Mat", "Soap Dish", "Robe"),
    "garden": ("Planter", "Trowel", "Watering Can", "Bird Feeder"),
    "office": ("Desk Tray", "Notebook", "Pen Cup", "Bookend"),
    "tableware": ("Plate", "Bowl", "Mug", "Napkin Ring"),
    "seating": ("Stool", "Armchair", "Bench", "Pouffe"),
    "storage": ("Basket", "Shelf", "Crate", "Coat Rack"),
    "decor": ("Vase", "Mirror", "Candle", "Wall Print"),
    "travel": ("Backpack", "Duffel", "Packing Cube", "Flask"),
    "toys": ("Puzzle", "Kite", "Building Set", "Plush Bear"),
}
MATERIALS = ("", "", "Linen", "Cotton", "Brass", "Ceramic", "Bamboo", "Glass", "Wool", "Walnut")
BRANDS = ("Aldervik", "Brunor", "Casolo", "Dappel", "Esterly", "Fennick", "Gravna", "Holmby", "Isaro", "Jorvel", "Kestane", "Lumero",
          "Mirrow", "Nordahl", "Ostra", "Pellow", "Quenby", "Rivano")  # fmt: skip


class SampleError(ValueError):
    """The requested size is out of range."""


@dataclasses.dataclass(frozen=True)
class Size:
    """The size of a sample: about `events` rows of log (of all kinds) by `users` on `items` in `days`."""

    events: int
    users: int
    items: int
    days: int
    seed: int

    def __post_init__(self) -> None:
        """Raises `SampleError` for the first number out of range."""
        _need("events", self.events, 200, 5_000_000)
        most_users = self.events // EVENTS_PER_VISIT
        _need(
            "users",
            self.users,
            max(self.events // 300, 5),
            most_users,
            f" (a visit makes about {EVENTS_PER_VISIT} events)",
        )
        # users x items are held in memory, one byte each.
        _need("items", self.items, 40, min(20_000, 10**9 // self.users))
        _need("days", self.days, 2, 3650)
        _need("seed", self.seed, 0, 2**32 - 1)

    @property
    def periods(self) -> int:
        """The number of popularity periods: one per day in a sample of up to 60 days."""
        return min(self.days, 60)

    def period_start_ms(self) -> np.ndarray:
        """Returns when each period begins: [B] int64."""
        return START_MS + np.arange(self.periods) * self.days * DAY_MS // self.periods


def _need(name: str, got: int, least: int, most: int, why: str = "") -> None:
    if not least <= got <= most:
        raise SampleError(f"--{name} needs a number from {least:,} to {most:,}{why}, got {got:,}.")


@dataclasses.dataclass(frozen=True)
class Shop:
    """The catalogue and its latent truth, with one entry per item.

    `popularity` [B, I] holds log weights; `NEVER` in `withdrawn_ms` means that the item stays on sale. `interests`
    [C, brands, D] are the interests of visits in a category of a brand.
    """

    category: np.ndarray
    brand: np.ndarray
    price: np.ndarray
    launched_ms: np.ndarray
    withdrawn_ms: np.ndarray
    vectors: np.ndarray
    popularity: np.ndarray
    interests: np.ndarray

    def sold(self, at_ms: np.ndarray) -> np.ndarray:
        """Returns which items are on sale at each time: [...] -> [..., I] bool."""
        time = np.asarray(at_ms)[..., None]
        return (self.launched_ms <= time) & (time < self.withdrawn_ms)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Returns the vectors scaled to length 1: [..., D] float32."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def make_shop(rng: np.random.Generator, size: Size) -> Shop:
    """Draws the catalogue: an item's vector sums its category's, its brand's (three share a look) and noise."""
    count = size.items
    category, brand = rng.integers(len(CATEGORIES), size=count), rng.integers(len(BRANDS), size=count)
    of_category, of_look, of_brand = (unit(rng.normal(size=(len(names), DIM))) for names in (CATEGORIES, LOOKS, BRANDS))
    of_brand = 0.9 * of_look.repeat(3, axis=0) + 0.6 * of_brand
    noise = unit(rng.normal(size=(count, DIM)))
    price = np.exp(
        rng.normal(3.2, 0.5, len(CATEGORIES))[category]
        + rng.normal(0, 0.2, len(BRANDS))[brand]
        + rng.normal(0, 0.4, count)
    )
    launched, withdrawn = _make_shelf_life(rng, size)
    return Shop(
        category, brand, np.round(price, 2), launched, withdrawn,
        vectors=unit(of_category[category] + of_brand[brand] + 0.4 * noise),
        popularity=_make_popularity(rng, size, brand // 3, launched),
        interests=unit(of_category[:, None] + of_brand[None]),
    )  # fmt: skip


def _make_shelf_life(rng: np.random.Generator, size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Draws when items are launched and withdrawn: [I] int64 each.

    One item in five is launched during the log, more of them late; one in forty is withdrawn before its last fifth.
    """
    order, new, gone = rng.permutation(size.items), int(NEW_SHARE * size.items), -(-size.items // 40)
    launched = START_MS - rng.integers(DAY_MS, 300 * DAY_MS, size.items)
    launched[order[:new]] = START_MS + (0.98 * np.linspace(0, 1, new) ** 0.33 * size.days * DAY_MS).astype(np.int64)
    withdrawn = np.full(size.items, NEVER)
    # At the start of a period, so that the rules, which are recounted then, never show a withdrawn item.
    withdrawn[order[new : new + gone]] = size.period_start_ms()[
        np.ceil(rng.uniform(0.2, 0.8, gone) * (size.periods - 1)).astype(int)
    ]
    return launched, withdrawn


def _make_popularity(rng: np.random.Generator, size: Size, look: np.ndarray, launched: np.ndarray) -> np.ndarray:
    """Draws log weights, [B, I] float32: Zipf's law, random walks of items and looks, and a boost of new items."""
    zipf = -0.6 * np.log(rng.permutation(size.items) + 3.0)
    walk = np.cumsum(rng.normal(0, 1, (size.periods, size.items)), axis=0) / np.sqrt(size.periods)
    trend = np.cumsum(rng.normal(0, 1, (size.periods, len(LOOKS))), axis=0) / np.sqrt(size.periods)
    age_days = (size.period_start_ms()[:, None] - launched) / DAY_MS
    return (zipf + walk + trend[:, look] + NEW_PULL * np.exp(-np.maximum(age_days, 0) / NEW_DAYS)).astype(np.float32)


class LoggingPolicy:
    """The shop's rules: popular items, popular items of a category, or exploration; all log exact propensities.

    In every period the items on sale are divided into L tiers by popularity, the most popular eighth first. A list has
    one item from every tier, so no list repeats an item. Popular items come first: position p shows tier p, except that
    a share `SHUFFLED` of the lists, and all exploration lists, have the tiers in random order. Hence P(item at a
    position | context) = P(its tier at the position | context) x P(item | its tier, context) holds exactly, and every
    item on sale can appear at every position. Contexts 0..C-1 favour a category, `popular` favours none, `exploration`
    is uniform within the tier.
    """

    popular, exploration = len(CATEGORIES), len(CATEGORIES) + 1
    names = np.array(["popular_in_category"] * len(CATEGORIES) + ["popular", "exploration"])

    def __init__(self, size: Size, shop: Shop):
        """Computes P(item | its tier, context) for each period and context, [B, C + 2, I] float64."""
        sold = shop.sold(size.period_start_ms())
        self._order = np.argsort(np.where(sold, -shop.popularity, np.inf), axis=1, kind="stable")
        # Items that are not on sale come last: in the last tier, with weight 0.
        tiers = np.minimum(np.arange(size.items) * LENGTH // sold.sum(axis=1, keepdims=True), LENGTH - 1)
        self._tier = np.empty_like(tiers)
        np.put_along_axis(self._tier, self._order, tiers, axis=1)
        favour = np.ones((self.exploration, size.items))
        favour[shop.category, np.arange(size.items)] = 40.0
        weights = np.exp(shop.popularity[:, None].astype(np.float64)) * favour
        self._within = np.concatenate([weights, np.ones((size.periods, 1, size.items))], axis=1) * sold[:, None]
        cumulative = np.empty_like(self._within)
        for period, order in enumerate(self._order):
            totals = np.add.reduceat(
                self._within[period][:, order], np.searchsorted(tiers[period], np.arange(LENGTH)), axis=-1
            )
            self._within[period] /= totals[:, self._tier[period]]
            cumulative[period] = np.cumsum(self._within[period][:, order] / LENGTH, axis=-1)
        # Row r (a period and a context) rises from r to r + 1: one search in the flat array serves all requests.
        self._flat = (
            cumulative + np.arange(size.periods * (self.exploration + 1)).reshape(size.periods, -1, 1)
        ).ravel()

    def show(self, rng: np.random.Generator, period: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draws one list per request: items [n, L] int64 and their propensities [n, L] float64."""
        count, items = len(period), self._order.shape[1]
        in_order = np.tile(np.arange(LENGTH), (count, 1))
        shuffled = rng.random(count) < self._shuffle_share(context)
        tier = np.where(shuffled[:, None], rng.permuted(in_order, axis=1), in_order)
        row = period * (self.exploration + 1) + context
        # Each tier has exactly 1/L of the row's probability: the t-th part of the cumulative sum is tier t.
        mass = (tier + rng.uniform(1e-9, 1 - 1e-9, tier.shape)) / LENGTH
        rank = np.searchsorted(self._flat, row[:, None] + mass) - row[:, None] * items
        shown = self._order[period[:, None], rank]
        return shown, self.propensity(period, context, shown)

    def _shuffle_share(self, context: np.ndarray) -> np.ndarray:
        """Returns the share of a context's lists that are in random order: [n]."""
        return np.where(context == self.exploration, 1.0, SHUFFLED)

    def propensity(self, period: np.ndarray, context: np.ndarray, item: np.ndarray) -> np.ndarray:
        """Returns P(item at its position | context) of lists [n, L]: [n, L] float64."""
        in_order = self._tier[period[:, None], item] == np.arange(LENGTH)
        shuffled = self._shuffle_share(context)[:, None]
        return (shuffled / LENGTH + (1 - shuffled) * in_order) * self._within[period[:, None], context[:, None], item]
