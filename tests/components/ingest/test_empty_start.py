"""A log that starts empty: no file, a header alone, impressions alone, one row."""

import dataclasses
import json

import pytest
from executed_node import features_of, run

from components.declaration import Catalogue, Launch, Log, Objective, Rules, Split
from components.errors import LogError
from components.ingest.example_gen import events_example_gen

pytestmark = pytest.mark.tensorflow

LAUNCH = Launch(
    name="new",
    log=Log("log/", "user", "item", "time", event="event", impression="shown", request="request", starts_empty=True),
    catalogue=Catalogue("items.csv", "item"),
    objectives=(Objective("click", event="click"),),
    split=Split(eval_share=0.25),
    rules=Rules(names=("catalogue_order",)),
)


def examples(folder, text="", launch=LAUNCH, name="traffic-1.jsonl"):
    """The examples of both splits of a log with that file; "" for none."""
    (folder / "log").mkdir()
    if text:
        (folder / "log" / name).write_text(text)
    written = run(events_example_gen(launch, str(folder), ""), folder)
    return {split: features_of(written, split) for split in ("train", "eval")}


def rows(*events):
    every = [
        {"user": f"u{at}", "item": "a", "time": 1_770_000_000 + at, "event": event, "request": f"r{at}"}
        for at, event in enumerate(events)
    ]
    return "".join(json.dumps(row) + "\n" for row in every)


@pytest.mark.parametrize(("text", "name"), [("", "traffic-1.jsonl"), ("user,item,time,event,request\n", "log.csv")])
def test_without_a_row_both_splits_are_there_and_empty(tmp_path, text, name):
    assert examples(tmp_path, text, name=name) == {"train": [], "eval": []}


def test_impressions_alone_are_negatives_and_no_error(tmp_path):
    splits = examples(tmp_path, rows(*["shown"] * 8))
    assert (len(splits["train"]), len(splits["eval"])) == (6, 2)
    assert {row["label_click"][0] for split in splits.values() for row in split} == {0}


def test_one_row_is_a_row_of_train(tmp_path):
    splits = examples(tmp_path, rows("click"))
    assert (len(splits["train"]), len(splits["eval"])) == (1, 0)


@pytest.mark.parametrize("text", ["", rows(*["shown"] * 8)])
def test_a_log_that_does_not_start_empty_needs_events_and_actions(tmp_path, text):
    launch = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, starts_empty=False))
    with pytest.raises(LogError):
        examples(tmp_path, text, launch)
