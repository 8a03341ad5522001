"""`python -m pipeline compile`: the pipeline as one file for Kubeflow Pipelines, or the check of such a file."""

import argparse
import os
import sys
import warnings
from pathlib import Path

from pipeline import launches
from pipeline.cli import launch_options
from pipeline.cli.parser import Commands, Help, Parser
from pipeline.settings import PROJECT, Settings

RESOURCES = PROJECT / "kubeflow" / "resources.yaml"

_EXAMPLES = """\
examples:
  # writes runs/shop/shop.yaml, checked
  python -m pipeline compile --image registry.example/dayone:1.4.2
  # writes runs/shop/shop.vertex.json
  python -m pipeline compile --for vertex \\
    --resources kubeflow/resources.vertex.yaml
  # what Kubeflow Pipelines would refuse in a file
  python -m pipeline compile --check runs/shop/shop.yaml
"""


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the parser of the command line."""
    parser = commands.add_parser(
        "compile",
        help="compile the pipeline for Kubeflow Pipelines, or check a compiled one",
        description="Compile the pipeline for Kubeflow Pipelines 2: one YAML of pipeline and platform spec, checked. See kubeflow/README.md.",
        epilog=_EXAMPLES,
        formatter_class=Help,
    )
    launch_options.add(parser, "launch")
    platforms = "kubeflow (default): open-source Kubeflow Pipelines; vertex: Vertex AI Pipelines"
    parser.add_argument("--for", dest="platform", choices=("kubeflow", "vertex"), default="kubeflow", help=platforms)
    output = "the file to write (default: runs/<launch>/<launch>.yaml, for Vertex .vertex.json)"
    parser.add_argument("--output", metavar="FILE", type=Path, help=output)
    parser.add_argument(
        "--resources",
        metavar="FILE",
        type=Path,
        default=RESOURCES,
        help="CPU, memory and retries of each step (default: kubeflow/resources.yaml)",
    )
    parser.add_argument(
        "--image", metavar="IMAGE", help="the image of every step (default: the one that the resources name)"
    )
    parser.add_argument(
        "--beam-profile",
        metavar="NAME",
        help="where Beam works: a profile of kubeflow/beam_profiles.yaml (default: in the pods)",
    )
    parser.add_argument("--no-cache", dest="cache", action="store_false", help="do not reuse results of earlier runs")
    parser.add_argument("--check", metavar="FILE", type=Path, help="check this compiled file and write nothing")
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    # Here, because help and usage errors need none of it.
    from pipeline.kubeflow import compiler, contract, vertex

    if options.check:
        contract.check(options.check.read_text(encoding="utf-8"), str(options.check))
        print(f"{options.check}: Kubeflow Pipelines would take it")
        return 0
    settings = Settings.from_environment(
        os.environ, {name: getattr(options, name) for name in ("launch", "beam_profile", "cache")}
    )
    launch = launches.load(settings.launch)
    table = compiler.table_for(options.resources, options.image)
    platform = vertex if options.platform == "vertex" else compiler
    if platform is vertex:
        vertex.check(table)
    if settings.beam_args:
        print(
            f"DAYONE_BEAM_ARGS is for runs on this machine; the compiled steps get cluster.beam_args of {options.resources}",
            file=sys.stderr,
        )
    print("compiling; starting TFX takes about 10 seconds ...", file=sys.stderr)
    with warnings.catch_warnings():
        # Google's clients tell everyone on Python 3.10 that they will stop.
        warnings.simplefilter("ignore", FutureWarning)
        text = platform.compile_launch(launch, table, settings)
    ending = ".vertex.json" if platform is vertex else ".yaml"
    output = options.output or settings.home / f"{launch.name}{ending}"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    print(f"{output}: checked, image {table.cluster.image}")
    return 0
