import errno
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import tarfile
import wave
from itertools import groupby, pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from wavesmith import files
from wavesmith.errors import RequestError, WavesmithError
from wavesmith.export import FORMATS, Kit, Piece, even_layers, read_sfz, write_kit
from wavesmith.sound import Sound
from wavesmith.tags import InstrumentTags

H2 = "{http://www.hydrogen-music.org/drumkit}"


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def small(noise, name: str = "a", seed: int = 1, **settings) -> Kit:
    return Kit(name, (Piece("kick", 36, even_layers([[noise(seed)]]), **settings),))


# What is in the files


def test_the_files_of_a_kit(folder, kit):
    names = set(content(folder))
    samples = {name for name in names if name.startswith("samples/")}
    assert len(samples) == kit.sounds
    assert names - samples == {
        "Bedroom No 1.sfz",
        "Bedroom No 1.dspreset",
        "Bedroom No 1.h2drumkit",
        "drumkit.xml",
        "README.txt",
        "kit.json",
    }


def test_samples_hold_the_sounds_in_order_of_the_keys(folder, kit):
    sounds = [sound for piece in kit.pieces for layer in piece.layers for sound in layer.sounds]
    for path, sound in zip(sorted((folder / "samples").iterdir()), sounds, strict=True):
        found = Sound.read(path)
        assert np.abs(found.samples - sound.samples).max() <= 2**-24
        assert found.recipe == sound.recipe
        assert soundfile.info(path).subtype == "PCM_24"
        with wave.open(str(path)) as plain:
            assert (plain.getnframes(), plain.getsampwidth()) == (sound.frames, 3)


def test_samples_know_their_key_and_velocities(folder, kit):
    paths = iter(sorted((folder / "samples").iterdir()))
    for piece in kit.pieces:
        for layer in piece.layers:
            for _ in layer.sounds:
                expected = InstrumentTags(piece.key, None, (), (layer.low, layer.high))
                assert Sound.read_instrument(next(paths)) == expected


def test_sfz_regions_cover_every_velocity_and_turn_once(folder, kit):
    regions = read_sfz(folder / "Bedroom No 1.sfz").regions
    assert len({region.sample for region in regions}) == len(regions) == kit.sounds
    by_key = {key: list(own) for key, own in groupby(regions, key=lambda region: region.lokey)}
    assert list(by_key) == [piece.key for piece in kit.pieces]
    for own in by_key.values():
        for velocity in range(1, 128):
            there = [region for region in own if region.lovel <= velocity <= region.hivel]
            assert {region.seq_length for region in there} == {len(there)}
            assert [region.seq_position for region in there] == list(range(1, len(there) + 1))
        assert all(region.lokey == region.hikey == region.pitch_keycenter for region in own)
        assert {region.loop_mode for region in own} == {"one_shot"}
    groups = {key: {(region.group, region.off_by) for region in own} for key, own in by_key.items()}
    assert groups[42] == groups[46] == {(1, 1)}
    assert groups[36] == groups[35] == groups[38] == groups[56] == {(0, None)}


def test_decentsampler_says_the_same(folder, kit):
    root = ElementTree.parse(folder / "Bedroom No 1.dspreset").getroot()
    groups = root.findall("groups/group")
    layers = [(piece, layer) for piece in kit.pieces for layer in piece.layers]
    for group, (piece, layer) in zip(groups, layers, strict=True):
        assert group.get("ampEnvEnabled") == "false"
        assert group.get("name") == piece.name
        assert float(group.get("volume").removesuffix("dB")) == piece.volume_db
        assert float(group.get("pan")) == 100 * piece.pan
        tag = "choke1" if piece.choke else None
        assert group.get("tags") == group.get("silencedByTags") == tag
        turns = len(layer.sounds)
        assert group.get("seqMode") == ("round_robin" if turns > 1 else None)
        assert group.get("seqLength") == (str(turns) if turns > 1 else None)
        for turn, sample in enumerate(group.findall("sample"), 1):
            assert {sample.get(name) for name in ("rootNote", "loNote", "hiNote")} == {str(piece.key)}
            assert (sample.get("loVel"), sample.get("hiVel")) == (str(layer.low), str(layer.high))
            assert sample.get("seqPosition") == (str(turn) if turns > 1 else None)
            assert (folder / sample.get("path")).is_file()
        assert len(group) == turns
    assert root.find("groups").get("ampVelTrack") == "1"


