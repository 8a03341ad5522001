"""kfp's client, as the commands use it.

Three things of it are replaced. Its constructor asks the server for its health up to five times, and reads and writes a
file in the home folder: here it does neither. It knows no time limit and shows people its own tracebacks: here every
request has a limit and every failure is a `ServerError`. And a dry run prints the requests in place of sending them.
"""

import functools
import io
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any
from urllib.parse import urlsplit

import kfp
import kfp_server_api
import urllib3
from kfp_server_api import rest

from components.errors import SettingsError
from pipeline.kubeflow import errors
from pipeline.settings import KubeflowServer

NO_HOST = "http://HOST"
# What an empty server would say to each kind of request, by the end of its path; everything else gets an empty answer.
_DRY_ANSWERS: dict[str, dict[str, Any]] = {
    "/pipelines/upload": {"pipeline_id": "PIPELINE_ID"},
    "/versions": {"pipeline_versions": [{"pipeline_version_id": "VERSION_ID"}]},
    "/experiments": {"experiment_id": "EXPERIMENT_ID"},
    "/runs": {"run_id": "RUN_ID"},
    "/recurringruns": {"recurring_run_id": "RECURRING_RUN_ID"},
}


class Client(kfp.Client):
    """kfp's client without what its constructor does unasked."""

    def _load_context_setting_or_default(self) -> None:
        self._context_setting = {"namespace": ""}

    def get_kfp_healthz(self, sleep_duration: int = 5) -> Any:
        """Tells the constructor that there is nothing to find out."""
        return kfp_server_api.V2beta1GetHealthzResponse(multi_user=False)


def connect(server: KubeflowServer, dry_run: bool = False) -> Client:
    """A client of the server; nothing is sent yet.

    Raises:
      SettingsError: if no host was given; a dry run needs none.
    """
    if not server.host and not dry_run:
        raise SettingsError(
            "DAYONE_KFP_HOST",
            "",
            "the address of Kubeflow Pipelines",
            "Or give --host, or --dry-run to see what would be sent.",
        )
    with quiet():
        client = Client(
            host=server.host or NO_HOST, existing_token=server.token or None, ssl_ca_cert=server.ca and str(server.ca)
        )
    if server.namespace:
        client._context_setting["namespace"] = server.namespace
    shared = client._run_api.api_client
    shared.rest_client = _DryRun(shared.configuration) if dry_run else _Wire(shared.configuration, server.timeout)
    return client


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps kfp's links and its warnings about itself off the screen."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        for category in (FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", category)
        yield


class _Wire(rest.RESTClientObject):
    """Sends requests, each with a time limit, and tells failures in words."""

    def __init__(self, configuration: Any, timeout: int):
        super().__init__(configuration)
        self._timeout = timeout
        # A request that failed is not sent again behind our back, and a page that it is sent on to is a login.
        self.pool_manager.request = functools.partial(
            self.pool_manager.request, retries=urllib3.Retry(0), redirect=False
        )

    def request(self, method: str, url: str, **more: Any) -> Any:
        """One request; `more` is what kfp's generated client gives."""
        name = f"{method} {_address(url)}"
        try:
            answer = super().request(method, url, **more | {"_request_timeout": self._timeout})
        except kfp_server_api.ApiException as error:
            if error.status == 0:
                raise errors.untrusted(name, error.reason.splitlines()[-1]) from error
            raise errors.answered(name, error.status, error.body) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._failure(name, error) from error
        kind = answer.urllib3_response.headers.get("Content-Type", "")
        if answer.data and "json" not in kind:
            raise errors.not_kubeflow(name, kind)
        return answer

    def _failure(self, name: str, error: Exception) -> errors.ServerError:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, urllib3.exceptions.SSLError):
            return errors.untrusted(name, reason)
        if isinstance(reason, urllib3.exceptions.TimeoutError) and not isinstance(
            reason, urllib3.exceptions.NewConnectionError
        ):
            return errors.timed_out(name, self._timeout)
        return errors.unreachable(name, str(reason).rpartition(": ")[2])


class _DryRun(rest.RESTClientObject):
    """Prints requests, and answers as an empty server would."""

    def __init__(self, configuration: Any):
        super().__init__(configuration)
        self._stream = sys.stdout  # now, because `quiet` will stand in the way

    def request(self, method: str, url: str, **more: Any) -> Any:
        """One request; `more` is what kfp's generated client gives."""
        query = "&".join(f"{name}={value}" for name, value in more.get("query_params") or () if value)
        self._print(f"{method} {_address(url)}{'?' + query if query else ''}")
        for name, (file, content, _) in more.get("post_params") or ():
            self._print(f"  {name}: {file}, {len(content):,} bytes")
        if more.get("body"):
            self._print("  " + json.dumps(more["body"], indent=2, ensure_ascii=False).replace("\n", "\n  "))
        reads_list = method == "GET" and not url.endswith("/versions")
        said = next((told for end, told in _DRY_ANSWERS.items() if url.endswith(end)), {})
        return _Answer({} if reads_list else said)

    def _print(self, text: str) -> None:
        print(text, file=self._stream)


class _Answer:
    """The part of an answer that the generated client reads."""

    status, reason = 200, ""

    def __init__(self, content: dict[str, Any]):
        self.data = json.dumps(content).encode()

    def getheader(self, name: str, default: str | None = None) -> str | None:
        return "application/json" if name.lower() == "content-type" else default


def _address(url: str) -> str:
    """Scheme, host and path, without what may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
