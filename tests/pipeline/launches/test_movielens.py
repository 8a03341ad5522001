"""MovieLens 100K, from a person's own copy of the files to a pushed model."""

import os

import pytest
from whole_runs import run, summary

pytestmark = pytest.mark.slow


@pytest.mark.skipif(
    "DAYONE_MOVIELENS" not in os.environ, reason="DAYONE_MOVIELENS names no folder with ml-100k.inter and ml-100k.item"
)
def test_movielens_ends_in_a_pushed_model(tmp_path):
    status, printed, _ = run(tmp_path, "--launch", "movielens", log=os.environ["DAYONE_MOVIELENS"])
    assert status == 0, printed
    results = summary(tmp_path)
    assert results["verdict"]["outcome"] == "model"
    rolling = results["rolling"]
    assert rolling["model"]["recall@10"] > rolling["covisitation"]["recall@10"] > rolling["popularity"]["recall@10"]
    assert set(results["frozen"]) == {"model", "popularity", "recent_popularity", "covisitation"}
