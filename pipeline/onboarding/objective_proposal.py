"""Proposes from the events of a log: the objectives, and whether users come back to the same items."""

import dataclasses
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from components.declaration import Launch, Objective
from pipeline.onboarding import event_proposal, proposal, repeats
from pipeline.onboarding.column_profile import Column
from pipeline.onboarding.log_sample import Sample
from pipeline.onboarding.proposal import Roles


def propose_objectives(sample: Sample, roles: Roles, why: dict[str, str], notes: list[str]) -> tuple[Objective, ...]:
    """Returns the objectives that the events or values of a log propose; says why in `why` and `notes`."""
    if roles.answer:
        column = roles.answer.column
        proposed = {
            f"{roles.answer.yes!r} in {column.name!r} says that the item was taken": event_proposal.of_answer(
                column.name, roles.answer.yes
            )
        }
    elif "event" in roles.column:
        proposed, against = event_proposal.from_events(_of_items(sample, roles.column), roles.impression)
        if against:
            notes.append(f"No objective: {', '.join(map(repr, against))}, as the words speak against the item.")
        if not proposed and roles.impression and sample.columns[roles.column["event"]].distinct == 1:
            proposed = {
                "The log holds impressions only: this is the action to come.": Objective("click", event="click")
            }
        if not proposed:
            events = ", ".join(sample.columns[roles.column["event"]].as_event.top_values)
            fix = "Give a log that also has what people clicked, bought or liked."
            raise proposal.ProposalError(
                f"{sample.name}: the events {events} hold no action: nothing says what people want. {fix}"
            )
    else:
        value = (
            event_proposal.from_value(sample.columns[roles.column["value"]].as_number)
            if "value" in roles.column
            else None
        )
        no_choice = "No event and no value tells rows apart: every row is a positive."
        proposed = dict([value]) if value else {no_choice: Objective("interaction")}
        why["objectives"] = roles.why["event"]
    why |= {f"objectives.{objective.name}": reason for reason, objective in proposed.items()}
    return tuple(proposed.values())


def _of_items(sample: Sample, column: Mapping[str, str]) -> Column:
    """Returns the kinds of events of the rows that have an item: page views of an analytics export have none."""
    events, items = sample.columns[column["event"]].as_event, sample.columns[column["item"]].ids
    return Column(events.name, events.values.filter(items.is_valid()))


def allow_repeats(launch: Launch, sample: Sample, why: dict[str, str]) -> Launch:
    """Returns the launch, allowing repeated recommendations if users often repeat events."""
    share = _measure_repeats(launch, sample)
    if share < repeats.OFTEN:
        return launch
    why["exclude_seen"] = (
        f"{share:.0%} of the events repeat an earlier one of their user and item: people come back to the same items."
    )
    return dataclasses.replace(launch, exclude_seen=False)


def _measure_repeats(launch: Launch, sample: Sample) -> float:
    log = launch.log
    rows = pa.table({"user": sample.columns[log.user].ids, "item": sample.columns[log.item].ids})
    if log.event and launch.positive_events:
        events = sample.columns[log.event].as_event.values
        rows = rows.filter(pc.is_in(events, value_set=pa.array(launch.positive_events, pa.string())))
    return repeats.share(rows["user"], rows["item"])
