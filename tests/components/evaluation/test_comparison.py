"""The comparison on a toy world where it is known who is right, and what the verdict makes of it."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from small_recommenders import (
    ITEMS,
    LATE,
    LAUNCH,
    STEPS,
    USERS,
    events,
    next_item,
    popularity,
    random_scores,
    ring,
    save_rules,
    save_table,
    save_told,
)

from components.declaration.slice_names import NEW_USERS
from components.evaluation import comparison, findings, verdict
from components.evaluation.summary import render
from components.metrics.bootstrap import Interval

pytestmark = pytest.mark.tensorflow

LOG = ring()
# One step later in the ring, so that the right answer has rank 2: good, but not the best.
SECOND = next_item() + 2 * np.roll(next_item(), 1, axis=1)
NAN = np.where(next_item() > 0, np.nan, 0.0)
WITH_DEVICE = dataclasses.replace(LAUNCH, log=dataclasses.replace(LAUNCH.log, context=("device",)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    models = {
        "good": next_item(),
        "second": SECOND,
        "constant": np.zeros((ITEMS + 1, ITEMS)),
        "random": random_scores(),
        "nan": NAN,
    }
    # Recent popularity decides between what is equally popular, as the rules' fallbacks do.
    models["popular"] = popularity(LOG) + popularity(LOG.rows(LOG.time >= LATE * 1_000_000 - 7 * 86_400_000_000)) * 1e-3
    paths = {name: save_table(folder / name, matrix) for name, matrix in models.items()}
    paths["other context"] = save_table(
        folder / "other context", next_item(), WITH_DEVICE, context={"device": tf.string}
    )
    paths["other items"] = save_table(folder / "other items", next_item(count=3), LAUNCH)
    paths["rules in context"] = save_rules(
        folder / "rules in context", dataclasses.replace(LOG, context={"device": LOG.item}), WITH_DEVICE
    )
    paths["told"] = save_told(folder / "told", WITH_DEVICE, column="device", memory={b"": b""})
    paths["remembers"] = save_told(
        folder / "remembers", LAUNCH, memory=dict(zip(LOG.user[LOG.late], LOG.item[LOG.late], strict=True))
    )
    paths["broken"] = str(shutil.copytree(paths["good"], folder / "broken"))
    (folder / "broken" / "saved_model.pb").write_bytes(b"broken")
    return paths | {"rules": save_rules(folder / "rules", LOG)}


def compare(saved, model, champion=None, launch=LAUNCH, log=LOG):
    result = comparison.compare(launch, log, saved[model], saved["rules"], saved[champion] if champion else "")
    return json.loads(json.dumps(result, allow_nan=False))


def decide(found, launch=LAUNCH):
    return verdict.decide(findings.read(found), launch.promotion)


def test_a_good_model_by_eye(saved):
    result = compare(saved, "good")

    query_count = USERS * (STEPS - LATE)
    assert list(result["rolling"]) == list(result["frozen"]) == ["model", "popularity", "recent_popularity"]
    model, rules = result["rolling"]["model"], result["rolling"]["popularity"]
    assert model["queries"] == rules["queries"] == query_count
    assert model["recall@10"] == model["ndcg@10"] == model["mrr"] == 1.0
    assert rules["recall@10"] < 0.6
    # At the cut each user stands at the step before LATE: only the first of the asked items follows from there.
    assert result["frozen"]["model"]["mrr"] < 1
    gain = result["gains"]["model_over_rules"]
    assert list(result["gains"]) == ["model_over_rules", "by_metric", "by_metric_over_champion"]
    assert result["gains"]["by_metric"]["recall@10"]["point"] == gain["point"]
    assert gain["point"] == pytest.approx(1 / rules["recall@10"] - 1)
    assert 0 < gain["low"] < gain["point"] < gain["high"]
    assert (result["rules_name"], result["champion"], result["champion_problem"]) == ("popularity", None, "")
    assert (
        result["notes"][0]
        == f"Split at 1970-01-01T00:00:08 UTC: {USERS * LATE} events before, {query_count} after; {query_count} queries."
    )
    assert decide(result).outcome == "model"


@pytest.mark.parametrize("bad", ["constant", "random", "popular", "other items"])
def test_a_model_that_is_no_better_is_not_pushed(saved, bad):
    result = compare(saved, bad)
    assert decide(result).outcome == "rules"
    if bad == "popular":
        assert result["rolling"]["model"] == result["rolling"]["popularity"]
        nothing = {"point": 0.0, "low": 0.0, "high": 0.0, "level": 0.95, "error": 0.0}
        assert result["gains"]["model_over_rules"] == nothing
    if bad == "constant":
        seen_counts = np.tile(np.arange(LATE, STEPS), USERS)
        assert result["rolling"]["model"]["mrr"] == pytest.approx(np.mean(2 / (ITEMS - seen_counts + 1)))
        assert result["rolling"]["model"]["recall@10"] == 0


@pytest.mark.parametrize(
    ("model", "champion", "outcome"),
    [
        ("good", "second", "model"),
        ("good", "good", "champion"),
        ("second", "good", "champion"),
        ("random", "good", "champion"),
        ("good", "rules", "model"),
        ("random", "rules", "champion"),
        ("random", "constant", "rules"),
        ("good", "constant", "model"),  # a champion that never hits: the gain over it is infinite, and sure
        ("good", "broken", "model"),
        ("random", "broken", "rules"),
    ],
)
def test_the_champion(saved, model, champion, outcome):
    launch = dataclasses.replace(
        LAUNCH,
        promotion=dataclasses.replace(LAUNCH.promotion, metric="mrr" if "second" in (model, champion) else "recall@10"),
    )
    result = compare(saved, model, champion, launch)
    assert decide(result, launch).outcome == outcome
    if champion == "broken":
        assert result["champion"] is None
        assert "Cannot parse file" in result["champion_problem"]
    else:
        assert result["champion"] == {"kind": "rules" if champion == "rules" else "model"}
        assert result["champion_problem"] == ""
        over_champion = {"model_over_champion", "rules_over_champion", "by_metric_over_champion"}
        assert set(result["gains"]) == {"model_over_rules", "by_metric"} | over_champion
        assert set(result["examples"]) == {"model", "rules", "champion"}
        assert list(result["rolling"])[1] == "champion"


@pytest.mark.parametrize(
    ("champion", "text"),
    [
        ("other context", "its signature score_catalogue asks for device, which the declared log does not give"),
        ("nan", "scores must be numbers, got NaN"),
    ],
)
def test_a_champion_that_loads_but_does_not_answer_counts_as_absent(saved, champion, text):
    result = compare(saved, "good", champion)
    assert result["champion"] is None
    assert text in result["champion_problem"]
    assert list(result["rolling"]) == list(result["frozen"]) == ["model", "popularity", "recent_popularity"]
    chosen = decide(result)
    assert chosen.outcome == "model"
    assert any("could not be evaluated and counts as absent" in reason for reason in chosen.reasons)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("nan", "scores must be numbers, got NaN"),
        ("broken", "does not load as a SavedModel"),
        ("other context", "asks for device, which the declared log does not give"),
    ],
)
@pytest.mark.parametrize(("champion", "outcome"), [(None, "rules"), ("good", "champion"), ("constant", "rules")])
def test_a_new_model_that_cannot_be_judged_leaves_the_others_to_compete(saved, model, text, champion, outcome):
    result = compare(saved, model, champion)
    assert "model" not in result["rolling"] and result["rolling"]["popularity"]["queries"] == USERS * (STEPS - LATE)
    chosen = decide(result)
    assert chosen.outcome == outcome
    assert chosen.reasons[0].startswith("The model cannot be judged: ") and text in chosen.reasons[0]
    assert "the model first" in chosen.advice
    assert render(result | {"verdict": chosen.to_dict()})


def test_rules_that_do_not_answer_stop_the_run(saved):
    with pytest.raises(ValueError, match="popularity cannot be judged: its signature score_rule_popularity"):
        comparison.compare(LAUNCH, LOG, saved["good"], saved["rules in context"], "")


def test_a_model_that_remembers_the_eval_events_by_user_is_not_told_who_asks(saved):
    result = compare(saved, "remembers")
    assert result["rolling"]["model"]["recall@10"] == 0
    assert decide(result).outcome == "rules"


def test_a_model_fed_the_answer_by_the_context_is_found_out(saved):
    log = dataclasses.replace(LOG, context={"device": LOG.item})
    result = json.loads(json.dumps(comparison.compare(WITH_DEVICE, log, saved["told"], saved["rules in context"], "")))
    assert result["rolling"]["model"]["recall@10"] == 1.0
    chosen = decide(result, WITH_DEVICE)
    assert chosen.outcome == "rules"
    assert "a leak: asked without any history it still reaches recall@10 1.000" in chosen.reasons[0]
    assert decide(result | {"model_problem": ""}, WITH_DEVICE).outcome == "model"


def test_an_honest_model_with_the_same_context_is_no_leak(saved):
    log = dataclasses.replace(LOG, context={"device": LOG.item})
    result = comparison.compare(WITH_DEVICE, log, saved["other context"], saved["rules in context"], "")
    assert result["rolling"]["model"]["recall@10"] == 1.0
    assert result["model_problem"] == ""


def test_a_guarded_slice_keeps_a_model_out_that_is_worse_there(saved):
    log = dataclasses.replace(
        LOG, context={"device": np.where(np.char.isdigit(LOG.user.astype(str)), b"tv", b"web").astype(object)}
    )
    gate = dataclasses.replace(LAUNCH.promotion, guards=("device=tv", NEW_USERS))
    result = comparison.compare(WITH_DEVICE, log, saved["constant"], saved["rules in context"], "")
    assert result["slices"]["gains"]["device=tv"] == result["gains"]["model_over_rules"]
    worse = result | {"gains": result["gains"] | {"model_over_rules": Interval(0.5, 0.2, 0.8, error=0.1).to_dict()}}
    assert decide(worse, dataclasses.replace(WITH_DEVICE, promotion=gate)).outcome == "rules"
    without = dataclasses.replace(gate, guards=())
    assert decide(worse, dataclasses.replace(WITH_DEVICE, promotion=without)).outcome == "model"


@pytest.mark.parametrize("champion", [None, "good", "rules"])
def test_without_a_single_event_to_ask(saved, champion):
    result = compare(saved, "good", champion, log=dataclasses.replace(LOG, positive=~LOG.late))

    assert result["rolling"]["model"] == {"queries": 0}
    nothing = {"point": 0.0, "low": "-Infinity", "high": "Infinity", "level": 0.95, "error": "Infinity"}
    assert result["gains"]["model_over_rules"] == nothing
    assert result["slices"] == {"metric": "recall@10", "tables": {}, "gains": {}, "gains_over_champion": {}}
    assert result["examples"]["model"] is None
    chosen = decide(result)
    assert chosen.outcome == ("champion" if champion else "rules")
    assert chosen.reasons[0] == "Too few events to judge: 0 were evaluated, `Promotion.min_queries` asks for 100."
    assert "0 queries" in render(result | {"verdict": chosen.to_dict()})


def test_slices_hold_the_queries_they_name(saved):
    log = ring()
    # User 0 is new, and so takes the first eval step without a history; user 1 had one item before.
    kept = ~(((log.user == b"0") & ~log.late) | ((log.user == b"1") & (log.time < (LATE - 1) * 1_000_000)))
    log = log.rows(kept)
    newest = log.item[log.late][-1]
    log = log.rows(log.late | (log.item != newest))

    result = compare(saved, "good", "second", log=log)["slices"]

    sizes = {name: table["model"]["queries"] for name, table in result["tables"].items()}
    query_count, late = USERS * (STEPS - LATE), STEPS - LATE
    assert sizes["new users"] == late
    assert sizes["known users"] == query_count - late
    assert sizes["no history yet"] == 1
    assert sizes["items new since training"] == int((log.item[log.late] == newest).sum())
    assert result["tables"]["known users"]["model"] == {"queries": query_count - late, "recall@10": 1.0}
    assert result["tables"]["no history yet"]["model"]["recall@10"] == 0
    assert set(result["tables"]["known users"]) == {"model", "champion", "popularity"}
    assert set(result["gains"]) == set(result["gains_over_champion"]) == set(result["tables"])


def test_what_the_champion_lacks_is_said(saved):
    log = dataclasses.replace(LOG, item=np.where(LOG.late & (LOG.user == b"1"), b"7", LOG.item))
    notes = compare(saved, "good", "other items", log=log)["notes"]
    unknown = int(np.isin(log.item[log.late], [b"0", b"1", b"2"], invert=True).sum()) - 3
    assert f"The champion does not know the target of {unknown:,} queries: they count as its misses." in notes


def test_the_example_is_what_serving_answers(saved):
    example = compare(saved, "good")["examples"]["model"]
    last = int(np.flatnonzero(LOG.late)[LOG.time[LOG.late].argmax()])
    past = [int(item) for item in LOG.item[LOG.user == LOG.user[last]]][-4:-1]
    assert example["user"] == LOG.user[last].decode()
    assert example["history"] == [f"Item {item}" for item in past]
    assert example["recommended"][0] == [f"Item {int(LOG.item[last])}", 1.0]
    assert len(example["recommended"]) == LAUNCH.model.top_k
    assert not {title for title, _ in example["recommended"]} & set(example["history"])


def test_notes_say_what_was_not_asked_and_what_cannot_be_found(saved):
    last = LOG.time == LOG.time.max()
    again = events(
        ["1", "1"], [str(LOG.item[LOG.user == b"1"][0].decode()), "unheard of"], [20_000_000, 21_000_000], late=[1, 1]
    )
    log = comparison.EventTable(**{name: np.concatenate([getattr(LOG, name), getattr(again, name)]) for name in
                                   ("user", "item", "time", "positive", "position", "late")}, labels={}, context={})  # fmt: skip
    notes = compare(saved, "good", log=log)["notes"]
    assert last.sum() == 1
    assert notes[1:] == [
        "1 events repeat an item the user had acted on: not recommended again, so not evaluated.",
        "1 targets are not in the active catalogue: they count as misses for all.",
        "No catalogue: items have no features and no titles, and all logged items may be recommended.",
    ]


def test_where_seen_items_come_again_they_are_asked(saved):
    launch = dataclasses.replace(LAUNCH, exclude_seen=False)
    result = compare(saved, "good", launch=launch, log=ring(items=3))
    assert result["rolling"]["model"]["queries"] == USERS * (STEPS - LATE)
    assert "repeat" not in " ".join(result["notes"])
