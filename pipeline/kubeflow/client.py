"""The REST API v2beta1 of Kubeflow Pipelines, as the commands use it: `kfp_server_api`'s public client, with answers as plain JSON.

Answers are not turned into the classes of `kfp_server_api`: these know the fields of one release, and the server may be of
another (2.0 to 3.0). Every request has a time limit, is sent once, and every failure is a `ServerError`. A dry run prints
the requests instead of sending them.
"""

import functools
import json
import sys
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kfp_server_api
import urllib3
from kfp_server_api import rest

from components.errors import SettingsError
from pipeline.kubeflow import errors
from pipeline.settings import KubeflowServer

API = "/apis/v2beta1"
NO_HOST = "http://HOST"
PAGE_SIZE = 100
Json = dict[str, Any]
# What an empty server would say to each kind of request, by the end of its path; everything else gets an empty answer.
_DRY_ANSWERS: dict[str, Json] = {
    "/pipelines": {"pipeline_id": "PIPELINE_ID"},
    "/pipelines/upload_version": {"pipeline_version_id": "VERSION_ID", "display_name": "VERSION"},
    "/experiments": {"experiment_id": "EXPERIMENT_ID"},
    "/runs": {"run_id": "RUN_ID"},
    "/recurringruns": {"recurring_run_id": "RECURRING_RUN_ID"},
}


class Client:
    """Sends requests to one server.

    Attributes:
      host: its address.
      namespace: of the runs; "" where there is one for all.
    """

    def __init__(self, server: KubeflowServer, dry_run: bool = False):
        """Prepares the connection; nothing is sent yet."""
        self.host, self.namespace = server.host or NO_HOST, server.namespace
        configuration = kfp_server_api.Configuration(host=self.host)
        if server.ca:
            configuration.ssl_ca_cert = str(server.ca)
        if server.token:
            configuration.api_key["authorization"], configuration.api_key_prefix["authorization"] = (
                server.token,
                "Bearer",
            )
        self._sender = kfp_server_api.ApiClient(configuration)
        self._sender.rest_client = _DryRun(configuration) if dry_run else _Wire(configuration, server.timeout)

    def get(self, path: str, **query: Any) -> Json:
        """Returns the answer to a GET; queries without a value are left out."""
        return self._send("GET", API + path, query)

    def list_all(self, path: str, key: str, **query: Any) -> list[Json]:
        """Returns the things of all pages of a list, whose entries stand under `key`."""
        things: list[Json] = []
        token = ""
        while True:
            page = self.get(path, page_size=PAGE_SIZE, page_token=token, **query)
            things += page.get(key) or []
            token = page.get("next_page_token") or ""
            if not token:
                return things

    def post(self, path: str, body: Json | None = None) -> Json:
        """Returns the answer to a POST of JSON."""
        return self._send("POST", API + path, {}, body)

    def delete(self, path: str, **query: Any) -> None:
        """Removes what has this path."""
        self._send("DELETE", API + path, query)

    def upload(self, path: str, file: Path, **query: Any) -> Json:
        """Returns the answer to the upload of a file."""
        return self._send("POST", API + path, query, file=file)

    def release(self) -> tuple[int, ...] | None:
        """Returns the server's release, such as (2, 17, 0); None if it does not tell, as those without the old API."""
        try:
            tag = self._send("GET", "/apis/v1beta1/healthz", {}).get("tag_name") or ""
        except errors.ServerError as error:
            if error.exit_status != errors.EXIT_NOT_FOUND:
                raise
            return None
        numbers = tag.lstrip("v").split("-")[0].split(".")
        return tuple(map(int, numbers)) if all(number.isdecimal() for number in numbers) else None

    def _send(self, method: str, path: str, query: Json, body: Json | None = None, file: Path | None = None) -> Json:
        headers = {"Accept": "application/json", "Content-Type": "multipart/form-data" if file else "application/json"}
        with warnings.catch_warnings():
            # The generated client of 2.0 asks urllib3 for headers in a way that urllib3 has deprecated.
            warnings.simplefilter("ignore", DeprecationWarning)
            answer = self._sender.call_api(
                path,
                method,
                query_params=[(name, value) for name, value in query.items() if value not in (None, "")],
                header_params=headers,
                body=body,
                files={"uploadfile": str(file)} if file else {},
                response_type="object",
                auth_settings=["Bearer"],
                _return_http_data_only=True,
            )
        return answer if isinstance(answer, dict) else {}


def connect(server: KubeflowServer, dry_run: bool = False) -> Client:
    """Returns a client of the server; nothing is sent yet.

    Raises:
      SettingsError: if no host was given; a dry run needs none.
    """
    if not server.host and not dry_run:
        fix = "Or give --host, or --dry-run to see what would be sent."
        raise SettingsError("DAYONE_KFP_HOST", "", "the address of Kubeflow Pipelines", fix)
    return Client(server, dry_run)


class _Wire(rest.RESTClientObject):
    """Sends requests, each with a time limit, and tells failures in words."""

    def __init__(self, configuration: Any, timeout: int):
        super().__init__(configuration)
        self._timeout = timeout
        # A request that failed is not sent again behind our back, and a redirect leads to a login.
        self.pool_manager.request = functools.partial(
            self.pool_manager.request, retries=urllib3.Retry(0), redirect=False
        )

    def request(self, method: str, url: str, **more: Any) -> Any:
        """Sends one request; `more` is what the generated client gives."""
        name = f"{method} {_without_secrets(url)}"
        try:
            answer = super().request(method, url, **more | {"_request_timeout": self._timeout})
        except kfp_server_api.ApiException as error:
            if error.status == 0:
                raise errors.from_certificate(name, error.reason.splitlines()[-1]) from error
            raise errors.from_answer(name, error.status, error.body) from error
        except urllib3.exceptions.HTTPError as error:
            raise self._failure(name, error) from error
        kind = answer.urllib3_response.headers.get("Content-Type", "")
        if answer.data and "json" not in kind:
            raise errors.not_kubeflow(name, kind)
        return answer

    def _failure(self, name: str, error: Exception) -> errors.ServerError:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, urllib3.exceptions.SSLError):
            return errors.from_certificate(name, reason)
        if isinstance(reason, urllib3.exceptions.TimeoutError) and not isinstance(
            reason, urllib3.exceptions.NewConnectionError
        ):
            return errors.from_timeout(name, self._timeout)
        return errors.unreachable(name, str(reason).rpartition(": ")[2])


class _DryRun(rest.RESTClientObject):
    """Prints requests, and answers as an empty server would."""

    def request(self, method: str, url: str, **more: Any) -> Any:
        """Prints one request; `more` is what the generated client gives."""
        query = "&".join(f"{name}={value}" for name, value in more.get("query_params") or () if value)
        print(f"{method} {_without_secrets(url)}{'?' + query if query else ''}", file=sys.stdout)
        for name, (file, content, _) in more.get("post_params") or ():
            print(f"  {name}: {file}, {len(content):,} bytes")
        if more.get("body"):
            print("  " + json.dumps(more["body"], indent=2, ensure_ascii=False).replace("\n", "\n  "))
        answer = (
            next((answer for end, answer in _DRY_ANSWERS.items() if url.endswith(end)), {}) if method == "POST" else {}
        )
        return _Answer(answer)


class _Answer:
    """The part of an answer that the generated client reads."""

    status, reason = 200, ""

    def __init__(self, content: Json):
        self.data = json.dumps(content).encode()

    def getheader(self, name: str, default: str | None = None) -> str | None:
        return "application/json" if name.lower() == "content-type" else default


def _without_secrets(url: str) -> str:
    """Returns scheme, host and path, without a user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
