"""The full loop, run as a user runs it: `python -m pipeline run` in a separate process, on real files."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from whole_runs import PROJECT, card, generate, run, step_states, summary, versions

from components.registry import vector_file
from pipeline import launches

pytestmark = pytest.mark.slow

LAST_TENTH = 0.9


def with_shuffled_items(good, folder):
    """Returns the log with the items of all events before the last tenth shuffled: only popularity is left to learn."""
    events = pq.read_table(good / "events.parquet")
    time = events["timestamp"].to_numpy()
    early = np.flatnonzero(time < np.sort(time)[int(len(time) * LAST_TENTH)])
    order = np.arange(len(time))
    order[early] = np.random.default_rng(3).permutation(early)
    shuffled = events.set_column(
        events.schema.get_field_index("item_id"), "item_id", pc.take(events["item_id"], pa.array(order))
    )
    folder.mkdir()
    pq.write_table(shuffled, folder / "events.parquet")
    (folder / "items.parquet").write_bytes((good / "items.parquet").read_bytes())
    return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tmp_path_factory.mktemp("loop")


@pytest.fixture(scope="module")
def good_log(workspace):
    return generate(workspace / "good", 50_000)


@pytest.fixture(scope="module")
def broken_first(workspace, good_log):
    return run(workspace, log=with_shuffled_items(good_log, workspace / "shuffled"))


@pytest.fixture(scope="module")
def good_second(workspace, good_log, broken_first):
    return run(workspace, log=good_log)


@pytest.fixture(scope="module")
def good_again(workspace, good_log, good_second):
    return run(workspace, log=good_log)


def test_a_model_trained_on_shuffled_items_is_not_pushed_and_the_rules_are(workspace, broken_first):
    status, printed, _ = broken_first
    assert status == 0, printed
    assert "Rules pushed: " in printed
    assert card(workspace, versions(workspace)[0])["kind"] == "rules"


def test_a_good_model_beats_the_rules_that_serve_and_is_pushed(workspace, good_second):
    status, printed, record = good_second
    assert status == 0, printed
    assert "Model pushed: it beats the rules" in printed
    assert card(workspace, versions(workspace)[1])["kind"] == "model"
    gain = summary(workspace)["gains"]["model_over_rules"]
    assert 0 < gain["low"] < gain["point"] < gain["high"], "the interval excludes zero"
    assert set(step_states(record).values()) <= {"done", "cached"}


def test_the_screen_ends_with_the_verdict_the_paths_and_an_example_with_titles(workspace, good_second, good_log):
    _, printed, _ = good_second
    example = summary(workspace)["example"]
    titles = set(pq.read_table(good_log / "items.parquet")["title"].to_pylist())
    assert {title for title, _ in example["recommended"]} <= titles
    assert re.search(r"is offered:\s+\w", printed)
    assert versions(workspace)[1] in printed
    assert "Traceback" not in printed
    assert "WARNING" not in printed


def test_an_unchanged_second_run_comes_from_the_cache(workspace, good_again):
    status, printed, record = good_again
    assert status == 0, printed
    ran = {name for name, state in step_states(record).items() if state != "cached"}
    compared = {"DriftBaseline", "DriftValidator", "DriftGate", "RetrievalEvaluator", "Verdict", "Pusher"}
    assert ran <= compared, "only steps that compare with the newly pushed version may run again"
    assert summary(workspace)["verdict"]["outcome"] == "champion"
    assert "Nothing pushed" in printed


def test_a_third_run_has_nothing_to_do_and_tells_the_same_verdict(workspace, good_log, good_again):
    status, printed, record = run(workspace, log=good_log)
    assert status == 0, printed
    assert record == good_again[2], "no step was run, not even from the cache"
    report = good_again[1].partition("shop: ")[2].partition("serving ")[0]
    assert report and report in printed


def test_later_a_model_trained_on_shuffled_items_does_not_replace_the_champion(workspace, good_again):
    before = versions(workspace)
    status, printed, _ = run(workspace, log=workspace / "shuffled")
    assert status == 0, printed
    assert summary(workspace)["verdict"]["outcome"] == "champion"
    assert "Nothing pushed" in printed
    assert versions(workspace) == before


def test_no_training_row_is_later_than_any_eval_row(workspace, good_second):
    tf = pytest.importorskip("tensorflow")

    def times(uri, split):
        spec = {"timestamp": tf.io.FixedLenFeature([], tf.int64)}
        files = tf.io.gfile.glob(os.path.join(uri, f"Split-{split}", "*"))
        batches = tf.data.TFRecordDataset(files, "GZIP").batch(10_000)
        return np.concatenate([tf.io.parse_example(batch, spec)["timestamp"] for batch in batches])

    for uri in Path(workspace).glob("shop/artifacts/ExampleGen/examples/*"):
        assert times(str(uri), "train").max() < times(str(uri), "eval").min()


FRESH_PROCESS = """
    import sys

    class Refuse:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in ("components", "pipeline", "tensorflow_recommenders", "tensorflow_transform", "tfx"):
                raise ImportError(f"{name} must not be needed")

    sys.meta_path.insert(0, Refuse())
    import tensorflow as tf

    folder, known_user, k = sys.argv[1], sys.argv[2], int(sys.argv[3])
    model = tf.saved_model.load(folder)
    catalogue = set(model.signatures["catalogue"]()["item_ids"].numpy())
    items = sorted(catalogue)

    def ask(users, histories, excluded):
        longest = max(map(len, histories))
        padded = [list(history) + [b""] * (longest - len(history)) for history in histories]
        count = len(users)
        answer = model.signatures["serving_default"](
            user_id=tf.constant(users),
            history=tf.constant(padded, tf.string, [count, longest]),
            exclude_ids=tf.constant([excluded] * count, tf.string, [count, len(excluded)]),
            device=tf.constant(["mobile"] * count),
            country=tf.constant(["nowhere"] * count),
        )
        assert answer["item_ids"].dtype == tf.string and answer["item_ids"].shape == (count, k), answer
        assert answer["scores"].shape == (count, k)
        rows = answer["item_ids"].numpy().tolist()
        for row in rows:
            assert len(set(row)) == k, "not distinct"
            assert not set(row) & set(excluded), "excluded"
            assert set(row) <= catalogue, "not in the catalogue"
        return rows

    first = ask([known_user], [items[:5]], [])[0]
    assert ask(["nobody"], [items[:5]], [])[0] == first, "the history speaks, not the id"
    assert ask(["nobody"], [[]], [])[0] == ask([known_user], [[b"", b"never heard of"]], [])[0]
    ask([known_user], [items[:5]], first)
    batch = ask(["a", "b", "c"], [[], items[:1], items[:80]], items[10:12])
    assert batch[1] == ask(["b"], [items[:1]], items[10:12])[0], "an answer depends on its own request only"
    print("answered")
