"""Model cards: what they say, and what they must say."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from huggingface_hub import ModelCard

from burst2vec.corpora.joining import join
from burst2vec.evaluation import metrics
from burst2vec.evaluation.trivial import predict_constant
from burst2vec.models.burst2vec import build
from burst2vec.models.inference import predict
from burst2vec.systems import card


@pytest.fixture(scope="module")
def model(tiny_corpus, tiny_params):
    torch.manual_seed(0)
    return build(tiny_params(audio="own"), tiny_corpus.tasks)


@pytest.fixture(scope="module")
def predictions(model, tiny_corpus, tiny_store):
    return predict(model, tiny_corpus, tiny_store)


@pytest.fixture(scope="module")
def synthetic(tiny_corpus):
    return dataclasses.replace(tiny_corpus, synthetic=True)


def test_every_score_stands_in_the_table_beside_those_of_audio_free_baselines(model, tiny_corpus, predictions):
    text = card.describe_model(model, "Burst2Vec HB", tiny_corpus, predictions)
    for split, said in (("val", "validation"), ("test", "test")):
        truth = tiny_corpus.split(split)
        scores = {t.name: metrics.score(t, truth, predictions) for t in tiny_corpus.tasks}
        row = f"| {said} | Burst2Vec HB | {scores['emotion']:.3f} | {scores['country']:.3f} | {scores['age']:.3f} | "
        constant = metrics.score(tiny_corpus.task("age"), truth, predict_constant(tiny_corpus, truth.index))
        assert row in text and f"| {said} | Constant | 0.000 | 0.250 | {constant:.3f} | " in text
        assert f"| {said} | Chance | " in text and f"| {said} | Country median | – | – | " in text


def test_the_header_gives_the_hub_the_same_scores(model, tiny_corpus, predictions):
    data = ModelCard(card.describe_model(model, "Burst2Vec HB", tiny_corpus, predictions)).data
    found = {(r.dataset_split, r.metric_type): r.metric_value for r in data.eval_results}
    for split in ("val", "test"):
        for task in tiny_corpus.tasks:
            score = metrics.score(task, tiny_corpus.split(split), predictions)
            assert found[split, metrics.METRIC_NAMES[task.kind].lower()] == pytest.approx(score, abs=1e-4)
    assert data.model_name == "Burst2Vec HB" and data.library_name == "burst2vec" and len(found) == 6


def test_synthetic_scores_are_called_so_wherever_they_stand(model, synthetic, tiny_corpus, predictions):
    text = card.describe_model(model, "V4", synthetic, predictions)
    header, training, scores = text.split("# V4")[0], *text.split("## Training")[1].split("## Scores")
    assert header.count("name: tones (synthetic)") == 2 and "- synthetic" in header
    assert "**Synthetic:**" in training and "Measured on tones (synthetic)" in scores
    assert "ynthetic" not in card.describe_model(model, "V4", tiny_corpus, predictions)


def test_the_card_says_what_the_model_does_no_better_than_a_constant(model, tiny_corpus, predictions):
    constant = predictions.copy()
    for column, value in predict_constant(tiny_corpus, predictions.index).items():
        constant[column] = value
    said = "does no better than an audio-free baseline at: emotion CCC, country UAR, age MAE (years)"
    assert said in card.describe_model(model, "V4", tiny_corpus, constant)
    truth = tiny_corpus.table.loc[predictions.index]
    assert "does no better" not in card.describe_model(model, "V4", tiny_corpus, truth)


def test_withheld_labels_leave_their_scores_open(model, tiny_corpus, predictions):
    table = tiny_corpus.table.copy()
    labels = ["age", "country", *tiny_corpus.task("emotion").columns]
    table.loc[table["split"] == "test", labels] = None
    text = card.describe_model(model, "V4", dataclasses.replace(tiny_corpus, table=table), predictions)
    assert "| test | V4 | – | – | – | – |" in text and "split: test" not in text


@pytest.mark.parametrize(("real", "tiny", "licence", "base"), [
    (False, True, "apache-2.0", None), (False, False, "other", "facebook/hubert-base-ls960"),
    (True, True, "other", None), (True, False, "other", "facebook/hubert-base-ls960")])
def test_the_weights_are_ours_to_license_only_where_corpus_and_backbone_are(
        model, synthetic, tiny_corpus, predictions, real, tiny, licence, base):
    text = card.describe_model(model, "V4", tiny_corpus if real else synthetic, predictions, tiny)
    data = ModelCard(text).data
    assert data.license == licence and data.base_model == base
    said = {(False, True): "Apache-2.0, as the software", (True, True): "training corpus: its terms say"}
    assert said.get((real, tiny), "the backbone's checkpoint: the terms of both say") in text


def test_a_real_corpus_joined_with_a_synthetic_one_stays_real(model, synthetic, tiny_corpus):
    made = dataclasses.replace(synthetic, name="made")
    mixed = card.describe_model(model, "V4", join([tiny_corpus, made]), tiny=True)
    assert ModelCard(mixed).data.license == "other" and "training corpus: its terms say" in mixed
    assert "Corpus: tones + made (synthetic)." in mixed and "**Synthetic:**" not in mixed
    assert "the bursts and labels of made were made by a synthesiser" in mixed and "those of tones are as" in mixed
    ours = card.describe_model(model, "V4", join([synthetic, made]), tiny=True)
    assert ModelCard(ours).data.license == "apache-2.0" and "Corpus: tones (synthetic) + made (synthetic)." in ours
    assert "**Synthetic:**" in ours and "Partly" not in ours


def test_tasks_settings_and_limits_are_there(model):
    text = card.describe_model(model)
    assert "| country | classes | China, South Africa, USA, Venezuela |" in text
    assert "| age | scalar | age in years, trained on " in text and "| audio | own |" in text
    assert f"| parameters | {sum(p.numel() for p in model.parameters()):,} |" in text
    assert "Not for decisions about people" in text and "## Scores\n\nNot recorded." in text


def test_an_ensembles_card_names_its_members_and_scores(synthetic, predictions):
    text = card.describe_ensemble("Ensemble A", ["V1", "V2"], synthetic, predictions)
    assert "- `V1`\n- `V2`" in text and "| validation | Ensemble A | " in text and "**Synthetic:**" in text
