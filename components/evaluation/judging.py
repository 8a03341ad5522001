"""Puts the questions to every contender: model, champion (what is being served) and each rule.

A model or a champion that cannot be judged (it does not load, asks for columns the log does not have, answers NaN, or
cannot answer as it would serve) is left out with the reason. The rules are ours: if they fail, the run does.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from components.declaration.rule_names import short_name
from components.declaration.views import RetrievalView
from components.evaluation import contender
from components.evaluation.contender import Contender
from components.evaluation.findings import MODEL
from components.metrics import bootstrap, queries, rank_metrics
from components.metrics.queries import Answers, Queries
from components.progress import Progress
from components.registry.card_file import TOO_EARLY
from components.rules.rules_recommender import RULE_SIGNATURE

LEAK_QUERIES = 5000


@dataclasses.dataclass(frozen=True)
class Judged:
    """A contender and how it did.

    Attributes:
      contender: the evaluated SavedModel.
      rolling: its answers with the histories of each moment.
      frozen: those with the histories of the split; without recommendations.
      example: one answer of its serving signature as people read it; None if no query has a history to show, and for a rule
        that would not serve.
    """

    contender: Contender
    rolling: Answers
    frozen: Answers
    example: dict[str, Any] | None


def judge(
    launch: RetrievalView, folders: dict[str, str], rules: str, rolling: Queries, frozen: Queries
) -> tuple[dict[str, Judged], dict[str, str]]:
    """Judges every contender that answers; returns them by display name, and why a model or champion does not answer.

    Args:
      launch: the declaration.
      folders: of the SavedModels of `MODEL` and `CHAMPION`; "" for one that is not there.
      rules: folder of the rules.
      rolling, frozen: the same questions with two kinds of histories.
    """
    judged: dict[str, Judged] = {}
    problems: dict[str, str] = {}
    loaded = contender.load(rules)
    of_rules = {rule: loaded.by(RULE_SIGNATURE + rule) for rule in map(short_name, launch.rules.names)}
    progress = Progress("evaluation", 2 * (len(of_rules) + sum(map(bool, folders.values()))) * len(rolling))
    for name, folder in folders.items():
        try:
            judged |= {name: _judge_one(_load(folder), rolling, frozen, progress)} if folder else {}
        except ValueError as error:  # noqa: PERF203 (two turns)
            problems[name] = str(error)
    for name, rule in of_rules.items():
        try:
            judged[name] = _judge_one(rule, rolling, frozen, progress, shown=name == rule.rule)
        except ValueError as error:  # noqa: PERF203 (a handful of turns, minutes each)
            raise ValueError(f"{name} cannot be judged: {error}") from error
    if MODEL in judged:
        leak = _leak(launch, judged[MODEL], [judged[name] for name in of_rules], rolling)
        problems |= {MODEL: leak} if leak else {}
    return judged, problems


def _load(folder: str) -> Contender:
    """Loads a contender that could serve.

    Raises:
      ValueError: if it cannot, or its training left it for later.
    """
    loaded = contender.load(folder)
    if TOO_EARLY in loaded.card:
        raise ValueError(str(loaded.card[TOO_EARLY]))
    return loaded


def _judge_one(each: Contender, rolling: Queries, frozen: Queries, progress: Progress, shown: bool = True) -> Judged:
    """Ranks the targets of both kinds of queries; with an example where the contender is `shown` in the report."""
    each.check_ranking(rolling)
    answers = queries.ask(each.score, each.candidates, rolling, progress.advance, queries.RECOMMENDED)
    stale = queries.ask(each.score, each.candidates, frozen, progress.advance)
    return Judged(each, answers, stale, _example(each, rolling) if shown else None)


def _example(each: Contender, asked: Queries) -> dict[str, Any] | None:
    """Returns one answer with titles: to the last query whose user has a history of at least three items."""
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
    return {
        "user": asked.user_id[row].decode(errors="replace"),
        "history": [text(item) for item in past],
        "recommended": answer,
    }


def _leak(launch: RetrievalView, model: Judged, rules: Iterable[Judged], asked: Queries) -> str:
    """Returns the evidence of a leak: answers that the model does not know from the history; "" without one.

    By contract a request without a history is answered by the rules. A model that is significantly better without one than
    every rule with it has seen the answers: in a context column that is only known after the action, or in its
    training.
    """
    blank, rows = queries.without_history(asked, LEAK_QUERIES, launch.seed)
    metric = launch.promotion.metric
    path = launch.promotion.metric_paths[metric]
    try:
        ours = rank_metrics.gains(path, queries.ask(model.contender.score, model.contender.candidates, blank).ranks)
    except ValueError as error:
        return f"asked without a history, {error}"
    pairs = [(ours, rank_metrics.gains(path, rule.rolling.ranks[rows])) for rule in rules]
    if not all(gain.low > 0 for gain in bootstrap.relative_gains(pairs, blank.user, launch.seed)):
        return ""
    return (
        f"a leak: asked without any history it still reaches {metric} {ours.mean():.3f}, more than every rule with it, so it knows the answers from "
        "elsewhere. Look for a context column that is known only after the action"
    )