"""


def test_the_pushed_folder_answers_in_a_process_without_the_projects_code(workspace, good_second, good_log, tmp_path):
    folder = Path(workspace) / "shop/serving/shop" / versions(workspace)[1]
    user = pq.read_table(good_log / "events.parquet")["user_id"][0].as_py()
    script = tmp_path / "fresh.py"
    script.write_text(textwrap.dedent(FRESH_PROCESS))
    command = [sys.executable, "-I", str(script), str(folder), user, "10"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.strip() == "answered", done.stderr[-2000:]


def documented_signatures():
    """Returns name to (inputs, outputs) from docs/serving.md, each a list of "name DTYPE (sizes)"."""
    page = (PROJECT / "docs" / "serving.md").read_text()
    rows = re.findall(r"^\| `(\w+)`[^|]*\| (`.*?DT_.*?) \| (`.*?) \|$", page, re.MULTILINE)
    (inputs,) = re.findall(r'"page" stands for.*?:\n\n(.*?)\n\n', page, re.DOTALL)
    rows = [
        (name, inputs_text.removesuffix(", page") + inputs * inputs_text.endswith(", page"), answer)
        for name, inputs_text, answer in rows
    ]
    return {
        name: tuple(sorted(re.findall(r"`(\w+)` (DT_\w+ \([-\d, ]+\))", side)) for side in sides)
        for name, *sides in rows
    }


def test_the_pushed_signatures_are_the_documented_ones(workspace, good_second):
    tf = pytest.importorskip("tensorflow")
    signatures = tf.saved_model.load(str(Path(workspace) / "shop/serving/shop" / versions(workspace)[1])).signatures

    def describe(specs):
        sizes = {
            name: ", ".join("-1" if size is None else str(size) for size in spec.shape) for name, spec in specs.items()
        }
        names = {tf.string: "DT_STRING", tf.float32: "DT_FLOAT", tf.int64: "DT_INT64"}
        return sorted((name, f"{names[spec.dtype]} ({sizes[name]})") for name, spec in specs.items())

    page = (PROJECT / "docs" / "serving.md").read_text()
    assert [name for name in signatures if f"`{name}`" not in page] == []
    pages = {"recommend_page", "similar_items", "list_items"}
    assert set(documented_signatures()) == {"serving_default", "rank", "embed_query", "embed_items"} | pages
    for name, documented in documented_signatures().items():
        signature = signatures[name]
        exported = describe(signature.structured_input_signature[1]), describe(signature.structured_outputs)
        assert exported == documented


def test_the_server_answers_as_numpy_does_from_the_exported_vectors(workspace, good_second):
    pytest.importorskip("tensorflow")
    version = versions(workspace)[1]
    weight = card(workspace, version)["choice"]["weights"]["towers"] / launches.load("shop").model.temperature
    check_against_numpy(Path(workspace) / "shop/serving/shop" / version, weight)


def test_the_version_holds_the_vectors_of_its_full_catalogue(workspace, good_second):
    tf = pytest.importorskip("tensorflow")
    rules, model = (Path(workspace) / "shop/serving/shop" / version for version in versions(workspace)[:2])
    signatures, exported = tf.saved_model.load(str(model)).signatures, vector_file.read(model).select_active()
    assert sorted(exported.ids) == sorted(item.decode() for item in signatures["catalogue"]()["item_ids"].numpy())
    np.testing.assert_allclose(
        signatures["embed_items"](item_ids=tf.constant(exported.ids))["embedding"], exported.matrix, atol=1e-6
    )
    assert exported.features == ("category", "brand", "price")
    assert not (rules / vector_file.FILE).exists()


def check_against_numpy(folder, weight):
    """Compares the answers to 200 random requests with numpy.

    The answer is the best of all scores. The part of a score that depends on the context is `weight` (of the two-tower
    score in the card, over the temperature) times the cosine of the exported vectors.
    """
    import tensorflow as tf

    from components.serving.loaded_model import LoadedModel

    model, rng = LoadedModel(1, folder), np.random.default_rng(0)
    ids = tf.saved_model.load(str(folder)).signatures["catalogue"]()["item_ids"].numpy()
    vectors = model("embed_items", {"item_ids": ids})["embedding"]
    history, excluded = rng.choice(ids, (200, 7)), rng.choice(ids, (200, 3))
    request = {"user_id": np.full(200, b"u", object), "history": history}
    context, other_context = (
        {name: rng.choice(np.array([b"mobile", b"NL", b""], object), 200) for name in ("device", "country")}
        for _ in range(2)
    )
    contexts = (context, other_context)
    scores, other_scores = (model("score_catalogue", request | words)["scores"] for words in contexts)
    query, other_query = (model("embed_query", request | words)["embedding"] for words in contexts)
    np.testing.assert_allclose(scores - other_scores, weight * (query - other_query) @ vectors.T, atol=2e-3)
    for row in range(200):
        scores[row, np.isin(ids, [*history[row], *excluded[row]])] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    answer = model("serving_default", request | context | {"exclude_ids": excluded})
    np.testing.assert_allclose(answer["scores"], np.take_along_axis(scores, best, axis=1), atol=1e-5)
    assert (answer["item_ids"] == ids[best]).mean() > 0.99, "all but ties"
    model.close()


def test_the_pushed_version_holds_no_id_of_a_user(workspace, good_second, good_log):
    users = {user.encode() for user in pq.read_table(good_log / "events.parquet")["user_id"].to_pylist()}
    folder = Path(workspace) / "shop/serving/shop" / versions(workspace)[1]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5 and all(re.fullmatch(rb"u\d{5}", user) for user in users)
    assert not {user for path in files for user in re.findall(rb"u\d{5}", path.read_bytes())} & users


def test_the_pushed_card_holds_the_origin_of_the_model(workspace, good_second):
    pushed = card(workspace, versions(workspace)[1])
    assert pushed["verdict"]["outcome"] == "model" and 0 < pushed["metrics"]["recall@10"] < 1
    assert pushed["data"]["first_event"] < pushed["data"]["last_event"] < pushed["pushed_at"]
    assert all(
        re.fullmatch("[0-9a-f]{16}", pushed[name]) for name in ("declaration_digest", "schema_digest", "code_digest")
    )
