import numpy as np
import pytest
import torch

from burst2vec.audio.packed import collate
from burst2vec.corpora.corpus import Task
from burst2vec.models.burst2vec import Burst2Vec, Standardisation, build, masked_deviation, masked_mean
from burst2vec.models.hub import load_backbone
from burst2vec.models.tiny import FAMILIES

FEELING = Task("feeling", "intensities", ("joy", "grief"))
AGE = Task("age", "scalar", ("age",), unit="years", low=20, high=40)
COUNTRY = Task("country", "classes", ("country",), classes=("China", "South Africa", "USA", "Venezuela"))
TASKS = (FEELING, AGE, COUNTRY)
GROUP, LAYER = "facebook/hubert-base-ls960", "facebook/hubert-large-ls960-ft"


def make(name=GROUP, tasks=TASKS, padding="exact", **options):
    torch.manual_seed(0)
    return Burst2Vec(load_backbone(name, "tiny", padding), tasks, width=12, hidden=6, **options).double().eval()


def bursts(*lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, rng.uniform(0.1, 3), n).astype(np.float32) for n in lengths]


def predict(model, waveforms):
    padded, lengths = collate(waveforms)
    with torch.no_grad():
        return model(padded.double(), lengths)


def change_by_neighbours(model, waveforms):
    """How far the predictions for bursts in one batch lie from those for each burst alone."""
    together = predict(model, waveforms)
    lonely = [predict(model, [w]) for w in waveforms]
    return max((together[t][i] - lonely[i][t][0]).abs().max().item() for t in together for i in range(len(waveforms)))


def relu(x):
    return np.maximum(x, 0)


def linear(map, x):
    weight, bias = (p.detach().numpy() for p in map.parameters())
    return x @ weight.T + bias


def layer(part, x):
    """A linear map, layer norm and ReLU: a projection, extractor or combination."""
    y = linear(part[0], x)
    normal = (y - y.mean(1, keepdims=True)) / np.sqrt(y.var(1, keepdims=True) + 1e-5)
    gain, bias = (p.detach().numpy() for p in part[1].parameters())
    return relu(gain * normal + bias)


def test_figure_2_by_hand():
    model = make()
    padded, lengths = collate(bursts(3_000, 2_000))
    r = model.represent(padded.double(), lengths)
    projected = layer(model.projection, r.pooled.detach().numpy())
    shared = layer(model.shared_extractor, projected)
    outputs = model(padded.double(), lengths)
    np.testing.assert_allclose(r.projected.detach(), projected, atol=1e-12)
    np.testing.assert_allclose(r.shared.detach(), shared, atol=1e-12)
    for task in TASKS:
        specific = layer(model.task_extractors[task.name], projected)
        combined = layer(model.combinations[task.name], np.concatenate([shared, specific], axis=1))
        output = linear(model.heads[task.name][2], relu(linear(model.heads[task.name][0], combined)))
        output = 1 / (1 + np.exp(-output)) if task is FEELING else output
        np.testing.assert_allclose(r.specific[task.name].detach(), specific, atol=1e-12)
        np.testing.assert_allclose(r.combined[task.name].detach(), combined, atol=1e-12)
        np.testing.assert_allclose(outputs[task.name].detach(), output, atol=1e-12)


def test_the_pooled_embedding_is_the_mean_of_each_clips_own_frames():
    model, waveforms = make(), bursts(3_000, 2_000)
    padded, lengths = collate(waveforms)
    pooled = model.represent(padded.double(), lengths).pooled
    for one, waveform in zip(pooled, waveforms, strict=True):
        hidden, frames = model.backbone(*[t.double() if t.is_floating_point() else t for t in collate([waveform])])
        torch.testing.assert_close(one, hidden[0].mean(0), rtol=1e-10, atol=1e-10)
        assert hidden.shape[1] == frames


