"""Access: checks of a request's Host, Origin, content type and token, before its body is read.

A page of another site can make a browser send requests to this machine. It cannot forge `Origin` and `Host`, and it cannot send JSON to
another origin without asking first (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol). So

    Host     where only this machine is served, its own names (a foreign name that resolves to 127.0.0.1 is refused)
    Origin   where a browser says one: the server's own, or one of those allowed
    JSON     for requests that write, as a page may send text and forms to anyone
    token    for requests that write, where there is one
"""

import dataclasses
import hmac
from collections.abc import Iterable

THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
UNAUTHORIZED, FORBIDDEN, UNSUPPORTED = 401, 403, 415
JSON = b"application/json"
Headers = Iterable[tuple[bytes, bytes]]


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why a request is not answered: the HTTP status and the text for the caller."""

    status: int
    text: str

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers that go with the text."""
        return {"WWW-Authenticate": "Bearer"} if self.status == UNAUTHORIZED else {}


@dataclasses.dataclass(frozen=True)
class Access:
    """The rules of one server.

    Attributes:
      hosts: names under which it may be asked, without a port; None for any.
      origins: of pages of other sites that may ask; "*" for any.
      token: needed for writes, as `Authorization: Bearer TOKEN`; "" for none.
    """

    hosts: frozenset[str] | None = None
    origins: tuple[str, ...] = ()
    token: str = dataclasses.field(default="", repr=False)

    def refuse(self, method: str, path: str, headers: Headers) -> Refusal | None:
        """Returns why a request is refused, or None.

        Args:
          method: of HTTP, in capitals.
          path: of the address.
          headers: names in small letters, and values.
        """
        host = origin = kind = authorization = b""
        for name, value in headers:
            if name == b"host":
                if self.hosts is not None and host_name(value) not in self.hosts:
                    return Refusal(
                        FORBIDDEN,
                        f"this server answers as {', '.join(sorted(self.hosts))} only, got Host {_text(value)}.",
                    )
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"content-type":
                kind = value
            elif name == b"authorization":
                authorization = value
        if method in SAFE_METHODS:
            return None
        if origin and not self._allows(origin, host):
            return Refusal(
                FORBIDDEN,
                f"pages of {_text(origin)} may not ask this server; start it with --allow-origin to let them.",
            )
        return self._refuse_write(kind, authorization) if is_write(path) else None

    def _allows(self, origin: bytes, host: bytes) -> bool:
        text = origin.decode("latin-1")
        return (
            text in self.origins
            or "*" in self.origins
            or (bool(host) and text.partition("://")[2] == host.decode("latin-1"))
        )

    def _refuse_write(self, kind: bytes, authorization: bytes) -> Refusal | None:
        if kind.partition(b";")[0].strip().lower() != JSON:
            return Refusal(
                UNSUPPORTED, f"this request needs the header Content-Type: application/json, got {_text(kind)}."
            )
        if self.token and not hmac.compare_digest(authorization, f"Bearer {self.token}".encode()):
            return Refusal(
                UNAUTHORIZED,
                "this request needs the header Authorization: Bearer TOKEN, with the token of this server.",
            )
        return None


def is_write(path: str) -> bool:
    """Returns whether a POST to this path changes the server's state."""
    return path == "/v1/events" or path.startswith("/v1/items/")


def host_name(header: bytes) -> str:
    """Returns the name in a Host header, without its port, in lower case: `[::1]:8501` is `::1`."""
    text = header.decode("latin-1").lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text


def of_server(host: str, origins: Iterable[str] = (), token: str = "") -> Access:
    """Returns the rules of a server that listens on `host`; a server of this machine alone knows all its names."""
    return Access(frozenset({*THIS_MACHINE, host}) if host in THIS_MACHINE else None, tuple(origins), token)


def _text(value: bytes) -> str:
    """Returns a header's value as an error shows it."""
    return repr(value[:80].decode("latin-1"))
