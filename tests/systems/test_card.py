"""Model cards: what they say, and what they must say."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
import torch
from huggingface_hub import ModelCard

from burst2vec.config import Params
from burst2vec.corpora.joining import join
from burst2vec.evaluation import metrics
from burst2vec.evaluation.calibration import tempered
from burst2vec.evaluation.classes import score_classes
from burst2vec.evaluation.trivial import predict_constant
from burst2vec.models.burst2vec import build
from burst2vec.models.inference import predict
from burst2vec.systems import card

HUBERT = {"backbone": "facebook/hubert-base-ls960", "backbone_size": "small"}


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
    assert "Measured on tones (synthetic)" in text.split("## Class by class")[1]
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


def test_each_class_stands_with_its_recall_and_its_interval_over_speakers(model, tiny_corpus, predictions):
    truth, names = tiny_corpus.split("test"), {"country": ["USA", "USA", "South Africa", "Venezuela"]}
    guessed = predictions.copy()
    guessed.loc[truth.index, "country"] = names["country"]
    text = card.describe_model(model, "V4", tiny_corpus, guessed)
    section = text.split("## Class by class")[1].split("## ")[0]
    found = score_classes(tiny_corpus.task("country"), truth, guessed)
    uar, f1 = (f"{row.estimate:.3f} ({row.low:.3f} to {row.high:.3f})" for row in found.head(2).itertuples())
    assert f"| test | 4 | {uar} | {f1} |" in section and "| validation | 8 | " in section
    assert "*country* is one of 4 classes; whoever guesses has a UAR of 0.250." in section
    rows = [line.split(" | ") for line in section.split("| country |")[1].splitlines()[2:] if line]
    assert {row[0].removeprefix("| "): row[2].removesuffix(" |") for row in rows} == {
        row[2]: f"{row.estimate:.3f}" for row in found[2:].itertuples()}  # one speaker each: no interval
    assert [row[2][:5] for row in rows] == sorted((row[2][:5] for row in rows), reverse=True)
    assert "Class by class" not in card.describe_model(model, "V4", tiny_corpus)


def test_how_sure_the_answers_are_stands_beside_how_often_they_are_right(model, tiny_corpus, predictions):
    truth, task = tiny_corpus.split("test"), tiny_corpus.task("country")
    told = predictions.copy()
    told.loc[truth.index, "country"] = [truth["country"].iloc[0]] * len(truth)  # of 4 bursts from 4 countries
    told.loc[truth.index, list(task.probability_columns)] = [[0.7, 0.1, 0.1, 0.1]] * 2 + [[0.2, 0.2, 0.1, 0.5]] * 2
    text = card.describe_model(model, "V4", tiny_corpus, told)
    assert "on test that of the answer is 0.60 on average, and the share of answers that are right is 0.25." in text
    assert "The probabilities are not calibrated" in text
    # Answers are right where the first country is and the fourth: |1.4 - right| and |1.0 - right| of two bursts each.
    right = (truth["country"] == [task.classes[0]] * 2 + [task.classes[3]] * 2).to_numpy()
    error = (abs(1.4 - right[:2].sum()) + abs(1.0 - right[2:].sum())) / 4
    assert f"The expected calibration error is {error:.3f}." in text
    without = told.drop(columns=task.probability_columns[0])
    assert "calibrated" not in card.describe_model(model, "V4", tiny_corpus, without)


def test_a_temperature_stands_beside_the_calibration_error_with_and_without_it(model, tiny_corpus, predictions):
    task = tiny_corpus.task("country")
    plain = card.describe_model(model, "V4", tiny_corpus, predictions)
    without = re.search(r"calibration error is (\d\.\d+)", plain)[1]
    told, names = predictions.copy(), list(task.probability_columns)
    told[names] = tempered(predictions[names].to_numpy(), 2.5)
    model.temperatures = {"country": 2.5}
    text = card.describe_model(model, "V4", tiny_corpus, told)
    model.temperatures = {}
    assert "The probabilities are calibrated: logits are divided by 2.50" in text
    assert f"; without that it is {without}." in text


def test_a_model_of_one_task_has_no_adversary_whatever_its_settings_say(make_model, tiny_corpus):
    alone = dataclasses.replace(tiny_corpus, tasks=tiny_corpus.tasks[:1])
    model = build(Params(backbone="facebook/hubert-base-ls960", backbone_size="tiny"), alone.tasks)
    text, of_three = card.describe_model(model), card.describe_model(make_model())
    assert "| adversarial | false |" in text and "reversal" not in text
    assert "| adversarial | true |" in of_three and "| reversal |" in of_three


def test_a_class_of_one_unknown_speaker_is_no_reason_to_fail(model, tiny_corpus, predictions):
    table = tiny_corpus.table.assign(speaker=None)
    text = card.describe_model(model, "V4", dataclasses.replace(tiny_corpus, table=table), predictions)
    assert "| validation | unknown | " in text
    alone = tiny_corpus.table[(tiny_corpus.table["split"] != "test")].copy()
    alone.loc[alone["split"] == "val", "speaker"] = "Ann"
    assert "Class by class" not in card.describe_model(model, "V4", dataclasses.replace(tiny_corpus, table=alone),
                                                        predictions)


def test_the_hours_of_each_split_and_the_licence_of_the_corpus_are_there(model, tiny_corpus, tiny_store, tmp_path):
    (tmp_path / "LICENSE").write_text("Free for All\n")
    corpus = dataclasses.replace(tiny_corpus, root=tmp_path)
    text = card.describe_model(model, "V4", corpus, store=tiny_store)
    seconds = tiny_store.lengths[(corpus.table["split"] == "train").to_numpy()].sum() / 16_000
    assert f"| training | 16 | 16 | {seconds / 3600:.2f} |" in text and "| split | bursts | speakers | hours |" in text
    assert "In the folder of tones lies the licence: Free for All." in text.split("## Licence")[1]
    assert "lies the licence" not in card.describe_model(model, "V4", tiny_corpus)


@pytest.mark.parametrize(("changes", "said", "licence"), [
    ({"backbone_size": "small"}, "the small model of that family that comes with burst2vec", "the terms of all say"),
    ({"backbone_size": "small", "pretrained": False}, "its shape and feature encoder alone", "corpus: its terms say"),
    ({"backbone_size": "tiny", "pretrained": False}, "a tiny model of that family", "corpus: its terms say"),
    ({"pretrained": False}, "its shape and feature encoder alone", "the feature encoder's checkpoint: the terms of bo"),
    ({}, "fine-tuned from that checkpoint", "the backbone's checkpoint: the terms of both say")])
def test_a_backbone_is_called_what_it_is(model, tiny_corpus, changes, said, licence):
    text = card.describe_model(model, "V4", tiny_corpus, params=Params(**changes))
    assert f"| backbone | facebook/hubert-base-ls960: {said}" in text and licence in text
    assert (ModelCard(text).data.base_model is None) == bool(changes)


@pytest.fixture
def pretrained_small(tmp_path, monkeypatch):
    """A folder that says how a small HuBERT was pre-trained, in place of those that come with the package."""
    monkeypatch.setattr("burst2vec.models.shipped.WEIGHTS", tmp_path / "weights")
    facts = {"record": {"hours": 5.943}, "corpora": [{"name": "laughs", "synthetic": False, "licence": "Free for All"},
                                                     {"name": "made", "synthetic": True, "licence": ""}]}
    (tmp_path / "weights" / "hubert").mkdir(parents=True)
    (tmp_path / "weights" / "hubert" / "pretraining.json").write_text(json.dumps(facts))


def test_what_a_small_backbone_had_heard_before_is_there(model, tiny_corpus, pretrained_small):
    text = card.describe_model(model, "V4", tiny_corpus, params=Params(**HUBERT))
    section = text.split("## Pre-training")[1].split("## ")[0]
    assert "the training splits of laughs and made (synthetic), without labels: 5.94 hours." in section
    assert "card is `burst2vec/weights/hubert/README.md`" in section
    assert "In the folder of laughs lies the licence: Free for All." in text.split("## Licence")[1]


@pytest.mark.parametrize("changes", [{"pretrained": False}, {"backbone_size": "tiny"}, {"backbone_size": "published"}])
def test_a_backbone_that_is_not_the_small_one_has_not_heard_what_that_one_has(model, pretrained_small, changes):
    text = card.describe_model(model, params=Params(**HUBERT | changes))
    assert "## Pre-training" not in text and "laughs" not in text


def test_a_small_backbone_of_which_nothing_is_known_has_its_card_named(model, pretrained_small):
    text = card.describe_model(model, params=Params(backbone="facebook/wav2vec2-large-960h", backbone_size="small"))
    assert "## Pre-training\n\nThe backbone's own card is `burst2vec/weights/wav2vec2/README.md`." in text


def test_a_small_backbone_without_its_pretraining_is_ours_to_license_as_a_tiny_one(model, synthetic):
    for pretrained, licence in ((False, "apache-2.0"), (True, "other")):
        text = card.describe_model(model, "V4", synthetic, params=Params(**HUBERT, pretrained=pretrained))
        assert ModelCard(text).data.license == licence


def test_weights_in_half_precision_are_called_so(model):
    assert "| stored in | half precision (float16); " in card.describe_model(model, half=True)
    assert "half precision" not in card.describe_model(model)


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
    params = Params(backbone_size="tiny" if tiny else "published")
    text = card.describe_model(model, "V4", tiny_corpus if real else synthetic, predictions, params)
    data = ModelCard(text).data
    assert data.license == licence and data.base_model == base
    said = {(False, True): "Apache-2.0, as the software", (True, True): "training corpus: its terms say"}
    assert said.get((real, tiny), "the backbone's checkpoint: the terms of both say") in text


def test_a_real_corpus_joined_with_a_synthetic_one_stays_real(model, synthetic, tiny_corpus):
    made = dataclasses.replace(synthetic, name="made")
    tiny = Params(backbone_size="tiny")
    mixed = card.describe_model(model, "V4", join([tiny_corpus, made]), params=tiny)
    assert ModelCard(mixed).data.license == "other" and "training corpus: its terms say" in mixed
    assert "Corpus: tones + made (synthetic)." in mixed and "**Synthetic:**" not in mixed
    assert "the bursts and labels of made were made by a synthesiser" in mixed and "those of tones are as" in mixed
    ours = card.describe_model(model, "V4", join([synthetic, made]), params=tiny)
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
