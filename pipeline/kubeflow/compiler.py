"""The graph as one YAML for Kubeflow Pipelines: the same `create_pipeline`, with a cluster's settings."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

from components.declaration import Launch
from pipeline import beam_profiles, launches
from pipeline.kubeflow import contract, parameters
from pipeline.kubeflow import resources as kubeflow_resources
from pipeline.kubeflow import spec as kubeflow_spec
from pipeline.kubeflow.resources import Table
from pipeline.settings import Settings


@dataclasses.dataclass(frozen=True)
class ClusterSettings(Settings):
    """Settings whose paths are those in the pods; they do not exist on this machine."""

    @property
    def metadata(self) -> None:  # type: ignore[override]
        """None: a cluster keeps its own metadata."""
        return


def table_for(resources: Path, image: str | None) -> Table:
    """Returns the table of resources, with the image replaced if one is given; it may name any launch's own steps.

    Raises:
      ResourcesError: for a wrong entry, or an image whose name can move.
    """
    table = kubeflow_resources.load(resources, launches.own_steps())
    if image is None:
        return table
    kubeflow_resources.check_image("--image", image)
    return dataclasses.replace(table, cluster=dataclasses.replace(table.cluster, image=image))


def cluster_settings(launch: Launch, table: Table, given: Settings | None = None) -> ClusterSettings:
    """Returns the settings that the graph is made with: paths as the pods see them, and how the engine works.

    Options for Beam are the table's: those of the environment are meant for this machine.

    Args:
      launch: the declaration.
      table: of resources; it says where things are.
      given: settings of this machine; they say how the engine works. None for the defaults.
    """
    cluster = table.cluster
    paths = (Path(cluster.workspace), Path(cluster.data), Path(cluster.schema))
    settings = ClusterSettings(launch.name, *paths, beam_args=cluster.beam_args)
    if given is None:
        return settings
    profile = given.beam_profile.with_image(cluster.image)
    return dataclasses.replace(
        settings,
        beam_profile=profile,
        cache=given.cache,
        keep_versions=given.keep_versions,
        gzip_level=given.gzip_level,
    )


def compile_launch(launch: Launch, table: Table, given: Settings | None = None) -> str:
    """Returns the text of both documents, checked; the same launch, code, table and settings give the same bytes.

    Raises:
      ContractError: if the backend would refuse it.
    """
    settings = cluster_settings(launch, table, given)
    profile = settings.beam_profile
    spec = _tfx_spec(launch, table, settings)
    parameters.expose(spec, launch, table.cluster.data)
    remote = [step for step in beam_profiles.BEAM_STEPS if profile.remote and profile.args_of(step)]
    spec, platform_spec = kubeflow_spec.adapt(spec, table, remote)
    text = kubeflow_spec.to_yaml(spec, platform_spec)
    contract.check(text, launch.name)
    return text


def _tfx_spec(launch: Launch, table: Table, settings: ClusterSettings) -> dict[str, Any]:
    """Returns what TFX's own runner makes of the graph."""
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as runner

    from pipeline import graph

    # The champion is looked up when the run asks for it: the served folder stands for whatever it holds then.
    pipeline = graph.create_pipeline(launch, settings, champion=str(settings.serving))
    pipeline.pipeline_info.pipeline_name = kubeflow_spec.kebab(launch.name)
    config = runner.KubeflowV2DagRunnerConfig(
        default_image=table.cluster.image, default_commands=kubeflow_spec.ENTRYPOINT, use_pipeline_spec_2_1=True
    )
    logging.getLogger("absl").setLevel(logging.ERROR)
    return runner.KubeflowV2DagRunner(config=config).run(pipeline, write_out=False)["pipelineSpec"]
