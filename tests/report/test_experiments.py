"""The page of the experiments says how far a run is from the paper's."""

from __future__ import annotations

from burst2vec.config import Params
from burst2vec.report.experiments import BEYOND_TABLE_3, TABLE_3, describe_experiments, describe_padding


def test_a_run_with_the_papers_settings_is_said_to_have_them():
    said = describe_experiments(Params(), "the corpus exvo", 7, 3)
    assert "a baseline, 7 variants and 3 ensembles" in said and "This run heard the corpus exvo" in said
    assert said.endswith("its backbones are as published, pre-trained. Beside the paper's Table 3 its settings "
                         "are the same.")


def test_every_setting_that_differs_is_named_with_both_values():
    params = Params(backbone_size="tiny", learning_rate=0.002, validate_every=50, max_steps=1200)
    said = describe_experiments(params, "the synthetic corpus", 7, 3)
    assert said.endswith("its settings differ in: iterations between validations 50 (paper: 800); learning rate of "
                         "Adam 0.002 (paper: 1e-05); 1,200 steps for every training (paper: no such limit).")
    assert "its backbones are tiny, with random weights." in said


def test_what_table_3_does_not_have_is_named_too_and_a_backbone_that_does_not_learn():
    params = Params(head_steps=600, max_steps=600, learning_rate_decay="linear", pretrained=False)
    said = describe_experiments(params, "the synthetic corpus", 7, 3)
    assert ("(paper: no such limit). Beyond Table 3 they differ in: `pretrained` False (default: True); `head_steps` "
            "600 (default: 0); `learning_rate_decay` linear (default: none). In none of the 600 steps does") in said


def test_the_names_are_those_of_parameters():
    assert {*TABLE_3, *BEYOND_TABLE_3} <= set(Params.names())


def test_the_caption_names_the_backbone_that_padding_changes_most():
    percent = {("facebook/a", "as_published"): 26.2, ("facebook/b", "as_published"): 55.6,
               ("facebook/a", "exact"): 0.0, ("facebook/b", "exact"): 3e-5}
    assert describe_padding(percent).startswith("Padding changes the embedding of a clip that fills half of its row by "
                                                "up to 56 % (b), as published, and exact padding by no more than "
                                                "rounding does.")
    wrong = percent | {("facebook/a", "exact"): 0.25}
    assert "exact padding by up to 0.25 %." in describe_padding(wrong)
