import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    HubertConfig,
    HubertForCTC,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
)

from burst2vec.audio import SHORTEST
from burst2vec.backbone import Backbone, BackboneError, MaskedGroupNorm, normalise
from burst2vec.batches import collate
from burst2vec.checkpoints import load_backbone
from burst2vec.tiny import FAMILIES

GROUP, LAYER = "facebook/hubert-base-ls960", "facebook/hubert-large-ls960-ft"
SMALL = {  # the published models' convolutions in every respect but their width
    "conv_dim": (8,) * 7, "conv_kernel": (10, 3, 3, 3, 3, 2, 2), "conv_stride": (5, 2, 2, 2, 2, 2, 2),
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}
AS_PUBLISHED = {"apply_spec_augment": True, "mask_time_prob": 0.9, "mask_time_length": 2, "layerdrop": 0.9}
STILL = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}


def bursts(*lengths, seed=0):
    """Noise of these lengths in samples, at various levels and offsets."""
    rng = np.random.default_rng(seed)
    return [(rng.normal(rng.normal(), rng.uniform(0.1, 3), n)).astype(np.float32) for n in lengths]


def checkpoint(folder, name, kind=None, dtype=torch.float32, **options):
    """A folder with a small random model of the family of `name`, its configuration as restless as the published."""
    torch.manual_seed(0)
    config_class, family = FAMILIES[name]
    kind = kind or {Wav2Vec2Config: Wav2Vec2Model, HubertConfig: HubertModel}[config_class]
    model = kind(config_class(**{**SMALL, **family, **AS_PUBLISHED, **STILL, **options}))
    model.to(dtype).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda name: name.split("/")[1])
def published(request, tmp_path_factory):
    """(name, folder) of a small published model of each family."""
    return request.param, checkpoint(tmp_path_factory.mktemp("hub") / "model", request.param)


def encode(backbone, waveforms):
    """The real frames' hidden states (frames, features) of each waveform, all in one batch."""
    parameter = next(backbone.parameters())
    padded, lengths = collate(waveforms)
    with torch.no_grad():
        hidden, frames = backbone(padded.to(parameter.dtype), lengths)
    return [h[:n] for h, n in zip(hidden, frames, strict=True)]


def furthest(a, b):
    return max((x - y).abs().max().item() for x, y in zip(a, b, strict=True))


def alone(backbone, waveforms):
    return [encode(backbone, [w])[0] for w in waveforms]


# What the published models are fed.

@pytest.mark.parametrize("padding", ["exact", "as_published"])
def test_a_clip_alone_is_encoded_as_transformers_encodes_it(published, padding):
    folder = published[1]
    waveform, = bursts(4_000)
    inputs = Wav2Vec2FeatureExtractor(do_normalize=True)(waveform, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        theirs = AutoModel.from_pretrained(folder).eval()(inputs.input_values).last_hidden_state[0]
    ours, = encode(load_backbone(folder, padding=padding).eval(), [waveform])
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


def test_a_batch_as_published_is_zero_padded_and_masked_only_for_layer_norm(published):
    name, folder = published
    waveforms, extractor = bursts(4_000, 1_500), Wav2Vec2FeatureExtractor(do_normalize=True)
    padded, lengths = collate([extractor(w, sampling_rate=16_000).input_values[0] for w in waveforms])
    mask = (torch.arange(4_000) < lengths[:, None]).long() if name == LAYER else None
    with torch.no_grad():
        theirs = AutoModel.from_pretrained(folder).eval()(padded, attention_mask=mask).last_hidden_state
    ours = encode(load_backbone(folder, padding="as_published").eval(), waveforms)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other[:len(mine)], atol=2e-5, rtol=1e-4)


def test_normalising_is_what_the_published_feature_extractor_does_over_the_clips_own_samples():
    waveforms = bursts(900, 300)
    theirs = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)(
        waveforms, sampling_rate=16_000, padding=True, return_tensors="pt").input_values
    padded, lengths = collate(waveforms)
    torch.testing.assert_close(normalise(padded, torch.arange(900) < lengths[:, None]), theirs, atol=1e-4, rtol=1e-4)


