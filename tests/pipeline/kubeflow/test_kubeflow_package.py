import pytest
from small_package import package_text

from components.errors import DayoneError
from pipeline.kubeflow import package as kubeflow_package
from pipeline.kubeflow.contract import ContractError


def loaded(tmp_path, **options):
    file = tmp_path / "shop.yaml"
    file.write_text(package_text(**options))
    return kubeflow_package.load(file)


def test_a_package_knows_its_pipeline_its_steps_and_what_a_run_may_set(tmp_path):
    package = loaded(tmp_path)
    assert (package.name, set(package.tasks), package.parameters) == (
        "shop",
        {"example-gen", "trainer"},
        {"epochs": "NUMBER_INTEGER"},
    )


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("registry.example:5000/a/dayone:1.4.2", "1.4.2"),
        ("dayone:0.1.0", "0.1.0"),
        ("dayone@sha256:" + "a" * 64, "a" * 40),
    ],
)
def test_the_version_is_named_after_the_image_and_the_bytes(tmp_path, image, tag):
    package = loaded(tmp_path, image=image)
    assert package.version.rpartition("-")[0] == tag
    assert loaded(tmp_path, image=image).version == package.version
    assert loaded(tmp_path, image=image, name="shop-2").version != package.version


def test_a_file_that_is_not_there_or_that_the_server_would_refuse_is_told(tmp_path):
    with pytest.raises(
        DayoneError,
        match=r"shop.yaml: there is no such file. Compile the pipeline first: python -m pipeline compile --output",
    ):
        kubeflow_package.load(tmp_path / "shop.yaml")
    (tmp_path / "old.yaml").write_text(package_text().replace("2.1.0", "2.0.0"))
    with pytest.raises(ContractError, match=r"schemaVersion must be 2\.1\.0"):
        kubeflow_package.load(tmp_path / "old.yaml")


def test_parameters_are_read_by_their_kind(tmp_path):
    kinds = {
        "epochs": ("NUMBER_INTEGER", 8),
        "rate": ("NUMBER_DOUBLE", 0.1),
        "log": ("STRING", "/log"),
        "fast": ("BOOLEAN", False),
    }
    package = loaded(tmp_path, **kinds)
    texts = ["epochs=3", "rate=0.5", "log=/a=b", "fast=true"]
    assert kubeflow_package.parse_parameters(package, texts) == {"epochs": 3, "rate": 0.5, "log": "/a=b", "fast": True}
    assert kubeflow_package.parse_parameters(package, []) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("epoch=3", r"--set needs NAME=VALUE with a parameter of .*shop.yaml \(epochs\), got 'epoch=3'"),
        ("epochs", r"--set needs NAME=VALUE .* got 'epochs'"),
        ("epochs=many", "--set epochs needs a value of type NUMBER_INTEGER, got 'many'"),
        ("epochs=2.5", "--set epochs needs a value of type NUMBER_INTEGER, got '2.5'"),
    ],
)
def test_a_wrong_parameter_is_told_by_name(tmp_path, given, said):
    with pytest.raises(DayoneError, match=said):
        kubeflow_package.parse_parameters(loaded(tmp_path), [given])
