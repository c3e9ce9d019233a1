import torch
from safetensors.torch import load_file, save_file

from wavesmith.models import debug_model, load, load_folder, save_folder
from wavesmith.models.legacy import name_of_0_1, with_names_of_today
from wavesmith.models.model_folder import WEIGHTS


def test_a_model_folder_of_0_1_loads_with_the_same_hash(tmp_path):
    model = debug_model()
    save_folder(tmp_path, model.family, "")
    tensors = {name_of_0_1(name): tensor for name, tensor in load_file(tmp_path / WEIGHTS).items()}
    assert "network.inlet.weight" in tensors
    assert "network.outlet_norm.weight" in tensors
    save_file(tensors, tmp_path / WEIGHTS)
    loaded = load_folder(tmp_path)
    assert loaded.hash == model.hash
    for name, tensor in model.family.state_dict().items():
        assert torch.equal(loaded.family.state_dict()[name], tensor)


def test_hashes_are_those_of_0_1():
    assert load("drums").hash == "72c7156024146db3"


def test_a_name_that_a_network_uses_today_stays():
    tensors = {"mine.inlet.weight": 1, "network.inlet.bias": 2, "other": 3}
    expected = {"mine.inlet.weight", "mine.proj_in.weight", "network.proj_in.bias", "other"}
    assert with_names_of_today(tensors, expected) == {
        "mine.inlet.weight": 1,
        "network.proj_in.bias": 2,
        "other": 3,
    }
