"""Makes a project from the template: its files, a declaration proposed from the log, a first schema.

Nothing here needs TensorFlow, TFX or a network. The project is built in a temporary folder and moved when it is whole,
so that a mistake leaves nothing behind.
"""

import dataclasses
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from components.declaration import Catalogue, Launch, Promotion, Split
from components.errors import SettingsError
from components.ingest.log_files import check_literal
from components.validation import schema_proposal, traffic_schema
from pipeline import launches
from pipeline.local import loop_setup
from pipeline.onboarding import (
    catalogue_proposal,
    day_zero,
    declaration_text,
    id_proposal,
    log_sample,
    made_project,
    objective_proposal,
    project_files,
    proposal,
    template_files,
)
from pipeline.onboarding.log_sample import Sample
from pipeline.onboarding.made_project import Proposal
from pipeline.onboarding.proposal import Roles
from pipeline.settings import PROJECT

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SPLIT = Split(eval_share=0.1)
_NESTED = "nested, and no role names it"


def make(
    folder: Path,
    log: Path | None,
    catalogue: Path | None,
    name: str | None,
    given: Mapping[str, str],
    drop: Collection[str] = (),
    actions: Sequence[str] = ("click",),
) -> str:
    """Makes the project.

    Args:
      folder: where; must not exist or be empty.
      log: the interaction log: a file or a folder of files; None for a launch whose log its own server will write.
      catalogue: the items, or None.
      name: of the launch; None takes the folder's name.
      given: columns that a person names, by role, and the form of times ("time_format").
      drop: columns that get no role.
      actions: of a launch without a log, what users will do with an item.

    Returns:
      What was made and what comes next, for the screen.

    Raises:
      DayoneError: if something exists at the target; nothing was written then.
    """
    folder = folder.expanduser().resolve()
    _check_folder(folder)
    name = _check_name(name, folder)
    proposed = (
        propose(name, log, catalogue, given, drop)
        if log
        else propose_without_log(name, catalogue, given, actions, drop)
    )
    schemas = _schemas(proposed)
    version = template_files.version(PROJECT)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        made = Path(beside) / folder.name
        count = template_files.copy(PROJECT, template_files.list_files(PROJECT), made)
        _write(made, folder, proposed, schemas, version)
        os.replace(made, folder)
    if log is None:
        loop_setup.make_folder(proposed.data / proposed.launch.log.path)
    return made_project.describe(folder, proposed, count, version, project_files.start_repository(folder))


_CRITERIA = {
    "split": "The last tenth of the log, in time, judges what the rest has taught.",
    "promotion": "A model that won is trained once more on the full log before it is pushed (docs/evaluation.md).",
}


def propose(
    name: str, log: Path, catalogue: Path | None, given: Mapping[str, str], drop: Collection[str] = ()
) -> Proposal:
    """Proposes the declaration for a log and its catalogue.

    Raises:
      DayoneError: if a file cannot be read or a column that is needed cannot be found.
    """
    sample = _with_one_item_a_row(log_sample.read(log).drop(drop), given, drop)
    roles = proposal.propose(sample, given)
    declared = dataclasses.replace(roles.log(sample.name, sample.delimiter), spans=sample.spans)
    why = {f"log.{role}": reason for role, reason in roles.why.items()}
    if sample.spans:
        why["log.spans"] = "The days from the first partition folder to the last: each is a span."
    why |= {f"log.context.{column}": roles.why[column] for column in roles.context}
    left_out = {**roles.unused, **dict.fromkeys(drop, "as --drop says"), **dict.fromkeys(sample.ignored, _NESTED)}
    notes = [_note_unused("the log", left_out)]
    items = _catalogue(catalogue, sample, roles, why, notes, left_out)
    objectives = objective_proposal.propose_objectives(sample, roles, why, notes)
    why |= _CRITERIA
    launch = Launch(name, declared, _SPLIT, objectives, items, promotion=Promotion(refit=True))
    launch = objective_proposal.allow_repeats(launch, sample, why)
    launch = day_zero.allow_no_action(launch, sample, why)
    source = f"the first {sample.rows:,} rows of {sample.name}"
    text = declaration_text.launch_file(launch, source, why, [note for note in notes if note])
    return Proposal(launch, sample.base, text, roles, left_out)


def propose_without_log(
    name: str, catalogue: Path | None, given: Mapping[str, str], actions: Sequence[str], drop: Collection[str] = ()
) -> Proposal:
    """Proposes the declaration of a launch whose log its own server will write.

    Raises:
      DayoneError: without a catalogue, or if it says too little.
    """
    proposed = day_zero.propose(name, catalogue, given, actions, drop)
    notes = [_note_unused("the catalogue", proposed.unused)]
    source = f"the catalogue {proposed.sample.name}; there is no log yet"
    text = declaration_text.launch_file(proposed.launch, source, proposed.why, [note for note in notes if note])
    return Proposal(proposed.launch, proposed.sample.base, text, Roles(), proposed.unused)


def _with_one_item_a_row(sample: Sample, given: Mapping[str, str], drop: Collection[str]) -> Sample:
    """Returns the sample, with a row per element if its items are in a list."""
    columns = list(sample.columns.values())
    named = proposal.given_column(sample, "item", given["item"]) if "item" in given else None
    listed = named if named and named.is_list else None
    if named is None and id_proposal.best(columns, "item") is None:
        listed = id_proposal.list_of_items(columns)
    return sample.explode(listed.name).without(drop) if listed else sample


