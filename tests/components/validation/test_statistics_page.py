import pandas as pd
import pytest
import tensorflow_data_validation as tfdv

from components.validation.statistics_page import page

pytestmark = pytest.mark.tensorflow


def counted(**columns):
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns)).datasets[0]


def test_the_page_shows_each_column_of_each_split_without_a_network():
    train = counted(device=["tv", "tv", "<b>", None], price=[0.0, 1.0, 2.0, 3.0])
    later = counted(device=["tv", "tv"], price=[5.0, 5.0], color=["red", "red"])

    text = page({"log": {"train": train, "eval": later}, "catalogue": {"all": counted(title=["x"])}})

    assert "<tr><th>column</th><th>train, 4 rows</th><th>eval, 2 rows</th></tr>" in text
    assert (
        "<td>device</td><td>2 values: tv (2), &lt;b&gt; (1); missing in 1 (25.00%)</td><td>1 values: tv (2)</td>"
        in text
    )
    assert "<td>price</td><td>from 0 to 3, mean 1.5, 1 zeros</td><td>from 5 to 5, mean 5, 0 zeros</td>" in text
    assert "<td>color</td><td>no such column</td><td>1 values: red (2)</td>" in text
    assert "<h2>catalogue</h2>" in text
    assert text.count("facets-overview") >= 2


def test_an_empty_split_is_shown_too():
    assert "0 rows" in page({"log": {"all": counted(device=pd.Series([], dtype=object))}})