def test_hydrogen_says_the_same(folder, kit):
    root = ElementTree.parse(folder / "drumkit.xml").getroot()
    values = {tag: root.findtext(H2 + tag) for tag in ("name", "author", "license", "info")}
    assert values == {
        "name": kit.name,
        "author": kit.author,
        "license": kit.licence,
        "info": f"{kit.credits}\nMade with wavesmith.",
    }
    instruments = root.findall(f"{H2}instrumentList/{H2}instrument")
    for number, (instrument, piece) in enumerate(zip(instruments, kit.pieces, strict=True)):
        found = {child.tag.removeprefix(H2): child.text for child in instrument}
        assert found["id"] == str(number)
        assert found["name"] == piece.name
        assert found["midiOutNote"] == str(piece.key)
        assert found["muteGroup"] == ("1" if piece.choke else "-1")
        assert found["sampleSelectionAlgo"] == "ROUND_ROBIN"
        assert 20 * np.log10(float(found["volume"])) == pytest.approx(piece.volume_db, abs=1e-4)
        ranges = []
        for layer in instrument.iter(f"{H2}layer"):
            assert (folder / layer.findtext(f"{H2}filename")).is_file()
            ranges.append(tuple(float(layer.findtext(H2 + edge)) for edge in ("min", "max")))
        for layer in piece.layers:
            for velocity in range(layer.low, layer.high + 1):
                there = [k for k, (low, high) in enumerate(ranges) if low <= velocity / 127 <= high]
                assert len(there) == len(layer.sounds), (piece.name, velocity)
        assert (ranges[0][0], ranges[-1][1]) == (0, 1)


def test_hydrogen_gets_no_more_sounds_than_it_plays(noise):
    from wavesmith.export.hydrogen import drumkit_text
    from wavesmith.export.names import sample_names

    rows = {36: (20, 3), 37: (2, 20), 38: (5, 4), 39: (127, 1)}
    pieces = [Piece("x", key, even_layers([[noise(1)] * n] * m)) for key, (m, n) in rows.items()]
    kit = Kit("a", tuple(pieces))
    root = ElementTree.fromstring(drumkit_text(kit, sample_names(kit)))
    for instrument, (low, high) in zip(root.iter(f"{H2}instrument"), [(10, 16)] * 4, strict=True):
        layers = list(instrument.iter(f"{H2}layer"))
        assert low <= len(layers) <= high
        ranges = sorted({(float(x.findtext(f"{H2}min")), float(x.findtext(f"{H2}max"))) for x in layers})
        assert (ranges[0][0], ranges[-1][1]) == (0, 1)
        assert all(one[1] == other[0] for one, other in pairwise(ranges))


def test_the_archive_holds_a_kit_of_its_own(folder, tmp_path):
    with tarfile.open(folder / "Bedroom No 1.h2drumkit") as archive:
        archive.extractall(tmp_path, filter="data")
    place = tmp_path / "Bedroom No 1"
    for layer in ElementTree.parse(place / "drumkit.xml").getroot().iter(f"{H2}layer"):
        name = layer.findtext(f"{H2}filename")
        assert (place / name).read_bytes() == (folder / "samples" / name).read_bytes()


def test_kit_json_says_all(folder, kit):
    values = json.loads((folder / "kit.json").read_bytes())
    assert {*values["files"]} == {*content(folder)}
    assert (values["name"], values["about"]) == (kit.name, {"seed": 3})
    for piece, found in zip(kit.pieces, values["pieces"], strict=True):
        assert (found["key"], found["choke"], found["pan"]) == (piece.key, piece.choke, piece.pan)
        for layer, there in zip(piece.layers, found["layers"], strict=True):
            assert (there["low"], there["high"]) == (layer.low, layer.high)
            assert [sound["sha256"] for sound in there["sounds"]] == [s.sha256 for s in layer.sounds]
            assert all((folder / sound["file"]).is_file() for sound in there["sounds"])
    assert values["pieces"][-1]["layers"][0]["sounds"][0]["recipe"]["seed"] == 7


def test_the_readme_tells_keys_programs_and_credits(folder, kit):
    text = (folder / "README.txt").read_text(encoding="utf-8")
    assert all(re.search(rf"{piece.key} .*{piece.name}\n", text) for piece in kit.pieces)
    for words in ("Bedroom No 1.sfz:", "DecentSampler", "Hydrogen", "A. Drummer", "CC0-1.0", kit.credits):
        assert words in text


