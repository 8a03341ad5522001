"""`/docs`: the server's OpenAPI description as one page that needs no script, no font and no other host."""

import functools
import json
import typing
from collections.abc import Mapping

import jinja2

from components.serving import demo_page

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}: requests</title><link rel="icon" href="data:,"><style>{{ style|safe }}
article { margin-bottom: 16px; } pre { white-space: pre-wrap; margin: 6px 0 0; }
code, pre { font: 13px/1.4 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--mark); } td { padding: 2px 14px 2px 0; vertical-align: top; } .method { font-weight: 700; }
</style></head><body><main>
<header><div><h1>{{ title }}</h1>
<p class="soft">The requests this server answers. <a href="openapi.json"><u>openapi.json</u></a> is the same for programs.</p></div></header>
{% for each in operations %}<article class="card" id="{{ each.id }}">
<h2><code><span class="method">{{ each.method }}</span> {{ each.path }}</code></h2><p>{{ each.summary }}</p>
{% if each.example %}<pre>{{ each.example }}</pre>{% endif %}
{% if each.body %}<details><summary>the body, as JSON schema</summary><pre>{{ each.body }}</pre></details>{% endif %}
{% if each.answers %}<table>{% for status, text in each.answers %}<tr><td>{{ status }}</td><td>{{ text }}</td></tr>{% endfor %}</table>{% endif %}
</article>{% endfor %}
</main></body></html>
"""


@functools.cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(TEMPLATE)


def render(description: Mapping[str, typing.Any], address: str, launch: str) -> bytes:
    """Returns the page.

    Args:
      description: of OpenAPI.
      address: of the server, for the commands that a person may copy.
      launch: the name of the model in these commands.
    """
    operations = [
        _operation(method, path, operation, address + path.replace("{name}", launch))
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    return (
        _template()
        .render(title=description["info"]["title"], operations=operations, style=demo_page.STYLE)
        .encode("utf-8", "replace")
    )


def _operation(method: str, path: str, operation: Mapping[str, typing.Any], url: str) -> dict[str, typing.Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    example = (body or {}).get("example")
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "body": json.dumps(body, indent=2) if body else "",
        "example": f"curl -H 'Content-Type: application/json' -d '{json.dumps(example)}' {url}" if example else "",
        "answers": [
            (status, answer.get("description", "")) for status, answer in sorted(operation.get("responses", {}).items())
        ],
    }
