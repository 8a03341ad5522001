"""Runs of a part of the pipeline: which steps run, and from which earlier run the others' results come.

TFX takes them from the latest earlier run by default. After a stopped or failed run that one lacks results, and TFX
finds that out in the middle of the next run; so the newest run that holds all of them is looked up here, before
anything starts.
"""

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import compiler
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.portable import partial_run_utils
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import pipeline_pb2

from components.errors import PartialRunError

_NAMED = 3  # steps in a message
_REQUIRED = pipeline_pb2.NodeExecutionOptions.Skip.ReuseArtifactsMode.REQUIRED


def prepare(
    source: pipeline.Pipeline, first: str | None, last: str | None
) -> tuple[pipeline_pb2.Pipeline, pipeline_pb2.RunOptions | None]:
    """Compiles a pipeline and finds how to run the part from `first` to `last`.

    Returns:
      The compiled pipeline, and the options for the runner: None for a full run.

    Raises:
      PartialRunError: if no step lies between the two, or the results before `first` are in no earlier run.
    """
    graph = compiler.Compiler().compile(source)
    if first is None and last is None:
        return graph, None
    options = pipeline_pb2.RunOptions()
    options.partial_run.from_nodes.extend([first] if first else [])
    options.partial_run.to_nodes.extend([last] if last else [])
    marked = _mark(graph, options)
    if not plan_steps(graph, options):
        raise PartialRunError(f"no step lies between --from {first} and --to {last}.")
    # For the branches that have nothing to do with this part: their results are carried over if there are any.
    partial_run_utils.set_latest_pipeline_run_strategy(options.partial_run.snapshot_settings)
    required = [
        node.node_info.id for node in _nodes(marked) if node.execution_options.skip.reuse_artifacts_mode == _REQUIRED
    ]
    if required:
        base = _base_run(source, required)
        if base is None:
            raise PartialRunError(
                f"--from {first} needs the results of {_shorten(required)}, and no earlier run in this workspace has them all. "
                f"Run once without --from."
            )
        partial_run_utils.set_base_pipeline_run_strategy(options.partial_run.snapshot_settings, base)
    return graph, options


def _shorten(names: list[str]) -> str:
    rest = len(names) - _NAMED
    return f"{', '.join(names[:_NAMED])} and {rest} other steps" if rest > 1 else ", ".join(names)


def plan_steps(graph: pipeline_pb2.Pipeline, options: pipeline_pb2.RunOptions | None) -> list[str]:
    """Returns the names of the steps that will run, in order."""
    marked = _mark(graph, options) if options else graph
    return [node.node_info.id for node in _nodes(marked) if not node.execution_options.HasField("skip")]


def _mark(graph: pipeline_pb2.Pipeline, options: pipeline_pb2.RunOptions) -> pipeline_pb2.Pipeline:
    """Returns a copy on which TFX has marked what runs and what is reused; the runner marks the original itself."""
    copy = pipeline_pb2.Pipeline()
    copy.CopyFrom(graph)
    part = options.partial_run
    return partial_run_utils.mark_pipeline(copy, from_nodes=part.from_nodes or None, to_nodes=part.to_nodes or None)


def _nodes(graph: pipeline_pb2.Pipeline) -> list[pipeline_pb2.PipelineNode]:
    return [node.pipeline_node for node in graph.nodes]


def _base_run(source: pipeline.Pipeline, required: list[str]) -> str | None:
    """Returns the name of the newest run in which every required step succeeded; None if there is none."""
    with metadata.Metadata(source.metadata_connection_config) as handle:
        store = handle.store
        successes = []
        for name in required:
            node = store.get_context_by_type_and_name("node", f"{source.pipeline_info.pipeline_name}.{name}")
            successes.append(_successes(store.get_executions_by_context(node.id)) if node else set())
        runs = sorted(
            store.get_contexts_by_type("pipeline_run"), key=lambda run: run.create_time_since_epoch, reverse=True
        )
        for run in runs:
            executions = {execution.id for execution in store.get_executions_by_context(run.id)}
            if all(executions & success for success in successes):
                return run.name
    return None


def _successes(executions: list[metadata_store_pb2.Execution]) -> set[int]:
    return {execution.id for execution in executions if execution_lib.is_execution_successful(execution)}
