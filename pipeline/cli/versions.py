"""`python -m pipeline versions` and `rollback`: what the serving folder holds, and the way back."""

import argparse

from components.registry import card_file, versions
from components.registry.versions import Version
from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Parser


def register(commands: "Commands[Parser]") -> None:
    """Adds the two commands to the command line."""
    listing = commands.add_parser(
        "versions",
        help="list the versions in the serving folder",
        description="List the versions in the serving folder.",
    )
    back = commands.add_parser(
        "rollback",
        help="serve an older version again",
        description="Withdraw the served version, so that the one before it serves. Running servers follow by themselves. The withdrawn version "
        "stays on the disk and comes back with --to. The next run compares its model with what is served then, so fix the reason first.",
    )
    back.add_argument(
        "--to", type=int, metavar="VERSION", help="the version to serve (default: the one before the served one)"
    )
    for parser, command in ((listing, _list), (back, _roll_back)):
        launch_options.add(parser, "launch", "workspace")
        parser.set_defaults(command=command)


def _list(options: argparse.Namespace) -> int:
    settings = context.load(options, "launch", "workspace").settings
    listed = versions.find_all(settings.serving)
    print(f"{settings.serving}: {'no version yet' if not listed else ''}".rstrip())
    refused = versions.refusals(settings.serving)
    for version in listed:
        print(_line(version))
        if version.number in refused:
            print(f"  {'':<12} refused by a server, the version before it answers: {refused[version.number]}")
    return 0


def _line(version: Version) -> str:
    card = card_file.read(version.folder)
    metrics = card.get("metrics", {})
    measured = ", ".join(f"{name} {metrics[name]:.3f}" for name in ("recall@10", "ndcg@10") if name in metrics)
    columns = (str(card.get("kind", "")), str(card.get("pushed_at", "")), measured)
    return f"  {version.number:<12} {version.state:<10} {'  '.join(text for text in columns if text)}".rstrip()


def _roll_back(options: argparse.Namespace) -> int:
    settings = context.load(options, "launch", "workspace").settings
    refused = versions.refusals(settings.serving)
    withdrawn, now = versions.roll_back(settings.serving, options.to)
    print(f"withdrawn: {', '.join(map(str, withdrawn)) or 'none'}; served: {now.number}  {now.folder}")
    if withdrawn and set(withdrawn) <= set(refused):
        print(
            f"nothing changes for users: a server refused {', '.join(map(str, withdrawn))}, so {now.number} answers already"
        )
    return 0
