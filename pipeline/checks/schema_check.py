"""Checks whether the schema gate would stop a run, as `python -m pipeline schema` does."""

from collections.abc import Iterator

from components.declaration import Launch
from components.errors import LogError
from components.validation import schema_diff, schema_proposal
from components.validation.schema_file import SchemaFile
from pipeline.checks.findings import Finding, error
from pipeline.settings import Settings

_MOST_LINES = 8


def check(launch: Launch, settings: Settings) -> Iterator[Finding]:
    """Finds each column that goes beyond the curated schema of the log or the catalogue; none without a schema.

    What cannot be read at all is the business of the other checks.
    """
    for which in (schema_proposal.LOG, *([schema_proposal.CATALOGUE] if launch.catalogue else [])):
        path = settings.schema / launch.name / which / "schema.pbtxt"
        if not path.is_file():
            continue
        try:
            proposed = schema_proposal.propose(launch, str(settings.data), which)
        except LogError:
            continue
        curated = SchemaFile(path.read_text(encoding="utf-8"), str(path))
        beyond = [difference for difference in schema_diff.compare(curated, proposed) if difference.beyond]
        for difference in beyond[:_MOST_LINES]:
            differences = "; ".join(line.removeprefix("+ ").removeprefix("- ") for line in difference.beyond)
            yield error(
                f"column {difference.column!r} of the {which} goes beyond its schema: {differences}.",
                "A run stops at the schema gate.",
                f"Fix the data, or accept it: python -m pipeline schema --launch {launch.name} --accept {difference.column}",
            )
