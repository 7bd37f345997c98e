import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from burst2vec.config import ParameterError, Params, parse, project_root, read_yaml

ROOT = Path(__file__).parents[1]
SCALES = sorted((ROOT / "params" / "scales").glob("*.yaml"))
VARIANTS = sorted((ROOT / "params" / "variants").glob("*.yaml"))
WL, HB, HL = "facebook/wav2vec2-large-960h", "facebook/hubert-base-ls960", "facebook/hubert-large-ls960-ft"
TABLE = {  # design table of the variants: backbone, adversarial, audio, oversampling
    "V1": (WL, True, "own", False), "V2": (WL, False, "own", False), "V3": (HB, False, "provided", False),
    "V4": (HL, True, "provided", False), "V5": (HL, False, "provided", False), "V6": (HL, True, "own", False),
    "V7": (HL, True, "own", True),
}


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT / "params")


def differences(a, b):
    return {f.name for f in dataclasses.fields(Params) if getattr(a, f.name) != getattr(b, f.name)}


def test_defaults_are_those_of_the_papers_table_3():
    p = Params()
    assert (p.batch_size, p.max_epochs, p.validate_every, p.patience) == (32, 100, 800, 20)
    assert (p.learning_rate, p.alpha_discriminator, p.alpha_adversarial) == (1e-5, 0.5, 0.25)
    assert p.early_stopping_task == "auto"


@pytest.mark.parametrize("scale", [p.stem for p in SCALES])
@pytest.mark.parametrize("variant", [p.stem for p in VARIANTS])
def test_every_shipped_scale_and_variant_loads_and_bears_its_files_name(scale, variant):
    params = Params.resolve({"scale": scale, "variant": variant})
    assert (params.scale, params.variant) == (scale, variant)
    assert params.folder == ROOT / "results" / scale / variant


