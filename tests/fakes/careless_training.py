"""A `run_fn` that does not learn from the part of the events that it is given, but from all of them."""

from components.features.training_data import PART_KEY
from components.models import too_early


def run_fn(fn_args):
    fn_args.custom_config.pop(PART_KEY)
    too_early.run_fn(fn_args)


def failing_run_fn(fn_args):
    raise ValueError("no such optimizer\nin 40 lines more")
