"""`make kubeflow-local`: the compiled pipeline on this machine, every step in a container of its own, by kfp's own `DockerRunner`.

Needs docker and nothing else: log, compiled file and run are all made by the image that the steps run in, so it works
next to any Python. What is not as on a cluster: no driver, launcher or metadata of Kubeflow, no retries, no cache, no
limits; artifacts are folders of this machine; volumes of the table are folders below `volumes/`.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
STEPS = PROJECT / "kubeflow" / "local_steps.py"
SOCKET = "/var/run/docker.sock"
IMAGE_USER = (1000, 1000)


def main(arguments: "list[str]") -> int:
    """Makes a log, compiles, runs; the exit status is 0 if every step succeeded."""
    options = _parser().parse_args(arguments)
    folder = options.folder.resolve()
    # Steps run as the person who asked; for root, who must not run them, as the image's own user.
    user, group = (os.getuid(), os.getgid()) if os.getuid() else IMAGE_USER
    _prepare(folder, user, group)
    visible = ["--volume", f"{folder}:{folder}"]
    as_user = ["--user", f"{user}:{group}", *visible]
    print(f"everything is written below {folder}", flush=True)
    log, compiled = folder / "volumes" / "dayone" / "log", folder / "pipeline.yaml"
    _docker(options.image, as_user, ["python", "data/generate.py", "--events", str(options.events), "--out", str(log)])
    _docker(
        options.image,
        as_user,
        ["python", "-m", "pipeline", "compile", "--image", options.image, "--output", str(compiled)],
    )
    # The submitting side talks to docker, so it is root in its own container; the steps are not.
    submitting = [
        "--user",
        "0:0",
        *visible,
        "--volume",
        f"{_socket()}:{SOCKET}",
        "--volume",
        f"{STEPS}:/app/local_steps.py:ro",
    ]
    command = [
        "docker",
        "run",
        "--rm",
        *submitting,
        options.image,
        "python",
        "local_steps.py",
        str(folder),
        f"{user}:{group}",
    ]
    return subprocess.run(command).returncode


def _prepare(folder: Path, user: int, group: int) -> None:
    """Makes an empty folder of the user's; removes what an earlier run left, refuses anything else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "volumes").is_dir():
        sys.exit(f"error: --folder needs a folder that is empty or from an earlier run, got {str(folder)!r}.")
    try:
        shutil.rmtree(folder, ignore_errors=not folder.exists())
        for made in (folder / "volumes" / "dayone" / "log", folder / "artifacts"):
            made.mkdir(parents=True)
        for made in (folder, *folder.rglob("*")):
            os.chown(made, user, group)
    except OSError as error:
        sys.exit(f"error: {error}. Remove it, or give another folder: --folder DIR.")


def _docker(image: str, options: "list[str]", command: "list[str]") -> None:
    """Runs a command in the image; what TensorFlow says on the way is shown only if it fails."""
    done = subprocess.run(["docker", "run", "--rm", *options, image, *command], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{done.stderr}error: {' '.join(command)} ended with status {done.returncode}.")


def _socket() -> str:
    """Returns where docker listens: DOCKER_HOST if it is a socket, else docker's default."""
    host = os.environ.get("DOCKER_HOST", "")
    return host[len("unix://") :] if host.startswith("unix://") else SOCKET


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make kubeflow-local", description="Run the compiled pipeline here, every step in a container of its own."
    )
    parser.add_argument("--image", required=True, help="the image of every step")
    parser.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        default=PROJECT / "runs" / "kubeflow-local",
        help="for all it writes; EMPTIED FIRST",
    )
    parser.add_argument(
        "--events", metavar="N", type=int, default=20_000, help="the size of the sample log (default: 20000)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
