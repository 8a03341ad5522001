"""Lays the item vectors of a trained model beside its SavedModel, for whatever searches vectors elsewhere (`components.integrations`)."""

from components.features.training_data import TrainingData
from components.models.model_recommender import ModelRecommender
from components.registry import export, vector_file


def write(recommender: ModelRecommender, data: TrainingData, folder: str) -> None:
    """Writes the vectors that `embed_items` answers, with what the catalogue says of the items.

    Args:
      recommender: the trained model.
      data: what it was trained on.
      folder: of the SavedModel.
    """
    rows = vector_file.table(data.items, recommender.item_vectors(), data.launch.catalogue, data.catalogue)
    export.add_file(folder, vector_file.FILE, vector_file.as_bytes(rows))
