"""The template of the gate's page: one file, no script, nothing loaded from elsewhere. Every value is escaped."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ version }}: {{ verdict }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1d2430 }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #dde2ea; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.passed { color: #14713d } .refused { color: #b3261e }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: 13px/1.4 ui-monospace, monospace }
.quiet { color: #5b6677 }
</style>
</head>
<body>
<h1>{{ version }} <span class="{{ verdict }}">{{ verdict }}</span></h1>
<p class="quiet">{{ app }}, compared with {{ served }} by {{ metric }} at {{ at }} UTC.
{% if waits %}A person has to approve it before it goes out.{% endif %}</p>
<ul>{% for reason in report.reasons %}<li>{{ reason }}</li>{% endfor %}</ul>

<h2>Held-out prompts</h2>
<table>
<tr><th>slice</th><th>prompts</th><th>{{ served }}</th><th>{{ version }} (95 %)</th><th>gain</th>
<th>surely at least</th><th>may lose</th><th></th></tr>
{% for part in report.slices %}<tr>
<td>{{ part.name }}</td><td class="n">{{ part.candidate.count }}</td>
<td class="n">{{ "%.3f"|format(part.incumbent.value) }}</td>
<td class="n">{{ "%.3f"|format(part.candidate.value) }} ({{ "%.3f"|format(part.candidate.low) }} to
{{ "%.3f"|format(part.candidate.high) }})</td>
<td class="n">{{ "%+.3f"|format(part.candidate.value - part.incumbent.value) }}</td>
<td class="n">{{ "%+.3f"|format(part.bound) }}</td><td class="n">{{ "%.3f"|format(part.margin) }}</td>
<td>{{ word(part.passed) }}</td>
</tr>{% endfor %}
</table>

{% if report.checks %}<h2>Conduct and cost</h2>
<table>
<tr><th>what</th><th>prompts</th><th>{{ served }}</th><th>{{ version }}</th><th>95 % upper bound</th>
<th>limit</th><th></th></tr>
{% for check in report.checks %}<tr>
<td>{{ meanings[check.name] }}</td><td class="n">{{ check.count }}</td>
<td class="n">{{ "%.3f"|format(check.incumbent) }}</td><td class="n">{{ "%.3f"|format(check.candidate) }}</td>
<td class="n">{{ "%+.3f"|format(check.bound) }}</td><td class="n">{{ "%.3g"|format(check.limit) }}</td>
<td>{{ word(check.passed) }}</td>
</tr>{% endfor %}
</table>{% endif %}

{% if report.effort %}<h2>Effort</h2>
<table>
<tr><th></th><th>tokens/s</th><th>seconds an answer</th><th>tokens an answer</th><th>memory, MB</th></tr>
{% for who, effort in report.effort|dictsort %}<tr>
<td>{{ who }}</td><td class="n">{{ "%.1f"|format(effort.tokens_per_second) }}</td>
<td class="n">{{ "%.3f"|format(effort.seconds_per_answer) }}</td>
<td class="n">{{ "%.1f"|format(effort.tokens_per_answer) }}</td>
<td class="n">{{ "%.0f"|format(effort.peak_megabytes) }}</td>
</tr>{% endfor %}
</table>{% endif %}

{% if report.figures %}<h2>Further measures</h2>
<table>
<tr><th>measure</th><th>value</th></tr>
{% for name, value in report.figures|dictsort %}<tr>
<td>{{ name }}</td><td class="n">{{ "%.3f"|format(value) }}</td></tr>
{% endfor %}
</table>{% endif %}

{% if report.forgetting %}<h2>On the held-out prompts of earlier versions</h2>
<table>
<tr><th>held out of</th><th>prompts</th><th>{{ served }}</th><th>{{ version }}</th><th>no longer there</th></tr>
{% for cell in report.forgetting %}<tr>
<td>{{ cell.held_out_of }}</td><td class="n">{{ cell.count }}</td><td class="n">{{ "%.3f"|format(cell.served) }}</td>
<td class="n">{{ "%.3f"|format(cell.value) }}</td><td class="n">{{ cell.gone }}</td>
</tr>{% endfor %}
</table>{% endif %}

{% for title, rows in (("Won", won), ("Lost", lost)) %}<h2>{{ title }}</h2>
{% if rows %}<table>
<tr><th>asked</th><th>wanted</th><th>{{ served }}</th><th>{{ version }}</th></tr>
{% for row in rows %}<tr>
<td><pre>{{ row.prompt }}</pre></td><td><pre>{{ row.wanted }}</pre></td>
<td><pre>{{ row.incumbent }}</pre></td><td><pre>{{ row.candidate }}</pre></td>
</tr>{% endfor %}
</table>{% else %}<p class="quiet">{{ none_shown }}</p>{% endif %}
{% endfor %}
</body>
</html>
"""
