"""The HTTP API, as people use it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from starlette.testclient import TestClient

from wavesmith import Sound, generate, load
from wavesmith.export import read_midi
from wavesmith.recipe import Recipe
from wavesmith.verbs import VERBS

Make = Callable[..., list[str]]
Bring = Callable[..., str]
Wave = Callable[..., Sound]
Watch = Callable[[str], list[dict[str, Any]]]


def test_sounds_come_one_by_one_and_are_those_of_python(
    client: TestClient, watch: Watch, tmp_path: Path
) -> None:
    asked = {"verb": "generate", "model": "debug", "count": 3, "seed": 7, "settings": {"label": "kick"}}
    job = client.post("/api/jobs", json=asked)
    assert job.status_code == 202
    assert job.json()["state"] == "queued"
    told = watch(job.json()["id"])
    assert [record["done"] for record in told] == sorted(record["done"] for record in told)
    assert told[-1]["state"] == "done"
    assert told[-1]["sounds"] == [f"{job.json()['id']}-{k:03d}" for k in range(3)]
    for id, sound in zip(told[-1]["sounds"], generate(load("debug"), 3, label="kick", seed=7), strict=True):
        audio = client.get(f"/api/sounds/{id}/audio")
        assert audio.headers["content-type"] == "audio/wav"
        (tmp_path / "heard.wav").write_bytes(audio.content)
        heard = Sound.read(tmp_path / "heard.wav")
        assert heard.recipe == sound.recipe
        assert np.abs(heard.samples - sound.samples).max() < 2**-23


def test_the_model_comes_first_and_says_what_it_can(client: TestClient) -> None:
    first = client.get("/api/models").json()[0]
    assert first["name"] == "debug"
    assert first["labels"] == ["hihat", "kick", "percussion", "snare"]
    assert first["rate"] == 8000
    assert {"generate", "vary", "inpaint", "morph"} <= set(first["verbs"])


def test_a_model_is_ready_before_it_is_asked_for_a_sound(
    client: TestClient, wait: Callable[..., Any]
) -> None:
    assert client.post("/api/models/debug/load").status_code == 200
    wait(lambda: client.get("/api/models").json()[0]["loaded"])
    assert client.post("/api/models/nonsense/load").status_code == 400


def test_settings_have_the_names_and_defaults_of_python(client: TestClient) -> None:
    verbs = client.get("/api/models/debug/verbs").json()
    amount = verbs["vary"]["settings"]["properties"]["amount"]
    assert (amount["default"], amount["minimum"], amount["maximum"]) == (0.4, 0, 1)
    assert amount["description"] == VERBS["vary"].settings.model_fields["amount"].description
    assert verbs["generate"]["settings"]["properties"]["steps"]["default"] == 4
    assert verbs["generate"]["settings"]["properties"]["seconds"]["default"] == load("debug").seconds
    assert verbs["vary"]["sources"] == [1]
    assert verbs["morph"]["sources"] == [2, 4]
    assert verbs["morph"]["count"]["default"] == 8
    assert verbs["inpaint"]["settings"]["required"] == ["regions"]
    assert client.get("/api/models/nonsense/verbs").status_code == 400


def test_every_verb_does_its_work(client: TestClient, make: Make, bring: Bring, tone: Wave) -> None:
    one, other = bring(), bring(tone(400))
    dull = bring(tone(200, rate=2000), "dull.wav")
    assert len(make(verb="vary", sources=[one], count=2, settings={"amount": 0.3})) == 2
    assert len(make(verb="restyle", sources=[one], count=2, settings={"label": "snare"})) == 2
    assert len(make(verb="morph", sources=[one, other], count=3)) == 3
    assert len(make(verb="morph", sources=[one, other, one, other], count=2)) == 4
    assert len(make(verb="morph_labels", count=3, settings={"label": "kick", "to": "snare"})) == 3
    assert len(make(verb="inpaint", sources=[one], settings={"regions": [[0.05, 0.1]]})) == 1
    assert len(make(verb="extend", sources=[one], settings={"after": 0.1})) == 1
    assert len(make(verb="loop", sources=[one], settings={"bars": 1, "bpm": 480})) == 1
    assert len(make(verb="upscale", sources=[dull])) == 1
    (cleaned,) = make(verb="clean", sources=[one])
    record = client.get(f"/api/sounds/{cleaned}").json()
    assert record["sources"] == [one]
    assert record["name"].startswith("my kick-clean-")


def test_a_variation_has_the_label_of_what_it_came_from(client: TestClient, make: Make) -> None:
    (kick,) = make(settings={"label": "kick"}, seed=1)
    (varied,) = make(verb="vary", sources=[kick])
    assert client.get(f"/api/sounds/{varied}").json()["label"] == "kick"


def test_what_makes_no_sense_is_refused_in_one_sentence(client: TestClient, bring: Bring) -> None:
    one = bring()
    for asked, words in (
        ({"verb": "generate", "settings": {"label": "kik"}}, "'kick'"),
        ({"verb": "generate", "model": "/etc"}, "model"),
        ({"verb": "generate", "model": "../../etc"}, "model"),
        ({"verb": "generate", "count": 0}, "count"),
        ({"verb": "generate", "settings": {"steps": 10**9}}, "steps"),
        ({"verb": "generate", "settings": {"nonsense": 1}}, "nonsense"),
        ({"verb": "generate", "settings": {"sampler": "magic"}}, "sampler"),
        ({"verb": "generate", "settings": {"guide": "/etc/passwd"}}, "guide"),
        ({"verb": "generate", "settings": {"guide": [{"like": "/etc/passwd"}]}}, "guide"),
        ({"verb": "generate", "settings": {"guide": [{"classifier": "/etc", "label": "kick"}]}}, "guide"),
        ({"verb": "generate", "settings": {"guide": [{"timbre": "brightness", "percentile": 5}]}}, "timbres"),
        ({"verb": "vary"}, "sources"),
        ({"verb": "vary", "sources": ["0123456789ab"]}, "0123456789ab"),
        ({"verb": "vary", "sources": ["../../../../etc/passwd"]}, "sources"),
        ({"verb": "morph", "sources": [one, one, one]}, "2 or 4"),
        ({"verb": "morph", "sources": [one] * 4, "count": 60}, "3600"),
        ({"verb": "inpaint", "sources": [one], "settings": {"regions": [[0.2, 0.1]]}}, "region"),
        ({"verb": "dance"}, "verb"),
        ({}, "verb"),
        ([], ""),
    ):
        answer = client.post("/api/jobs", json=asked)
        assert 400 <= answer.status_code < 500, asked
        assert answer.json().keys() == {"error"}
        assert words in answer.json()["error"], answer.json()["error"]
        assert "\n" not in answer.json()["error"]


def test_what_only_shows_in_the_making_fails_the_job_with_a_sentence(
    client: TestClient, bring: Bring, watch: Watch
) -> None:
    asked = {"verb": "inpaint", "sources": [bring()], "settings": {"regions": [[5, 6]]}}
    job = watch(client.post("/api/jobs", json=asked).json()["id"])[-1]
    assert job["state"] == "failed"
    assert job["error"].count(".") >= 1
    assert "Traceback" not in job["error"]


def test_likeness_to_a_sound_of_the_library_steers(client: TestClient, make: Make, bring: Bring) -> None:
    (plain,) = make(seed=3)
    (steered,) = make(seed=3, settings={"guide": [{"like": bring()}]})
    heard = [client.get(f"/api/sounds/{sound}/peaks").json() for sound in (plain, steered)]
    assert heard[0] != heard[1]


def test_a_sound_is_drawn_and_outlined(client: TestClient, make: Make) -> None:
    (sound,) = make(seed=1)
    picture = client.get(f"/api/sounds/{sound}/picture")
    assert Image.open(io.BytesIO(picture.content)).size == (480, 160)
    peaks = client.get(f"/api/sounds/{sound}/peaks", params={"points": 50}).json()["peaks"]
    assert len(peaks) == 50
    assert max(high for _, high in peaks) == pytest.approx(10 ** (-1 / 20), abs=1e-3) or min(
        low for low, _ in peaks
    ) == pytest.approx(-(10 ** (-1 / 20)), abs=1e-3)


def test_parts_of_a_file_can_be_had(client: TestClient, make: Make) -> None:
    (sound,) = make(seed=1)
    whole = client.get(f"/api/sounds/{sound}/audio").content
    part = client.get(f"/api/sounds/{sound}/audio", headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == whole[10:20]


def test_a_recipe_comes_with_a_command_and_python(client: TestClient, make: Make) -> None:
    (kick,) = make(settings={"label": "kick"}, seed=5, first=2)
    told = client.get(f"/api/sounds/{kick}/recipe").json()
    assert Recipe.model_validate(told["recipe"]).seed == 5
    assert told["command"].startswith("wavesmith generate --label kick --seed 5 --first 2")
    assert "model.generate(label='kick', seed=5, first=2)" in told["python"]


def test_brought_sounds_have_no_recipe_to_tell(client: TestClient, bring: Bring) -> None:
    answer = client.get(f"/api/sounds/{bring()}/recipe")
    assert answer.status_code == 400
    assert "no recipe" in answer.json()["error"]


def test_sounds_are_exported_as_they_are_and_as_a_kit(client: TestClient, make: Make, bring: Bring) -> None:
    sounds = [
        *make(settings={"label": "kick"}, seed=1, count=2),
        *make(settings={"label": "hihat"}, seed=1),
        bring(),
        bring(),
    ]
    plain = client.post("/api/export", json={"sounds": sounds})
    names = zipfile.ZipFile(io.BytesIO(plain.content)).namelist()
    assert {"kick-1-000.wav", "kick-1-001.wav", "my kick.wav", "my kick 2.wav"} <= set(names)
    kit = client.post("/api/export", json={"sounds": sounds, "as": "kit", "name": "../my/kit"})
    assert kit.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(kit.content))
    assert sum(name.startswith("samples/") for name in archive.namelist()) == len(sounds)
    assert {"drumkit.xml", "kit.json"} <= set(archive.namelist())
    assert not any(name.startswith(("/", "..")) for name in archive.namelist())


def test_a_bar_is_heard_and_written_as_it_was_set(client: TestClient, make: Make, tmp_path: Path) -> None:
    kicks, (hat,) = (
        make(settings={"label": "kick"}, seed=1, count=2),
        make(settings={"label": "hihat"}, seed=1),
    )
    tracks = [
        {"sounds": kicks, "steps": [1, 0, 0, 0] * 4},
        {"sounds": [hat], "steps": [0, 0.5] * 8},
    ]
    bar = {"tempo": 120, "swing": 0.5, "tracks": tracks}
    midi = client.post("/api/bars", json=bar | {"as": "midi"})
    (tmp_path / "bar.mid").write_bytes(midi.content)
    hits = read_midi(tmp_path / "bar.mid")
    sixteenth = 0.125
    assert [hit.seconds for hit in hits if hit.key == 36] == pytest.approx([0, 0.5, 1.0, 1.5])
    assert [hit.seconds for hit in hits if hit.key == 42] == pytest.approx(
        [(2 * k + 1.5) * sixteenth for k in range(8)], abs=1e-3
    )
    assert {hit.velocity for hit in hits} == {127, 64}
    heard = client.post("/api/bars", json=bar)
    samples, rate = soundfile.read(io.BytesIO(heard.content))
    assert len(samples) / rate > 2 - 0.125
    assert np.abs(samples[: rate // 20]).max() > 0.1


def test_an_empty_bar_is_silence(client: TestClient, make: Make) -> None:
    tracks = [{"sounds": make(seed=1), "steps": [0] * 16}]
    for kind in ("wav", "midi"):
        answer = client.post("/api/bars", json={"tempo": 120, "tracks": tracks, "as": kind})
        assert answer.status_code == 200, answer.text


def test_the_docs_load_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert "/api/jobs" in page.text
    assert "http://" not in page.text.replace("http://localhost", "")
    assert "https://" not in page.text
    schema = client.get("/openapi.json").json()
    assert schema["paths"]["/api/jobs"]["post"]["requestBody"]


def test_answers_forbid_what_the_page_does_not_need(client: TestClient) -> None:
    headers = client.get("/api/health").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_what_is_not_there_is_not_found(client: TestClient) -> None:
    for path in (
        "/api/sounds/0123456789ab",
        "/api/sounds/0123456789ab/audio",
        "/api/jobs/0123456789ab",
        "/api/jobs/0123456789ab/events",
        "/api/trainings/0123456789ab",
        "/api/nothing",
        "/nothing.html",
    ):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["error"]


def test_uploads_are_not_called_what_they_say(
    client: TestClient, wav: Callable[[Sound], bytes], tone: Wave
) -> None:
    content = wav(tone())
    for name, kept in (
        ("../../../etc/passwd", "passwd"),
        ("C:\\Windows\\evil.exe", "evil"),
        ("/absolute/path.wav", "path"),
        ("<script>.wav", "<script>"),
        ("a\u202eb.wav", "a b"),
    ):
        record = client.post("/api/uploads", files={"file": (name, content)}).json()
        assert record["name"] == kept
        assert record["source"]
        sent = client.get(f"/api/sounds/{record['id']}/audio").headers["content-disposition"]
        assert "/" not in sent.replace("filename*=utf-8''", "")
        assert "<" not in sent
