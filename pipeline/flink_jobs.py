"""Ends jobs of a Flink cluster by its REST API: Beam's job server forgets a job that it is asked to cancel, and Flink goes on with it.

Flink 1.19, "Monitoring REST API": `GET /jobs/overview`, `PATCH /jobs/ID?mode=cancel`.
"""

import json
import time
import urllib.request
from typing import Any

_ENDED = ("FINISHED", "CANCELED", "FAILED")
_ANSWER_SECONDS = 2.0
_PAUSE = 0.1


def cancel(master: str, name: str, seconds: float) -> bool:
    """Cancels the jobs of that name, and waits for their end.

    Args:
      master: the address of the job manager's REST API, such as "flink-job-manager:8081".
      name: of the job.
      seconds: how long to wait.

    Returns:
      Whether all have ended; False also if there is none of that name yet.

    Raises:
      OSError: if Flink does not answer.
    """
    url, until = master if "://" in master else f"http://{master}", time.monotonic() + seconds
    asked: set[str] = set()
    while time.monotonic() < until:
        jobs = [job for job in _ask("GET", f"{url}/jobs/overview")["jobs"] if job["name"] == name]
        going = {job["jid"] for job in jobs if job["state"] not in _ENDED}
        if jobs and not going:
            return True
        for job in sorted(going - asked):
            _ask("PATCH", f"{url}/jobs/{job}?mode=cancel")
        asked |= going
        time.sleep(_PAUSE)
    return False


def _ask(method: str, url: str) -> Any:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:
        return json.load(answer)
