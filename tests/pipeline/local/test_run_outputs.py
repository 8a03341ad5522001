import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

from components.errors import PartialRunError
from pipeline.local import run_outputs

pytestmark = pytest.mark.tensorflow  # ml_metadata comes with TFX


class Runs:
    """A metadata file with executions of the step ExampleGen."""

    def __init__(self, folder):
        self.file = folder / "metadata.sqlite"
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = str(self.file)
        self.store = metadata_store.MetadataStore(config)
        self.kinds = (
            self.store.put_artifact_type(pb.ArtifactType(name="Examples")),
            self.store.put_execution_type(pb.ExecutionType(name="gen")),
        )
        node = self.store.put_context_type(pb.ContextType(name="node"))
        [self.node] = self.store.put_contexts([pb.Context(type_id=node, name="shop.ExampleGen")])

    def executed(self, state, artifact):
        """An execution with that output: a folder, made here, or the number of an earlier artifact."""
        if not isinstance(artifact, int):
            artifact.mkdir()
            [artifact] = self.store.put_artifacts([pb.Artifact(type_id=self.kinds[0], uri=str(artifact))])
        [execution] = self.store.put_executions([pb.Execution(type_id=self.kinds[1], last_known_state=state)])
        self.store.put_events([pb.Event(artifact_id=artifact, execution_id=execution, type=pb.Event.OUTPUT)])
        self.store.put_attributions_and_associations([], [pb.Association(context_id=self.node, execution_id=execution)])
        return artifact


def test_the_newest_finished_execution_counts_a_cached_one_too(tmp_path):
    runs = Runs(tmp_path)
    first = runs.executed(pb.Execution.COMPLETE, tmp_path / "1")
    runs.executed(pb.Execution.COMPLETE, tmp_path / "2")
    runs.executed(pb.Execution.FAILED, tmp_path / "3")
    assert run_outputs.newest(runs.file, "shop", "ExampleGen") == str(tmp_path / "2")

    runs.executed(pb.Execution.CACHED, first)
    assert run_outputs.newest(runs.file, "shop", "ExampleGen") == str(tmp_path / "1")


def test_an_output_whose_folder_is_gone_does_not_count(tmp_path):
    runs = Runs(tmp_path)
    runs.executed(pb.Execution.COMPLETE, tmp_path / "1")
    runs.executed(pb.Execution.COMPLETE, tmp_path / "2")
    (tmp_path / "2").rmdir()

    assert run_outputs.newest(runs.file, "shop", "ExampleGen") == str(tmp_path / "1")


@pytest.mark.parametrize("step", ["ExampleGen", "CatalogueExampleGen"])
def test_without_a_run_the_command_is_named(tmp_path, step):
    Runs(tmp_path)
    for file in (tmp_path / "metadata.sqlite", tmp_path / "no.sqlite"):
        with pytest.raises(
            PartialRunError,
            match=f"needs the results of {step}, and no run in this workspace has them. .*python -m pipeline run",
        ):
            run_outputs.newest(file, "shop", step)
