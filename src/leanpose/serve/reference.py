"""The documentation page: all routes with their parameters and examples, without scripts from elsewhere."""

import json
from html import escape
from typing import Any

from leanpose.core.html_page import html_page

_STYLE = """<style>
pre { overflow-x: auto; padding: .7rem .9rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--paper); font-size: .85rem; line-height: 1.4; white-space: pre-wrap; overflow-wrap: anywhere; }
code { font-size: .92em; } summary { cursor: pointer; } details { margin: .5rem 0; }
td, th { text-align: left !important; vertical-align: top; } td:last-child { white-space: normal; }
td:first-child { padding-left: 0; }
h2 b { display: inline-block; min-width: 3.6rem; color: var(--left); }
</style>"""


def page(document: dict[str, Any], server: str = "http://127.0.0.1:8000") -> str:
    """The page of an OpenAPI document, with examples that ask ``server``."""
    lead = f"""{_STYLE}<p class="lead">{_text(document["info"]["description"])}</p>
<nav>{"".join(_link(method, path) for path, method, _ in _routes(document))}
<a href="/openapi.json">openapi.json</a></nav>"""
    parts = (_route(path, method, route, server) for path, method, route in _routes(document))
    return html_page(f"leanpose {document['info']['version']}", lead, "\n".join(parts))


def _routes(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, route) for path, methods in document["paths"].items() for method, route in methods.items()]


def _link(method: str, path: str) -> str:
    return f'<a href="#{method}{escape(path)}">{method.upper()} {escape(path)}</a>'


def _route(path: str, method: str, route: dict[str, Any], server: str) -> str:
    samples = [sample["source"].replace("{server}", server) for sample in route.get("x-codeSamples", [])]
    if not samples and method == "get" and "{" not in path:
        samples = [f"curl {server}{path}"]
    told = "".join(f"<p>{_text(part)}</p>" for part in route.get("description", "").split("\n\n") if part)
    return f"""<section id="{method}{escape(path)}">
<h2><b>{method.upper()}</b> <code>{escape(path)}</code> <small>{escape(route.get("summary", ""))}</small></h2>
{told}{"".join(f"<pre>{escape(sample)}</pre>" for sample in samples)}
{_parameters(route.get("parameters", []))}{_answers(route.get("responses", {}))}
</section>"""


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(_kind(one['schema']))}</td>"
        f"<td>{escape(one.get('description') or one['schema'].get('description') or '')}</td></tr>"
        for one in parameters
    )
    return f"<table><thead><tr><th>parameter</th><th>kind</th><th></th></tr></thead><tbody>{rows}</tbody></table>"


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "enum" in schema:
        kind = ", ".join(schema["enum"])
    elif schema.get("type") == "array":
        kind = f"{_kind(schema['items'])}, repeated"
    else:
        kind = schema.get("type", "")
    default = schema.get("default")
    return kind if default is None else f"{kind}; by default {json.dumps(default)}"


def _answers(answers: dict[str, Any]) -> str:
    shown = []
    for status, answer in sorted(answers.items()):
        for kind, content in answer.get("content", {}).items():
            for name, example in content.get("examples", {}).items():
                value = example["value"]
                text = value if isinstance(value, str) else json.dumps(value)
                head = f"{status} {kind}, {name}"
                shown.append(f"<details><summary>{escape(head)}</summary><pre>{escape(text)}</pre></details>")
    return "".join(shown)


def _text(markdown: str) -> str:
    """Prose whose only markup are backticks."""
    parts = escape(" ".join(markdown.split())).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
