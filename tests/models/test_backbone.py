import copy
import json

import numpy as np
import pytest
import torch
from huggingface_hub.errors import StrictDataclassFieldValidationError
from transformers import AutoModel, Wav2Vec2FeatureExtractor

from burst2vec.audio.faults import SHORTEST
from burst2vec.audio.packed import collate
from burst2vec.config import ParameterError
from burst2vec.models.attention import ATTENTION, use_attention
from burst2vec.models.backbone import Backbone, BackboneError, feature_norm
from burst2vec.models.hub import load_backbone
from burst2vec.models.padding import normalise
from burst2vec.models.tiny import FAMILIES
from tests.support.published import PUBLISHED, publish

pytestmark = pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")  # WavLM's, in transformers

GROUP, LAYER, DATA2VEC = "facebook/hubert-base-ls960", "facebook/hubert-large-ls960-ft", "facebook/data2vec-audio-base"
LAYOUTS = [name for name in PUBLISHED if name != "alkiskoudounas/voc2vec"]  # the base is another wav2vec 2.0
RESTLESS = {"mask_time_prob": 0.9, "mask_time_length": 2, "layerdrop": 0.9}
STILL = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "feat_proj_dropout": 0.0}


def bursts(*lengths, seed=0):
    """Noise of these lengths in samples, at various levels and offsets."""
    rng = np.random.default_rng(seed)
    return [(rng.normal(rng.normal(), rng.uniform(0.1, 3), n)).astype(np.float32) for n in lengths]


@pytest.fixture(scope="module", params=LAYOUTS, ids=lambda name: name.split("/")[1])
def published(request, tmp_path_factory):
    """(name, folder) of a published checkpoint of each layout at small width."""
    return request.param, publish(tmp_path_factory.mktemp("hub") / "model", request.param, **RESTLESS, **STILL)


def theirs(folder):
    """What transformers makes of a checkpoint: its feature extractor, and its model in double precision."""
    return Wav2Vec2FeatureExtractor.from_pretrained(folder), AutoModel.from_pretrained(folder).double().eval()


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
    extractor, model = theirs(published[1])
    backbone = load_backbone(published[1], padding=padding).double().eval()
    for waveform in bursts(4_000, 700):
        inputs = extractor(waveform, sampling_rate=16_000, return_tensors="pt")
        with torch.no_grad():
            expected = model(inputs.input_values.double()).last_hidden_state[0]
        torch.testing.assert_close(encode(backbone, [waveform])[0], expected, atol=1e-5, rtol=0)


def test_a_batch_as_published_is_zero_padded_and_masked_where_the_checkpoint_says_so(published):
    extractor, model = theirs(published[1])
    waveforms = bursts(4_000, 1_500)
    padded, lengths = collate([extractor(w, sampling_rate=16_000).input_values[0] for w in waveforms])
    mask = (torch.arange(4_000) < lengths[:, None]).long() if extractor.return_attention_mask else None
    with torch.no_grad():
        expected = model(padded.double(), attention_mask=mask).last_hidden_state
    ours = encode(load_backbone(published[1], padding="as_published").double().eval(), waveforms)
    for mine, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(mine, other[:len(mine)], atol=1e-5, rtol=0)


def forward_and_backward(hidden, model):
    """The hidden states, and every gradient of the sum of their squares."""
    hidden.square().sum().backward()
    return [hidden.detach(), *(p.grad for p in model.parameters() if p.grad is not None)]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_model_computes_the_bits_of_transformers_own_forward_whatever_its_dropout_draws(tmp_path, name, training):
    folder = publish(tmp_path / "model", name)
    still = {"apply_spec_augment": False, "layerdrop": 0.0}
    theirs = AutoModel.from_pretrained(folder, **still).train(training)
    use_attention(theirs)
    ours = load_backbone(folder, padding="as_published", freeze_feature_encoder=False).train(training)
    padded, lengths = collate(bursts(4_000, 1_500))
    real = torch.arange(4_000) < lengths[:, None]
    inputs = normalise(padded, real) if ours.settings.do_normalize else padded
    torch.manual_seed(1)
    mask = real.long() if ours.settings.attention_mask else None
    wanted = forward_and_backward(theirs(inputs, attention_mask=mask).last_hidden_state, theirs)
    torch.manual_seed(1)
    found = forward_and_backward(ours(padded, lengths)[0], ours.model)
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))
    torch.manual_seed(2)
    assert torch.equal(ours(padded, lengths)[0], wanted[0]) != training


