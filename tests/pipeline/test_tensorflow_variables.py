import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHOW = "import os, pipeline; print(*(os.environ.get(n) for n in ('TF_USE_LEGACY_KERAS', 'TF_FORCE_GPU_ALLOW_GROWTH')))"


def variables(**given):
    done = subprocess.run([sys.executable, "-c", SHOW], cwd=ROOT, env=given, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_keras_2_and_memory_of_a_gpu_as_it_is_needed_unless_the_environment_says_otherwise():
    assert variables() == ["1", "true"]
    assert variables(TF_FORCE_GPU_ALLOW_GROWTH="false") == ["1", "false"]
