"""Compares what could serve: the model, the champion (what is being served) and each rule, on the same questions.

The outcome is a dict of plain values, `evaluation.json`: the tables and slices of `components.evaluation.summary`, and the relative
gains, as intervals, that the verdict rests on.
"""

from typing import Any

import numpy as np

from components.declaration import Launch
from components.evaluation import bootstrap, contender, metrics, queries
from components.evaluation.contender import Contender
from components.evaluation.queries import Answers, Queries
from components.evaluation.verdict import MODEL
from components.evaluation.verdict import SERVED as CHAMPION
from components.features.event_table import EventTable
from components.features.id_codes import codes
from components.progress import Progress
from components.rules.rules_recommender import RULE_SIGNATURE

SHORT_HISTORY = 5


def compare(launch: Launch, events: EventTable, model: str, rules: str, champion: str) -> dict[str, Any]:
    """Judges the SavedModels in the folders `model`, `rules` and `champion` ("" if nothing is served yet).

    Args:
      launch: the declaration.
      events: the events of both splits; those of the eval split are asked.
      model: folder of the challenger.
      rules: folder of the rules.
      champion: folder of what is being served.
    """
    contenders, unloadable = _contenders(launch, model, rules, champion)
    rolling = queries.rolling(launch, events, events.late)
    frozen = queries.frozen(launch, events, events.late, _cut(events))
    answers, stale, failure = _answers(contenders, rolling, frozen)
    contenders = {name: contenders[name] for name in answers}
    rule = _served_rule(contenders)
    return {
        "launch": launch.name,
        "metric": launch.gate.metric,
        "rules_name": rule,
        "rolling": {name: _table(contenders[name], answer) for name, answer in answers.items()},
        "frozen": {name: metrics.table(answer.ranks) for name, answer in stale.items()},
        "gains": _gains(launch, answers, rolling, rule),
        "champion": {"kind": contenders[CHAMPION].kind} if CHAMPION in contenders else None,
        "champion_problem": unloadable or failure,
        "slices": _slices(launch, events, rolling, answers, rule),
        "examples": {name: _example(each, rolling) for name, each in _could_serve(contenders, rule).items()},
        "notes": _notes(launch, events, rolling, contenders[MODEL]),
    }


def _cut(events: EventTable) -> int:
    """The first moment of the eval split, in microseconds; ExampleGen sees to it that the split is not empty."""
    return int(events.time[events.late].min())


def _contenders(launch: Launch, model: str, rules: str, champion: str) -> tuple[dict[str, Contender], str]:
    """What is judged, by the name people read, and why the champion could not be, if so."""
    contenders, problem = {MODEL: contender.load(model)}, ""
    if champion:
        try:
            contenders[CHAMPION] = contender.load(champion)
        except ValueError as error:
            problem = str(error)
    counted = contender.load(rules)
    contenders |= {rule: counted.by(RULE_SIGNATURE + rule) for rule in launch.rules.names}
    return contenders, problem


def _served_rule(contenders: dict[str, Contender]) -> str:
    return next(each.rule for each in contenders.values() if each.signature.startswith(RULE_SIGNATURE))


def _could_serve(contenders: dict[str, Contender], rule: str) -> dict[str, Contender]:
    named = {MODEL: contenders[MODEL], "rules": contenders[rule]}
    return named | ({"champion": contenders[CHAMPION]} if CHAMPION in contenders else {})


def _answers(contenders: dict[str, Contender], rolling: Queries, frozen: Queries) -> tuple[dict[str, Answers], dict[str, Answers], str]:
    """The contenders' answers to both kinds of questions, without a champion that fails to answer, and why it did."""
    progress = Progress("evaluation", 2 * len(contenders) * len(rolling))
    answers: dict[str, Answers] = {}
    stale: dict[str, Answers] = {}
    problem = ""
    for name, each in contenders.items():
        try:
            answers[name], stale[name] = (queries.ask(each.score, each.candidates, asked, progress.advance) for asked in (rolling, frozen))
        except ValueError as error:  # noqa: PERF203 (a handful of contenders, minutes each)
            if name != CHAMPION:
                raise ValueError(f"{name} cannot be judged: {error}") from error
            problem = str(error)
    return answers, stale, problem


