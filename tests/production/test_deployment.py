"""Each service as its own process, behind the real nginx with the gateway's configuration, on the real servers."""

import subprocess
import sys

import httpx
import pytest

from tests.production.compose import ROOT
from tests.production.deployment import SERVICES, Deployment

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(300)]


class TestProcesses:
    def test_every_health_check_of_the_file_says_yes(self, deployment: Deployment) -> None:
        for process in deployment.running.values():
            if process.check is not None:
                process.wait_healthy(within_s=60)

    def test_there_are_two_of_auction(self, deployment: Deployment) -> None:
        assert {"auction-1", "auction-2"} <= set(deployment.running)


class TestGateway:
    def test_leads_each_prefix_to_its_service(self, deployment: Deployment) -> None:
        with httpx.Client(base_url=deployment.address, timeout=10) as client:
            for name in SERVICES:
                answer = client.get(f"/{name}/v1/nothing-here")
                assert answer.status_code == 404, name
                assert answer.headers["content-type"] == "application/problem+json", name

    def test_keeps_metrics_and_readiness_inside(self, deployment: Deployment) -> None:
        with httpx.Client(base_url=deployment.address, timeout=10) as client:
            for path in ("/metrics", "/readyz"):
                assert client.get(path).headers["content-type"] != "application/problem+json"
                assert client.get(path).status_code == 404
            assert client.get("/healthz").status_code == 200

    def test_each_service_answers_only_for_itself(self, deployment: Deployment) -> None:
        for name in SERVICES:
            label = name if name in deployment.ports else f"{name}-1"
            with httpx.Client(base_url=f"http://127.0.0.1:{deployment.ports[label]}", timeout=10) as client:
                paths = {path.split("/")[1] for path in client.get("/openapi.json").json()["paths"]}
            assert paths - {"healthz", "readyz"} <= {name} | ({""} if name == "marketplace" else set()), name

    def test_tells_the_request_id_it_was_given(self, deployment: Deployment) -> None:
        answer = httpx.get(f"{deployment.address}/healthz", headers={"X-Request-Id": "0123456789abcdef"}, timeout=10)
        assert answer.headers["x-request-id"] == "0123456789abcdef"


class TestStory:
    def test_the_demo_runs_across_all_of_them(self, deployment: Deployment) -> None:
        command = [sys.executable, "-m", "marketplace.cli", "demo", "--url", deployment.address]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
        logs = "".join(f"\n--- {label}\n{process.tail()}" for label, process in deployment.running.items()) if done.returncode else ""
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:] + logs
