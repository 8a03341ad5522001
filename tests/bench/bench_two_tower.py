"""The two-tower model of docs/extend.md beside ours and the rules, in whole runs: `make bench-two-tower`.

    make bench-two-tower                                 the sample of 100,000 events
    make bench-two-tower ARGS="--movielens ml-100k"      also MovieLens 100K: a folder with ml-100k.inter and ml-100k.item
    make bench-two-tower ARGS="--events 20000"           a smaller sample

A copy of the project gets two launches for each log: the shipped one, and the same with the page's model
(`CustomModel`) in place of ours. Each is run to its verdict: the same split, queries, full catalogue and intervals.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "extend.md"
METRICS = ("recall@10", "ndcg@10", "mrr")
SHIPPED = {"sample": "shop", "MovieLens 100K": "movielens"}


def make_project(folder):
    """A copy of the project's packages; beside each shipped launch one with the page's model."""
    kept = shutil.ignore_patterns("__pycache__")
    for name in ("components", "pipeline", "data", "schema"):
        shutil.copytree(ROOT / name, folder / name, ignore=kept)
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    for shipped in SHIPPED.values():
        launch_name = f"{shipped}_two_tower"
        launch = folder / "pipeline" / "launches" / launch_name
        launch.mkdir()
        (launch / "__init__.py").write_text("")
        (launch / "model.py").write_text(code)
        text = (folder / "pipeline" / "launches" / f"{shipped}.py").read_text(encoding="utf-8")
        text = re.sub(r"    model=Model\(.*?\),\n", "", text, flags=re.DOTALL).replace(
            f'"{shipped}"', f'"{launch_name}"'
        )
        model = f'model=CustomModel("pipeline.launches.{launch_name}.model.run_fn", {{"dim": 32, "epochs": 3}})'
        text = text.replace("    split=", f"    {model},\n    split=", 1)
        text = re.sub(
            r"^from components.declaration import .*$",
            "from components.declaration import *  # noqa",
            text,
            flags=re.MULTILINE,
        )
        (launch / "launch.py").write_text(text)
        shutil.copytree(folder / "schema" / shipped, folder / "schema" / launch_name)
    return folder


def run(project, launch, log):
    """Runs a launch; returns its summary, and the wall seconds."""
    command = [sys.executable, "-m", "pipeline", "run", "--launch", launch, "--log", str(log)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DAYONE_")}
    began = time.monotonic()
    answer = subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True)
    if answer.returncode:
        raise SystemExit((answer.stdout + answer.stderr)[-3000:])
    record = json.loads(max((project / "runs" / launch / "logs").glob("*.json")).read_text())
    return json.loads((Path(record["summary"]) / "summary.json").read_text()), time.monotonic() - began


def show(name, launch, summary, seconds):
    """Prints the rows of a run, and the words of its verdict."""
    print(f"\n{name}, launch {launch}, {seconds:.0f} s: {summary['verdict']['headline']}")
    for row, values in summary["rolling"].items():
        print(f"  {row:<20}" + "".join(f"{values[metric]:10.3f}" for metric in METRICS), flush=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="make bench-two-tower", description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=100_000, help="of the sample (default: %(default)s)")
    parser.add_argument("--movielens", type=Path, help="the folder of MovieLens 100K")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        project, sample = make_project(Path(folder) / "project"), Path(folder) / "sample"
        generate = [sys.executable, "data/generate.py", "--events", str(options.events), "--out", str(sample)]
        subprocess.run(generate, cwd=project, check=True, capture_output=True)
        logs = {"sample": sample} | ({"MovieLens 100K": options.movielens.resolve()} if options.movielens else {})
        print(f"{'':<22}" + "".join(f"{metric:>10}" for metric in METRICS))
        for name, log in logs.items():
            for launch in (SHIPPED[name], f"{SHIPPED[name]}_two_tower"):
                show(name, launch, *run(project, launch, log))


if __name__ == "__main__":
    main()
