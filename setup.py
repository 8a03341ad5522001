"""The file that Beam's `--setup_file` and TFX's tools look for; all metadata is in `pyproject.toml`."""

from setuptools import setup

setup()
