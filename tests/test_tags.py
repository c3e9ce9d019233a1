import io
import struct
import wave

import numpy as np
import pytest
import soundfile

from wavesmith import tags
from wavesmith.tags import InstrumentTags


def wav(
    frames: int = 101, channels: int = 1, subtype: str = "PCM_24", title: str | None = None
) -> io.BytesIO:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (frames, channels))
    memory = io.BytesIO()
    with soundfile.SoundFile(memory, "w", 8000, channels, subtype, format="WAV") as file:
        if title:
            file.title = title
        file.write(samples)
    return memory


@pytest.mark.parametrize("text", ["a", "ab", "é" * 2500, "{" + '"müsli": "鼓"' * 20000 + "}"])
def test_comment_survives_whole(text: str) -> None:
    file = wav()
    tags.write_comment(file, text)
    assert tags.read_comment(file) == text


def test_no_comment() -> None:
    assert tags.read_comment(wav()) is None
    assert tags.read_comment(io.BytesIO(b"not a sound file at all")) is None
    assert tags.read_comment(io.BytesIO()) is None


@pytest.mark.parametrize("frames", [101, 102])
def test_everything_else_in_the_file_stays(frames: int) -> None:
    file = wav(frames, title="Kick")
    before, _ = soundfile.read(io.BytesIO(file.getvalue()))
    tags.write_comment(file, "x" * 5000)
    file.seek(0)
    with soundfile.SoundFile(file) as reader:
        assert reader.title == "Kick"
        assert (reader.samplerate, reader.channels, reader.subtype) == (8000, 1, "PCM_24")
        np.testing.assert_array_equal(reader.read(), before)
    file.seek(0)
    with wave.open(file) as plain:
        assert plain.getnframes() == frames


def test_short_comment_is_where_other_programs_look() -> None:
    file = wav()
    tags.write_comment(file, "made by a model")
    file.seek(0)
    with soundfile.SoundFile(file) as reader:
        assert reader.comment == "made by a model"


@pytest.mark.parametrize("text", ["odd", "even"])
def test_sizes_add_up_to_the_file(text: str) -> None:
    file = wav()
    tags.write_comment(file, text)
    content = file.getvalue()
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8
    last = list(tags.chunks(file))[-1]
    assert (last.name, last.start + last.size) == (b"LIST", len(content))


def test_time_stamp_is_cleared_and_nothing_else() -> None:
    file = wav(subtype="FLOAT")
    before = file.getvalue()
    stamp = before.index(b"PEAK") + 12
    assert before[stamp : stamp + 4] != bytes(4)
    tags.clear_time_stamp(file)
    assert file.getvalue() == before[:stamp] + bytes(4) + before[stamp + 4 :]


def encoded(kind: str, subtype: str) -> bytes:
    """Two seconds of noise in stereo."""
    memory = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (96_000, 2))
    soundfile.write(memory, noise, 48_000, subtype, format=kind)
    return memory.getvalue()


