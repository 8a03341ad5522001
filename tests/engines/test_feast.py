"""Feast on Redis and Postgres in an environment of its own, because Feast needs Python 3.11 and this stack may be older."""

import re
import subprocess

import feast_environment
import pytest

pytestmark = pytest.mark.engines

TESTS = "tests/components/integrations/test_feast_on_servers.py"


@pytest.fixture(scope="module")
def python():
    try:
        return feast_environment.make()
    except feast_environment.MissingError as error:
        pytest.skip(f"the environment with Feast cannot be made: {error}")


def test_feast_on_redis_and_postgres(python):
    command = [python, "-m", "pytest", "--lane", "engines", "-rPs", "-o", "cache_dir=.pytest_cache/feast", TESTS]
    done = subprocess.run(command, cwd=feast_environment.ROOT, capture_output=True, text=True, timeout=600)
    print("\n".join(line for line in done.stdout.splitlines() if line.startswith(("gone:", "hung:", "SKIPPED"))))
    assert done.returncode == 0, done.stdout[-3_000:]
    assert re.search(r"\d+ passed", done.stdout), done.stdout[-3_000:]
