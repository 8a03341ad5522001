"""`GET /`, and the report that it links to."""

import re

import pytest
from small_server import push, service, serving

from components.serving import landing_page
from components.serving.demo import Demo

CARD = {"kind": "model", "pushed_at": "2026-01-01", "verdict": {"headline": "<b>It wins", "reasons": ["+5%"]}}


def links(text):
    return re.findall(r'<a href="(.*?)">', text)


def test_it_names_the_version_and_its_verdict_escaped():
    text = landing_page.render("shop", 7, CARD, True, True).decode()
    assert "version 7 serves (model, pushed 2026-01-01)" in text and "<li>+5%</li>" in text
    assert "&lt;b&gt;It wins" in text and "<script" not in text
    assert links(text) == ["/demo", "/report", "/docs", "/metrics", "/readyz", "/v1/models/shop"]


def test_before_the_first_version_it_says_what_to_do():
    text = landing_page.render("shop", 0, {}, False, False).decode()
    assert "no version is loaded yet: run the pipeline" in text
    assert "/demo" not in text and "/report" not in text


def report():
    return b"<p>all figures"


@pytest.mark.parametrize(
    ("demo", "report", "status"), [(True, report, 200), (True, lambda: None, 404), (False, report, 404)]
)
def test_every_link_of_the_served_page_answers(tmp_path, demo, report, status):
    push(tmp_path, 5)
    answering = service(tmp_path)
    with serving(answering, demo=Demo(answering) if demo else None, report=report) as client:
        code, text, headers = client.page("/")
        assert code == 200 and "version 5 serves" in text and "script-src" not in headers["content-security-policy"]
        assert {client.page(link)[0] for link in links(text)} == {200}
        assert client.page("/report")[0] == status
        assert ("/report" in links(text)) == (status == 200)
