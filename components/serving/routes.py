"""Adds a route to the application: counted, timed, and with a JSON error for what is wrong with a request."""

import functools
import logging
import time
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from components.serving.request_errors import BUSY, RequestError
from components.serving.service import Service

_LOGGER = logging.getLogger("dayone.serving")
Handler = Callable[[Request], Awaitable[Response]]


def add_route(
    app: FastAPI, method: str, path: str, handler: Handler, service: Service, summary: str, more: dict | None = None
) -> Handler:
    """Adds a route; returns its handler, which counts and times requests and explains errors."""
    name = handler.__name__
    seconds = service.metrics.seconds.labels(name)
    count = functools.cache(lambda status: service.metrics.requests.labels(name, str(status)))

    async def handle(request: Request) -> Response:
        began = time.perf_counter()
        try:
            response = await handler(request)
        except RequestError as error:
            response = JSONResponse(
                {"error": str(error)}, error.status, {"Retry-After": "1"} if error.status == BUSY else None
            )
        except Exception:
            _LOGGER.exception("a request failed")
            response = JSONResponse({"error": "the server failed; its log says why."}, 500)
        seconds.observe(time.perf_counter() - began)
        count(response.status_code).inc()
        return response

    parameters = [part[1:-1] for part in path.replace(":", "/").split("/") if part.startswith("{")]
    documented = {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in parameters
        ]
    }
    app.add_api_route(
        path,
        handle,
        methods=[method],
        summary=summary,
        response_class=Response,
        openapi_extra=documented | (more or {}),
        operation_id=f"{name}{len(parameters)}",
    )
    return handle