@pytest.mark.parametrize("path", VARIANTS, ids=lambda p: p.stem)
def test_a_variant_differs_from_base_only_where_its_file_says(path):
    assert differences(Params.resolve({"variant": path.stem}), Params()) <= set(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("code", TABLE)
def test_each_variant_is_the_papers(code):
    p = Params.resolve({"variant": code})
    assert (p.backbone, p.adversarial, p.audio, p.oversampling) == TABLE[code]
    named = {"variant", "title", "question"}
    assert differences(p, Params()) - named <= {"backbone", "adversarial", "audio", "oversampling"}


@pytest.mark.parametrize(("one", "other", "by"), [
    ("V1", "V2", "adversarial"), ("V4", "V5", "adversarial"), ("V4", "V6", "audio"), ("V6", "V7", "oversampling")])
def test_variants_that_the_paper_contrasts_differ_in_one_thing(one, other, by):
    a, b = (Params.resolve({"variant": code}) for code in (one, other))
    assert differences(a, b) - {"variant", "title", "question"} == {by}


def test_the_paper_scale_changes_nothing_but_its_name():
    assert differences(Params.resolve({"scale": "paper"}), Params()) == {"scale"}


def test_what_the_notebook_sets_wins_over_variant_and_the_variant_over_scale(tmp_path, monkeypatch):
    for folder, content in (("scales", "width: 10\nhidden: 10\nseed: 10\n"), ("variants", "hidden: 20\nseed: 20\n")):
        (tmp_path / "params" / folder).mkdir(parents=True)
        (tmp_path / "params" / folder / "X.yaml").write_text(content)
    monkeypatch.chdir(tmp_path)
    p = Params.resolve({"scale": "X", "variant": "X", "seed": 30})
    assert (p.width, p.hidden, p.seed) == (10, 20, 30)


def test_an_unknown_name_is_refused_with_the_name_that_was_meant():
    with pytest.raises(ParameterError, match="unknown parameter 'batchsize'; did you mean batch_size?"):
        Params.resolve({"batchsize": 16})


def test_a_name_like_no_other_is_refused_with_all_that_are_known():
    with pytest.raises(ParameterError, match="unknown parameter 'xyzzy'; known are scale, variant"):
        Params.resolve({"xyzzy": 16})


@pytest.mark.parametrize(("name", "value", "expected"), [
    *[("batch_size", value, "a whole number") for value in (2.5, "32", True, None, np.int64(32))],
    *[("learning_rate", value, "a number") for value in ("fast", False, "nan", float("inf"), {"value": 0.1})],
    ("adversarial", "false", "true or false"), ("adversarial", 0, "true or false"),
    *[(name, value, "text") for name, value in (("backbone", 3), ("run", 2022), ("results", Path("out")),
                                                ("scale", np.arange(3)), ("variant", 4))],
    *[("tasks", value, "a list of texts") for value in ({}, [1], [""], "")], ("corpus", [], "a list of texts"),
])
def test_a_wrong_type_is_refused_naming_parameter_value_and_type(name, value, expected):
    with pytest.raises(ParameterError, match=f"parameter {name} is .*; expected {expected}"):
        Params.resolve({name: value})


@pytest.mark.parametrize(("name", "value", "expected"), [
    ("batch_size", 1, "at least 2"), ("dropout", 1.0, "at least 0 and at most 0.99"),
    ("learning_rate", -1e-5, "at least 0"),
    ("alpha_adversarial", -1, "at least 0"), ("patience", 0, "at least 1"),
    ("synthetic_bias", 2.5, "at least 0 and at most 2"), ("audio", "raw", "one of provided, own"),
    ("padding", "", "one of exact, as_published"), ("precision", "float16", "one of auto, float32, bfloat16"),
])
def test_a_value_out_of_range_is_refused_naming_the_range(name, value, expected):
    with pytest.raises(ParameterError, match=f"parameter {name} is .*; expected {expected}"):
        Params(**{name: value})


def test_numbers_that_yaml_reads_as_text_are_numbers(tmp_path):
    assert yaml.safe_load("1e-3") == "1e-3"
    assert Params(learning_rate="1e-3").learning_rate == 0.001


def test_an_integer_is_a_float_where_a_float_is_expected():
    assert isinstance(Params(dropout=0).dropout, float)


@pytest.mark.parametrize("kind", ["scale", "variant"])
def test_a_scale_or_variant_without_file_is_refused_with_those_that_there_are(kind):
    with pytest.raises(FileNotFoundError, match=f"{kind}s/V9.yaml: no such parameter file; there are .*(demo|V1)"):
        Params.resolve({kind: "V9"})


@pytest.mark.parametrize(("content", "complaint"), [
    ("learning_rat: 1.0", "X.yaml: unknown parameter 'learning_rat'; did you mean learning_rate?"),
    ("- a\n- b", "X.yaml: expected lines `name: value`"),
    ("model:\n  width: 3", "X.yaml: unknown parameter 'model'"),
    ("width: 3\nseed: 010", "X.yaml, line 2: .*010 means 8 there; write that, or put quotes around text"),
    ("seed: 1:30", "X.yaml, line 1: .*1:30 means 90 there"), ("seed: 0x10", "X.yaml, line 1: .*0x10 means 16 there"),
    ("seed: 1\nwidth: 3\nseed: 2", "X.yaml, line 3: .*seed is there twice"),
    ("seed: [1", "X.yaml, line 1: not readable as YAML .expected ',' or ']'"),
])
def test_a_bad_parameter_file_is_named(tmp_path, content, complaint):
    (tmp_path / "X.yaml").write_text(content)
    with pytest.raises(ParameterError, match=complaint):
        read_yaml(tmp_path / "X.yaml")


def test_a_notebooks_imports_and_hidden_names_are_no_parameters():
    from burst2vec import audio
    from burst2vec.corpora import corpus

    namespace = {"Params": Params, "np": np, "audio": audio, "corpus": corpus, "In": [""], "Out": {}, "_i1": "x",
                 "__name__": "__main__", "exit": lambda: None, "width": 32}
    assert Params.resolve(namespace) == Params(width=32)


def test_in_a_notebook_run_before_other_names_are_the_readers_own_but_a_misspelt_one_is_not():
    ran_before = {"params": Params(), "summary": {"a": 1}, "rows": [1, 2], "n": 3}
    assert Params.resolve(ran_before) == Params()
    with pytest.raises(ParameterError, match="did you mean validate_every?"):
        Params.resolve({**ran_before, "validate_evry": 10})
    with pytest.raises(ParameterError, match="unknown parameter 'n'"):
        Params.resolve({"n": 3})


def test_parameters_survive_json():
    params = Params(learning_rate="1e-3", tasks=("emotion", "age"))
    assert Params(**json.loads(params.to_json())) == params


def test_defaults_are_not_shared():
    Params().tasks.append("age")
    assert Params().tasks == []


def test_the_root_is_found_from_any_folder_of_the_project_and_paths_start_there(monkeypatch, tmp_path):
    for folder in (ROOT, ROOT / "params" / "scales", ROOT / "tests"):
        monkeypatch.chdir(folder)
        assert project_root() == ROOT
    assert Params().path("results") == ROOT / "results"
    assert Params(corpus=str(tmp_path)).path(str(tmp_path)) == tmp_path


def test_a_run_is_named_after_its_scale_unless_it_has_a_name():
    assert Params(scale="demo", variant="V1", run="mine").folder == ROOT / "results" / "mine" / "V1"
    assert Params(scale="demo").run_folder == ROOT / "results" / "demo"


@pytest.mark.parametrize("content", ["seed: 2022-13-45", "seed: " + "9" * 5_000, "tasks: " + "[" * 10_000,
                                     "seed: !!int x"])
def test_a_value_that_yaml_itself_stumbles_over_is_a_bad_parameter_file(tmp_path, content):
    (tmp_path / "X.yaml").write_text(content)
    with pytest.raises(ParameterError, match="X.yaml.*: not readable as YAML"):
        read_yaml(tmp_path / "X.yaml")


def test_lines_of_yaml_that_mean_billions_of_lists_are_refused_in_a_line(tmp_path):
    lines = ["width: [&a0 [ha]", *(f"  , &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)), "  ]"]
    (tmp_path / "X.yaml").write_text("\n".join(lines))
    with pytest.raises(ParameterError, match="parameter width is .*; expected a whole number") as caught:
        Params.resolve(read_yaml(tmp_path / "X.yaml"))
    assert len(str(caught.value)) < 2_000


def test_an_integer_beyond_every_float_is_refused():
    with pytest.raises(ParameterError, match="parameter dropout is 1000.*; expected a number"):
        Params(dropout=10 ** 400)


@pytest.mark.parametrize("text", ["exp #2", "/data/bursts #2 (clean)", "a: b", "2022", "007", "1e3", "true", "null",
                                  " x ", "~/x", "[a]", "'quoted'", "\u2014 \U0001f4a5", ""])
def test_typed_text_stays_as_it_was_typed(text):
    assert Params(**parse([("run", text)])).run == text


@pytest.mark.parametrize(("name", "text", "value"), [
    ("seed", "010", 10), ("seed", "7", 7), ("learning_rate", "1e-3", 0.001), ("dropout", "0", 0.0),
    ("adversarial", "false", False), ("oversampling", "True", True),
    ("corpus", "/data/bursts #2 (clean)", ["/data/bursts #2 (clean)"]), ("corpus", "/data/[old", ["/data/[old"]),
    ("corpus", '[synthetic, "/data/bursts, all #2", 007]', ["synthetic", "/data/bursts, all #2", "007"]),
    ("tasks", "[]", []), ("tasks", "exvo:age", ["exvo:age"]),
])
def test_typed_text_is_read_by_its_parameters_type(name, text, value):
    read = parse([(name, text)])[name]
    assert (read, type(read)) == (value, type(value)) and getattr(Params(**{name: read}), name) == value


@pytest.mark.parametrize(("name", "text", "complaint"), [
    ("seed", "0x10", "parameter seed is '0x10'; expected a whole number"),
    ("seed", "2.0", "parameter seed is '2.0'; expected a whole number"),
    ("seed", "9" * 5_000, "parameter seed is '999.*; expected a whole number"),
    ("dropout", "1,5", "parameter dropout is '1,5'; expected a number"),
    ("dropout", "nan", "parameter dropout is nan; expected a number"),
    ("adversarial", "yes", "parameter adversarial is 'yes'; expected true or false"),
    ("tasks", "[a: b]", "parameter tasks is .*; expected a list of texts"),
    ("tasks", "[a, 'b]", "parameter tasks is .*; expected a list such as"),
    ("tasks", "[" * 10_000 + "]" * 10_000, "parameter tasks is .*; expected a list such as"),
    ("sed", "1", "unknown parameter 'sed'; did you mean seed?"),
])
def test_typed_text_that_is_no_value_is_refused(name, text, complaint):
    with pytest.raises(ParameterError, match=complaint) as caught:
        Params(**parse([(name, text)]))
    assert len(str(caught.value)) < 600


def test_items_of_a_list_add_up_and_of_other_parameters_the_last_counts():
    typed = [("seed", "1"), ("corpus", "a"), ("corpus", "b c"), ("seed", "2")]
    assert parse(typed) == {"seed": 2, "corpus": ["a", "b c"]}


@pytest.mark.parametrize("read", [8, 1e3, True])
def test_a_number_where_text_belongs_is_refused_with_a_hint_at_quotes(read):
    """So papermill hands on `run: 010`, `run: 1e3` and `run: yes` of a parameter file, which it reads by itself."""
    with pytest.raises(ParameterError, match=f"parameter run is {read}; expected text.*; in a YAML file put quotes"):
        Params.resolve({"run": read})
    with pytest.raises(ParameterError) as refused:
        Params(width="wide")
    assert "quotes" not in str(refused.value)
