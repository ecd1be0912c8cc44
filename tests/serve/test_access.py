"""Tokens, other origins, logs, metrics, the page and the documentation."""

import json
import logging
import re

import pytest
from starlette.routing import Route

from leanpose.serve.access import OPEN, is_guarded
from leanpose.serve.logs import JsonLines
from leanpose.serve.problems import KINDS, Problem

from .conftest import wait_until

TOKEN = "a-token-of-some-length"


def routes(running):
    """All paths of the service with a method and, where it has one, a model."""
    found = running.app.openapi()["paths"]
    listed = [(path.replace("{name}", "dots"), method) for path, methods in found.items() for method in methods]
    return [*listed, ("/metrics", "get"), ("/v2/models/dots/versions/1/infer", "post")]


def test_with_a_token_nothing_that_computes_or_tells_is_open(serve, photo):
    running = serve(token=TOKEN)
    for path, method in routes(running):
        answer = running.ask(path, b"x" if method == "post" else None)
        if path in OPEN:
            assert answer.status == 200
            continue
        assert (answer.status, answer.kind) == (401, "token"), path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer TOKEN" in answer.json["detail"]
    for wrong in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \u00fc"):
        assert running.ask("/v1/poses", photo, authorization=wrong.encode("latin-1")).status == 401
    assert running.ask("/v1/poses", photo, authorization=f"Bearer {TOKEN}").status == 200
    assert running.ask("/v1/poses", photo, authorization=f"bearer {TOKEN}").status == 200
    assert running.ask("/docs").status == running.ask("/openapi.json").status == 200


def test_no_spelling_of_a_path_goes_around_the_token(serve, photo):
    running = serve(token=TOKEN)
    for path in (
        "/v1/poses/",
        "//v1/poses",
        "/v1//poses",
        "/v1/%70oses",
        "/%76%31/poses",
        "/docs/../v1/poses",
        "/V1/poses",
    ):
        assert running.ask(path, photo).status in (401, 404, 307, 405), path


def test_every_route_is_known_to_be_open_or_guarded(serve):
    app = serve().app
    paths = {route.path for route in app.routes if isinstance(route, Route)}
    assert {path for path in paths if not is_guarded(path)} <= {*OPEN, "/", "/docs", "/openapi.json"}


def test_other_origins_are_let_in_only_when_named(serve, photo):
    closed, opened = serve(), serve(origins=("https://example.org",), token=TOKEN)
    assert "access-control-allow-origin" not in closed.ask("/v1/poses", photo, origin="https://example.org").headers
    asked = {"origin": "https://example.org", "access_control_request_method": "POST",
             "access_control_request_headers": "authorization"}  # fmt: skip
    before = opened.ask("/v1/poses", method="OPTIONS", **asked)
    assert before.status == 200
    assert before.headers["access-control-allow-origin"] == "https://example.org"
    other = opened.ask("/v1/poses", method="OPTIONS", **(asked | {"origin": "https://elsewhere.org"}))
    assert "access-control-allow-origin" not in other.headers


def test_each_request_is_a_line_of_json_without_its_content(serve, photo, caplog):
    with caplog.at_level(logging.INFO, "leanpose.serve"):
        running = serve()
        running.ask("/v1/poses?box=20,10,70,70", photo)
        running.ask("/%1b[31m%0a")
        wait_until(lambda: sum(record.msg == "request" for record in caplog.records) == 2)  # told after the answer
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "leanpose.serve"]
    ready, asked, odd = [line for line in lines if line["event"] in ("ready", "request")]
    assert ready["models"] == ["dots"]
    assert {key: asked[key] for key in ("client", "method", "path", "status")} == {
        "client": "127.0.0.1", "method": "POST", "path": "/v1/poses", "status": 200,
    }  # fmt: skip
    assert set(asked) == {"time", "level", "event", "process", "client", "method", "path", "status", "ms", "bytes"}
    assert odd["status"] == 404
    assert all("\n" not in JsonLines().format(record) for record in caplog.records)


def test_a_fault_is_500_and_told_to_the_log_alone(serve, photo, monkeypatch, caplog):
    running = serve()

    def broken(*_, **__):
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(running.estimator, "model_poses", broken)
    answer = running.ask("/v1/poses", photo)
    assert (answer.status, answer.kind) == (500, "internal")
    assert "secret" not in answer.body.decode()
    assert "a secret of the house" in caplog.text


def test_metrics_tell_stages_queue_batches_and_errors(serve, photo):
    running = serve()
    running.ask("/v1/poses", photo)
    running.ask("/v1/poses", photo[:99])
    text = running.ask("/metrics").body.decode()
    for line in (
        'leanpose_requests_total{route="/v1/poses",status="200"} 1.0', 'leanpose_errors_total{kind="image"} 1.0',
        "leanpose_queue_length 0.0", "leanpose_people_total 2.0", "leanpose_held_bytes 0.0", "leanpose_videos 0.0",
    ):  # fmt: skip
        assert line in text.splitlines()
    for stage in ("upload", "queue", "decode", "estimate", "answer"):
        assert re.search(rf'leanpose_stage_seconds_count{{stage="{stage}"}} [12]\.0', text)


def test_the_page_is_isolated_where_it_was_built(serve, tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html><title>page</title>")
    running = serve(page_folder=tmp_path, token=TOKEN)
    answer = running.ask("/")
    assert b"<title>page</title>" in answer.body
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
    assert running.ask("/../../etc/passwd").kind == "path"
    assert running.ask("/v1/models").status == 401


def test_without_a_page_the_way_leads_to_the_documentation(serve, tmp_path):
    running = serve(page_folder=tmp_path)
    assert running.ask("/").headers["location"] == "/docs"
    page = running.ask("/docs").body.decode()
    for path, _ in routes(running)[:-2]:
        assert path.replace("dots", "{name}") in page
    assert f"curl http://127.0.0.1:{running.port}/v1/models" in page
    odd = running.ask("/docs", host="[<script>")
    assert odd.status == 200
    assert "<script" not in page + odd.body.decode()
    assert not re.search(r'(src|href)="(https?:)?//', page)  # nothing is fetched from elsewhere


def test_unknown_paths_and_methods_are_problems(serve):
    running = serve()
    assert running.ask("/v3").kind == "path"
    answer = running.ask("/v1/poses")
    assert (answer.status, answer.kind, answer.headers["allow"]) == (405, "method", "POST")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_problem_is_a_document_of_rfc_9457(kind):
    document = json.loads(Problem(kind, "What to do.").body())
    assert document["status"] == KINDS[kind][0]
    assert document["type"] == f"urn:leanpose:problem:{kind}"