def test_level_and_offset_of_a_clip_do_not_matter(published):
    backbone = load_backbone(published[1]).eval()
    waveform, = bursts(3_000)
    assert furthest(encode(backbone, [waveform]), encode(backbone, [0.3 * waveform + 0.2])) < 1e-3


# Neighbours and padding.

@pytest.mark.parametrize("name", FAMILIES)
def test_neighbours_and_padding_change_nothing(name):
    torch.manual_seed(0)
    backbone = load_backbone(name, "tiny").double().eval()
    waveforms = bursts(4_000, 900, 12_345, 2_001, 881, 300)
    assert furthest(encode(backbone, waveforms), alone(backbone, waveforms)) < 1e-10
    padded, lengths = collate(waveforms)
    longer = torch.nn.functional.pad(padded, (0, 5_000)).double()
    with torch.no_grad():
        hidden, frames = backbone(longer, lengths)
    assert furthest([h[:n] for h, n in zip(hidden, frames, strict=True)], alone(backbone, waveforms)) < 1e-10


def test_neighbours_change_nothing_in_the_published_models_own_shape(published):
    backbone = load_backbone(published[1]).double().eval()
    waveforms = bursts(4_000, 1_000, 400)
    assert furthest(encode(backbone, waveforms), alone(backbone, waveforms)) < 1e-10


def test_as_published_neighbours_change_group_norm_models_but_not_those_with_layer_norm(published):
    name, folder = published
    backbone = load_backbone(folder, padding="as_published").double().eval()
    waveforms = bursts(8_000, 1_500)
    change = furthest(encode(backbone, waveforms)[1:], alone(backbone, waveforms)[1:])
    assert change < 1e-10 if name == LAYER else change > 0.1


def test_what_lies_in_the_padding_does_not_matter():
    torch.manual_seed(0)
    backbone = load_backbone(GROUP, "tiny").eval()
    padded, lengths = collate(bursts(4_000, 2_000))
    noisy = padded.clone()
    noisy[1, 2_000:] = 7
    with torch.no_grad():
        (clean, frames), (dirty, _) = backbone(padded, lengths), backbone(noisy, lengths)
    assert torch.equal(clean[1, :frames[1]], dirty[1, :frames[1]])


@pytest.mark.parametrize("name", [GROUP, LAYER])
@pytest.mark.parametrize("samples", [1, 100, 399])
def test_a_clip_shorter_than_a_frame_has_one_frame_whatever_its_neighbours(name, samples):
    torch.manual_seed(0)
    backbone = load_backbone(name, "tiny").double().eval()
    waveforms = bursts(samples, 5_000)
    lonely, together = alone(backbone, waveforms), encode(backbone, waveforms)
    assert len(lonely[0]) == 1 and torch.isfinite(lonely[0]).all()
    assert furthest(lonely, together) < 1e-10


# Masked group norm.

def group_norm(channels=4):
    norm = torch.nn.GroupNorm(channels, channels)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    return norm.double()


@pytest.mark.parametrize("num_frames", [None, torch.tensor([9, 9])])
def test_masked_group_norm_without_padding_is_group_norm(num_frames):
    norm, x = group_norm(), torch.randn(2, 4, 9, dtype=torch.float64)
    masked = MaskedGroupNorm(norm)
    masked.num_frames = num_frames
    torch.testing.assert_close(masked(x), norm(x), rtol=1e-12, atol=1e-12)


