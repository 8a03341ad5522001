"""The statistics page's HTML: one Jinja template with its own style, readable at 390 px, light and dark."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5c6675; --line: #dfe3e9; --paper: #f5f6f8; --card: #fff;
  --s0: #2457c5; --s1: #d9822b; --s2: #2f8f5b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --soft: #9aa4b3; --line: #313a47; --paper: #14181f; --card: #1c222b;
    --s0: #86a9f5; --s1: #f0a862; --s2: #6fcf97; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1.2rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.15rem; margin: 1.6rem 0 .2rem; } h3 { font-size: 1rem; margin: 0; }
h3, dd { overflow-wrap: anywhere; }
.columns { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); }
.column { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem; min-width: 0; }
.legend, .ends, .words { color: var(--soft); font-size: 13px; } .legend { margin: 0 0 .6rem; }
dl { margin: .3rem 0; display: grid; grid-template-columns: max-content 1fr; gap: 0 .6rem; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; }
svg { display: block; width: 100%; height: auto; border-bottom: 1px solid var(--line); }
.ends { display: flex; justify-content: space-between; } .words { margin: .3rem 0 0; padding-left: 1.2rem; columns: 2; }
.words li { overflow-wrap: anywhere; }
.s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .8em; } .key:first-child { margin-left: 0; }
.key.s0 { background: var(--s0); } .key.s1 { background: var(--s1); } .key.s2 { background: var(--s2); }
"""

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<title>Statistics of the data</title><style>{{ style|safe }}</style></head>
<body><h1>Statistics of the data</h1>
{% for section in sections %}
<h2>{{ section.title }}</h2>
<p class="legend">
{% for name, rows in section.splits %}
<span class="key s{{ loop.index0 % 3 }}"></span>{{ name }}, {{ "{:,}".format(rows) }} rows
{% endfor %}
</p>
<div class="columns">
{% for column in section.columns %}
<section class="column"><h3>{{ column.name }}</h3>
<dl>{% for split, text in column.texts %}<dt>{{ split }}</dt><dd>{{ text }}</dd>{% endfor %}</dl>
{% if column.bars %}
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="{{ column.name }}: share of the values per bin">
{% for bar in column.bars %}
<rect class="s{{ bar.split % 3 }}" x="{{ bar.x|round(1) }}" y="{{ bar.y|round(1) }}"
 width="{{ bar.width|round(1) }}" height="{{ bar.height|round(1) }}">
<title>{{ column.texts[bar.split][0] }}, {{ column.labels[bar.bin] }}: {{ "%.1f%%"|format(100 * bar.share) }}</title></rect>
{% endfor %}
</svg>
{% if column.low %}
<div class="ends"><span>{{ column.low }}</span><span>{{ column.high }}</span></div>
{% else %}
<ol class="words">{% for word in column.labels %}<li>{{ word }}</li>{% endfor %}</ol>
{% endif %}
{% endif %}
</section>
{% endfor %}
</div>
{% endfor %}
</body></html>
"""
