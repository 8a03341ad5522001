"""The pages for people: `/`, `/docs`, and on one machine the demo and the last run's report. None loads a script or another host."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from components.serving import demo_page, docs_page, landing_page
from components.serving.demo import Demo
from components.serving.http_request import read_body
from components.serving.request_errors import NOT_FOUND
from components.serving.routes import add_route
from components.serving.service import Service
from components.serving.work_queue import WorkQueue

SEE_OTHER = 303


def add(
    app: FastAPI, service: Service, queue: WorkQueue, demo: Demo | None, report: Callable[[], bytes | None]
) -> None:
    """Adds the pages; those with users' data only where there is a demo.

    Args:
      app: the application.
      service: what answers.
      queue: where model calls wait.
      demo: makes the demo page; None for none.
      report: returns the last run's report as HTML; None if there is none.
    """
    _add_docs(app, service.launch.name)
    _add_landing(app, service, demo is not None, report)
    if demo is not None:
        _add_demo(app, service, queue, demo)
        _add_report(app, report)


def _respond(text: bytes, status: int = 200) -> Response:
    return Response(text, status, demo_page.HEADERS, "text/html")


def _add_landing(app: FastAPI, service: Service, has_demo: bool, report: Callable[[], bytes | None]) -> None:
    """Adds `/`, also before the first version is loaded."""

    async def landing(_: Request) -> Response:
        number, card = service.holder.number, {}
        if number:
            with service.holder.using() as model:
                number, card = model.number, model.card
        has_report = has_demo and report() is not None
        return _respond(landing_page.render(service.launch.name, number, card, has_demo, has_report))

    app.add_api_route("/", landing, methods=["GET"], include_in_schema=False)


def _add_docs(app: FastAPI, launch: str) -> None:
    """Adds the API's page: our own, as FastAPI's loads its scripts from another host."""

    async def docs(request: Request) -> Response:
        return _respond(docs_page.render(app.openapi(), str(request.base_url).rstrip("/"), launch))

    app.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False)


def _add_report(app: FastAPI, report: Callable[[], bytes | None]) -> None:
    """Adds the last run's report."""

    async def show(_: Request) -> Response:
        text = report()
        if text is None:
            return _respond(b"no report yet: run the pipeline", NOT_FOUND)
        return _respond(text)

    app.add_api_route("/report", show, methods=["GET"], include_in_schema=False)


def _add_demo(app: FastAPI, service: Service, queue: WorkQueue, demo: Demo) -> None:
    """Adds the demo page."""

    async def page(request: Request) -> Response:
        parameters = request.query_params.multi_items()
        status, text = await queue.run(lambda: demo.page(parameters))
        return _respond(text, status)

    async def act(request: Request) -> Response:
        body = await read_body(request, service.limits.body_bytes, queue.seconds)
        form = parse_qsl(body.decode("utf-8", "replace"))
        return RedirectResponse("/demo" + await queue.run(lambda: demo.act(form)), SEE_OTHER)

    add_route(app, "GET", "/demo", page, service, "A page to try it out: /demo?user=u1")
    add_route(app, "POST", "/demo", act, service, "A click on that page, where it is logged")