def test_masked_group_norm_takes_its_moments_over_real_frames_alone():
    norm, x = group_norm(), torch.randn(2, 4, 9, dtype=torch.float64)
    masked = MaskedGroupNorm(norm)
    masked.num_frames = torch.tensor([9, 5])
    torch.testing.assert_close(masked(x)[1, :, :5], norm(x[1:, :, :5])[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(masked(x)[0], norm(x)[0], rtol=1e-12, atol=1e-12)


def test_masked_group_norm_computes_in_float32_and_answers_in_the_inputs_precision():
    norm = MaskedGroupNorm(group_norm().float())
    norm.num_frames = torch.tensor([200])
    x = (100 + torch.randn(1, 4, 200)).bfloat16()
    assert norm(x).dtype == torch.bfloat16
    torch.testing.assert_close(norm(x).float(), norm(x.float()), atol=0.02, rtol=0.02)


def test_its_weights_are_in_the_model_once():
    names = [n for n in load_backbone(GROUP, "tiny").state_dict() if "conv_layers.0.layer_norm" in n or "group_norm" in n]
    assert len(names) == 2


# Frames.

def test_frames_are_counted_as_the_convolutions_make_them():
    torch.manual_seed(0)
    backbone = load_backbone(GROUP, "tiny")
    lengths = torch.arange(backbone.receptive_field, backbone.receptive_field + 2_000, 37)
    theirs = backbone.model._get_feat_extract_output_lengths(lengths)
    assert torch.equal(backbone.num_frames(lengths), theirs)
    for n in lengths[::10].tolist():
        assert backbone.model.feature_extractor(torch.zeros(1, n)).shape[2] == backbone.num_frames(torch.tensor(n))


def test_the_receptive_field_is_the_shortest_clip_with_a_frame(published):
    for backbone in (load_backbone(published[1]), load_backbone(published[0], "tiny")):
        field = torch.tensor(backbone.receptive_field)
        assert backbone.num_frames(field) == 1 and backbone.num_frames(field - 1) <= 0


def test_a_published_model_sees_25_ms_in_a_frame_and_makes_50_a_second(published):
    backbone = load_backbone(published[1])
    assert backbone.receptive_field == SHORTEST
    assert backbone.num_frames(torch.tensor(10 * 16_000)) == 499


# Training mode.

def test_specaugment_and_layerdrop_are_off(published):
    """Two passes of a model in training mode agree, although its configuration has both on nearly always."""
    waveforms = bursts(8_000, 5_000)
    theirs = AutoModel.from_pretrained(published[1]).train()
    padded, _ = collate(waveforms)
    torch.manual_seed(0)
    assert not torch.equal(*(theirs(padded).last_hidden_state for _ in range(2)))
    ours = load_backbone(published[1]).train()
    assert furthest(encode(ours, waveforms), encode(ours, waveforms)) == 0
    assert furthest(encode(ours, waveforms), encode(ours.eval(), waveforms)) == 0


@pytest.mark.parametrize("frozen", [True, False])
def test_only_a_frozen_feature_encoder_gets_no_gradient(published, frozen):
    backbone = load_backbone(published[1], freeze_feature_encoder=frozen).train()
    padded, lengths = collate(bursts(3_000, 2_000))
    backbone(padded, lengths)[0].square().sum().backward()
    encoder = list(backbone.model.feature_extractor.parameters())
    assert all((p.grad is None) == frozen for p in encoder)
    assert all(p.grad is not None for p in backbone.model.encoder.parameters())


def test_the_tiny_models_have_their_families_quirks():
    for name in FAMILIES:
        config = load_backbone(name, "tiny").config
        large_hubert = name == LAYER
        assert config.feat_extract_norm == ("layer" if large_hubert else "group")
        assert config.do_stable_layer_norm == config.conv_bias == large_hubert
        assert config.model_type == ("wav2vec2" if "wav2vec2" in name else "hubert")


# A backbone from its description alone.

def rebuilt(backbone):
    """The same backbone from its configuration, by way of JSON, and its weights."""
    again = Backbone.from_config(json.loads(json.dumps(backbone.to_config())))
    again.load_state_dict(backbone.state_dict())
    return again.eval()


@pytest.mark.parametrize("padding", ["exact", "as_published"])
def test_a_backbone_is_built_again_from_its_configuration_and_weights(published, padding):
    waveforms = bursts(5_000, 2_000)
    for name, size in ((published[1], "published"), (published[0], "tiny")):
        backbone = load_backbone(name, size, padding).eval()
        again = rebuilt(backbone)
        assert furthest(encode(backbone, waveforms), encode(again, waveforms)) == 0
        assert json.dumps(again.to_config()) == json.dumps(backbone.to_config())


def test_a_configuration_built_again_freezes_what_was_frozen():
    for frozen in (True, False):
        encoder = rebuilt(load_backbone(GROUP, "tiny", freeze_feature_encoder=frozen)).model.feature_extractor
        assert all(p.requires_grad != frozen for p in encoder.parameters())


def test_a_configuration_names_the_checkpoint_but_not_where_it_lay(published):
    config = json.dumps(load_backbone(published[1]).to_config())
    assert "model" in config and str(Path(published[1]).parent) not in config


def test_a_configuration_of_another_kind_of_model_is_refused():
    config = load_backbone(GROUP, "tiny").to_config()
    config["model"]["model_type"] = "whisper"
    with pytest.raises(BackboneError, match="is a whisper model; expected one that reads waveforms: wav2vec2, hubert"):
        Backbone.from_config(config)


# What can be loaded.

def test_the_base_model_is_taken_from_a_recognisers_checkpoint(tmp_path):
    folder = checkpoint(tmp_path, LAYER, HubertForCTC)
    theirs = HubertForCTC.from_pretrained(folder).hubert.state_dict()
    ours = load_backbone(folder).model.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_a_checkpoint_in_half_precision_is_trained_in_float32(tmp_path):
    backbone = load_backbone(checkpoint(tmp_path, GROUP, dtype=torch.float16))
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}


def bert(folder):
    BertModel(BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                         intermediate_size=8)).save_pretrained(folder)


