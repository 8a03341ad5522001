"""Trains the ranking head on frozen vectors, by the labels of the log, and calibrates it on the last tenth of the training time."""

import numpy as np
import tensorflow as tf

from components.features import histories
from components.features.training_data import TrainingData
from components.models.ranking.head_features import HeadFeatures
from components.models.ranking.ranking_head import MAX_POSITIONS, RankingModel, center_scores
from components.models.retrieval import blend, fitting
from components.models.retrieval.part_counts import known_events
from components.models.retrieval.retrieval_model import RetrievalModel
from components.models.retrieval.retrieval_training import Choice
from components.models.retrieval.score_parts import ScoreParts

BATCH = 2048
EMBEDDED_AT_ONCE, SCORED_AT_ONCE, SCORED_TOGETHER = 4096, 256, 16
MOST_ROWS = 500_000  # two vectors of 128 for each row are 1,024 bytes, so this is half a gigabyte
# Three numbers an objective are fitted to them.
MOST_CALIBRATION_ROWS = 20_000
AS_THEY_ARE, MUST_NOT_TURN = np.array([1.0, 0.0, 0.0]), np.array([True, False, True])


def train(
    data: TrainingData,
    retrieval: RetrievalModel,
    context: dict[str, np.ndarray],
    choice: Choice | None = None,
    features: HeadFeatures | None = None,
) -> RankingModel:
    """Trains the ranking head on labelled rows, at most `MOST_ROWS` of them, with the query of their moment.

    Args:
      data: the training split.
      retrieval: the towers, trained on all of it.
      context: column to [n], the context features of every event.
      choice: holds towers that do not know some events. Their head scores the rows of these, to learn how
        far to believe the answers (`fit_calibration`); without such towers they stay as they are. Where these towers serve,
        that head serves, too.
      features: the declared columns; None for none.
    """

    def read(towers: RetrievalModel, rows: np.ndarray) -> dict[str, tf.Tensor]:
        return examples(data, towers, context, rows, features)

    every = select_rows(data)
    if choice is None or choice.towers is None or choice.unlearnt is None:
        return _fit(data, read(retrieval, every), "ranking head", features)
    late = choice.unlearnt[every]
    task = "ranking head" if choice.serves else "calibration"
    past = _fit(data, read(choice.towers, every[~late]), task, features)
    head = past if choice.serves else _fit(data, read(retrieval, every), "ranking head", features)
    rows = _sample(every[late], data.launch.seed, MOST_CALIBRATION_ROWS)
    _calibrate(head, past, data, choice, rows, read(choice.towers, rows))
    return head


def _calibrate(
    head: RankingModel,
    past: RankingModel,
    data: TrainingData,
    choice: Choice,
    rows: np.ndarray,
    batch: dict[str, tf.Tensor],
) -> None:
    """Calibrates a head by how the past one answers rows [k] that it has not seen, and by their scores."""
    score = np.full(len(rows), np.nan, np.float32)
    if choice.parts is not None and choice.blend is not None:
        score = score_rows(data, choice.parts, choice.blend.weights, batch["query"].numpy(), rows)
    mean = float(np.nanmean(score)) if np.isfinite(score).any() else 0.0
    centered, logits, label = center_scores(score, mean).numpy(), past.raw_logits(batch).numpy(), batch["label"].numpy()
    head.calibrate(np.array([fit_calibration(*pair, centered) for pair in zip(logits.T, label.T, strict=True)]), mean)


def select_rows(data: TrainingData) -> np.ndarray:
    """Returns the rows that have a label, or a sample of them: [k] int64, ascending."""
    return _sample(
        np.flatnonzero(np.any([label >= 0 for label in data.events.labels.values()], axis=0)),
        data.launch.seed,
        MOST_ROWS,
    )


def examples(
    data: TrainingData,
    retrieval: RetrievalModel,
    context: dict[str, np.ndarray],
    rows: np.ndarray,
    features: HeadFeatures | None = None,
) -> dict[str, tf.Tensor]:
    """Returns the head's inputs for rows [k]: `query`, `item` [k, D], `features`, `position` [k], `label` [k, O]."""
    labels = [np.maximum(data.events.labels[objective.name][rows], -1) for objective in data.launch.ranking_objectives]
    columns = {
        "query": row_queries(data, retrieval, rows, {name: column[rows] for name, column in context.items()}),
        "item": retrieval.vectors().numpy()[data.item_rows[rows]],
        "position": np.clip(data.events.position[rows] + 1, 0, MAX_POSITIONS).astype(np.int32),
        "label": np.stack(labels, axis=1).astype(np.float32),
    }
    if features is not None:
        row_context = {name: column[rows] for name, column in context.items()}
        columns["features"] = features(data.item_rows[rows], row_context)
    return tf.nest.map_structure(
        tf.convert_to_tensor, columns
    )  # at once: half a gigabyte of vectors would otherwise be held twice while a head is fitted


