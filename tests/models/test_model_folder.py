import json
import os
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from wavesmith.classifiers import Classifier, ClassifierConfig
from wavesmith.errors import ModelError, WavesmithError
from wavesmith.families.diffusion import DiffusionModel
from wavesmith.models import DEBUG_CONFIG, debug_model, fingerprint, load_folder, save_folder
from wavesmith.models.model_folder import write_tensors
from wavesmith.verbs import generate


@pytest.fixture(scope="module")
def model():
    return debug_model()


@pytest.fixture
def folder(model, tmp_path):
    save_folder(tmp_path / "drum", model.family, "# A card\n")
    return tmp_path / "drum"


def rewrite(folder, change):
    """Change the weights file."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def reconfigure(folder, **changes):
    values = json.loads((folder / "config.json").read_text())
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = values
        for parent in parents:
            place = place[parent]
        place[last] = value
    (folder / "config.json").write_text(json.dumps(values))


def refused(folder, *words):
    """Loading fails with one sentence that holds the words."""
    with pytest.raises(ModelError) as caught:
        load_folder(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence
    for word in words:
        assert word in sentence
    return sentence


def test_a_classifier_is_no_model(tmp_path):
    Classifier(ClassifierConfig(classes=("kick", "snare"), rate=8000)).save(tmp_path)
    refused(tmp_path, "classifier", "--guide")


def test_what_is_saved_comes_back_bit_for_bit(model, folder):
    loaded = load_folder(folder)
    before, after = model.family.state_dict(), loaded.family.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert (loaded.hash, loaded.card, loaded.name) == (model.hash, "# A card\n", str(folder))
    assert loaded.family.config == model.family.config
    assert not loaded.family.training
    ours, theirs = generate(model, seed=1)[0], generate(loaded, seed=1)[0]
    assert (ours.samples == theirs.samples).all()


def test_float16_halves_the_file_and_loads_as_float32(model, folder, tmp_path):
    model.family.transform.fit(torch.randn(2, 2, 500, generator=torch.Generator().manual_seed(0)))
    save_folder(tmp_path / "half", model.family, "", dtype=torch.float16)
    sizes = [(place / "model.safetensors").stat().st_size for place in (tmp_path / "half", folder)]
    assert sizes[0] < 0.6 * sizes[1]
    half = load_folder(tmp_path / "half")
    assert half.hash != load_folder(folder).hash
    assert half.hash == load_folder(tmp_path / "half").hash
    for name, tensor in half.family.state_dict().items():
        assert tensor.dtype == torch.float32
        exact = model.family.state_dict()[name]
        if name.startswith("transform."):
            assert torch.equal(tensor, exact)
        else:
            torch.testing.assert_close(tensor, exact, rtol=1e-3, atol=1e-6)


def test_the_fingerprint_notices_any_weight_and_any_setting():
    model = debug_model()
    seen = {model.hash}
    for tensor in model.family.state_dict().values():
        tensor.view(-1)[-1] += 0.5
        seen.add(fingerprint(model.family.config, model.family))
    settings = {"rate": 8001, "length": 2049, "labels": ("a", "b", "c", "d"), "channels": 1, "augments": 1}
    for name, value in settings.items():
        seen.add(fingerprint(DEBUG_CONFIG.model_copy(update={name: value}), model.family))
    slower = DEBUG_CONFIG.sampling.model_copy(update={"steps": 5})
    seen.add(fingerprint(DEBUG_CONFIG.model_copy(update={"sampling": slower}), model.family))
    assert len(seen) == 1 + len(model.family.state_dict()) + len(settings) + 1


def test_saving_again_replaces_everything_and_leaves_nothing_behind(model, folder):
    save_folder(folder, model.family, "# Another card\n")
    assert load_folder(folder).card == "# Another card\n"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]


def test_a_folder_without_a_card_is_good_enough(folder):
    (folder / "README.md").unlink()
    assert load_folder(folder).card == ""


def test_a_place_that_cannot_be_written_is_one_sentence(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WavesmithError, match="Cannot write"):
        save_folder(tmp_path / "file", model.family, "")


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


def test_no_code_runs_on_load(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (folder / "model.safetensors").write_bytes(pickle.dumps(Trap()))
    refused(folder, "damaged or no safetensors file")
    torch.save({"trap": Trap()}, folder / "model.safetensors")
    refused(folder, "damaged or no safetensors file")
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("kept", [0, 4, 100, 5000])
def test_a_weights_file_cut_short_is_refused(folder, kept):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:kept])
    refused(folder, "damaged", "get it again")


def test_a_missing_file_is_named(folder):
    (folder / "model.safetensors").unlink()
    refused(folder, "model.safetensors is missing")
    (folder / "config.json").unlink()
    refused(folder, "config.json is missing")


def test_a_missing_tensor_and_a_stranger_are_named(folder):
    rewrite(folder, lambda tensors: tensors.update(stranger=tensors.pop("network.proj_out.bias")))
    refused(folder, "network.proj_out.bias is missing", "stranger is not part of this network")


def test_many_problems_make_a_short_sentence(folder):
    rewrite(folder, lambda tensors: [tensors.pop(name) for name in list(tensors)[:10]])
    assert len(refused(folder, "and 7 more problems")) < 600


def test_a_tensor_of_another_shape_is_refused(folder):
    rewrite(folder, lambda tensors: tensors.update({"network.proj_out.bias": torch.zeros(3)}))
    refused(folder, "network.proj_out.bias has shape (3,) instead of")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_refused(folder, value):
    rewrite(folder, lambda tensors: tensors["network.proj_out.bias"].fill_(value))
    refused(folder, "network.proj_out.bias holds values that are not finite")


def test_tensors_of_another_type_are_refused(folder):
    rewrite(folder, lambda tensors: tensors.update({"transform.scale": tensors["transform.scale"].int()}))
    refused(folder, "transform.scale holds torch.int32")


@pytest.mark.parametrize("text", ["", "no json", "[]", "null", '{"rate": 8000}', "[" * 100_000, "\x00"])
def test_a_configuration_that_is_none_is_refused(folder, text):
    (folder / "config.json").write_text(text)
    refused(folder, "config.json does not describe a wavesmith model")


def test_a_configuration_that_is_no_text_is_refused(folder):
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")
    refused(folder, "config.json", "cannot be read")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"colour": "red"}, "colour"),
        ({"network__kind": "perceptron"}, "network"),
        ({"network__widths": []}, "widths"),
        ({"network__widths": [7]}, "widths"),
        ({"network__widths": [10**12]}, "widths"),
        ({"network__blocks": 10**9}, "blocks"),
        ({"transform__hop": 0}, "hop"),
        ({"transform__hop": 10**6}, "hop"),
        ({"rate": -1}, "rate"),
        ({"length": "long"}, "length"),
        ({"sampling__sigma_min": -1.0}, "sigma_min"),
        ({"sampling__sigma_min": 1e6}, "sigma_min"),
    ],
)
def test_absurd_values_are_refused_by_name(folder, change, word):
    reconfigure(folder, **change)
    refused(folder, word)


def test_a_configuration_cannot_claim_more_memory_than_the_weights_file_has(folder):
    reconfigure(folder, network__widths=[16384] * 16, network__blocks=64)
    refused(folder, "does not fit config.json")


def test_an_unchanged_folder_loads_after_all_that(folder):
    """The helpers above change only what they say."""
    rewrite(folder, lambda tensors: None)
    reconfigure(folder)
    assert isinstance(load_folder(folder).family, DiffusionModel)


def test_what_is_written_is_what_safetensors_reads(tmp_path):
    tensors = {
        "scalar": torch.tensor(3.0),
        "half": torch.randn(2, 3).half(),
        "brain": torch.randn(5, 1).bfloat16(),
        "turned": torch.randn(3, 4).T,
        "empty": torch.zeros(0, 2),
    }
    write_tensors(tensors, tmp_path / "some.safetensors")
    read = load_file(tmp_path / "some.safetensors")
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert torch.equal(read[name], tensor)
