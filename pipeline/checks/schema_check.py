"""Would the schema gate stop a run? The answer of `python -m pipeline schema`, among those of `validate`."""

from collections.abc import Iterator

from components.declaration import Launch
from components.errors import LogError
from components.validation import schema_diff, schema_proposal
from components.validation.schema_file import SchemaFile
from pipeline.checks.findings import Finding, error
from pipeline.settings import Settings

_MOST_LINES = 8


def check(launch: Launch, settings: Settings) -> Iterator[Finding]:
    """Each column that goes beyond the curated schema of the log or the catalogue; nothing where there is no schema yet.

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
            said = "; ".join(line.removeprefix("+ ").removeprefix("- ") for line in difference.beyond)
            yield error(
                f"column {difference.column!r} of the {which} goes beyond its schema: {said}.",
                "A run stops at the schema gate.",
                f"Fix the data, or accept it: python -m pipeline schema --launch {launch.name} --accept {difference.column}",
            )
