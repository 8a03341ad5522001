"""The parts of an HTTP request that a handler reads: the version in its path, and its body, bounded in size and time."""

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from components.serving.request_errors import NOT_FOUND, SLOW_CALLER, TOO_LARGE, RequestError
from components.serving.service import Service


def version_of(request: Request, service: Service) -> int | None:
    """Returns the version in the path; None where the path names none."""
    name, version = request.path_params["name"], request.path_params.get("version")
    if name != service.launch.name:
        raise RequestError(f"there is no model {name!r} here; there is {service.launch.name!r}.", NOT_FOUND)
    if version is None:
        return None
    if not (version.isascii() and version.isdecimal() and len(version) < 20):
        raise RequestError(f"a version is an integer, got {version!r}.")
    return int(version)


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """Reads the body up to a limit of bytes and seconds: callers may be slow."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise RequestError(f"the body needs at most {most:,} bytes, got {int(declared):,}.", TOO_LARGE)
    try:
        with anyio.fail_after(seconds):
            return await _read(request, most)
    except TimeoutError as error:
        raise RequestError(f"the body did not arrive within {seconds:g} s.", SLOW_CALLER) from error
    except ClientDisconnect as error:
        raise RequestError("the caller hung up.") from error


async def _read(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise RequestError(f"the body needs at most {most:,} bytes, got more.", TOO_LARGE)
    return bytes(body)