def without_weights(folder):
    checkpoint(folder, GROUP)
    (folder / "model.safetensors").unlink()


def with_garbage_for_weights(folder):
    checkpoint(folder, GROUP)
    (folder / "model.safetensors").write_bytes(b"garbage")


def with_weights_of_another_size(folder):
    checkpoint(folder, GROUP)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 8}))


def with_weights_of_another_model(folder):
    checkpoint(folder, GROUP)
    config = (folder / "config.json").read_text()
    bert(folder)
    (folder / "config.json").write_text(config)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "complaint"), [
    (bert, "is a bert model; expected one that reads waveforms: wav2vec2, hubert, wavlm, data2vec-audio"),
    (without_weights, "folder holds no usable model; expected a folder with config.json and weights"),
    (with_garbage_for_weights, "folder holds no usable model"),
    (with_weights_of_another_size, "folder holds no usable model"),
    (with_weights_of_another_model, "its weights lack .* and .* more, which would stay random"),
    (lambda folder: folder.mkdir(), "folder holds no usable model"),
])
def test_a_folder_that_holds_no_backbone_is_named_in_one_line(tmp_path, make, complaint):
    make(tmp_path / "model")
    with pytest.raises(BackboneError, match=f"backbone '.*model':? {complaint}") as caught:
        load_backbone(str(tmp_path / "model"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nobody/nothing", "bert", "not a name", "/no/such/folder"])
def test_an_unknown_backbone_is_named_with_what_would_be_right(name):
    with pytest.raises(BackboneError, match=f"backbone '{name}' is neither a local folder nor to be had from the hub; "
                                            "expected .* such as facebook/wav2vec2-large-960h") as caught:
        load_backbone(name)
    assert "\n" not in str(caught.value)


def test_only_the_papers_backbones_have_tiny_models():
    with pytest.raises(BackboneError, match="'microsoft/wavlm-base' has no tiny model; there are tiny models of"):
        load_backbone("microsoft/wavlm-base", "tiny")
