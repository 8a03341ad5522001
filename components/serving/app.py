"""The HTTP side: routes, limits, errors as JSON. `service.py` decides the answers.

Never a traceback to the caller: what is wrong with a request is a 4xx with a text, as in TF Serving `{"error": text}`.
"""

import contextlib
import typing
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from components.serving import api_description, item_request, page_routes
from components.serving.access import Access, Refusal
from components.serving.api_description import JSON
from components.serving.demo import Demo
from components.serving.http_request import read_body, version_of
from components.serving.prometheus_metrics import Metrics
from components.serving.request_errors import BAD_REQUEST, BUSY
from components.serving.routes import Handler, add_route
from components.serving.service import Service
from components.serving.surfaces import Surfaces
from components.serving.work_queue import WorkQueue

MODEL, VERSION = "/v1/models/{name}", "/v1/models/{name}/versions/{version}"


def create(
    service: Service,
    queue: WorkQueue,
    close: Callable[[], None] = lambda: None,
    demo: Demo | None = None,
    access: Access = Access(),  # noqa: B008 frozen
    report: Callable[[], bytes | None] = lambda: None,
) -> FastAPI:
    """Returns the application; `guard` adds the headers for pages of other sites.

    Args:
      service: what answers.
      queue: where model calls wait.
      close: called when the server stops, after the last request.
      demo: makes the demo page; None for none.
      access: who may ask.
      report: returns the last run's report as HTML; None if there is none. It is shown where the demo page is.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queue.close()
        close()

    app = _App(
        access,
        service.metrics,
        title=f"Dayone: {service.launch.name}",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.add_exception_handler(HTTPException, _explain_http)
    _add_model_routes(app, service, queue)
    _add_operations(app, service, queue)
    _add_item_routes(app, service, queue)
    _add_surface_routes(app, service, queue)
    page_routes.add(app, service, queue, demo, report)
    return app


def guard(app: ASGIApp, access: Access) -> ASGIApp:
    """Returns the application with CORS for the allowed origins; unchanged if there are none."""
    if not access.origins:
        return app
    return CORSMiddleware(
        app, access.origins, allow_methods=("GET", "POST"), allow_headers=("authorization", "content-type")
    )


class _App(FastAPI):
    """FastAPI with a direct way for the frequent requests: they skip middleware, routes and dependencies.

    Measured: 0.1 of 0.6 ms. Access is checked before either.
    """

    def __init__(self, access: Access, metrics: Metrics, **more: typing.Any):
        super().__init__(**more)
        self.access, self.metrics = access, metrics
        self.direct: dict[tuple[str, str], tuple[Handler, dict[str, str]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http":
            refusal = self.access.refuse(scope["method"], scope["path"], scope["headers"])
            if refusal is not None:
                await self._refuse(refusal)(scope, receive, send)
                return
        route = self.direct.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await super().__call__(scope, receive, send)
            return
        handler, parameters = route
        response = await handler(Request({**scope, "path_params": parameters}, receive, send))
        await response(scope, receive, send)

    def _refuse(self, refusal: Refusal) -> Response:
        self.metrics.requests.labels("refused", str(refusal.status)).inc()
        return JSONResponse({"error": refusal.text}, refusal.status, {**refusal.headers, "connection": "close"})


def _add_model_routes(app: _App, service: Service, queue: WorkQueue) -> None:
    """Predictions, status and metadata in TF Serving's form, and the events."""

    async def predict(request: Request) -> Response:
        version = version_of(request, service)
        body = await read_body(request, service.limits.body_bytes, queue.seconds)
        return Response(await queue.run(lambda: service.predict(body, version)), media_type=JSON)

    async def events(request: Request) -> Response:
        body = await read_body(request, service.limits.body_bytes, queue.seconds)
        return Response(await queue.run(lambda: service.events(body)), media_type=JSON)

    async def status(request: Request) -> Response:
        version = version_of(request, service)
        if version is not None:
            service.holder.model(version)
        return Response(service.status(), media_type=JSON)

    async def metadata(request: Request) -> Response:
        return Response(service.metadata(version_of(request, service)), media_type=JSON)

    predict_schema, looked_up = api_description.predict(service.launch, service.limits), api_description.lookup()
    for path in (VERSION, MODEL):
        handle = add_route(
            app, "POST", f"{path}:predict", predict, service, "Ask a signature (TF Serving's predict)", predict_schema
        )
        add_route(app, "GET", f"{path}/metadata", metadata, service, "Signatures, and the version's card", looked_up)
        add_route(app, "GET", path, status, service, "Which versions there are and which serves", looked_up)
    parameters = {"name": service.launch.name}
    app.direct["POST", f"{MODEL.format_map(parameters)}:predict"] = handle, parameters
    add_route(
        app,
        "POST",
        "/v1/events",
        events,
        service,
        "Tell what users did",
        api_description.events(service.launch, service.limits),
    )


