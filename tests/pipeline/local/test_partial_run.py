import pytest
from small_pipeline import create_pipeline
from small_run import small_request

from components.errors import PartialRunError
from pipeline.local import partial_run

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def source(tmp_path):
    request = small_request(tmp_path, "fine")
    request.settings.home.mkdir(parents=True)
    return create_pipeline(request.launch, request.settings, "")


def test_a_run_of_the_whole_has_no_options(source):
    graph, options = partial_run.prepare(source, None, None)
    assert options is None
    assert partial_run.plan_steps(graph, options) == ["Numbers", "Sum", "Verdict"]


@pytest.mark.parametrize(("last", "names"), [("Numbers", ["Numbers"]), ("Sum", ["Numbers", "Sum"])])
def test_a_run_up_to_a_step_needs_no_earlier_run(source, last, names):
    graph, options = partial_run.prepare(source, None, last)
    assert partial_run.plan_steps(graph, options) == names
    assert list(options.partial_run.to_nodes) == [last]


def test_the_compiled_pipeline_is_left_unmarked_for_the_runner(source):
    graph, _ = partial_run.prepare(source, None, "Numbers")
    assert partial_run.plan_steps(graph, None) == ["Numbers", "Sum", "Verdict"]


def test_without_an_earlier_run_nothing_can_be_taken_from_it(source):
    with pytest.raises(
        PartialRunError,
        match=r"--from Sum needs the results of Numbers, and no earlier run in this workspace has them all. Run once",
    ):
        partial_run.prepare(source, "Sum", None)


def test_ends_with_nothing_between_them_are_refused(source):
    with pytest.raises(PartialRunError, match="no step lies between --from Verdict and --to Numbers"):
        partial_run.prepare(source, "Verdict", "Numbers")
