"""Errors of requests to a Kubeflow Pipelines server, each with a message for people and an exit status for scripts."""

import json

from components.errors import DayoneError

EXIT_FAILED, EXIT_CANCELLED, EXIT_NOT_ENDED, EXIT_NOT_FOUND = 3, 4, 5, 11
EXITS = {
    0: "done; with a run named or waited for: it succeeded",
    1: "invalid input, explained in one message",
    2: "wrong usage",
    EXIT_FAILED: "the run failed",
    EXIT_CANCELLED: "the run was cancelled or skipped",
    EXIT_NOT_ENDED: "the run has not ended yet",
    10: "not authorized (401, 403, or a login page)",
    EXIT_NOT_FOUND: "not found on the server (404)",
    12: "conflict: it already exists (409)",
    13: "the server failed (5xx)",
    14: "no answer in time",
    15: "the server cannot be reached",
    16: "the server's certificate is not trusted (TLS)",
    17: "invalid request, or the server is not Kubeflow Pipelines",
    130: "stopped by Ctrl-C; the run itself continues",
}


class ServerError(DayoneError):
    """A request to the server failed.

    Attributes:
      exit_status: one of `EXITS`.
      passing: whether the next attempt may well succeed.
    """

    def __init__(self, exit_status: int, request: str, got: str, fix: str):
        """Builds the message from the request, what came of it, and the way out."""
        self.exit_status = exit_status
        self.passing = exit_status in (13, 14, 15)
        super().__init__(f"{request}: {got}. {fix}".rstrip())


def from_answer(request: str, status: int, body: bytes | str | None) -> ServerError:
    """Returns the error for an answer that is not 2xx.

    Args:
      request: method and address.
      status: of HTTP.
      body: of the answer; the server's own words are taken from it.
    """
    reason = _words(body)
    got = f"the server answered {status}{': ' + reason if reason else ''}"
    if status in (401, 403):
        return ServerError(
            10,
            request,
            got,
            "Give a token that may do this: DAYONE_KFP_TOKEN; where there are many users, also --namespace.",
        )
    if 300 <= status < 400:
        return ServerError(
            10,
            request,
            f"the server sends to another page ({status}), such as a login",
            "Give a token: DAYONE_KFP_TOKEN.",
        )
    if status == 404:
        return ServerError(
            EXIT_NOT_FOUND,
            request,
            got,
            "Check id, name, namespace, and that the address is that of Kubeflow Pipelines.",
        )
    if status == 409:
        return ServerError(12, request, got, "See what exists: python -m pipeline status.")
    if status >= 500:
        return ServerError(13, request, got, "The log of the pod ml-pipeline says why.")
    return ServerError(17, request, got, "")


def from_timeout(request: str, seconds: int) -> ServerError:
    """Returns the error for an answer that did not come."""
    fix = "It may have been done nevertheless: python -m pipeline status. To wait longer: DAYONE_KFP_TIMEOUT."
    return ServerError(14, request, f"no answer in {seconds} s", fix)


def unreachable(request: str, reason: object) -> ServerError:
    """Returns the error for a server that cannot be reached."""
    return ServerError(
        15, request, f"the server cannot be reached ({reason})", "Check --host; a port-forward may have ended."
    )


def from_certificate(request: str, reason: object) -> ServerError:
    """Returns the error for a certificate that is not trusted."""
    return ServerError(
        16,
        request,
        f"the certificate is not trusted ({reason})",
        "Name the authority that signed it: DAYONE_KFP_CA.",
    )


def not_kubeflow(request: str, kind: str) -> ServerError:
    """Returns the error for an answer that is not JSON, such as a login page."""
    got = f"the answer is {kind or 'of no kind'}, not JSON"
    return ServerError(
        17, request, got, "Check that the address is that of Kubeflow Pipelines' API, and that it needs no login."
    )


def _words(body: bytes | str | None) -> str:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        text = str(parsed.get("message") or parsed.get("error_message") or parsed.get("error") or text)
    return " ".join(text.split())[:300].rstrip(".")
