"""The inside of `run_local.py`: gives the compiled pipeline to kfp's local runner, and tells what docker saw of each step.

kfp takes a container that has ended before it looked for a success; so states and users are those of docker's own
events.
"""

import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import docker
import yaml
from kfp import components, local

from pipeline.kubeflow import resources

LABEL = "dayone.kubeflow-local"


class Watch:
    """Listens to docker for the containers of one run, and prints a line when one has ended.

    Attributes:
      steps: in the order of their start: name, user, container id; later exit status and seconds.
    """

    def __init__(self, run: str):
        """Listens, in a thread, for containers that carry the run's label."""
        self.steps: list[dict[str, Any]] = []
        self._client = docker.from_env()
        self._filters = {"label": f"{LABEL}={run}"}
        self._events = self._client.events(decode=True, filters={"type": "container"} | self._filters)
        self._screen = sys.stdout  # now, because kfp's output will be sent elsewhere
        threading.Thread(target=self._listen, daemon=True).start()

    def wait_for_end(self, seconds: float = 10) -> list[dict[str, Any]]:
        """Returns the steps, once docker has reported how each of them ended."""
        until = time.monotonic() + seconds
        while any("status" not in step for step in self.steps) and time.monotonic() < until:
            time.sleep(0.05)
        return self.steps

    def stop(self) -> None:
        """Ends what still runs."""
        for container in self._client.containers.list(filters=self._filters):
            container.kill()

    def _listen(self) -> None:
        begun = {}
        for event in self._events:
            container, at = event["id"][:12], event["timeNano"]
            if event["Action"] == "create":
                config = self._client.api.inspect_container(event["id"])["Config"]
                name = config["Cmd"][config["Cmd"].index("--step") + 1]
                self.steps.append({"name": name, "user": config["User"], "container": container})
            elif event["Action"] == "start":
                begun[container] = at
            elif event["Action"] == "die" and container in begun:
                (step,) = [step for step in self.steps if step["container"] == container]
                step["seconds"] = round((at - begun[container]) / 1e9, 1)
                step["status"] = int(event["Actor"]["Attributes"]["exitCode"])
                self._show(step)

    def _show(self, step: dict[str, Any]) -> None:
        state = "SUCCESS" if step["status"] == 0 else f"FAILED with {step['status']}"
        print(
            f"{state}  {step['name']:<24}  {step['seconds']:>6.1f} s  user {step['user']}  {step['container']}",
            file=self._screen,
            flush=True,
        )


def main(folder: Path, user: str) -> int:
    """Runs `pipeline.yaml` in the folder; writes `steps.json` and `steps.log` there."""
    text = (folder / "pipeline.yaml").read_text(encoding="utf-8")
    run, began = str(time.time_ns()), time.monotonic()
    watch = Watch(run)
    runner = local.DockerRunner(user=user, labels={LABEL: run}, mounts=_mounts(folder))
    local.init(
        runner=runner,
        pipeline_root=str(folder / "artifacts"),
        workspace_root=str(folder / "workspace"),
        raise_on_error=False,
    )
    try:
        with (
            open(folder / "steps.log", "w", encoding="utf-8") as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            components.load_component_from_text(text)()
    finally:
        watch.stop()
    steps = watch.wait_for_end()
    (folder / "steps.json").write_text(json.dumps(steps, indent=2), encoding="utf-8")
    total = len(next(yaml.safe_load_all(text))["root"]["dag"]["tasks"])
    good = sum(step.get("status") == 0 for step in steps)
    print(
        f"{good} of {total} steps succeeded in {time.monotonic() - began:.0f} s; what they wrote: {folder / 'steps.log'}"
    )
    return 0 if good == total else 1


def _mounts(folder: Path) -> list[docker.types.Mount]:
    """Returns the volumes of the table, each a folder below `volumes/`."""
    rows = resources.load(Path("kubeflow/resources.yaml")).rows.values()
    claims = sorted({volume for row in rows for volume in row.volumes})
    return [docker.types.Mount(path, str(folder / "volumes" / claim), type="bind") for claim, path in claims]


if __name__ == "__main__":
    # kfp's folders are for steps that run as somebody else.
    os.umask(0)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
