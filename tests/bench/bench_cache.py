"""Which steps an edit runs again, from the records of real runs: `make bench-cache`, about 10 minutes.

The project is copied to a temporary folder, and its launch `shop` runs there on a small sample until a run has nothing
left to do. Then each edit is made, the pipeline runs, the steps that were not served from the cache are printed, and
the edit is taken back.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = "pipeline/launches/shop.py"
DECLARED = "    split=Split(eval_share=0.1),\n"
SMALL = "dim=16, epochs=1, ranking_epochs=1, top_k=100"
PROMOTION = 'margin=0.0, guards=("ndcg@10",)'


def replace(file: str, before: str, after: str) -> tuple[str, Callable[[str], str]]:
    """Returns an edit that replaces a text that the file holds."""

    def edit(text: str) -> str:
        if before not in text:
            raise SystemExit(f"bench-cache: {file} no longer holds {before!r}: change the edit")
        return text.replace(before, after, 1)

    return file, edit


def append(file: str, statement: str) -> tuple[str, Callable[[str], str]]:
    """Returns an edit that adds a statement to the end of a module."""
    return file, lambda text: f"{text}\n{statement}\n"


EDITS = {
    "nothing": append(LAUNCH, ""),
    "promotion.margin": replace(LAUNCH, "margin=0.0", "margin=0.01"),
    "a guarded slice": replace(LAUNCH, 'guards=("ndcg@10",)', 'guards=("ndcg@10", "head items")'),
    "model.top_k": replace(LAUNCH, "top_k=100", "top_k=50"),
    "model.dim": replace(LAUNCH, "dim=16", "dim=32"),
    "an error's text": replace("components/ingest/log_files.py", "there is no such file", "there is no file"),
    "a docstring": replace("components/ingest/example_gen.py", '"""', '"""Edited. '),
    "a metric": append("components/metrics/bootstrap.py", "_EDITED = 1"),
    "the verdict's words": append("components/evaluation/verdict_words.py", "_EDITED = 1"),
    "a vector store": append("components/integrations/faiss_index.py", "_EDITED = 1"),
    "a server module": append("components/serving/app.py", "_EDITED = 1"),
    "the blend": append("components/models/retrieval/blend_training.py", "_EDITED = 1"),
    "the reader of the log": append("components/ingest/log_reader.py", "_EDITED = 1"),
}


def run(project: Path, log: Path) -> tuple[list[str], bool]:
    """Runs the pipeline; returns the steps that ran, and whether the run found nothing to do at all."""
    command = [sys.executable, "-m", "pipeline", "run", "--launch", "shop", "--log", str(log)]
    answer = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(answer.stdout + answer.stderr)
    if answer.stdout.startswith("nothing has changed"):
        return [], True
    record = json.loads(max((project / "runs/shop/logs").glob("*.json")).read_text())
    return [step["step"] for step in record["steps"] if step["state"] != "cached"], False


def settle(project: Path, log: Path) -> None:
    """Runs until a run has nothing left to do: a pushed version is compared with by the next run."""
    for _ in range(4):
        if run(project, log)[1]:
            return
    raise SystemExit("bench-cache: the fourth run still had something to do")


def prepare(folder: Path, events: int) -> tuple[Path, Path]:
    """Copies the project and generates a sample; returns both folders."""
    sys.path.insert(0, str(ROOT))
    from pipeline.onboarding import template_files

    project, log = folder / "project", folder / "log"
    template_files.copy(ROOT, template_files.list_files(ROOT), project)
    launch = project / LAUNCH
    text = launch.read_text().replace("Log, Objective,", "Log, Model, Objective, Promotion,")
    launch.write_text(
        text.replace(DECLARED, f"{DECLARED}    model=Model({SMALL}),\n    promotion=Promotion({PROMOTION}),\n")
    )
    generate = [sys.executable, str(ROOT / "data/generate.py"), "--events", str(events), "--out", str(log)]
    subprocess.run(generate, check=True, capture_output=True)
    return project, log


def main() -> None:
    """Prints a line per edit: the steps that ran again."""
    parser = argparse.ArgumentParser(prog="make bench-cache", description="Which steps an edit runs again.")
    parser.add_argument("--events", type=int, default=10_000, help="of the sample (default: %(default)s)")
    parser.add_argument("--edits", nargs="+", choices=EDITS, default=list(EDITS), metavar="EDIT")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as folder:
        project, log = prepare(Path(folder), options.events)
        settle(project, log)
        for name in options.edits:
            file, edit = EDITS[name]
            path = project / file
            text = path.read_text()
            path.write_text(edit(text))
            steps, _ = run(project, log)
            print(f"{name:<22} {', '.join(steps) or '-'}", flush=True)
            path.write_text(text)
            settle(project, log)


if __name__ == "__main__":
    main()
