"""A program in C asks a pushed version: no Python, no code of this project."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.engines

SOURCE = Path(__file__).with_name("ask_model.c")
REPEATS = 50


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Compiled against the headers and libraries of TensorFlow's wheel."""
    import tensorflow as tf

    compiler, headers = shutil.which("cc") or shutil.which("gcc"), Path(tf.sysconfig.get_include())
    libraries = sorted(Path(tf.sysconfig.get_lib()).glob("libtensorflow_*.so.2"))
    if compiler is None or not (headers / "tensorflow" / "c" / "c_api.h").is_file() or not libraries:
        pytest.skip("needs a C compiler, and TensorFlow's headers and libraries as its Linux wheel has them")
    binary = tmp_path_factory.mktemp("c") / "ask_model"
    strict = ("-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror", "-O2")
    command = [
        compiler,
        *strict,
        "-I",
        headers,
        SOURCE,
        "-o",
        binary,
        *libraries,
        f"-Wl,-rpath,{tf.sysconfig.get_lib()}",
    ]
    subprocess.run(command, check=True, timeout=120)
    return binary


def write_request(asked, inputs, outputs):
    lines = []
    for name, tensor in inputs.items():
        values, (operation, index) = np.asarray(asked.inputs[name]), tensor.rsplit(":", 1)
        kind = {"O": "string", "S": "string", "f": "float", "i": "int64"}[values.dtype.kind]
        lines.append(" ".join(map(str, ("feed", operation, index, kind, values.ndim, *values.shape))))
        lines += [value.decode() if kind == "string" else repr(value.item()) for value in values.reshape(-1)]
    lines += [f"fetch {tensor.replace(':', ' ')}" for tensor in outputs.values()]
    return "\n".join(lines) + "\n"


def read_answer(printed, outputs):
    """Returns the tensors by output name, and the milliseconds."""
    lines, answer = iter(printed.split("\n")), {}
    for name in outputs:
        kind, _, *shape = next(lines).split()
        shape = [int(size) for size in shape]
        values = [next(lines) for _ in range(int(np.prod(shape)))]
        values = [value.encode() for value in values] if kind == "string" else [float(value) for value in values]
        answer[name] = np.array(values, object if kind == "string" else np.float64).reshape(shape)
    return answer, float(next(lines).removesuffix(" ms"))


def test_a_c_program_gets_pythons_answers_of_every_signature(program, version, asked):
    import pushed_version

    environment = {"PATH": os.environ["PATH"], "TF_CPP_MIN_LOG_LEVEL": "3"}
    for one in asked:
        inputs, outputs = pushed_version.signature_tensors(version, one.signature)
        done = subprocess.run(
            [program, version, str(REPEATS)],
            input=write_request(one, inputs, outputs),
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        answer, milliseconds = read_answer(done.stdout, outputs)
        print(f"{one.signature}: {len(next(iter(answer.values())))} rows, fastest of {REPEATS}: {milliseconds:.3f} ms")
        one.check(answer)


def test_what_is_no_version_is_told(program, tmp_path):
    done = subprocess.run([program, tmp_path, "1"], input="", capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "Could not find SavedModel" in done.stderr
