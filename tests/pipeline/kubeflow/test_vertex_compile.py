import dataclasses
import json
from pathlib import Path

import pytest
import yaml

from pipeline import beam_profiles, launches
from pipeline.cli.compile_pipeline import RESOURCES
from pipeline.kubeflow import compiler, resources, vertex
from pipeline.kubeflow.resources import ResourcesError
from pipeline.settings import Settings

TABLE = resources.load(RESOURCES.with_name("resources.vertex.yaml"))


def test_what_vertex_cannot_have_is_told_before_anything_is_compiled():
    vertex.check(TABLE)
    with pytest.raises(
        ResourcesError, match=r"cluster\.data needs a folder below /gcs/BUCKET, for Vertex, got '/mnt/dayone/log'"
    ):
        vertex.check(resources.load(RESOURCES))
    row = dataclasses.replace(TABLE.rows["Trainer"], gpu=("nvidia.com/gpu", 1))
    with pytest.raises(
        ResourcesError, match=r"steps.Trainer.gpu needs Vertex's name of the accelerator, .* got 'nvidia.com/gpu'"
    ):
        vertex.check(dataclasses.replace(TABLE, rows={**TABLE.rows, "Trainer": row}))


@pytest.mark.tensorflow
def test_the_job_is_the_same_pipeline_and_vertexs_client_takes_it(tmp_path):
    shop = launches.load("shop")
    job = json.loads(vertex.compile_launch(shop, TABLE))
    assert job["pipelineSpec"] == next(yaml.safe_load_all(compiler.compile_launch(shop, TABLE)))

    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    file = tmp_path / "shop.vertex.json"
    file.write_text(json.dumps(job))
    where = {"project": "a-project", "location": "europe-west4", "credentials": AnonymousCredentials()}
    built = aiplatform.PipelineJob(
        display_name="shop", template_path=str(file), pipeline_root="gs://bucket/pipelines", **where
    )
    request = built.to_dict()
    assert request["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/pipelines"
    assert set(request["pipelineSpec"]["root"]["dag"]["tasks"]) == set(job["pipelineSpec"]["root"]["dag"]["tasks"])


@pytest.mark.tensorflow
def test_a_profile_reaches_the_steps_that_it_is_for():
    profile = beam_profiles.load()["flink"]
    settings = Settings("shop", Path("/here"), Path("/here"), Path("/here"), beam_profile=profile)
    spec = next(yaml.safe_load_all(compiler.compile_launch(launches.load("shop"), TABLE, settings)))
    args = {name: executor["container"]["args"] for name, executor in spec["deploymentSpec"]["executors"].items()}
    filled = profile.with_image(TABLE.cluster.image)
    with_options = {
        name for name, arguments in args.items() if "--runner=pipeline.beam_job.CancellingRunner" in arguments
    }
    assert with_options == {"exec-example-gen", "exec-statistics-gen", "exec-transform", "exec-evaluator"}
    assert all(
        arguments[-len(filled.args) :] == list(filled.args) for name, arguments in args.items() if name in with_options
    )
    assert f"--sdk_container_image={TABLE.cluster.image}" in args["exec-transform"]