def _catalogue(
    path: Path | None, log: Sample, roles: Roles, why: dict[str, str], notes: list[str], left_out: dict[str, str]
) -> Catalogue | None:
    """Proposes the catalogue's part of the declaration; adds its reasons, its note and the columns that it leaves out."""
    if path is None:
        return None
    sample = log_sample.read(path, log_sample.CATALOGUE_ROWS)
    shown = catalogue_proposal.relative(sample.base / sample.name, log.base)
    proposed = catalogue_proposal.propose(sample, shown, log.columns[roles.column["item"]].ids)
    notes.append(_note_unused("the catalogue", proposed.unused))
    left_out |= {f"{shown}: {column}": reason for column, reason in proposed.unused.items()}
    roles.why["catalogue"] = f"{proposed.catalogue.item!r} {proposed.why[proposed.catalogue.item]}"
    for field in dataclasses.fields(proposed.catalogue):
        value = getattr(proposed.catalogue, field.name)
        for column in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
            single = isinstance(value, str)
            said_before = not single and column == proposed.catalogue.title
            if column in proposed.why and field.name not in ("path", "delimiter") and not said_before:
                why[f"catalogue.{field.name}" if single else f"catalogue.{field.name}.{column}"] = proposed.why[column]
    return proposed.catalogue


def _note_unused(where: str, unused: Mapping[str, str]) -> str:
    listed = "; ".join(f"{name} ({reason})" for name, reason in list(unused.items())[:20])
    more = f"; and {len(unused) - 20} more" if len(unused) > 20 else ""
    return f"Without a role in {where}: {listed}{more}." if unused else ""


def _schemas(proposed: Proposal) -> dict[str, str]:
    """Infers the first schemas from all rows: "log" or "catalogue" to the file's text."""
    launch, base = proposed.launch, str(proposed.data)
    kinds = [schema_proposal.LOG] + ([schema_proposal.CATALOGUE] if launch.catalogue else [])
    columns = {
        kind: traffic_schema.columns(launch)
        if kind == schema_proposal.LOG and launch.log.starts_empty
        else schema_proposal.propose(launch, base, kind)
        for kind in kinds
    }
    return {kind: schema_proposal.schema_text(launch.name, kind, columns[kind]) for kind in kinds}


def _write(made: Path, folder: Path, proposed: Proposal, schemas: Mapping[str, str], version: dict[str, str]) -> None:
    name = proposed.launch.name
    (made / "pipeline" / "launches" / f"{name}.py").write_text(proposed.text, encoding="utf-8")
    default = made / "pipeline" / "default_launch.py"
    default.write_text(
        _with_default(default.read_text(encoding="utf-8"), name, data_folder(proposed.data, folder)), encoding="utf-8"
    )
    for kind, text in schemas.items():
        target = made / "schema" / name / kind / "schema.pbtxt"
        target.parent.mkdir(parents=True)
        target.write_text(text, encoding="utf-8")
    (made / template_files.STAMP).write_text(template_files.stamp(version), encoding="utf-8")
    project_files.name_package(made, name)
    data = data_folder(proposed.data, folder)
    for path, text in project_files.render(name, data, proposed.launch.log.path, version).items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(text, encoding="utf-8")


def _with_default(text: str, name: str, data: str) -> str:
    """Returns the text of the module that names the default launch, with other values."""
    text = re.sub(r"^LAUNCH = .*$", lambda _: f"LAUNCH = {declaration_text.literal(name)}", text, flags=re.MULTILINE)
    return re.sub(
        r"^DATA: str \| None = .*$",
        lambda _: f"DATA: str | None = {declaration_text.literal(data)}",
        text,
        flags=re.MULTILINE,
    )


def data_folder(data: Path, project: Path) -> str:
    """Returns the log's folder as a project names it: relative inside the project or next to it (both move together), else absolute."""
    shown = Path(os.path.relpath(data, project))
    return str(data) if shown.parts[:2] == ("..", "..") or project.parent == Path(project.anchor) else shown.as_posix()


def _check_folder(folder: Path) -> None:
    if folder.is_relative_to(PROJECT):
        raise SettingsError("DIR", str(folder), "a folder outside of the template", "For example ../my_feature.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(
            "DIR",
            str(folder),
            "a folder that does not exist or is empty",
            "Nothing is ever overwritten: take another name.",
        )
    check_literal(str(folder))
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise SettingsError(
            "DIR", str(folder), "a folder that can be made", f"{existing} is no folder that you may write to."
        )


def _check_name(name: str | None, folder: Path) -> str:
    option = "--name" if name is not None else "DIR"
    text = name if name is not None else re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")
    if not NAME.fullmatch(text):
        needed = "a name in lower-case letters, digits and _, a letter first, 40 at most"
        raise SettingsError(option, text, needed, "Give one with --name." if name is None else "")
    if text in launches.available():
        shipped = ", ".join(launches.available())
        raise SettingsError(
            option, text, f"a name that the template's launches ({shipped}) do not have", "Give another with --name."
        )
    return text
