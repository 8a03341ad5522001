"""Measures what each step of a run takes as the log grows: `make bench-scale`, options by ARGS="--help".

The launch is the one that ships, `shop`, as declared: catalogue, context, impressions, the choice of epochs, towers,
every part of the score, the ranking head, export. The logs are the sample's, of several sizes; its items grow with the
square root of the events. Each step is one `python -m pipeline run --from STEP --to STEP`: a process of its own, which
reads what the steps before it wrote, as a pod on a cluster does.

CPU-seconds and wall time are the step's, without imports. The peak of memory is the process's; "at start" is the
smallest peak of all steps, which is what the imports take. The last columns say by what the figures of the size before
are to be multiplied; "events" is the same for the size itself. Steps that take less than half a CPU-second are summed.
Below stand the size of the version that the Trainer wrote and the median time of a request with 20 items, asked of
TensorFlow's own loader without our code.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

LAUNCH = "shop"
SMALL = 0.5  # CPU-seconds
HEAD = "CPU-s   wall s  at start  peak MB  events/CPU-s   x events / CPU-s / MB above start"


def names_of_steps():
    """Returns the steps of the launch in order."""
    from pipeline import launches, steps

    return [step.name for step in steps.of(launches.load(LAUNCH))]


def make(workspace, events, items):
    """Generates the log and the catalogue where a run of the launch looks for them."""
    command = [sys.executable, ROOT / "data" / "generate.py", "--events", str(events), "--out", workspace / "sample"]
    done = subprocess.run(
        [*command, *(("--items", str(items)) if items else ())], stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise SystemExit(done.returncode)  # it has said why


def run(step, workspace):
    """Runs a step and prints what it took as JSON; in a process of its own, for the peak of its children."""
    part = ["--from", step, "--to", step, "--no-cache", "--workspace", workspace, "--launch", LAUNCH]
    subprocess.run([sys.executable, "-m", "pipeline", "run", *part], check=True, cwd=ROOT, stdout=sys.stderr)
    record = json.loads(max((workspace / LAUNCH / "logs").glob("*.json")).read_text())
    (done,) = (entry for entry in record["steps"] if entry["step"] == step)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(json.dumps({"cpu": done["cpu"], "wall": done["wall"], "peak": peak}))


def ask(workspace):
    """Prints how long the trained model takes for an answer, alone and by TensorFlow's own loader, as JSON."""
    import pyarrow.parquet as pq
    import tensorflow as tf

    model = tf.saved_model.load(str(trained(workspace)))
    items = pq.read_table(workspace / "sample" / "items.parquet", columns=["item_id"])["item_id"].to_pylist()
    signature, seconds = model.signatures["serving_default"], []
    request = {
        name: tf.constant([items[:20]]) if name == "history" else tf.zeros([1] * len(spec.shape), spec.dtype)
        for name, spec in signature.structured_input_signature[1].items()
    }
    for _ in range(50):
        began = time.perf_counter()
        signature(**request)["item_ids"].numpy()
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"ms": 1000 * statistics.median(seconds)}))


def trained(workspace):
    """Returns the folder of the model that the step Trainer has written last."""
    folders = (workspace / LAUNCH / "artifacts" / "Trainer" / "model").glob("*/Format-Serving")
    return max(folders, key=lambda folder: int(folder.parent.name))


def measure(workspace, *task):
    """Returns what a step took, or a request, in a process of its own."""
    command = [sys.executable, __file__, *task, "--folder", workspace]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(task)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def join_small(figures):
    """Returns the figures by step, those of small steps as one: sums of seconds, the largest peak."""
    small = [name for name, figure in figures.items() if figure["cpu"] < SMALL]
    if len(small) < 2:
        return figures
    joined = {key: sum(figures[name][key] for name in small) for key in ("cpu", "wall")}
    joined["peak"] = max(figures[name]["peak"] for name in small)
    return {name: figure for name, figure in figures.items() if name not in small} | {f"{len(small)} others": joined}


def line(step, events, figure, start, before):
    """Returns a line of the table; `before` holds size, figure and start of the size before, if there is one."""
    cells = f"{step:<22}{figure['cpu']:>9.1f}{figure['wall']:>9.1f}{start:>10.0f}{figure['peak']:>9.0f}{events / figure['cpu']:>14,.0f}"
    if not before:
        return cells
    size, old, old_start = before
    growth = (
        events / size,
        figure["cpu"] / old["cpu"],
        (figure["peak"] - start) / max(old["peak"] - old_start, 1),
    )
    return cells + "   x " + " / ".join(f"{factor:.1f}" for factor in growth)


def scale(sizes, names, folder, items):
    """Prints the table of all sizes; what is made for them stays in the folder."""
    before = {}
    for events in sizes:
        workspace = folder / str(events)
        if not (workspace / "sample").exists():
            make(workspace, events, items)
        figures = {name: measure(workspace, "--run", name) for name in names}
        start = min(figure["peak"] for figure in figures.values())
        print(f"\n{f'{events:,} events':<22}    {HEAD}")
        for name, figure in join_small(figures).items():
            print(line(name, events, figure, start, before.get(name)), flush=True)
            before[name] = events, figure, start
        if "Trainer" in names:
            size = sum(file.stat().st_size for file in trained(workspace).rglob("*") if file.is_file()) / 2**20
            print(f"a version has {size:,.1f} MB and answers one request in {measure(workspace, '--ask')['ms']:.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--events", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes of the log (default: 100000 1000000)"
    )
    parser.add_argument(
        "--steps", nargs="+", metavar="STEP", help="default: all, in order; a step needs what those before it wrote"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="where logs and workspaces stay for a later call (default: a folder that is deleted)",
    )
    parser.add_argument(
        "--items", type=int, help="items of every log, up to 20000 (default: 1000 for 100,000 events, see above)"
    )
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--ask", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(options.run, options.folder)
    elif options.ask:
        ask(options.folder)
    elif options.folder:
        scale(options.events, options.steps or names_of_steps(), options.folder.resolve(), options.items)
    else:
        with tempfile.TemporaryDirectory() as name:
            scale(options.events, options.steps or names_of_steps(), Path(name), options.items)


if __name__ == "__main__":
    main()