def score_rows(
    data: TrainingData, parts: ScoreParts, weights: np.ndarray, queries: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Returns the retrieval's score of the item of each row for the history of its moment: [k] float32, NaN for no candidate.

    Args:
      data: the events and the item table.
      parts: of the score.
      weights: [P], what each part counts.
      queries: [k, D], those of the rows.
      rows: [k] int, of the events.
    """
    past, items = row_histories(data, rows), data.item_rows[rows]
    _, request = _distinct_rows([past, queries])
    first, place = _places(request, SCORED_TOGETHER)
    columns = np.zeros((len(first), SCORED_TOGETHER), np.int32)  # 0 is no candidate
    columns[place // SCORED_TOGETHER, place % SCORED_TOGETHER] = items
    scores = [np.zeros((0, SCORED_TOGETHER), np.float32)]
    for start in range(0, len(first), SCORED_AT_ONCE):
        batch = first[start : start + SCORED_AT_ONCE]
        asked = tf.constant(queries[batch]), tf.constant(past[batch])
        scores.append(parts.score_items(*asked, tf.constant(columns[start : start + SCORED_AT_ONCE]), weights).numpy())
    return np.concatenate(scores).reshape(-1)[place]


def _places(group: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Lays rows [n] out in lines of up to `width` rows of one group: the first row of each line, and line x width + column of each row [n]."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    within = np.arange(len(group)) - np.searchsorted(ordered, ordered)
    line = np.cumsum(within % width == 0) - 1
    place = np.empty(len(group), np.int64)
    place[order] = line * width + within % width
    return order[within % width == 0], place


def fit_calibration(logits: np.ndarray, label: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Returns scale, shift and weight of the score, [3], of logits [k] by held-out labels [k] (negative: missing).

    P(1) = sigmoid(scale x logit + shift + weight x score), scale and weight at least 0 (Platt, "Probabilistic outputs
    for support vector machines", 1999, with one input more). The vectors were trained on the same clicks and make these
    look easier to tell than they are: on later rows logits scatter too far and their mean is off. As the choice between
    "no", whose score is 0, and "yes" it is a blend of parts; few rows leave it near its start, the unchanged logits.
    """
    has_label = label >= 0
    yes = np.stack([logits, np.ones(len(logits)), score], axis=1)[has_label].astype(np.float32)
    answers = np.stack([np.zeros_like(yes), yes], axis=1)
    chosen, offset = label[has_label].astype(int), np.zeros(answers.shape[:2], np.float32)
    free = np.ones(len(AS_THEY_ARE), bool)
    while True:
        numbers = np.zeros(len(free))
        numbers[free] = blend.fit(answers[:, :, free], chosen, offset, AS_THEY_ARE[free])
        wrong = (numbers < 0) & MUST_NOT_TURN
        if not wrong.any():
            return numbers
        free &= ~wrong


def _fit(
    data: TrainingData, rows: dict[str, tf.Tensor], task: str, features: HeadFeatures | None = None
) -> RankingModel:
    """Returns a head fitted to what `examples` returns."""
    position, labels = rows["position"].numpy(), rows["label"].numpy()
    share = np.bincount(position, minlength=MAX_POSITIONS + 1) / max(len(position), 1)
    rates = [
        float(np.clip(label[label >= 0].mean() if (label >= 0).any() else 0.5, 1e-4, 1 - 1e-4)) for label in labels.T
    ]
    names = tuple(objective.name for objective in data.launch.ranking_objectives)
    model = RankingModel(names, rates, share.tolist(), features.embedding() if features else None)
    settings = data.launch.model
    model.raw_logits(tf.nest.map_structure(lambda column: column[:1], rows))  # makes the layers' weights
    fitting.fit(
        model, rows, fitting.Schedule(BATCH, settings.ranking_epochs, settings.learning_rate, task, data.launch.seed)
    )
    return model


def _sample(rows: np.ndarray, seed: int, most: int) -> np.ndarray:
    """At most so many of the rows, in their order."""
    return rows if len(rows) <= most else np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def row_queries(
    data: TrainingData, retrieval: RetrievalModel, rows: np.ndarray, context: dict[str, np.ndarray]
) -> np.ndarray:
    """Returns the query vectors [rows, D] with the histories of the rows' own moments."""
    past = row_histories(data, rows)
    first, place = _distinct_rows([past, *context.values()])
    return _embed(retrieval, past[first], {name: column[first] for name, column in context.items()})[place]


def row_histories(data: TrainingData, rows: np.ndarray) -> np.ndarray:
    """Returns the histories of the rows' own moments: [rows, L] int32 of the item table, oldest first, right-padded with 0."""
    settings = data.launch.model
    past = histories.rolling_histories(*known_events(data), rows, settings.history, data.launch.seed, data.events.tie)
    return np.maximum(past, 0).astype(np.int32)


def _distinct_rows(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first of each kind of rows that are alike in all columns [n, ...], and the kind of each row [n].

    The impressions of a request share their history and context: one query answers them all.
    """
    flat = [column.reshape(len(column), int(np.prod(column.shape[1:]))) for column in columns]
    joined = np.concatenate([np.ascontiguousarray(column).view(np.uint8) for column in flat], axis=1)
    _, first, place = np.unique(joined.view(f"V{joined.shape[1]}")[:, 0], return_index=True, return_inverse=True)
    return first, place


def _embed(retrieval: RetrievalModel, past: np.ndarray, context: dict[str, np.ndarray]) -> np.ndarray:
    """Returns the query vectors [n, D] for histories [n, L] of rows of the item table and context features, each [n]."""
    items = retrieval.all_items()
    query = tf.function(
        lambda past, context: retrieval.last_query(tf.gather(items, past), past, context),
        reduce_retracing=True,
        autograph=False,
    )
    parts = []
    for start in range(0, len(past), EMBEDDED_AT_ONCE):
        batch = slice(start, start + EMBEDDED_AT_ONCE)
        columns = {name: tf.constant(column[batch]) for name, column in context.items()}
        parts.append(query(tf.constant(past[batch]), columns).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, items.shape[1]), np.float32)
