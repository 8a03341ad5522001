"""What stands still in the sample's world: its size, the catalogue, the trends, and the policy by which the shop shows items.

Shapes: I items, D = `DIM` latent dimensions, B periods (popularity and the shop's rules are recounted once per period),
  n requests
at a time, L = `LENGTH` shown items per request, C categories. Imports numpy only.
"""

import dataclasses

import numpy as np

START_MS = 1_740_787_200_000  # 2025-03-01T00:00:00Z
DAY_MS = 86_400_000
NEVER = np.iinfo(np.int64).max
DIM = 24
LENGTH = 8
EVENTS_PER_VISIT = 20
SHUFFLED = 0.3  # share of the lists by popularity that are in random order all the same
NEW_SHARE, NEW_PULL, NEW_DAYS = (
    0.2,
    3.8,
    4.0,
)  # items launched during the log; log weight on the first day, a third of it after so many days
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
    """A size was asked for that no sample can have."""


@dataclasses.dataclass(frozen=True)
class Size:
    """How much to make: about `events` rows of log (all kinds together) by `users` on `items` in `days`."""

    events: int
    users: int
    items: int
    days: int
    seed: int

    def __post_init__(self) -> None:
        """Raises `SampleError` for the first number that does not fit."""
        _need("events", self.events, 200, 5_000_000)
        most_users = self.events // EVENTS_PER_VISIT
        _need(
            "users",
            self.users,
            max(self.events // 300, 5),
            most_users,
            f" (a visit makes about {EVENTS_PER_VISIT} events)",
        )
        _need(
            "items", self.items, 40, min(20_000, 10**9 // self.users)
        )  # users x items are held in memory, a byte each
        _need("days", self.days, 2, 3650)
        _need("seed", self.seed, 0, 2**32 - 1)

    @property
    def periods(self) -> int:
        """How often popularity changes: daily in a sample of up to 60 days."""
        return min(self.days, 60)

    def period_start_ms(self) -> np.ndarray:
        """[B] int64: when each period begins."""
        return START_MS + np.arange(self.periods) * self.days * DAY_MS // self.periods


def _need(name: str, got: int, least: int, most: int, why: str = "") -> None:
    if not least <= got <= most:
        raise SampleError(f"--{name} needs a number from {least:,} to {most:,}{why}, got {got:,}.")


@dataclasses.dataclass(frozen=True)
class Shop:
    """The catalogue and what is true of it: one entry per item, `popularity` [B, I] is a log weight, 'never' is the largest int64."""

    category: np.ndarray
    brand: np.ndarray
    price: np.ndarray
    launched_ms: np.ndarray
    withdrawn_ms: np.ndarray
    vectors: np.ndarray
    popularity: np.ndarray
    interests: np.ndarray  # [categories, brands, D]: where a visit for a category of a brand begins

    def sold(self, at_ms: np.ndarray) -> np.ndarray:
        """[..., I] bool: which items are on sale at each moment."""
        moment = np.asarray(at_ms)[..., None]
        return (self.launched_ms <= moment) & (moment < self.withdrawn_ms)


def unit(vectors: np.ndarray) -> np.ndarray:
    """[..., D] float32: the same directions at length 1."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def make_shop(rng: np.random.Generator, size: Size) -> Shop:
    """Every item is its category plus its brand plus something of its own; three brands share a look."""
    count = size.items
    category, brand = rng.integers(len(CATEGORIES), size=count), rng.integers(len(BRANDS), size=count)
    of_category, of_look, of_brand = (unit(rng.normal(size=(len(names), DIM))) for names in (CATEGORIES, LOOKS, BRANDS))
    of_brand = 0.9 * of_look.repeat(3, axis=0) + 0.6 * of_brand
    own = unit(rng.normal(size=(count, DIM)))
    price = np.exp(
        rng.normal(3.2, 0.5, len(CATEGORIES))[category]
        + rng.normal(0, 0.2, len(BRANDS))[brand]
        + rng.normal(0, 0.4, count)
    )
    launched, withdrawn = _make_shelf_life(rng, size)
    return Shop(
        category, brand, np.round(price, 2), launched, withdrawn,
        vectors=unit(of_category[category] + of_brand[brand] + 0.4 * own),
        popularity=_make_popularity(rng, size, brand // 3, launched),
        interests=unit(of_category[:, None] + of_brand[None]),
    )  # fmt: skip


def _make_shelf_life(rng: np.random.Generator, size: Size) -> tuple[np.ndarray, np.ndarray]:
    """[I] int64 twice: one item in five is launched during the log, more of them late; one in forty is withdrawn before its last fifth."""
    order, new, gone = rng.permutation(size.items), int(NEW_SHARE * size.items), -(-size.items // 40)
    launched = START_MS - rng.integers(DAY_MS, 300 * DAY_MS, size.items)
    launched[order[:new]] = START_MS + (0.98 * np.linspace(0, 1, new) ** 0.33 * size.days * DAY_MS).astype(np.int64)
    withdrawn = np.full(size.items, NEVER)
    # At the start of a period, so that the rules, which are recounted then, never show what is gone.
    withdrawn[order[new : new + gone]] = size.period_start_ms()[
        np.ceil(rng.uniform(0.2, 0.8, gone) * (size.periods - 1)).astype(int)
    ]
    return launched, withdrawn


def _make_popularity(rng: np.random.Generator, size: Size, look: np.ndarray, launched: np.ndarray) -> np.ndarray:
    """[B, I] float32: Zipf's law, plus trends of items and looks that walk at random, plus what is new draws the eye."""
    zipf = -0.6 * np.log(rng.permutation(size.items) + 3.0)
    walk = np.cumsum(rng.normal(0, 1, (size.periods, size.items)), axis=0) / np.sqrt(size.periods)
    trend = np.cumsum(rng.normal(0, 1, (size.periods, len(LOOKS))), axis=0) / np.sqrt(size.periods)
    age_days = (size.period_start_ms()[:, None] - launched) / DAY_MS
    return (zipf + walk + trend[:, look] + NEW_PULL * np.exp(-np.maximum(age_days, 0) / NEW_DAYS)).astype(np.float32)


class LoggingPolicy:
    """The shop's rules: popular items, popular items of a category, or exploration; all write true propensities.

    In every period the items on sale are dealt into L tiers by their popularity, the most popular eighth first, and a
    list takes one item from every tier; so no list repeats an item. What sells stands on top: position p shows tier p,
    but in a share `SHUFFLED` of the lists, and in all of exploration, the tiers are in random order. So P(item at a
    position | context) = P(its tier there | context) x P(item | its tier, context) holds exactly, and every item on
    sale can stand at every position. Contexts 0..C-1 favour a category, `popular` favours none, `exploration` is
    uniform within the tier.
    """

    popular, exploration = len(CATEGORIES), len(CATEGORIES) + 1
    names = np.array(["popular_in_category"] * len(CATEGORIES) + ["popular", "exploration"])

    def __init__(self, size: Size, shop: Shop):
        """Counts P(item | its tier, context) for each period and context, [B, C + 2, I] float64."""
        sold = shop.sold(size.period_start_ms())
        self._order = np.argsort(np.where(sold, -shop.popularity, np.inf), axis=1, kind="stable")
        # What is not on sale comes last; it falls into the last tier with weight 0.
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
        # Row r (a period and a context) climbs from r to r + 1, so that one search in the flat array serves all
        # requests.
        self._flat = (
            cumulative + np.arange(size.periods * (self.exploration + 1)).reshape(size.periods, -1, 1)
        ).ravel()

    def show(self, rng: np.random.Generator, period: np.ndarray, context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One list per request: item [n, L] int64 and its propensity [n, L] float64."""
        count, items = len(period), self._order.shape[1]
        in_order = np.tile(np.arange(LENGTH), (count, 1))
        shuffled = rng.random(count) < self._shuffled(context)
        tier = np.where(shuffled[:, None], rng.permuted(in_order, axis=1), in_order)
        row = period * (self.exploration + 1) + context
        # Each tier holds exactly 1/L of the row's probability: the t-th stretch of the cumulative sum is tier t.
        mass = (tier + rng.uniform(1e-9, 1 - 1e-9, tier.shape)) / LENGTH
        place = np.searchsorted(self._flat, row[:, None] + mass) - row[:, None] * items
        shown = self._order[period[:, None], place]
        return shown, self.propensity(period, context, shown)

    def _shuffled(self, context: np.ndarray) -> np.ndarray:
        """[n], how many of a context's lists are in random order."""
        return np.where(context == self.exploration, 1.0, SHUFFLED)

    def propensity(self, period: np.ndarray, context: np.ndarray, item: np.ndarray) -> np.ndarray:
        """P(item at its position | context) for lists [n, L]: [n, L] float64."""
        own, shuffled = self._tier[period[:, None], item] == np.arange(LENGTH), self._shuffled(context)[:, None]
        return (shuffled / LENGTH + (1 - shuffled) * own) * self._within[period[:, None], context[:, None], item]
