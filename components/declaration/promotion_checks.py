"""Checks what a declaration says a model must show: its metrics, slices, guards and bounds."""

from components.declaration import checks
from components.declaration.criteria import Promotion
from components.declaration.data import Catalogue, Log
from components.declaration.functions import FORM, is_own
from components.declaration.metric_names import MOST_PLACES, is_built_in
from components.declaration.rule_names import short_name
from components.declaration.slice_names import SLICES, USER_SLICES
from components.errors import DeclarationError

_BUILT_IN = f"'mrr', or 'recall@k' or 'ndcg@k' with k from 1 to {MOST_PLACES:,}"


def check_promotion(promotion: Promotion, log: Log, catalogue: Catalogue | None) -> None:
    """Raises `DeclarationError` for the first criterion that is wrong."""
    _check_metrics(promotion)
    _check_slices(promotion, log, catalogue)
    checks.check_share("launch.promotion.min_auc", promotion.min_auc)
    checks.check_at_least("launch.promotion.margin", promotion.margin, 0)
    checks.check_at_least("launch.promotion.min_queries", promotion.min_queries, 1)
    checks.check_at_least("launch.promotion.max_queries", promotion.max_queries, promotion.min_queries)
    _check_guards(promotion, log)
    _check_ranking_slices(promotion, log)
    checks.check_share("launch.promotion.guard_loss", promotion.guard_loss)
    checks.check_positive("launch.promotion.effect", promotion.effect)


def _check_metrics(promotion: Promotion) -> None:
    for name in promotion.metrics:
        if not (is_built_in(name) or is_own(name)):
            needed = f"{_BUILT_IN}; or {FORM}"
            raise DeclarationError("launch.promotion.metrics", name, needed)
    _check_names("launch.promotion.metrics", promotion.metrics)
    if promotion.metric not in promotion.metric_paths:
        fix = "Name a function of yours in launch.promotion.metrics by its dotted path, and here by its last part."
        raise DeclarationError("launch.promotion.metric", promotion.metric, f"{_BUILT_IN}, like 'recall@10'", fix)


def _check_slices(promotion: Promotion, log: Log, catalogue: Catalogue | None) -> None:
    categories = catalogue.categories if catalogue else ()
    for name in promotion.slices:
        if name not in categories and not is_own(name):
            needed = f"columns out of launch.catalogue.categories {categories}; or {FORM}"
            raise DeclarationError("launch.promotion.slices", name, needed)
        if name in log.context:
            raise DeclarationError("launch.promotion.slices", name, "a name that no column of launch.log.context has")
    _check_names("launch.promotion.slices", promotion.slices)


def _check_names(field: str, names: tuple[str, ...]) -> None:
    """Checks that each function of a team's is listed once, under a name that nothing built in has."""
    short = [short_name(name) if is_own(name) else name for name in names]
    for name, short_form in zip(names, short, strict=True):
        if short.count(short_form) > 1 or (is_own(name) and is_built_in(short_form)):
            raise DeclarationError(field, name, "each name once, and none of a built-in one")


def _check_guards(promotion: Promotion, log: Log) -> None:
    slice_names = [short_name(name) if is_own(name) else name for name in promotion.slices]
    functions = [short_name(name) for name in promotion.slices if is_own(name)]
    for name in promotion.guards:
        column, equals, _ = name.partition("=")
        is_valid = name in (*promotion.metric_paths, *SLICES, *functions) or (
            equals and column in (*log.context, *slice_names)
        )
        if not is_valid or promotion.guards.count(name) > 1:
            needed = (
                f"metrics: {_BUILT_IN}, or of launch.promotion.metrics; slices out of: {'; '.join(SLICES)}; or "
                "'column=value' of a declared context column or of launch.promotion.slices; each once"
            )
            raise DeclarationError("launch.promotion.guards", name, needed)


def _check_ranking_slices(promotion: Promotion, log: Log) -> None:
    for name in promotion.ranking_slices:
        if name not in (USER_SLICES, *log.context) or promotion.ranking_slices.count(name) > 1:
            needed = f"{USER_SLICES!r} or columns out of launch.log.context {log.context}, each once"
            raise DeclarationError("launch.promotion.ranking_slices", name, needed)