def test_names_of_all_kinds_do_no_harm(noise, tmp_path):
    names = [
        "../../x",
        "a & <b> \"c\" 'd'",
        "// /* not the end",
        "🥁👩‍🚀/\\",
        "太鼓",
        "%s {0} $x",
        "sample=x <region>",
    ]
    pieces = [Piece(name, 36 + k, even_layers([[noise(k)]])) for k, name in enumerate(names)]
    kit = Kit("<🥁> & /*", tuple(pieces), author='"', licence="<x>", credits="*/ ]]>\n\n/*\ttab")
    written = write_kit(kit, tmp_path / "kit", formats=list(FORMATS))
    assert [path.name for path in tmp_path.iterdir()] == ["kit"]
    assert all(re.fullmatch(r"[A-Za-z0-9 _.-]{1,40}", path.name) for path in written)
    for name in ("Kit.dspreset", "drumkit.xml"):
        ElementTree.parse(tmp_path / "kit" / name)
    root = ElementTree.parse(tmp_path / "kit" / "drumkit.xml").getroot()
    assert [x.findtext(f"{H2}name") for x in root.iter(f"{H2}instrument")] == names
    regions = read_sfz(tmp_path / "kit" / "Kit.sfz").regions
    assert [region.lokey for region in regions] == [piece.key for piece in kit.pieces]


def test_loops_loop_everywhere(noise, tmp_path):
    write_kit(small(noise, loops=True), tmp_path, bits=16)
    assert Sound.read_instrument(tmp_path / "samples" / "01 Kick.wav") == InstrumentTags(
        36, (0, 800), (), (1, 127)
    )
    assert read_sfz(tmp_path / "a.sfz").regions[0].loop_mode == "loop_sustain"
    sample = ElementTree.parse(tmp_path / "a.dspreset").find(".//sample")
    assert [sample.get(x) for x in ("loopEnabled", "loopStart", "loopEnd")] == ["true", "0", "799"]


@pytest.mark.parametrize("bits", [16, 24, "float"])
def test_widths(noise, tmp_path, bits):
    write_kit(small(noise), tmp_path, bits=bits)
    subtype = {16: "PCM_16", 24: "PCM_24", "float": "FLOAT"}[bits]
    assert soundfile.info(tmp_path / "samples" / "01 Kick.wav").subtype == subtype


# Foreign programs


def test_sfzlint_finds_nothing_to_say(folder, capsys):
    lint = pytest.importorskip("sfzlint.lint", reason="sfzlint, an independent checker of SFZ, is missing")
    path = folder / "Bedroom No 1.sfz"
    lint.lint_sfz(path, lint.SFZValidatorConfig(file_path=path))
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(not shutil.which("h2cli"), reason="Hydrogen's h2cli is not installed")
@pytest.mark.parametrize("what", [".", "Bedroom No 1.h2drumkit"])
def test_hydrogen_finds_it_valid(folder, tmp_path, what):
    environment = os.environ | {
        "HOME": str(tmp_path),
        "QT_QPA_PLATFORM": "offscreen",
        "JACK_NO_START_SERVER": "1",  # which it would wait for
    }
    command = ["h2cli", "-c", str(folder / what)]
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert "is valid" in checked.stdout + checked.stderr
    assert checked.returncode == 0


# Where they go


def test_the_same_kit_gives_the_same_bytes(folder, kit, tmp_path):
    formats = ("sfz", "decentsampler", "hydrogen", "h2drumkit")
    for _ in range(2):
        paths = write_kit(kit, tmp_path, formats=formats)
        assert content(tmp_path) == content(folder)
    assert {str(path.relative_to(tmp_path)) for path in paths} == {*content(folder)}
    assert paths[-1].name == "kit.json"


def test_another_kit_is_refused_unless_overwritten(noise, tmp_path):
    write_kit(small(noise, "first"), tmp_path)
    (tmp_path / "song.als").write_text("mine")
    (tmp_path / "samples" / "mine.wav").write_text("mine")
    before = content(tmp_path)
    for other in (small(noise, "other"), small(noise, "first", seed=2), small(noise, "first", pan=0.1)):
        with pytest.raises(RequestError, match=r"another kit.*--overwrite"):
            write_kit(other, tmp_path)
        assert content(tmp_path) == before
    other = Kit("other", (Piece("snare", 38, even_layers([[noise(1)] * 2])),))
    write_kit(other, tmp_path, overwrite=True, formats=["sfz"])
    mine = {"song.als", "samples/mine.wav"}
    assert set(content(tmp_path)) == mine | {
        *("samples/01 Snare r1.wav", "samples/01 Snare r2.wav"),
        *("other.sfz", "README.txt", "kit.json"),
    }


def test_a_folder_with_other_things_is_refused(noise, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RequestError, match=r"not empty.*--overwrite"):
        write_kit(small(noise), tmp_path)
    assert set(content(tmp_path)) == {"thesis.txt"}
    write_kit(small(noise), tmp_path, overwrite=True)
    assert "thesis.txt" in content(tmp_path)
    with pytest.raises(RequestError, match="is a file"):
        write_kit(small(noise), tmp_path / "thesis.txt")


