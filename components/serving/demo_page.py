"""The demo page's HTML: one template, no script, everything that comes from outside escaped by Jinja."""

import functools
from collections.abc import Mapping

import jinja2

# Nothing but the page's own style: whatever a title holds, a browser runs and loads none of it.
_POLICY = (
    "default-src 'none'",
    "img-src data:",
    "style-src 'unsafe-inline'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)
HEADERS = {"content-security-policy": "; ".join(_POLICY)}

STYLE = """
:root { --ink: #1c2430; --soft: #66707f; --line: #dfe3e9; --paper: #f5f6f8; --card: #fff; --mark: #2457c5; --tint: #e9effc;
  --up: #14804a; --down: #b3401d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #98a2b1; --line: #313a47; --paper: #14181f; --card: #1c222b; --mark: #86a9f5;
  --tint: #23304d; --up: #5fcf95; --down: #f0906d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 24px 20px 40px; }
h1 { margin: 0; font-size: 22px; } h2 { margin: 0 0 2px; font-size: 16px; } p { margin: 0; } a { color: inherit; text-decoration: none; }
.soft { color: var(--soft); font-size: 13px; } .soft + p { margin-top: 10px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; min-width: 0; overflow-x: auto; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: end; gap: 20px; margin-bottom: 16px; }
form { display: flex; flex-wrap: wrap; gap: 12px; align-items: end; margin-bottom: 16px; }
label { display: grid; gap: 3px; color: var(--soft); font-size: 13px; }
input, button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 7px; padding: 6px 10px; }
button { padding: 7px 18px; background: var(--mark); border-color: var(--mark); color: var(--card); font-weight: 600; cursor: pointer; }
.columns { display: grid; grid-template-columns: 4fr 5fr 9fr; gap: 16px; align-items: start; }
.two { grid-template-columns: 4fr 14fr; } .four { grid-template-columns: 3fr 4fr 4fr 10fr; }
@media (max-width: 1100px) { .columns { grid-template-columns: 1fr 1fr; } .columns > :last-child { grid-column: 1 / -1; } }
@media (max-width: 700px) { .columns { grid-template-columns: 1fr; }
  .columns > :first-child { order: -2; } .columns > :last-child { order: -1; } }
ol { list-style: none; margin: 10px 0 0; padding: 0; } li { border-top: 1px solid var(--line); }
li > * { display: flex; align-items: center; gap: 8px; padding: 6px; }
a.item:hover, a.item:focus-visible { background: var(--tint); border-radius: 7px; outline: none; }
.rank { width: 18px; text-align: right; color: var(--soft); font-size: 13px; flex: none; }
.title { flex: 1; min-width: 0; } .title small { display: block; color: var(--soft); font-size: 12px; }
.figure { width: 56px; text-align: right; font-variant-numeric: tabular-nums; font-size: 13px; flex: none; }
.tag { font-size: 12px; border-radius: 9px; padding: 0 7px; background: var(--tint); color: var(--mark); flex: none; white-space: nowrap; }
.up { color: var(--up); background: none; } .down { color: var(--down); background: none; }
.heads { display: flex; gap: 8px; padding: 8px 6px 0; color: var(--soft); font-size: 12px; }
.heads .tag { visibility: hidden; } .heads .title { color: transparent; }
@media (max-width: 480px) { .heads { display: none; } .row > .item { flex-wrap: wrap; padding-left: 32px; position: relative; }
  .row .rank { position: absolute; left: 6px; } .row .title { flex-basis: 70%; } .row .figure { width: auto; color: var(--soft); }
  .figure::before { content: attr(data-name) " "; } .row { align-items: start; } .row > .tag { margin: 10px 6px 0 0; } }
li > form { margin: 0; } li > form > .title { flex-basis: 150px; } li button { padding: 2px 10px; }
.row { display: flex; align-items: center; } .row > .item { flex: 1; } .card + .columns, .columns + .card { margin-top: 16px; }
select { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 7px; padding: 7px 10px; }
.problem { border-color: var(--down); }
"""

TEMPLATE = """{% macro act(item, rank, request) %}<li><form method="post" action="/demo" class="item">
<span class="rank">{{ rank }}</span><span class="title">{{ item.title }}<small>{{ item.id }}</small></span>
{% for name, value in visit.context.items() %}<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
{% for name, value in visit.chosen.items() %}<input type="hidden" name="filter_{{ name }}" value="{{ value }}">{% endfor %}
<input type="hidden" name="user_id" value="{{ visit.user }}"><input type="hidden" name="item" value="{{ item.id }}">
<input type="hidden" name="request" value="{{ request }}">
{% for action in actions %}<button name="event" value="{{ action }}">{{ action }}</button>{% endfor %}
<a class="tag" href="{{ visit.link_similar(item.id) }}">similar</a></form></li>{% endmacro %}
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ launch }}: what is recommended</title><link rel="icon" href="data:,"><style>{{ style|safe }}</style></head>
<body><main>
<header><div><h1>{{ launch }}: what is recommended</h1>
<p class="soft">{% if actions %}Click an item: what is shown and clicked here is logged, and the next run learns from it.
{% else %}Click an item: the answer to somebody who had just acted on it. Nothing of this page is logged or learnt from.{% endif %}</p></div>
{% if version %}<p class="soft">version {{ version }} ({{ kind }})
{% if card.pushed_at %}<br>pushed {{ card.pushed_at }}{% endif %}</p>{% endif %}</header>
<form method="get">
<label>user <input name="user" value="{{ visit.user }}" list="users" autocomplete="off" maxlength="512"></label>
<datalist id="users">{% for user in users.histories %}<option value="{{ user }}">{% endfor %}</datalist>
{% for name, value in visit.context.items() %}<label>{{ name }}
<input name="{{ name }}" value="{{ value }}" placeholder="not known" list="words-{{ loop.index }}" autocomplete="off"></label>
<datalist id="words-{{ loop.index }}">{% for word in users.words.get(name, ()) %}<option value="{{ word }}">{% endfor %}</datalist>{% endfor %}
{% for name, values in choices.items() %}<label>{{ name }}<select name="filter_{{ name }}"><option value="">any</option>
{% for value in values %}<option{% if visit.filters[name] == value %} selected{% endif %}>{{ value }}</option>{% endfor %}</select></label>
{% endfor %}<button>Show</button></form>
{% if problem %}<section class="card problem"><h2>No answer</h2><p>{{ problem }}</p></section>{% else %}
<div class="columns{% if baseline and not actions %} four{% elif actions and not baseline %} two{% endif %}">
<section class="card"><h2>History</h2>
<p class="soft">{{ visit.user or "nobody" }}, the newest first
{%- if visit.clicked %}; <a href="{{ visit.fresh }}"><u>take the clicks back</u></a>{% endif %}</p>
{% if history %}<ol>{% for item in history %}
<li><div><span class="title">{{ item.title }}<small>{{ item.id }}</small></span>
{% if item.here %}<span class="tag">clicked here</span>{% endif %}</div></li>{% endfor %}</ol>
{% if more %}<p class="soft">and {{ more }} before</p>{% endif %}
{% else %}<p>Nothing is known of this user: the rules answer.</p>{% endif %}</section>
{% if not actions %}<section class="card"><h2>No history</h2><p class="soft">what the rules show a user without a history</p>
<ol>{% for item in rules %}<li><a class="item" href="{{ visit.link(item.id) }}"><span class="rank">{{ loop.index }}</span>
<span class="title">{{ item.title }}<small>{{ item.id }}</small></span>
{% if item.both %}<span class="tag">both</span>{% endif %}</a></li>{% endfor %}</ol></section>{% endif %}
{% if baseline %}<section class="card"><h2>The baseline</h2>
<p class="soft">what {{ baseline_rule }}, the best rule, shows for this history</p>
<ol>{% for item in baseline %}<li><a class="item" href="{{ visit.link(item.id) }}"><span class="rank">{{ loop.index }}</span>
<span class="title">{{ item.title }}<small>{{ item.id }}</small></span>
{% if item.both %}<span class="tag">both</span>{% endif %}</a></li>{% endfor %}</ol></section>{% endif %}
<section class="card"><h2>{% if kind == "rules" %}The rules serve{% else %}The model serves{% endif %}</h2>
<p class="soft">what this history is shown now{% if visit.clicked %}; moved by the last click{% endif %}</p>
{% if not actions %}<div class="heads"><span class="rank">#</span><span class="title">item</span><span class="figure">score</span>
{% for name in objectives %}<span class="figure">{{ name }}</span>{% endfor %}<span class="tag">similar</span></div>{% endif %}
<ol>{% for item in now %}{% if actions %}{{ act(item, loop.index, request) }}
{% else %}<li class="row"><a class="item" href="{{ visit.link(item.id) }}"><span class="rank">{{ loop.index }}</span>
<span class="title">{{ item.title }}<small>{{ item.id }}</small></span>
{% if item.moved is defined %}{% if item.moved is none %}<span class="tag">new</span>
{% elif item.moved > 0 %}<span class="tag up">&#9650; {{ item.moved }}</span>
{% elif item.moved < 0 %}<span class="tag down">&#9660; {{ -item.moved }}</span>{% endif %}
{% elif item.both %}<span class="tag">both</span>{% endif %}
<span class="figure" data-name="score">{{ "%.2f" % item.score }}</span>
{% set row = loop.index0 %}{% for name, scores in objectives.items() %}<span class="figure" data-name="{{ name }}">
{%- if name == "value" %}{{ "%.3f" % scores[row] }}{% else %}{{ "%.1f%%" % (100 * scores[row]) }}{% endif %}</span>
{% endfor %}</a><a class="tag" href="{{ visit.link_similar(item.id) }}">similar</a></li>{% endif %}{% endfor %}</ol>
{% if not now %}<p>There is nothing left to recommend.</p>{% endif %}</section>
</div>
{% if similar %}<section class="card"><h2>Similar to {{ liked.title }}</h2><p class="soft">answered by: {{ answered_by }}</p>
<ol>{% for item in similar %}{% if actions %}{{ act(item, loop.index, similar_request) }}
{% else %}<li class="row"><a class="item" href="{{ visit.link(item.id) }}"><span class="rank">{{ loop.index }}</span>
<span class="title">{{ item.title }}<small>{{ item.id }}</small></span><span class="figure">{{ "%.2f" % item.score }}</span></a>
<a class="tag" href="{{ visit.link_similar(item.id) }}">similar</a></li>{% endif %}{% endfor %}</ol></section>{% endif %}{% endif %}
{% if note %}<p class="soft">No users to choose from: {{ note }}</p>{% endif %}
</main></body></html>
"""


@functools.cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=True, undefined=jinja2.Undefined, trim_blocks=True).from_string(TEMPLATE)


def render(view: Mapping[str, object]) -> bytes:
    """Returns the page for a view of `Demo`."""
    return _template().render({"choices": {}, **view}, style=STYLE).lstrip().encode("utf-8", "replace")