def test_level_and_offset_of_a_clip_matter_only_to_a_checkpoint_that_wants_them_as_they_are(published):
    name, folder = published
    backbone = load_backbone(folder).eval()
    waveform, = bursts(3_000)
    change = furthest(encode(backbone, [waveform]), encode(backbone, [0.03 * waveform + 0.2]))
    assert change > 1e-2 if name == "microsoft/wavlm-base-plus" else change < 1e-3


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
    waveforms = bursts(4_000, 1_000, 400, 300)
    assert furthest(encode(backbone, waveforms), alone(backbone, waveforms)) < 1e-10


def test_as_published_neighbours_change_all_but_layer_norm_models_with_one_positional_convolution(published):
    name, folder = published
    backbone = load_backbone(folder, padding="as_published").double().eval()
    waveforms = bursts(8_000, 1_500)
    change = furthest(encode(backbone, waveforms)[1:], alone(backbone, waveforms)[1:])
    immune = feature_norm(backbone.config) == "layer" and name != DATA2VEC
    assert change < 1e-10 if immune else change > 0.1


def test_neighbours_change_nothing_under_batch_norm_before_the_positional_convolution(tmp_path):
    folder = publish(tmp_path / "model", GROUP, conv_pos_batch_norm=True)
    backbone = load_backbone(folder).double().eval()
    backbone.model.encoder.pos_conv_embed.batch_norm.running_mean.fill_(0.7)
    waveforms = bursts(8_000, 1_500)
    assert furthest(encode(backbone, waveforms), alone(backbone, waveforms)) < 1e-10


def test_copies_of_a_backbone_know_their_own_lengths(published):
    backbone = load_backbone(published[1]).double().eval()
    twin, waveforms = copy.deepcopy(backbone), bursts(4_000, 1_000)
    before = encode(twin, waveforms)
    encode(backbone, bursts(500, 400))
    assert furthest(before, encode(twin, waveforms)) == 0


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


def test_the_weights_of_a_masked_norm_are_in_the_model_once():
    names = load_backbone(GROUP, "tiny").state_dict()
    assert sum("conv_layers.0.layer_norm" in n or "group_norm" in n for n in names) == 2


# Frames.

def test_frames_are_counted_as_the_convolutions_make_them():
    torch.manual_seed(0)
    backbone = load_backbone(GROUP, "tiny")
    lengths = torch.arange(backbone.receptive_field, backbone.receptive_field + 2_000, 37)
    theirs = backbone.model._get_feat_extract_output_lengths(lengths)
    assert torch.equal(backbone.num_frames(lengths), theirs)
    for n in lengths[::10].tolist():
        assert backbone.model.feature_extractor(torch.zeros(1, n)).shape[2] == backbone.num_frames(torch.tensor(n))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_receptive_field_is_the_shortest_clip_with_a_frame(name, tmp_path):
    for backbone in (load_backbone(publish(tmp_path, name)), load_backbone(name, "tiny")):
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
    model = AutoModel.from_pretrained(published[1]).train()
    padded, _ = collate(waveforms)
    torch.manual_seed(0)
    assert not torch.equal(*(model(padded).last_hidden_state for _ in range(2)))
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


def test_no_gradient_of_the_waveforms_is_computed(published):
    """transformers' own models ask for it in training."""
    backbone = load_backbone(published[1], freeze_feature_encoder=False).train()
    asked = []
    first = backbone.model.feature_extractor.conv_layers[0].conv
    first.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[0].requires_grad))
    backbone(*collate(bursts(3_000, 2_000)))
    assert asked == [False]


def test_a_backbone_learns_in_half_precision(published):
    backbone = load_backbone(published[1]).train()
    padded, lengths = collate(bursts(3_000, 2_000))
    with torch.autocast("cpu", torch.bfloat16):
        hidden, frames = backbone(padded, lengths)
    hidden[1, :frames[1]].float().square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in backbone.model.encoder.parameters())


# A backbone from its description alone.

def rebuilt(backbone):
    """The same backbone from its configuration, by way of JSON, and its weights."""
    again = Backbone.from_config(json.loads(json.dumps(backbone.to_config())))
    again.load_state_dict(backbone.state_dict())
    return again.eval()


@pytest.mark.parametrize("padding", ["exact", "as_published"])
def test_a_backbone_is_built_again_from_its_configuration_and_weights(published, padding):
    waveforms = bursts(5_000, 2_000)
    backbone = load_backbone(published[1], padding=padding).eval()
    again = rebuilt(backbone)
    assert furthest(encode(backbone, waveforms), encode(again, waveforms)) == 0
    assert json.dumps(again.to_config()) == json.dumps(backbone.to_config())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_tiny_backbone_is_built_again_from_its_configuration_and_weights(name):
    waveforms = bursts(5_000, 2_000)
    backbone = load_backbone(name, "tiny").eval()
    assert furthest(encode(backbone, waveforms), encode(rebuilt(backbone), waveforms)) == 0


