"""TFX's Beam runner, with steps that report.

`BeamDagRunner` wraps each step of the graph in a Beam DoFn. Ours runs the step in the same way, and reports when it
begins, how it ended, what it took and its headline metric. TFX's launcher does not raise when a step's inputs
cannot be resolved: the state that the metadata holds is what counts here.
"""

import dataclasses
import os
import resource
import signal
import time

from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata
from tfx.orchestration.beam import beam_dag_runner
from tfx.orchestration.portable.mlmd import context_lib, execution_lib
from tfx.proto.orchestration import pipeline_pb2

from components import memory
from pipeline import beam_temp, steps
from pipeline.local import failures, figures, step_events

_STATES = {
    metadata_store_pb2.Execution.COMPLETE: "done",
    metadata_store_pb2.Execution.CACHED: "cached",
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Holds how a step ended.

    Attributes:
      state: "done", "cached", "skipped" (TFX ran nothing) or "failed".
      figure: the headline metric, a few words or "".
      summary, page: the folders of the artifacts under these output keys; "" if the step has none.
      reason: why it failed, as far as the metadata says.
    """

    state: str
    figure: str = ""
    summary: str = ""
    page: str = ""
    reason: str = ""


class StepFailedError(Exception):
    """A step ended without success and without an exception."""


# The statuses by which `beam_job` tells that a signal has ended it.
_SIGNALS: dict[object, signal.Signals] = {128 + number: number for number in (signal.SIGINT, signal.SIGTERM)}


def _die(number: signal.Signals) -> None:
    """Ends this process by a signal, as if nobody had caught it: Beam would catch the exception, and go on."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def cpu_seconds() -> float:
    """Returns the CPU seconds that this process and its finished children have used."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class ReportingStep(beam_dag_runner.PipelineNodeAsDoFn):
    """Runs a step and reports start, end and failure as `step_events`."""

    def _run_node(self) -> None:
        wall, cpu = time.monotonic(), cpu_seconds()
        step_events.emit("start", step=self._node_id)
        try:
            super()._run_node()
            outcome = self._outcome()
            if outcome.state == "failed":
                raise StepFailedError(outcome.reason)
        except SystemExit as ended:
            if ended.code in _SIGNALS:
                # A signal has ended the step's job on an engine; what that left stays in no artifact.
                beam_temp.remove(
                    f"{self._pipeline_runtime_spec.pipeline_root.field_value.string_value}/{self._node_id}"
                )
                _die(_SIGNALS[ended.code])
            error = StepFailedError(f"it ended its process with the status {ended.code!r}")
            self._report_failure(error, wall, cpu)
            raise error from ended
        except Exception as error:
            self._report_failure(error, wall, cpu)
            raise
        memory.give_back()
        self._report_end(outcome, wall, cpu)

    def _report_failure(self, error: Exception, wall: float, cpu: float) -> None:
        self._report_end(Outcome("failed"), wall, cpu)
        step_events.emit("failure", **failures.explain(error, self._node_id))

    def _report_end(self, outcome: Outcome, wall: float, cpu: float) -> None:
        took = {"wall": round(time.monotonic() - wall, 3), "cpu": round(cpu_seconds() - cpu, 3)}
        result = {"state": outcome.state, "figure": outcome.figure, "summary": outcome.summary, "page": outcome.page}
        step_events.emit("end", step=self._node_id, **result, **took)

    def _outcome(self) -> Outcome:
        """Reads from the metadata how this step's execution in this run ended."""
        with metadata.Metadata(self._mlmd_connection_config) as store:
            contexts = context_lib.prepare_contexts(metadata_handle=store, node_contexts=self._pipeline_node.contexts)
            executions = execution_lib.get_executions_associated_with_all_contexts(store, contexts)
            if not executions:
                return Outcome("skipped")
            latest = execution_lib.sort_executions_newest_to_oldest(executions)[0]
            state = _STATES.get(latest.last_known_state)
            if state is None:
                return Outcome("failed", reason=_reason(latest))
            outputs = execution_lib.get_output_artifacts(store, latest.id)
        folders = {key: outputs[key][0].uri if outputs.get(key) else "" for key in ("summary", "page")}
        kind = self._pipeline_node.node_info.type.name.rsplit(".", 1)[-1]
        return Outcome(state, figures.figure(kind, outputs), **folders)


class ReportingRunner(beam_dag_runner.BeamDagRunner):
    """`BeamDagRunner` whose steps report."""

    _PIPELINE_NODE_DO_FN_CLS = ReportingStep

    def run_with_ir(self, pipeline: pipeline_pb2.Pipeline, run_options: pipeline_pb2.RunOptions | None = None) -> None:
        """Runs the compiled graph.

        The push is never taken from the cache: it is for what it leaves in the serving folder. Nor is a query's answer,
        of which TFX knows no fingerprint.
        """
        for node in pipeline.nodes:
            info = node.pipeline_node.node_info
            if info.id == steps.PUSHER or info.type.name.endswith(".BigQueryExampleGen"):
                node.pipeline_node.execution_options.caching_options.enable_cache = False
        super().run_with_ir(pipeline, run_options)


def _reason(execution: metadata_store_pb2.Execution) -> str:
    result = execution_lib.get_execution_result(execution)
    lines = (result.result_message if result else "").strip().splitlines()
    state = metadata_store_pb2.Execution.State.Name(execution.last_known_state)
    return lines[-1] if lines else f"its inputs could not be resolved (execution state {state})"
