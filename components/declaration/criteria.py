"""The part of the declaration that says what decides: the promotion criteria, and how much drift is tolerated."""

import dataclasses

from components.declaration.metric_names import Metrics, find_unlisted
from components.declaration.slice_names import DEFAULT_GUARDS


@dataclasses.dataclass(frozen=True)
class Promotion(Metrics):
    """What a model must show to replace what is served.

    Attributes:
      metric: the metric of the comparison, on rolling histories over the full catalogue: "mrr", "recall@k" or "ndcg@k"
        with any k up to 1,000, or the name of one of yours.
      metrics: further metrics of the tables: "recall@k" and "ndcg@k", and functions of yours by dotted path
        (docs/extend.md). What `metric` and `guards` name is added by itself.
      slices: further slices of the evaluation: columns of `catalogue.categories` (of the item that was taken), and
        functions of yours by dotted path (docs/extend.md).
      margin: the relative gain over the rules that the interval's lower end must exceed (0.05 is five per cent).
      min_queries: the minimum sample: with fewer evaluated events nothing changes hands.
      max_queries: how many queries the choice of a rule and the evaluation ask at most; beyond, a seeded sample of
        users, each with all of their queries. 20,000 leave a standard error of about .0035 on a recall.
      effect: the smallest relative gain that is worth seeing; how many more events would show it is said when too few
        did.
      guards: further metrics, and slices of the evaluation, on which the model must not be significantly worse, by more
        than `guard_loss`, than the rules or than what is served: "ndcg@10", "new users", "tail items",
        "device=mobile", ... (docs/evaluation.md lists them), also your own by name. A model that finds more of what was taken, but lower in
        the list, or at the cost of the tail, is not pushed by default.
      guard_loss: the relative loss that a guard tolerates.
      ranking_slices: what the standard Evaluator also measures the ranking head apart by: "users" (known and new ones),
        columns of
        `log.context`. Each adds two thirds of the Evaluator's cost.
      request_ndcg: whether the standard Evaluator also measures the order within each request (docs/evaluation.md says
        what it costs).
      refit: whether a model that won is trained once more, on all events, those of the eval part included, and pushed so
        (step Refit). The verdict is then about the way it was trained; docs/evaluation.md.
      min_auc: per objective, for the ranking head on the exported model; an AUC whose 95% interval is below it keeps a
        model from being pushed. The standard Evaluator blesses by the AUC itself.
    """

    metric: str = "recall@10"
    metrics: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    margin: float = 0.0
    min_queries: int = 200
    max_queries: int = 20_000
    effect: float = 0.02
    guards: tuple[str, ...] = DEFAULT_GUARDS
    guard_loss: float = 0.0
    ranking_slices: tuple[str, ...] = ("users",)
    request_ndcg: bool = False
    refit: bool = False
    min_auc: float = 0.5

    def __post_init__(self) -> None:
        """Adds the built-in metrics that the criteria name to those that are measured."""
        if isinstance(self.metrics, tuple) and isinstance(self.guards, tuple):
            object.__setattr__(
                self,
                "metrics",
                (*self.metrics, *find_unlisted(self.metrics, (str(self.metric), *map(str, self.guards)))),
            )


@dataclasses.dataclass(frozen=True)
class Drift:
    """How far the eval part of the log, its newest events, may lie from the train part; and that from what the served version has learnt from.

    Attributes:
      stop: whether drift stops the run or is only said. How far a column may move is in the curated schema
        (`drift_comparator`).
      new_users, new_items: the share of the eval part's users and items that train does not know, at most.
      unlisted_items: the share of the eval part's items that the catalogue does not list, at most.
    """

    stop: bool = False
    new_users: float = 0.5
    new_items: float = 0.2
    unlisted_items: float = 0.05