def test_masked_mean_ignores_what_lies_past_the_real_frames():
    hidden = torch.tensor([[[1.0, 2], [3, 4], [float("nan"), float("inf")]], [[1.0, 2], [3, 4], [5, 6]]])
    assert masked_mean(hidden, torch.tensor([2, 3])).tolist() == [[2, 3], [3, 4]]
    assert masked_mean(hidden, torch.tensor([1, 1])).tolist() == [[1, 2], [1, 2]]


def test_masked_deviation_is_that_of_the_real_frames_and_has_a_gradient_where_there_is_one():
    hidden = torch.tensor([[[1.0, 2], [3, 8], [float("nan"), float("inf")]], [[1.0, 2], [1, 2], [5, 6]]])
    hidden.requires_grad_()
    found = masked_deviation(hidden, torch.tensor([2, 1]))
    torch.testing.assert_close(found, torch.tensor([[1.0, 3.0], [1e-4, 1e-4]]))
    gradient, = torch.autograd.grad(found.sum(), hidden)
    torch.testing.assert_close(gradient[0, :2], torch.tensor([[-0.5, -0.5], [0.5, 0.5]]))
    assert (gradient[0, 2] == 0).all() and (gradient[1] == 0).all()


@pytest.mark.parametrize("layers", ["last", "all"])
@pytest.mark.parametrize("statistics", ["mean", "mean_deviation"])
def test_an_embedding_holds_the_layers_and_statistics_that_are_pooled(layers, statistics):
    model = make(pooled_layers=layers, pooled_statistics=statistics)
    waveforms, lengths = collate(bursts(4_000, 900, 7_777))
    waveforms = waveforms.double()
    with torch.no_grad():
        states, num_frames = model.backbone(waveforms, lengths, every_layer=True)
        found, answers = model.embed([(waveforms, lengths)]), model(waveforms, lengths)
    wanted = []
    for clip, count in zip(states, num_frames, strict=True):
        kept = clip[:count] if layers == "all" else clip[:count, -model.backbone.features:]
        deviation = kept.std(0, unbiased=False).clamp_min(1e-4)  # one frame alone has none
        wanted.append(kept.mean(0) if statistics == "mean" else torch.cat([kept.mean(0), deviation]))
    torch.testing.assert_close(found, torch.stack(wanted), atol=1e-9, rtol=1e-9)
    for name, answer in model.answer(found).items():
        torch.testing.assert_close(answer, answers[name])


def test_standardised_embeddings_have_mean_0_and_deviation_1_and_what_does_not_vary_is_centred():
    scale, examples = Standardisation(3), torch.tensor([[1.0, 100, 7], [3, 500, 7], [2, 300, 7]])
    torch.testing.assert_close(scale(examples), examples)
    scale.fit(examples)
    found = scale(examples)
    torch.testing.assert_close(found[:, :2], torch.tensor([[-1.5**0.5, -1.5**0.5], [1.5**0.5, 1.5**0.5], [0, 0]]))
    assert found[:, 2].tolist() == [0, 0, 0]


def test_standardising_is_no_more_than_another_projection():
    plain, scaled = make(), make(pooled_scale="standardised")
    scaled.standardisation.fit(torch.randn(9, plain.backbone.features).double() * 3 + 1)
    linear, other = plain.projection[0], scaled.projection[0]
    scaled.load_state_dict(plain.state_dict(), strict=False)
    with torch.no_grad():
        other.weight.copy_(linear.weight * scaled.standardisation.spread)
        other.bias.copy_(linear.bias + linear.weight @ scaled.standardisation.centre)
        pooled = torch.randn(4, plain.backbone.features).double()
        for name, answer in plain.answer(pooled).items():
            torch.testing.assert_close(scaled.answer(pooled)[name], answer)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_prediction_does_not_depend_on_neighbours_or_padding(name):
    assert change_by_neighbours(make(name), bursts(4_000, 900, 7_777, 300)) < 1e-10


