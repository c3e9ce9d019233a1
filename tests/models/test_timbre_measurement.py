import numpy as np
import pytest

from wavesmith.errors import DataError, ModelError
from wavesmith.models import load, load_folder, save_folder, timbre_measurement, write_timbres
from wavesmith.models.model_folder import TIMBRE
from wavesmith.sound import Sound


@pytest.fixture
def folder(tmp_path):
    save_folder(tmp_path / "model", load("debug").family, "")
    return tmp_path / "model"


@pytest.fixture
def sounds(tmp_path):
    """Tones of other rates and channels than the model's, five low and five high."""
    for label, hertz in (("high", 900), ("low", 100)):
        for k in range(5):
            time = np.arange(3000) / 11025
            wave = 0.5 * np.sin(2 * np.pi * (hertz + 10 * k) * time) * np.exp(-20 * time)
            Sound(wave[None], 11025).write(tmp_path / "sounds" / label / f"{'abcde'[k]}.wav")
    return tmp_path / "sounds"


def test_a_table_is_written_into_the_model_and_read_with_it(folder, sounds):
    done = []
    table = write_timbres(folder, sounds, progress=lambda *count: done.append(count))
    assert done[-1] == (10, 10)
    model = load_folder(folder)
    assert model.timbre == table
    assert model.hash == load("debug").hash
    low, high = (2 ** table.value("pitch", 50, {label: 1.0}) for label in ("low", "high"))
    assert low == pytest.approx(120, rel=0.15)
    assert high == pytest.approx(920, rel=0.15)


def test_of_very_many_sounds_some_are_measured(folder, sounds, monkeypatch):
    monkeypatch.setattr(timbre_measurement, "_MOST", 4)
    done = []
    write_timbres(folder, sounds, progress=lambda *count: done.append(count))
    assert done[-1] == (4, 4)


def test_what_is_no_model_or_holds_no_sound_is_refused(folder, sounds, tmp_path):
    with pytest.raises(ModelError, match="no model folder"):
        write_timbres(tmp_path / "nowhere", sounds)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.wav").write_text("notes")
    with pytest.raises(DataError):
        write_timbres(folder, tmp_path / "notes")
    assert not (folder / TIMBRE).exists()


@pytest.mark.parametrize("text", ["{}", "rubbish", '{"rows": {}}', '{"rows": {"": {"pitch": [1]}}}'])
def test_a_damaged_table_is_one_sentence(folder, text):
    (folder / TIMBRE).write_text(text)
    with pytest.raises(ModelError, match=r"timbre\.json"):
        load_folder(folder)
