"""The queue: fair, cancellable, bounded, and going on after whatever happens."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from wavesmith.serve.app import create_app
from wavesmith.serve.database import Database
from wavesmith.serve.jobs import Busy, Jobs
from wavesmith.serve.library import Library
from wavesmith.serve.limits import Limits
from wavesmith.serve.studio import Studio

Wait = Callable[..., Any]
LONG = {"verb": "generate", "count": 200, "settings": {"steps": 30}}


@pytest.fixture
def two(shared: Studio) -> tuple[TestClient, TestClient]:
    """Two people."""
    return tuple(  # type: ignore[return-value]
        TestClient(create_app(shared), base_url="http://localhost", cookies={"wavesmith_person": name})
        for name in ("ann", "bob")
    )


def queue(folder: Path) -> tuple[Jobs, Database]:
    """Jobs without a worker."""
    database = Database(folder)
    return Jobs(database, Library(folder, database), Limits(queue=5, queues=8)), database


def test_two_people_take_turns(two: tuple[TestClient, TestClient], wait: Wait) -> None:
    ann, bob = two
    long = ann.post("/api/jobs", json=LONG).json()["id"]
    wait(lambda: ann.get(f"/api/jobs/{long}").json()["done"] >= 1)
    short = bob.post("/api/jobs", json={"verb": "generate", "count": 3}).json()["id"]
    wait(lambda: bob.get(f"/api/jobs/{short}").json()["state"] == "done")
    assert ann.get(f"/api/jobs/{long}").json()["state"] == "running"
    made = ann.get(f"/api/jobs/{long}").json()["done"]
    wait(lambda: ann.get(f"/api/jobs/{long}").json()["done"] > made)
    assert ann.delete(f"/api/jobs/{long}").json()["state"] == "cancelled"


def test_cancelling_stops_the_work_and_keeps_what_is_made(client: TestClient, wait: Wait) -> None:
    job = client.post("/api/jobs", json=LONG).json()["id"]
    wait(lambda: client.get(f"/api/jobs/{job}").json()["done"] >= 2)
    ended = client.delete(f"/api/jobs/{job}").json()
    assert ended["state"] == "cancelled"
    following = client.post("/api/jobs", json={"verb": "generate"}).json()["id"]
    wait(lambda: client.get(f"/api/jobs/{following}").json()["state"] == "done")
    kept = client.get(f"/api/jobs/{job}").json()
    assert ended["done"] <= kept["done"] <= ended["done"] + 1
    for sound in kept["sounds"]:
        assert client.get(f"/api/sounds/{sound}/audio").status_code == 200


def test_a_sound_is_given_up_between_steps(client: TestClient, shared: Studio, wait: Wait) -> None:
    """One that would take minutes does not hold up what comes after it."""
    endless = {"verb": "generate", "settings": {"steps": 500, "seconds": 60, "sampler": "dpmpp_sde"}}
    job = client.post("/api/jobs", json=endless).json()["id"]
    wait(lambda: client.get(f"/api/jobs/{job}").json()["state"] == "running")
    worker = shared.dispatcher.process
    client.delete(f"/api/jobs/{job}")
    following = client.post("/api/jobs", json={"verb": "generate"}).json()["id"]
    wait(lambda: client.get(f"/api/jobs/{following}").json()["state"] == "done", seconds=60)
    assert shared.dispatcher.process == worker


def test_a_storm_of_cancellations_leaves_a_working_studio(client: TestClient, wait: Wait) -> None:
    def storm() -> None:
        for _ in range(8):
            job = client.post("/api/jobs", json=LONG).json()
            if "id" in job:
                client.delete(f"/api/jobs/{job['id']}")
                client.delete(f"/api/jobs/{job['id']}")

    people = [threading.Thread(target=storm) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    job = client.post("/api/jobs", json={"verb": "generate", "count": 2}).json()["id"]
    wait(lambda: client.get(f"/api/jobs/{job}").json()["state"] == "done")
    assert client.get("/api/jobs", params={"state": "running"}).json() == []
    assert client.get("/api/jobs", params={"state": "queued"}).json() == []


def test_a_crash_of_the_worker_loses_nothing(client: TestClient, shared: Studio, wait: Wait) -> None:
    job = client.post("/api/jobs", json={"verb": "generate", "count": 20, "seed": 1}).json()["id"]
    wait(lambda: client.get(f"/api/jobs/{job}").json()["done"] >= 2)
    os.kill(shared.dispatcher.process, signal.SIGKILL)
    wait(lambda: client.get(f"/api/jobs/{job}").json()["state"] == "done")
    sounds = client.get(f"/api/jobs/{job}").json()["sounds"]
    assert sounds == [f"{job}-{k:03d}" for k in range(20)]


def test_a_job_that_always_crashes_fails_alone(tmp_path: Path) -> None:
    jobs, database = queue(tmp_path)
    job = jobs.add({"verb": "generate"}, 2, "ann").id
    assert [jobs.started(job) for _ in range(4)] == [True, True, True, False]
    assert jobs.get(job).state == "failed"
    assert "worker stopped" in str(jobs.get(job).error)
    assert jobs.next() is None
    database.close()


def test_jobs_are_there_again_after_a_restart(tmp_path: Path) -> None:
    jobs, database = queue(tmp_path)
    first, second = (jobs.add({"verb": "generate"}, 2, "ann").id for _ in range(2))
    jobs.started(first)
    database.close()
    jobs, database = queue(tmp_path)
    assert jobs.get(first).state == "running"
    following = jobs.next()
    assert following
    assert following.id == first
    jobs.cancel(first)
    following = jobs.next()
    assert following
    assert following.id == second
    database.close()


def test_the_queue_is_bounded_for_each_and_for_all(tmp_path: Path) -> None:
    jobs, database = queue(tmp_path)
    for person, taken in (("ann", 5), ("bob", 3)):
        for _ in range(taken):
            jobs.add({"verb": "generate"}, 1, person)
        with pytest.raises(Busy, match="Too many jobs"):
            jobs.add({"verb": "generate"}, 1, person)
    database.close()


def test_fifty_jobs_wait_on_the_disk_not_in_memory(client: TestClient, shared: Studio, wait: Wait) -> None:
    """The worker's memory at its highest does not grow with what is waiting or has been made."""
    first = client.post("/api/jobs", json={"verb": "generate", "count": 3}).json()["id"]
    wait(lambda: client.get(f"/api/jobs/{first}").json()["state"] == "done")
    before = peak_memory(shared.dispatcher.process), peak_memory(os.getpid())
    asked = {"verb": "generate", "count": 2, "settings": {"seconds": 1, "steps": 2}}
    jobs = [client.post("/api/jobs", json=asked) for _ in range(50)]
    assert [job.status_code for job in jobs] == [202] * 50
    wait(lambda: not client.get("/api/jobs", params={"state": "queued"}).json())
    wait(lambda: not client.get("/api/jobs", params={"state": "running"}).json())
    assert all(client.get(f"/api/jobs/{job.json()['id']}").json()["done"] == 2 for job in jobs)
    assert peak_memory(shared.dispatcher.process) < before[0] + 60_000
    assert peak_memory(os.getpid()) < before[1] + 60_000


def peak_memory(process: int) -> int:
    """KiB that a process has had at most."""
    status = Path(f"/proc/{process}/status")
    if not status.is_file():
        pytest.skip("memory is measured on Linux alone")
    return int(status.read_text().split("VmHWM:")[1].split()[0])


def test_a_source_that_goes_while_a_job_waits(
    tmp_path: Path, client: TestClient, wait: Wait, shared: Studio, bring: Callable[..., str]
) -> None:
    """A sound in the trash still serves; one deleted by hand fails the job with a sentence."""
    first, second = bring(), bring()
    long = client.post("/api/jobs", json=LONG).json()["id"]
    jobs = [
        client.post("/api/jobs", json={"verb": "vary", "sources": [sound]}).json()["id"]
        for sound in (first, second)
    ]
    client.delete(f"/api/sounds/{first}")
    shared.library.path(second).unlink()
    client.delete(f"/api/jobs/{long}")
    wait(lambda: client.get(f"/api/jobs/{jobs[0]}").json()["state"] == "done")
    wait(lambda: client.get(f"/api/jobs/{jobs[1]}").json()["state"] == "failed")
    assert "no sound" in client.get(f"/api/jobs/{jobs[1]}").json()["error"]
