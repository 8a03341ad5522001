"""pyarrow's Parquet module, once a file cannot run code any more: `from components.safe_parquet import parquet as pq`.

pyarrow before 14.0.1 unpickles what a file's schema calls a Python extension type, so reading a log could run a command (CVE-2023-47248).
TFX 1.16 on Python 3.10 needs pyarrow 10; there `pyarrow_hotfix` refuses such a file. Every module takes Parquet from here, so that no path
to a file misses it.
"""

import sys

from pyarrow import parquet

if sys.version_info < (3, 11):
    import pyarrow_hotfix  # noqa: F401 importing it installs it

__all__ = ["parquet"]
