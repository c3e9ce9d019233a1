"""Requests generated from the API's own description: whatever is asked, none is an error of the server."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from wavesmith.serve.app import create_app
from wavesmith.serve.studio import Studio

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

HERE = {"Host": "localhost"}


def test_no_request_makes_an_error_of_the_server(
    client: TestClient, shared: Studio, make: Any, bring: Any
) -> None:
    """Each is asked as generated, and again with names of things that are there."""
    real = {"sound": bring(), "job": make()[0].partition("-")[0], "name": "debug"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(shared), headers=HERE)
    asked = 0

    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        answer = case.call(headers=HERE, timeout=120)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.json().keys() == {"error"}
            assert answer.json()["error"]
        if answer.status_code == 202 and case.path == "/api/jobs":
            client.delete(f"/api/jobs/{answer.json()['id']}")

    def ask_twice(case: Any) -> None:
        ask(case)
        if not case.path_parameters and not (isinstance(case.body, dict) and "sources" in case.body):
            return
        case.path_parameters = {name: real.get(name, value) for name, value in case.path_parameters.items()}
        if isinstance(case.body, dict) and isinstance(case.body.get("sources"), list):
            case.body["sources"] = [real["sound"]] * len(case.body["sources"])
        ask(case)

    for result in schema.get_all_operations():
        few = hypothesis.settings(
            max_examples=6,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        few(hypothesis.given(case=result.ok().as_strategy())(ask_twice))()
    assert asked > 100
