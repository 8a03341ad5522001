import html.parser
import re

import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv

from components.validation import statistics_chart
from components.validation.statistics_page import page

pytestmark = pytest.mark.tensorflow


def counted(**columns):
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns)).datasets[0]


TRAIN = counted(
    who=["anna", "anna", "bert", "cleo"],
    device=["tv", "tv", "<b>", None],
    price=[0.0, 1.0, 2.0, 3.0],
    at=[1_764_547_200_000_000 + 60_000_000 * minute for minute in range(4)],
)
LATER = counted(who=["dora", "dora"], device=["tv", "tv"], price=[5.0, 5.0], color=["red", "red"])


class Columns(html.parser.HTMLParser):
    """The text of each column's card."""

    def __init__(self, text):
        super().__init__()
        self.cards, self.tags = {}, []
        self._name, self._in_name = "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in_name = tag == "h3"

    def handle_data(self, data):
        if self._in_name:
            self._name, self._in_name = data, False
        elif data.strip():
            self.cards.setdefault(self._name, []).append(data.strip())


def test_the_page_shows_each_column_of_each_split():
    cards = Columns(page({"log": {"train": TRAIN, "eval": LATER}, "catalogue": {"all": counted(title=["x"])}})).cards
    assert cards["device"][:4] == ["train", "2 values; missing in 1 (25.00%)", "eval", "1 value"]
    assert cards["price"][:4] == ["train", "from 0 to 3, mean 1.5, 1 zeros", "eval", "from 5 to 5, mean 5, 0 zeros"]
    assert cards["color"][:4] == ["train", "no such column", "eval", "1 value"]
    assert "train, tv: 66.7%" in cards["device"] and "eval, tv: 100.0%" in cards["device"]
    assert "title" in cards and {"train, 4 rows", "eval, 2 rows"} <= set(cards[""])


def test_a_value_that_turns_the_direction_of_text_is_written_out():
    text = page({"log": {"train": counted(title=["gpj\u202eexe", "gpj\u202eexe", "\x1b[31mred", "plain"])}})
    assert "\u202e" not in text and "\x1b" not in text and "gpj\\u202eexe" in text


def test_it_needs_no_network_and_no_script():
    text = page({"log": {"train": TRAIN, "eval": LATER}})
    outline = Columns(text)
    assert "http" not in text.replace("http-equiv", "")
    assert not {"script", "img", "iframe"} & {tag for tag, _ in outline.tags}
    assert not [attrs for _, attrs in outline.tags if {"src", "onclick", "onload"} & set(attrs)]
    assert [attrs["href"] for tag, attrs in outline.tags if tag == "link"] == ["data:,"]


def test_nothing_of_the_data_becomes_markup():
    text = page({"log": {"train": counted(device=["<b>x</b>"] * 2, **{"<i>": ["&amp;"] * 2})}})
    assert "<b>" not in text and "<i>" not in text and "&lt;b&gt;" in text


def test_ids_are_counted_and_not_shown():
    text = page({"log": {"train": TRAIN, "eval": LATER}}, hidden=["who"])
    assert not re.search("anna|bert|cleo|dora", text)
    assert Columns(text).cards["who"] == ["train", "3 values", "eval", "1 value"]
    assert "anna" in page({"log": {"train": TRAIN}})


def test_timestamps_are_dates_also_where_no_role_says_so():
    cards = Columns(page({"catalogue": {"all": TRAIN}})).cards
    assert cards["at"][1] == "from 2025-12-01 00:00 to 2025-12-01 00:03"


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000])
def test_a_declared_time_of_the_catalogue_is_a_date_in_any_unit(unit):
    added = [1_764_547_200_000_000 // unit, 1_764_633_600_000_000 // unit]
    cards = Columns(page({"catalogue": {"all": counted(added=added)}}, ["added"])).cards
    assert cards["added"][1] == "from 2025-12-01 00:00 to 2025-12-02 00:00"


def test_a_declared_number_that_is_no_time_stays_a_number():
    cards = Columns(page({"catalogue": {"all": counted(added=[1, 2, 3])}}, ["added"])).cards
    assert cards["added"][1] == "from 1 to 3, mean 2, 0 zeros"
    cards = Columns(page({"catalogue": {"all": counted(code=[1_764_547_200, 1_764_633_600])}})).cards
    assert "1.76455e+09" in cards["code"][1]


def test_times_are_dates():
    cards = Columns(page({"log": {"train": TRAIN}}, times=["at"])).cards
    assert cards["at"][1] == "from 2025-12-01 00:00 to 2025-12-01 00:03"


def test_an_empty_split_is_shown_too():
    assert "0 rows" in page({"log": {"all": counted(device=pd.Series([], dtype=object))}})


@pytest.mark.parametrize("seed", range(3))
def test_the_splits_share_their_bins_and_keep_their_mass(seed):
    rng = np.random.default_rng(seed)
    narrow, wide = rng.uniform(40, 60, 500), rng.uniform(0, 100, 900)
    columns = [counted(x=values).features[0] for values in (narrow, wide)]
    edges, shares = statistics_chart.share_numbers([*columns, None])
    assert (edges[0], edges[-1]) == (pytest.approx(wide.min()), pytest.approx(wide.max()))
    assert shares.sum(axis=1) == pytest.approx([1, 1, 0])
    for values, row in zip((narrow, wide), shares, strict=False):
        # TensorFlow Data Validation's own buckets blur the ends: most of the mass has to be where the values are.
        assert np.abs(np.histogram(values, edges)[0] / len(values) - row).sum() < 0.25


@pytest.mark.parametrize("counts", [(3, 1), (5, 0, 2, 1), (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)])
def test_few_integers_have_a_bar_each(counts):
    values = [2 + place for place, count in enumerate(counts) for _ in range(count)]
    integers, shares = statistics_chart.share_integers([counted(x=values).features[0], None])
    assert integers == list(range(2, 2 + len(counts)))
    assert shares[0] == pytest.approx(np.array(counts) / sum(counts), abs=0.02), "TFDV's counts are approximate"
    assert not shares[1].any()


@pytest.mark.parametrize("values", [[0.0, 1.0], [0, 10], ["a"]], ids=["floats", "a wide range", "texts"])
def test_other_columns_have_bins(values):
    assert statistics_chart.share_integers([counted(x=values).features[0]]) is None


def test_bars_stay_inside_the_chart_and_grow_with_their_share():
    bars = statistics_chart.draw_bars(np.array([[0.5, 0.25, 0.0], [0.1, 0.2, 0.7]]))
    assert len(bars) == 5
    for bar in bars:
        assert bar.x >= 0 and bar.x + bar.width <= statistics_chart.WIDTH
        assert bar.height == pytest.approx(statistics_chart.HEIGHT * bar.share / 0.7)
        assert bar.y + bar.height == pytest.approx(statistics_chart.HEIGHT)