def _table(each: Contender, answer: Answers) -> dict[str, float]:
    return metrics.table(answer.ranks, answer.recommended, len(each.candidates))


def _gains(launch: Launch, answers: dict[str, Answers], asked: Queries, rule: str) -> dict[str, Any]:
    """Relative gains as intervals over users: of the model over the rules, and of both over the champion."""
    pairs = {"model_over_rules": (MODEL, rule)}
    if CHAMPION in answers:
        pairs |= {"model_over_champion": (MODEL, CHAMPION), "rules_over_champion": (rule, CHAMPION)}
    everyone = np.ones(len(asked), bool)
    return {name: _gain(launch, answers, asked, pair, everyone) for name, pair in pairs.items()}


def _gain(launch: Launch, answers: dict[str, Answers], asked: Queries, pair: tuple[str, str], chosen: np.ndarray) -> dict:
    ours, theirs = (metrics.gains(launch.gate.metric, answers[name].ranks[chosen]) for name in pair)
    return bootstrap.relative_gain(ours, theirs, asked.user[chosen], launch.seed).to_dict()


def _slices(launch: Launch, events: EventTable, asked: Queries, answers: dict[str, Answers], rule: str) -> dict[str, Any]:
    """The gate's metric for kinds of users and items, and the model's gain over the rules there."""
    early = events.positive & ~events.late
    known_user = np.isin(asked.user, codes(events.user)[0][early])
    items, _ = codes(np.concatenate([events.item[early], asked.target]))
    known_item = np.isin(items[early.sum() :], items[: early.sum()])
    length = (asked.history != b"").sum(axis=1)
    masks = {
        "known users": known_user,
        "new users": ~known_user,
        "no history yet": length == 0,
        f"1-{SHORT_HISTORY} items of history": (length > 0) & (length <= SHORT_HISTORY),
        f"more than {SHORT_HISTORY} items": length > SHORT_HISTORY,
        "items new since training": ~known_item,
    }
    masks = {name: mask for name, mask in masks.items() if mask.any()}
    shown = [name for name in (MODEL, CHAMPION, rule) if name in answers]
    metric = launch.gate.metric
    tables = {
        slice_name: {name: {"queries": int(mask.sum()), metric: float(metrics.gains(metric, answers[name].ranks[mask]).mean())} for name in shown}
        for slice_name, mask in masks.items()
    }
    gains = {name: _gain(launch, answers, asked, (MODEL, rule), mask) for name, mask in masks.items()}
    return {"metric": metric, "tables": tables, "gains": gains}


def _example(each: Contender, asked: Queries) -> dict[str, Any] | None:
    """One answer as people read it: the last query whose user has a history of at least three items."""
    rows = np.flatnonzero((asked.history != b"").sum(axis=1) >= min(3, asked.history.shape[1]))
    if not len(rows):
        return None
    row = int(rows[asked.time[rows].argmax()])
    ids, scores = each.recommend(asked, row)
    titles = dict(zip(each.candidates, each.titles, strict=True))
    past = [item for item in asked.history[row] if item][-3:]

    def text(item: bytes) -> str:
        return titles.get(item, item).decode(errors="replace")

    answer = [[text(item), float(score)] for item, score in zip(ids, scores, strict=True) if item]
    return {"user": asked.user_id[row].decode(errors="replace"), "history": [text(item) for item in past], "recommended": answer}


def _notes(launch: Launch, events: EventTable, asked: Queries, model: Contender) -> list[str]:
    notes = []
    cut = np.datetime64(_cut(events), "us").astype("datetime64[s]")
    notes.append(f"Split at {cut} UTC: {int((~events.late).sum()):,} events before, {int(events.late.sum()):,} after; {len(asked):,} asked.")
    if asked.repeats:
        notes.append(f"{asked.repeats:,} events repeat an item the user had acted on: not recommended again, so not asked.")
    missing = int((~np.isin(asked.target.astype(bytes), model.candidates.astype(bytes))).sum())
    if missing:
        notes.append(f"{missing:,} asked items are not in the active catalogue: counted as misses for all.")
    if launch.catalogue is None:
        notes.append("No catalogue: items have no features and no titles, and all logged items may be recommended.")
    return notes