@pytest.mark.parametrize(
    "listed", ['["../precious.txt"]', '["/", "..", "", 3]', '"x"', "{}", "[" * 9999, "\xff"]
)
def test_a_list_from_elsewhere_reaches_no_other_files(noise, tmp_path, listed):
    (tmp_path / "precious.txt").write_text("mine")
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "kit.json").write_text(f'{{"files": {listed}}}', encoding="latin-1")
    with pytest.raises(RequestError):
        write_kit(small(noise), tmp_path / "kit")
    write_kit(small(noise), tmp_path / "kit", overwrite=True)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_bad_requests_write_nothing(noise, tmp_path):
    place = tmp_path / "kit"
    with pytest.raises(RequestError, match="did you mean 'sfz'"):
        write_kit(small(noise), place, formats=["sfs"])
    with pytest.raises(RequestError, match="bits=8"):
        write_kit(small(noise), place, bits=8)
    for about in ({"x": object()}, {"x": float("nan")}):
        with pytest.raises(RequestError, match="JSON"):
            write_kit(Kit("a", small(noise).pieces, about=about), place)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("fails_at", range(1, 16, 2))
def test_a_failing_disk_leaves_everything_as_it_was(noise, tmp_path, monkeypatch, existing, fails_at):
    place = tmp_path / "kit"
    if existing:
        write_kit(small(noise, "old"), place)
        (place / "mine.txt").write_text("mine")
    before, real, calls = content(tmp_path), os.replace, []

    def replace(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    if fails_at > 12 and not existing:  # six files, each made and moved
        write_kit(small(noise, "new"), place, overwrite=True)
        return
    with pytest.raises(WavesmithError, match=r"Cannot write \S+/kit \(No space.*make room"):
        write_kit(small(noise, "new"), place, overwrite=True)
    assert content(tmp_path) == before
    assert place.exists() == existing


def test_a_full_disk(noise, tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(WavesmithError, match=os.strerror(errno.EFBIG)):
            write_kit(small(noise), tmp_path / "kit")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder(noise, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(WavesmithError, match="Cannot write"):
        write_kit(small(noise), tmp_path / "kit")


# What samplers are told, through `Sound`


def test_sound_refuses_what_does_not_fit(noise, tmp_path):
    sound = noise(1)
    for instrument, words in [
        (InstrumentTags(128), "0 to 127"),
        (InstrumentTags(-1), "0 to 127"),
        (InstrumentTags(60, (0, 801)), "outside its 800 frames"),
        (InstrumentTags(60, (9, 9)), "outside"),
        (InstrumentTags(60, (-1, 9)), "outside"),
        (InstrumentTags(60, None, (800,)), "outside"),
        (InstrumentTags(60, velocities=(0, 5)), "1 to 127"),
    ]:
        with pytest.raises(RequestError, match=words):
            sound.write(tmp_path / "a.wav", instrument=instrument)
    with pytest.raises(RequestError, match="only WAV"):
        sound.write(tmp_path / "a.flac", instrument=InstrumentTags())
    assert not list(tmp_path.iterdir())


def test_sound_files_without_a_word_to_samplers(noise, tmp_path):
    for name in ("a.wav", "a.flac"):
        noise(1).write(tmp_path / name)
        assert Sound.read_instrument(tmp_path / name) is None
    assert b"smpl" not in (tmp_path / "a.wav").read_bytes()
    with pytest.raises(WavesmithError, match="no sound file"):
        Sound.read_instrument(tmp_path / "none.wav")


def test_chunks_are_where_samplers_look(noise, tmp_path):
    instrument = InstrumentTags(48, (10, 700), (0, 400), (1, 90))
    noise(1).write(tmp_path / "a.wav", instrument=instrument)
    noise(1).write(tmp_path / "b.wav", instrument=instrument)
    data = (tmp_path / "a.wav").read_bytes()
    assert data == (tmp_path / "b.wav").read_bytes()
    at = data.index(b"smpl") + 8
    period, note = struct.unpack("<2I", data[at + 8 : at + 16])
    assert (period, note) == (125_000, 48)
    assert struct.unpack("<6I", data[at + 36 : at + 60]) == (0, 0, 10, 699, 0, 0)
    assert Sound.read_instrument(tmp_path / "a.wav") == instrument
    assert files.sha256(tmp_path / "a.wav") == files.sha256(tmp_path / "b.wav")