@pytest.mark.parametrize("name", FAMILIES)
def test_it_does_not_in_float32_either(name):
    model, waveforms = make(name).float(), bursts(4_000, 900, 7_777)
    padded, lengths = collate(waveforms)
    with torch.no_grad():
        together, lonely = model(padded, lengths), [model(*collate([w])) for w in waveforms]
    for task in TASKS:
        torch.testing.assert_close(together[task.name], torch.cat([o[task.name] for o in lonely]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "depends"), [("facebook/wav2vec2-large-960h", True), (GROUP, True), (LAYER, False)])
def test_as_published_it_does_where_group_norm_sees_the_padding(name, depends):
    change = change_by_neighbours(make(name, padding="as_published"), bursts(9_000, 2_000))
    assert change > 1e-4 if depends else change < 1e-10


def test_pooling_over_the_padding_makes_it_depend_on_neighbours_too():
    assert change_by_neighbours(make(pooling="padded"), bursts(9_000, 2_000)) > 1e-4


def test_without_padding_both_poolings_agree():
    waveforms = bursts(3_000, 3_000)
    real, padded = (predict(make(pooling=pooling), waveforms) for pooling in ("real", "padded"))
    assert all(torch.equal(real[name], padded[name]) for name in real)


def test_each_task_has_its_outputs_and_intensities_lie_in_0_1():
    outputs = predict(make(), bursts(3_000, 2_000, 1_000))
    shapes = {name: tuple(o.shape) for name, o in outputs.items()}
    assert shapes == {"feeling": (3, 2), "age": (3, 1), "country": (3, 4)}
    assert (outputs["feeling"] > 0).all() and (outputs["feeling"] < 1).all()


def test_one_task_alone_needs_no_discriminator():
    model = make(tasks=(AGE,))
    assert model.discriminator is None and list(predict(model, bursts(2_000))) == ["age"]


def test_the_discriminator_knows_the_tasks_and_is_left_out_without_adversary():
    assert make().discriminator(torch.zeros(1, 12, dtype=torch.float64)).shape == (1, 3)
    assert make(adversarial=False).discriminator is None


def test_the_discriminator_has_no_part_in_a_prediction():
    model, waveforms = make(), bursts(2_000)
    before = predict(model, waveforms)
    for p in model.discriminator.parameters():
        torch.nn.init.constant_(p, 7)
    assert all(torch.equal(before[n], o) for n, o in predict(model, waveforms).items())


def test_a_tasks_prediction_depends_on_its_own_extractor_and_the_shared_one_alone():
    model = make()
    padded, lengths = collate(bursts(2_000))
    model(padded.double(), lengths)["age"].sum().backward()
    moved = {name for name in ("feeling", "age", "country") if model.task_extractors[name][0].weight.grad is not None}
    assert moved == {"age"} and model.shared_extractor[0].weight.grad is not None


def test_dropout_acts_in_training_alone():
    model, waveforms = make(dropout=0.5), bursts(2_000)
    assert torch.equal(predict(model, waveforms)["age"], predict(model, waveforms)["age"])
    model.train()
    assert not torch.equal(predict(model, waveforms)["age"], predict(model, waveforms)["age"])


def test_a_model_is_built_as_its_parameters_say(tiny_params):
    params = tiny_params(backbone=LAYER, width=9, hidden=5, dropout=0.3, adversarial=False, pooling="padded",
                         padding="as_published", freeze_feature_encoder=False)
    model = build(params, TASKS)
    assert model.backbone.config.feat_extract_norm == "layer"
    assert model.projection[0].out_features == 9 and model.heads["age"][0].out_features == 5
    assert model.discriminator is None and model.pooling == "padded"
    assert {m.p for m in model.projection.modules() if isinstance(m, torch.nn.Dropout)} == {0.3}
    assert all(p.requires_grad for p in model.backbone.parameters())


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_draws_the_same_weights_and_another_seed_others(tiny_params, name):
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        states.append(build(tiny_params(backbone=name), TASKS).state_dict())
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    assert not torch.equal(states[0]["projection.0.weight"], states[2]["projection.0.weight"])
