"""`python -m pipeline rollout`: which version KServe serves, and to how much of the traffic, as one patch of its InferenceService.

    rollout canary 1795449687 --percent 10    the version gets a tenth, what was served keeps the rest
    rollout promote                           it gets all
    rollout abort                             it gets nothing; what was served has all again

KServe splits traffic between Knative's revisions, so this needs its serverless mode. The copy of the version is what
the job `copy-versions` of kubeflow/overlays/kserve makes; `--control` moves the service of the control that
kubeflow/overlays/kserve-experiment adds. After a promotion the way back is `canary` with the older version and 100.
"""

import argparse
import json
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any

from components.errors import DayoneError, SettingsError
from components.registry import experiment_state
from pipeline.cli import context, launch_options
from pipeline.cli.parser import Commands, Parser

# As kubeflow/overlays/kserve/server/copy-versions.yaml has it.
STORE = "s3://dayone-models"
NAMESPACE = "kubeflow"
KUBECTL_SECONDS = 60
Patch = dict[str, Any]


PROMOTE: Patch = {"spec": {"predictor": {"canaryTrafficPercent": None}}}
ABORT: Patch = {"spec": {"predictor": {"canaryTrafficPercent": 0}}}


class RolloutError(DayoneError):
    """kubectl is missing, or refused the patch."""


def register(commands: "Commands[Parser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "rollout",
        help="give a version a share of KServe's traffic, promote it, or take it back",
        description="Move traffic between the versions that KServe serves: one `kubectl patch`. See kubeflow/README.md.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    canary = actions.add_parser("canary", help="give a version a share of the traffic")
    canary.add_argument("version", type=int, metavar="VERSION", help="the number of the version, see `versions`")
    canary.add_argument(
        "--percent", type=int, default=10, help="its share of the traffic, 1 to 100 (default: %(default)s)"
    )
    canary.add_argument(
        "--store", default=STORE, metavar="URI", help="where the copies of the versions lie (default: %(default)s)"
    )
    promote = actions.add_parser("promote", help="give the canary all of the traffic")
    abort = actions.add_parser("abort", help="take the traffic from the canary, before it was promoted")
    for action, patch in ((canary, _canary), (promote, lambda *_: PROMOTE), (abort, lambda *_: ABORT)):
        launch_options.add(action, "launch")
        action.add_argument("--control", action="store_true", help="move the control of an experiment, not the launch")
        action.add_argument("--namespace", default=NAMESPACE, help="of the InferenceService (default: %(default)s)")
        action.add_argument("--dry-run", action="store_true", help="print the kubectl command and do nothing")
        action.set_defaults(command=_run, patch=patch)


def canary_patch(uri: str, percent: int) -> Patch:
    """Returns the patch that makes a version the newest revision, with its share; 100 needs no rule."""
    return {
        "spec": {
            "predictor": {"canaryTrafficPercent": None if percent == 100 else percent, "model": {"storageUri": uri}}
        }
    }


def _canary(options: argparse.Namespace, launch: str) -> Patch:
    if not 1 <= options.percent <= 100:
        raise SettingsError("--percent", options.percent, "an integer from 1 to 100")
    if "://" not in options.store:
        raise SettingsError("--store", options.store, "a URI such as s3://bucket, gs://bucket or pvc://claim/folder")
    if options.version < 0:
        raise SettingsError("VERSION", options.version, "the number of a version")
    return canary_patch(f"{options.store.rstrip('/')}/{launch}/{options.version}", options.percent)


def kubectl(launch: str, namespace: str, patch: Patch) -> list[str]:
    """Returns the command; a field that the patch sets to null is removed. KServe allows no underscore in a name: my_shop is my-shop."""
    # Here, because help needs no YAML.
    from pipeline.kubeflow.spec import kebab

    where = ["kubectl", "patch", "inferenceservice", kebab(launch), "--namespace", namespace]
    return [*where, "--type", "merge", "--patch", json.dumps(patch, separators=(",", ":"))]


def _run(options: argparse.Namespace) -> int:
    launch = context.load(options, "launch").launch.name
    launch += experiment_state.CONTROL_SUFFIX if options.control else ""
    command = kubectl(launch, options.namespace, options.patch(options, launch))
    if options.dry_run:
        print(shlex.join(command))
        return 0
    return run(command)


def run(command: Sequence[str]) -> int:
    """Runs kubectl, which prints its own answer.

    Raises:
      RolloutError: if it is not there, fails, or does not answer.
    """
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=KUBECTL_SECONDS)
    except OSError as error:
        raise RolloutError(
            f"rollout needs kubectl on the PATH, got: {error.strerror}. Or use --dry-run and run the command elsewhere."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise RolloutError(
            f"kubectl did not answer within {KUBECTL_SECONDS} s. Check that the cluster can be reached."
        ) from error
    if answer.returncode:
        # The last line says it; those before are kubectl's attempts.
        reason = (answer.stderr.strip() or "it failed without a word").splitlines()[-1]
        raise RolloutError(f"kubectl refused: {reason}\nThe command: {shlex.join(command)}")
    print(answer.stdout.strip())
    return 0
