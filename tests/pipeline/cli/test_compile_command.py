import pytest
import yaml
from commands import MOST_CPU_SECONDS, one_message, pipeline, pipeline_process

from pipeline.cli.compile_pipeline import RESOURCES


def test_help_comes_at_once_and_shows_examples():
    answer = pipeline_process("compile", "--help")
    assert answer.returncode == 0
    assert "python -m pipeline compile --check runs/shop/shop.yaml" in answer.stdout
    assert answer.cpu < MOST_CPU_SECONDS


def changed(tmp_path, change):
    table = yaml.safe_load(RESOURCES.read_text())
    change(table)
    path = tmp_path / "resources.yaml"
    path.write_text(yaml.safe_dump(table))
    return str(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda table: table["steps"]["Trainer"].update(cpu_limit="many"),
            "error: resources: steps.Trainer.cpu_limit needs cores such as 2",
        ),
        (lambda table: table["steps"].update(Trianer={}), "Did you mean Trainer?"),
        (
            lambda table: table["cluster"].update(image="dayone:latest"),
            "error: resources: cluster.image needs an image with a tag other than latest",
        ),
    ],
)
def test_a_mistake_in_the_table_is_one_message_at_once(tmp_path, change, said):
    assert said in one_message(pipeline("compile", "--resources", changed(tmp_path, change)))


def test_an_image_that_moves_is_one_message_at_once():
    assert "resources: --image needs an image with a tag other than latest" in one_message(
        pipeline("compile", "--image", "dayone")
    )


@pytest.mark.parametrize(
    "arguments", [("--launch", "shp"), ("--check", "not_there.yaml"), ("--resources", "not_there.yaml")]
)
def test_what_is_not_there_is_one_message_at_once(arguments):
    assert one_message(pipeline("compile", *arguments)).startswith("error: ")


@pytest.mark.tensorflow
def test_compile_writes_a_file_that_the_check_takes_and_the_check_tells_a_wrong_one(tmp_path):
    file = tmp_path / "out" / "shop.yaml"
    compiled = pipeline_process("compile", "--output", str(file), "--image", "registry.example/dayone:1.4.2")
    assert compiled.returncode == 0, compiled.stderr
    assert compiled.stdout == f"{file}: checked, image registry.example/dayone:1.4.2\n"
    assert pipeline_process("compile", "--check", str(file)).stdout == f"{file}: Kubeflow Pipelines would take it\n"
    file.write_text(file.read_text().replace("schemaVersion: 2.1.0", "schemaVersion: 2.0.0"))
    wrong = pipeline_process("compile", "--check", str(file))
    assert wrong.returncode == 1
    assert "schemaVersion must be 2.1.0, got '2.0.0'" in wrong.stderr and "Traceback" not in wrong.stderr
