"""The summary's text: one golden example, and what must hold for any."""

import itertools
import json
import math

import numpy as np
import pytest

from components.evaluation.summary import WIDTH, render


def _metrics(scale):
    return {
        "queries": 5000,
        **{f"recall@{k}": scale * k / 100 for k in (10, 20, 50)},
        "ndcg@10": scale * 0.05,
        "mrr": scale * 0.04,
        "coverage": 0.5,
    }


def _slice(queries, model, rules):
    return {"model": {"queries": queries, "recall@10": model}, "popularity": {"queries": queries, "recall@10": rules}}


SUMMARY = {
    "launch": "shop",
    "verdict": {
        "headline": "Model pushed: it beats the rules on recall@10 (+31%).",
        "reasons": [
            "recall@10 0.142 against 0.108 for the rules (popularity): +31% (95% CI +18% to +45%), significantly above the margin of +5.0%."
        ],
        "advice": "Watch.",
    },
    "rolling": {"model": _metrics(1.5), "popularity": _metrics(1.0)},
    "frozen": {"model": {"queries": 300, "recall@10": 0.09, "ndcg@10": 0.04, "mrr": None}},
    "slices": {
        "metric": "recall@10",
        "tables": {
            "new users": _slice(3550, 0.1, 0.2),
            "known users": _slice(1450, 0.3, 0.1),
            "nobody": _slice(0, 0, 0),
        },
    },
    "ranking": {"click": {"rows": 12000, "auc": 0.71, "log_loss": 0.33, "calibration": 1.02}},
    "example": {
        "user": "u17",
        "history": ["Lamp", "Desk", "Chair", "Mug"],
        "recommended": [["Shelf", 0.91], ["Rug", 0.5]],
    },
    "notes": ["12 events without a time were skipped."],
}

GOLDEN = """\
shop: Model pushed: it beats the rules on recall@10 (+31%).
  recall@10 0.142 against 0.108 for the rules (popularity): +31% (95% CI +18% to
    +45%), significantly above the margin of +5.0%.
  Next: Watch.

Rolling, 5,000 queries   recall@10 recall@20   ndcg@10       mrr  coverage
  model                      0.150     0.300     0.075     0.060     0.500
  popularity                 0.100     0.200     0.050     0.040     0.500

Frozen, 300 queries          recall@10       ndcg@10           mrr
  model                          0.090         0.040             -

recall@10 by slice             queries         model    popularity
  new users                      3,550         0.100         0.200
  known users                    1,450         0.300         0.100

Ranking head                      rows           auc      log_loss   calibration
  click                         12,000         0.710         0.330         1.020

For example, user u17
  acted on:    ... Desk, Chair, Mug
  is offered:  Shelf (0.910), Rug (0.500)

Note: 12 events without a time were skipped.
"""


def test_the_whole_text():
    assert render(SUMMARY) == GOLDEN


def test_the_text_survives_json():
    assert render(json.loads(json.dumps(SUMMARY))) == GOLDEN


@pytest.mark.parametrize("missing", [value for size in (1, 2) for value in itertools.combinations(SUMMARY, size)])
def test_missing_parts_are_left_out_and_the_others_stay(missing):
    without = render({name: part for name, part in SUMMARY.items() if name not in missing})
    assert without == render({**SUMMARY, **dict.fromkeys(missing)})
    blocks = GOLDEN.split("\n\n")
    if "launch" not in missing and "verdict" not in missing:
        assert len(without.split("\n\n")) == len(blocks) - len(missing)
        assert set(without.rstrip().split("\n\n")) <= {block.rstrip() for block in blocks}


@pytest.mark.parametrize(
    "part",
    [
        {"verdict": {"headline": None, "reasons": None, "advice": None}},
        {"rolling": {"model": None, "popularity": {}}},
        {"rolling": {"model": {"queries": 0}}},
        {"frozen": {"model": {"recall@10": None}}},
        {
            "slices": {
                "metric": None,
                "tables": {"new": None, "old": {"model": None, "popularity": {"queries": 3, "recall@10": 0.5}}},
            }
        },
        {"ranking": {"click": None}},
        {"example": {"user": None, "history": None, "recommended": [["Shelf", None]]}},
        {"notes": None},
    ],
)
def test_holes_inside_a_part_do_not_fail(part):
    assert "None" not in render(part)


def test_no_ranking_head_is_said_in_words():
    assert render({"ranking": "left out: the log has neither impressions nor values"}).startswith(
        "Ranking head: left out: the log"
    )


def test_figures_that_are_no_numbers_are_dashes_and_numpy_numbers_are_numbers():
    rows = {
        "model": {"recall@10": math.nan, "recall@20": math.inf, "mrr": np.float32(0.25), "coverage": np.int64(1000)}
    }
    assert render({"rolling": rows}).splitlines()[1].split() == ["model", "-", "-", "0.250", "1,000"]


def test_a_full_summary_fits_a_screen():
    contenders = {
        name: _metrics(1.0) for name in ("model", "champion", "popularity", "recent_popularity", "covisitation")
    }
    long = "a reason of many words " * 4
    full = {
        **SUMMARY,
        "verdict": {"headline": "Model pushed.", "reasons": [long] * 9, "advice": long},
        "rolling": contenders,
        "frozen": contenders,
        "slices": {
            "metric": "ndcg@10",
            "tables": {f"slice {index} with a long name, really": contenders for index in range(12)},
        },
        "example": {"user": "u" * 120, "history": ["t" * 40] * 9, "recommended": [["t" * 40, 0.5]] * 9},
        "notes": ["a note"] * 9,
    }
    lines = render(full).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) <= 55
    assert "  ... and 4 more in the JSON summary." in lines
