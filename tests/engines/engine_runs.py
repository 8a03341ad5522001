"""Runs of the pipeline whose Beam steps go to an engine by a profile of kubeflow/beam_profiles.yaml, beside a local run."""

import shutil

import whole_runs

from pipeline import beam_profiles


def options(name, addresses):
    """What a profile's options are on this machine: the same, then addresses and sizes, of which Beam takes the last."""
    named = {argument.partition("=")[0] for argument in beam_profiles.load()[name].args}
    assert named >= {"--job_endpoint", "--artifact_endpoint", "--environment_config", "--environment_cache_millis"}
    return [f"{option}={value}" for option, value in addresses.items() if option in named]


def copy_records(local_run, workspace):
    """Makes a workspace that knows the local run's artifacts, but holds none of them."""
    (workspace / "shop").mkdir(parents=True)
    shutil.copy(local_run.workspace / "shop" / "metadata.sqlite", workspace / "shop")
    return workspace


def run(workspace, local_run, name, addresses, *arguments):
    """Runs a part of the pipeline; returns what `whole_runs.run` does."""
    return whole_runs.run(workspace, *arguments, **settings(local_run, name, addresses))


def start(workspace, local_run, name, addresses, *arguments):
    """Starts a part of the pipeline; returns the process."""
    return whole_runs.start(workspace, *arguments, **settings(local_run, name, addresses))


def settings(local_run, name, addresses):
    return {"log": local_run.data, "beam_profile": name, "beam_args": options(name, addresses)}
