"""A version folder as small as it gets."""

from components.registry import versions


def model(folder, name, content="model"):
    """A folder that looks like a SavedModel."""
    (folder / name / "variables").mkdir(parents=True)
    (folder / name / "variables" / "variables.index").write_text(content)
    (folder / name / versions.MODEL_FILE).write_text(content)
    return folder / name
