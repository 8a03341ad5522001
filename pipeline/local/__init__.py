"""Runs on this machine: screen, child process, step reports, run records, local server."""
