"""`GET /`: which version serves, the verdict that it was pushed with, and links to the other pages; no script."""

import functools
import typing
from collections.abc import Mapping

import jinja2

from components.serving import demo_page

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ launch }}</title><link rel="icon" href="data:,"><style>{{ style|safe }}
main { max-width: 760px; } .card { margin-bottom: 16px; } .card p, .card ul { margin: 6px 0 0; } ul { padding-left: 20px; }
.card li { border: 0; padding: 2px 0; } .card li a { color: var(--mark); display: inline; padding: 0; }
</style></head><body><main>
<header><div><h1>{{ launch }}</h1><p class="soft">
{% if version %}version {{ version }} serves ({{ card.kind or "model" }}{% if card.pushed_at %}, pushed {{ card.pushed_at }}{% endif %})
{%- else %}no version is loaded yet: run the pipeline, or wait{% endif %}</p></div></header>
{% if card.verdict %}<section class="card"><h2>{{ card.verdict.headline }}</h2>
<ul>{% for reason in card.verdict.reasons %}<li>{{ reason }}</li>{% endfor %}</ul></section>{% endif %}
<section class="card"><h2>Pages</h2><ul>
{% for address, text in links %}<li><a href="{{ address }}">{{ address }}</a>: {{ text }}</li>
{% endfor %}</ul></section>
</main></body></html>
"""
LINKS = {
    "/demo": "recommendations for users of the log",
    "/report": "the report of the last run",
    "/docs": "the requests that this server answers",
    "/metrics": "counts and times for Prometheus",
    "/readyz": "whether a version is loaded",
}


@functools.cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=True, undefined=jinja2.ChainableUndefined, trim_blocks=True).from_string(
        TEMPLATE
    )


def render(launch: str, version: int, card: Mapping[str, typing.Any], has_demo: bool, has_report: bool) -> bytes:
    """Returns the page.

    Args:
      launch: its name.
      version: the number of the loaded version; 0 for none.
      card: of that version.
      has_demo: whether the server has a demo page.
      has_report: whether it shows a report.
    """
    hidden = {path for path, is_shown in (("/demo", has_demo), ("/report", has_report)) if not is_shown}
    links = [*LINKS.items(), (f"/v1/models/{launch}", "the versions in TF Serving's form")]
    values = {"launch": launch, "version": version, "card": card, "style": demo_page.STYLE}
    shown = [(path, text) for path, text in links if path not in hidden]
    return _template().render(values, links=shown).encode("utf-8", "replace")