def test_a_configuration_built_again_freezes_what_was_frozen():
    for frozen in (True, False):
        encoder = rebuilt(load_backbone(GROUP, "tiny", freeze_feature_encoder=frozen)).model.feature_extractor
        assert all(p.requires_grad != frozen for p in encoder.parameters())


def test_a_configuration_of_another_kind_of_model_is_refused():
    config = load_backbone(GROUP, "tiny").to_config()
    config["model"]["model_type"] = "whisper"
    with pytest.raises(BackboneError, match="is a model of type whisper; expected one that reads waveforms: wav2vec2"):
        Backbone.from_config(config)


@pytest.mark.parametrize(("part", "key", "value", "complaint"), [
    ("settings", "do_normalize", "false", "do_normalize is 'false'; expected true or false"),
    ("settings", "attention_mask", 0, "attention_mask is 0; expected true or false"),
    ("model", "conv_bias", "false", "conv_bias"),
    ("model", "num_hidden_layers", "2", "num_hidden_layers"),
    (None, "freeze_feature_encoder", "false", "freeze_feature_encoder is 'false'"),
    (None, "padding", "none", "padding is 'none'; expected one of exact, as_published"),
])
def test_a_value_of_a_wrong_type_is_never_taken_for_true(part, key, value, complaint):
    config = load_backbone(GROUP, "tiny").to_config()
    (config[part] if part else config)[key] = value
    with pytest.raises((BackboneError, ParameterError, StrictDataclassFieldValidationError), match=complaint):
        Backbone.from_config(config)


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation", "_attn_implementation_internal"])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_configuration_cannot_choose_attention_kernels(name, key):
    config = load_backbone(name, "tiny").to_config()
    asked = copy.deepcopy(config)
    asked["model"][key] = "someone/kernels"
    found = Backbone.from_config(asked)
    assert found.config._attn_implementation in ("eager", "sdpa", ATTENTION)
    assert json.dumps(found.to_config()) == json.dumps(config)


def test_no_choice_of_attention_is_written_or_read_at_any_depth():
    backbone = load_backbone(GROUP, "tiny")
    backbone.config.part = {"_attn_implementation": "someone/kernels", "width": 3}
    config = backbone.to_config()
    assert config["model"]["part"] == {"width": 3} and "attn_implementation" not in json.dumps(config)
    config["model"]["part"]["attn_implementation"] = "someone/kernels"
    assert Backbone.from_config(config).config.part == {"width": 3}


# What a run's record says of it.

def test_the_record_says_what_the_backbone_is_and_how_it_is_fed(tmp_path):
    assert load_backbone(publish(tmp_path / "WavLM", "microsoft/wavlm-base-plus")).record() == {
        "name": "WavLM", "family": "wavlm", "feature_norm": "group", "do_normalize": False, "attention_mask": True,
        "hidden_size": 32, "layers": 2}


def test_the_record_of_data2vec_says_layer_norm_although_its_configuration_does_not(tmp_path):
    assert load_backbone(publish(tmp_path / "data2vec", DATA2VEC)).record()["feature_norm"] == "layer"


@pytest.mark.parametrize("change", [{"conv_stride": [5, 0, 2]}, {"conv_kernel": [10, 3, 0]}])
def test_convolutions_that_are_none_are_refused(change):
    config = load_backbone("facebook/hubert-base-ls960", "tiny").to_config()
    model = config["model"] | {"conv_dim": [8] * 3, "conv_stride": [5, 2, 2], "conv_kernel": [10, 3, 3]} | change
    with pytest.raises(BackboneError, match="expected 1 or more of both"):
        Backbone.from_config(config | {"model": model})


def test_a_frame_that_would_see_more_than_any_recording_holds_is_refused():
    config = load_backbone("facebook/hubert-base-ls960", "tiny").to_config()
    change = {"conv_dim": [8] * 3, "conv_stride": [5, 2, 2], "conv_kernel": [10, 3, 2**58]}
    with pytest.raises(BackboneError, match="one of its frames sees .* samples; expected 60 seconds or less"):
        Backbone.from_config(config | {"model": config["model"] | change})


def test_more_layers_than_any_model_has_are_refused():
    config = load_backbone("facebook/hubert-base-ls960", "tiny").to_config()
    with pytest.raises(BackboneError, match="num_hidden_layers is 2147483648; expected 1000 or less"):
        Backbone.from_config(config | {"model": config["model"] | {"num_hidden_layers": 2**31}})