def _add_item_routes(app: _App, service: Service, queue: WorkQueue) -> None:
    """Items that are shown to nobody for now."""

    async def change(request: Request, action: str) -> Response:
        body = await read_body(request, service.limits.body_bytes, queue.seconds)
        answer = await queue.run(lambda: item_request.change(body, action, service.limits, service.withheld))
        return Response(answer, media_type=JSON)

    async def withhold(request: Request) -> Response:
        return await change(request, item_request.WITHHOLD)

    async def release(request: Request) -> Response:
        return await change(request, item_request.RELEASE)

    async def withheld(_: Request) -> Response:
        return Response(await queue.run(lambda: item_request.describe(service.withheld)), media_type=JSON)

    described = api_description.items(service.limits)
    add_route(app, "POST", "/v1/items/withhold", withhold, service, "Show items to nobody for now", described[0])
    add_route(app, "POST", "/v1/items/release", release, service, "Show withheld items again", described[1])
    add_route(app, "GET", "/v1/items/withheld", withheld, service, "The withheld items", api_description.lookup())


def _add_surface_routes(app: _App, service: Service, queue: WorkQueue) -> None:
    """Items like these, and the lists of rules."""
    surfaces = Surfaces(service)

    async def similar(request: Request) -> Response:
        body = await read_body(request, service.limits.body_bytes, queue.seconds)
        return Response(await queue.run(lambda: surfaces.similar(body)), media_type=JSON)

    async def rank_list(request: Request) -> Response:
        body, rule = await read_body(request, service.limits.body_bytes, queue.seconds), request.path_params["rule"]
        return Response(await queue.run(lambda: surfaces.list(body, rule)), media_type=JSON)

    described = api_description.surfaces(service.launch, service.limits)
    add_route(app, "POST", "/v1/similar", similar, service, "Items like these", described[0])
    add_route(app, "POST", "/v1/lists/{rule}", rank_list, service, "The items in the order of a rule", described[1])


def _add_operations(app: FastAPI, service: Service, queue: WorkQueue) -> None:
    """Adds the routes of an orchestrator: liveness, readiness, metrics."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        is_ready, state = service.readiness()
        return JSONResponse(state, 200 if is_ready else BUSY)

    async def metrics(_: Request) -> Response:
        service.count_logged()
        service.metrics.in_flight.set(queue.in_flight)
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    for path, handler, summary in (
        ("/healthz", alive, "Alive"),
        ("/readyz", ready, "Ready to answer"),
        ("/metrics", metrics, "Prometheus"),
    ):
        add_route(app, "GET", path, handler, service, summary)


async def _explain_http(_: Request, error: Exception) -> Response:
    status, detail, headers = (
        (error.status_code, error.detail, error.headers)
        if isinstance(error, HTTPException)
        else (BAD_REQUEST, str(error), None)
    )
    return JSONResponse({"error": detail}, status, dict(headers) if headers else None)