@pytest.mark.parametrize("kind", ["WAV", "AIFF"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_missing_bytes_are_counted(kind: str, subtype: str) -> None:
    content = encoded(kind, subtype)
    (start, size) = next(
        chunk[1:] for chunk in tags.chunks(io.BytesIO(content)) if chunk.name in (b"data", b"SSND")
    )
    assert tags.missing(io.BytesIO(content)) == ""
    assert tags.missing(io.BytesIO(content[: start + size - 30])) == "30 bytes of its sound"


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_file_without_its_end_is_told(subtype: str) -> None:
    content = encoded("OGG", subtype)
    pages = [at for at in range(len(content)) if content.startswith(b"OggS", at)]
    assert len(pages) > 5
    assert tags.missing(io.BytesIO(content)) == ""
    for cut in (len(content) - 1, pages[-1] + 40, pages[-1] + 27, pages[-1] + 10, pages[-1], pages[3] + 100):
        assert tags.missing(io.BytesIO(content[:cut])) == "the end of its sound", cut


def test_other_formats_are_not_judged() -> None:
    assert tags.missing(io.BytesIO(b"fLaC" + encoded("WAV", "PCM_16")[:-30])) == ""
    assert tags.missing(io.BytesIO(b"")) == ""


@pytest.mark.parametrize(("kind", "name"), [("WAV", b"data"), ("AIFF", b"SSND")])
def test_a_streamed_file_is_not_called_cut_short(kind: str, name: bytes) -> None:
    content = encoded(kind, "PCM_16")
    size = content.index(name) + 4
    streamed = content[:size] + b"\xff\xff\xff\xff" + content[size + 4 :]
    assert tags.missing(io.BytesIO(streamed)) == ""


@pytest.mark.parametrize("seed", range(20))
def test_damaged_chunks_do_no_harm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    file = wav()
    tags.write_comment(file, "hello")
    damaged = bytearray(file.getvalue())
    for place in rng.integers(12, len(damaged), 40):
        damaged[place] = rng.integers(256)
    comment = tags.read_comment(io.BytesIO(bytes(damaged)))
    assert comment is None or len(comment) < len(damaged)


# Instrument tags

LOOP = InstrumentTags(note=36, loop=(10, 90), cues=(0, 25, 50), velocities=(1, 63))


@pytest.mark.parametrize(
    "instrument", [InstrumentTags(), InstrumentTags(0), LOOP, LOOP._replace(loop=(0, 101))]
)
@pytest.mark.parametrize("frames", [101, 102])
def test_instrument_survives_beside_a_comment(instrument: InstrumentTags, frames: int) -> None:
    file = wav(frames)
    tags.write_instrument(file, instrument, 8000)
    tags.write_comment(file, "odd")
    content = file.getvalue()
    assert tags.read_instrument(file) == instrument
    assert tags.read_comment(file) == "odd"
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8
    file.seek(0)
    with wave.open(file) as plain:
        assert plain.getnframes() == frames
    before, after = (soundfile.read(io.BytesIO(f.getvalue()))[0] for f in (wav(frames), file))
    np.testing.assert_array_equal(after, before)


def test_libsndfile_reads_the_same_key_loop_and_markers() -> None:
    file = wav()
    tags.write_instrument(file, LOOP, 8000)
    file.seek(0)
    ffi = soundfile._ffi
    with soundfile.SoundFile(file) as reader:
        instrument, cues = ffi.new("char[272]"), ffi.new("char[27204]")
        assert soundfile._snd.sf_command(reader._file, 0x10D0, instrument, 272)
        assert soundfile._snd.sf_command(reader._file, 0x10CE, cues, 27204)
    # SF_INSTRUMENT: gain, base note, (tuning and ranges,) number of loops, mode, start, end
    found = struct.unpack("<ib7xi3I", bytes(ffi.buffer(instrument))[:28])
    assert found[1:] == (36, 1, 801, 10, 90)
    count, *points = struct.unpack("<I" + "iIiiiI256x" * 3, bytes(ffi.buffer(cues))[: 4 + 3 * 280])
    assert (count, points[5::6]) == (3, [0, 25, 50])


def test_no_instrument_tags() -> None:
    file = wav()
    tags.write_comment(file, "hello")
    assert tags.read_instrument(file) is None
    assert tags.read_instrument(io.BytesIO(b"fLaC and so on")) is None


@pytest.mark.parametrize("start_of_chunk", [b"smpl", b"inst", b"cue "])
@pytest.mark.parametrize("left", [0, 3, 20, 40])
def test_instrument_chunks_that_end_early(start_of_chunk: bytes, left: int) -> None:
    file = wav()
    tags.write_instrument(file, LOOP, 8000)
    content = file.getvalue()
    found = tags.read_instrument(io.BytesIO(content[: content.index(start_of_chunk) + 8 + left]))
    assert found is None or 0 <= found.note <= 127


@pytest.mark.parametrize("seed", range(20))
def test_damaged_instrument_chunks_do_no_harm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    file = wav(2)
    tags.write_instrument(file, LOOP, 8000)
    damaged = bytearray(file.getvalue())
    for place in rng.integers(36, len(damaged), 20):
        damaged[place] = rng.integers(256)
    found = tags.read_instrument(io.BytesIO(bytes(damaged)))
    if found:
        assert 0 <= found.note <= 127
        assert found.loop is None or 0 <= found.loop[0] < found.loop[1]
        assert found.velocities is None or 1 <= found.velocities[0] <= found.velocities[1] <= 127
