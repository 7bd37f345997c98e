"""What the workflow is given: parameters as they were typed, files of seeds and corpora, refusals in one line."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import nbformat
import pytest

from burst2vec.config import ParameterError, Params, parse
from burst2vec.corpora.opening import EMBEDDED
from burst2vec.running.publishing import publish
from burst2vec.running.workflow import (
    check_joined,
    from_random_weights,
    further_random,
    further_reaches,
    further_seeds,
    given,
    joined_training,
    options,
    other_reach,
    refusing,
    trainable,
    write_left_out,
)

ROOT = Path(__file__).parents[2]
VARIANTS = {code: Params(variant=code, seed=3) for code in ("V4", "V5")}


@pytest.mark.parametrize("arguments", [[], ["scale="], ["scale=demo"]])
def test_the_scale_is_demo_unless_another_is_named(arguments):
    assert given({}, arguments) == {"scale": "demo"}


def test_what_was_typed_goes_before_what_snakemake_made_of_it():
    values = given({"run": "exp", "seed": 10, "width": 8}, ["run=exp #2: a=b", "seed=010", "corpus=/data/a b"])
    assert values == {"scale": "demo", "run": "exp #2: a=b", "seed": 10, "width": 8, "corpus": ["/data/a b"]}


@pytest.mark.parametrize(("arguments", "complaint"), [
    (["learing_rate=1"], "unknown parameter 'learing_rate'; did you mean learning_rate"),
    (["run=a{b}"], "parameter run is 'a{b}'; for snakemake a path must be without braces"),
    (["results={x}"], "parameter results is '{x}'"), (["corpus=[synthetic, 'a}']"], "parameter corpus is 'a}'"),
    (["scale=demmo"], "demmo.yaml: no such parameter file"),
    (["width=wide"], "parameter width is 'wide'; expected a whole number"),
])
def test_a_parameter_that_would_not_do_is_refused(arguments, complaint):
    with pytest.raises((ParameterError, FileNotFoundError), match=complaint):
        given({}, arguments)


def test_the_options_of_a_command_give_back_the_values():
    values = {"run": "it's \"mine\" #2", "corpus": ["synthetic", "/data/a, b\n— {x}"], "tasks": [], "seed": 7,
              "learning_rate": 1e-5, "adversarial": False, "cache": "[x"}
    _, *parts = shlex.split("burst2vec " + options(values))
    assert parse(list(zip(parts[1::3], parts[2::3], strict=True))) == values


@pytest.mark.parametrize(("content", "seeds"), [
    ("", {}), ("# nothing\n", {}), ("V4: [1, 2]\nV5:\n", {"V4": [1, 2], "V5": []}),
    ("V4: [2, 3, 4]", {"V4": [2, 4]}),  # 3 is the run's own
])
def test_further_seeds_are_read_by_variant(tmp_path, content, seeds):
    (tmp_path / "seeds.yaml").write_text(content)
    assert further_seeds(tmp_path / "seeds.yaml", VARIANTS) == seeds


@pytest.mark.parametrize(("content", "complaint"), [
    ("V9: [1]", "seeds.yaml: 'V9': no such variant; expected one of V4, V5"),
    ("V4: 1", "seeds.yaml: 'V4': the seeds are 1; expected whole numbers such as"),
    ("V4: ['1']", "the seeds are .*; expected whole"), ("V4: [-1]", "the seeds are .*; expected whole"),
    ("V4: [true]", "the seeds are .*; expected whole"), ("V4: [010]", "line 1: .*010 means 8 there"),
    ("V4: [2, 1, 1]", "seeds.yaml: 'V4': seed 1 is there twice"),
    ("V4: [1]\nV4: [2]", "line 2: .*V4 is there twice"), ("[1, 2]", "expected lines `name: value`"),
    ("V4: [1", "seeds.yaml, line 1: not readable as YAML"), ("V4: \xff", "seeds.yaml: not readable as YAML"),
])
def test_a_bad_file_of_seeds_is_refused(tmp_path, content, complaint):
    (tmp_path / "seeds.yaml").write_bytes(content.encode("latin-1"))
    with pytest.raises(ParameterError, match=complaint):
        further_seeds(tmp_path / "seeds.yaml", VARIANTS)


@pytest.mark.parametrize(("content", "scale", "codes"), [
    ("V4: [small]", "demo", ["V4"]), ("V4: [small]", "paper", []), ("V4: [small, published]", "paper", ["V4"]),
    ("V4: [published]\nV1: [small]", "demo", ["V1"]), ("V4:", "demo", []), ("# nothing\n", "demo", []),
])
def test_the_other_reach_is_trained_where_its_file_names_the_size_of_the_backbone(tmp_path, content, scale, codes):
    (tmp_path / "reach.yaml").write_text(content)
    trained = {code: Params.resolve({"scale": scale, "variant": code}) for code in ("V1", "V2", "V4", "V5", "V6")}
    assert further_reaches(tmp_path / "reach.yaml", trained) == codes


@pytest.mark.parametrize(("content", "complaint"), [
    ("V9: [tiny]", "reach.yaml: 'V9': no such variant with an adversary, and a twin without; expected one of V4"),
    ("V5: [tiny]", "reach.yaml: 'V5': no such variant with an adversary, and a twin without; expected one of V4"),
    ("V4: tiny", "reach.yaml: 'V4': the sizes are 'tiny'; expected a list of published, small, tiny"),
    ("V4: [large]", "the sizes are .*; expected a list of published, small, tiny"),
])
def test_a_bad_file_of_reaches_is_refused(tmp_path, content, complaint):
    (tmp_path / "reach.yaml").write_text(content)
    with pytest.raises(ParameterError, match=complaint):
        further_reaches(tmp_path / "reach.yaml", {"V4": Params(), "V5": Params(adversarial=False)})


@pytest.mark.parametrize(("content", "scale", "codes"), [
    ("V4: [small]\nV5:\n", "small", ["V4"]), ("V4: [small]", "tiny", []), ("# nothing\n", "small", []),
    ("V4: [small, published]", "published", ["V4"]),
])
def test_what_a_file_asks_for_is_trained_from_random_weights_where_it_would_not_be_anyway(
        tmp_path, content, scale, codes):
    (tmp_path / "random.yaml").write_text(content)
    trained = {code: Params.resolve({"variant": code, "backbone_size": scale}) for code in VARIANTS}
    assert further_random(tmp_path / "random.yaml", trained) == codes
    assert further_random(tmp_path / "random.yaml", {code: dataclasses.replace(p, pretrained=False)
                                                     for code, p in trained.items()}) == []


@pytest.mark.parametrize(("content", "complaint"), [
    ("V9: [small]", "random.yaml: 'V9': no such variant; expected one of V4, V5"),
    ("V4: small", "random.yaml: 'V4': the sizes are 'small'; expected a list of published, small, tiny"),
    ("V4: [tiny]", r"random.yaml: 'V4': the sizes are \['tiny'\]; expected none that has random weights anyway"),
])
def test_a_bad_file_of_trainings_from_random_weights_is_refused(tmp_path, content, complaint):
    (tmp_path / "random.yaml").write_text(content)
    with pytest.raises(ParameterError, match=complaint):
        further_random(tmp_path / "random.yaml", {code: Params.resolve({"variant": code}) for code in VARIANTS})


def test_a_training_from_random_weights_is_the_runs_own_in_a_folder_of_its_own():
    assert from_random_weights("mine") == {"pretrained": False, "run": "mine/random"}
    assert from_random_weights("mine", "2") == {"pretrained": False, "seed": "2", "run": "mine/random/seeds/2"}


def test_the_other_reach_is_the_one_that_the_runs_own_is_not():
    for own, other in (("upstream", "extractors"), ("extractors", "upstream")):
        assert other_reach(Params(reversal=own), "demo") == {"reversal": other, "run": "demo/reach"}


@pytest.mark.parametrize(("said", "values", "size"), [
    ("", {"scale": "paper"}, "small"), ("", {"scale": "paper", "backbone_size": "published"}, "small"),
    ("backbone_size: published\n", {"scale": "paper"}, "published"), ("", {"scale": "demo"}, "small"),
])
def test_embedded_corpora_are_joined_with_a_small_backbone_unless_their_file_names_one(tmp_path, said, values, size):
    (tmp_path / "joined.yaml").write_text("variant: V4\ncorpus: [synthetic, example]\n" + said)
    joined = joined_training(tmp_path / "joined.yaml", {**values, "corpus": ["/exvo"]}, VARIANTS, EMBEDDED)
    params, demo = Params.resolve(joined), Params.resolve({"scale": "demo"})
    assert params.backbone_size == size and params.run_name == f"{values['scale']}/joined"
    assert (params.learning_rate == demo.learning_rate) == (size == "small")


def test_recorded_corpora_are_joined_with_the_runs_own_backbone(tmp_path):
    (tmp_path / "joined.yaml").write_text("variant: V4\ncorpus: [synthetic, /data/exvo]\n")
    joined = joined_training(tmp_path / "joined.yaml", {"scale": "paper"}, VARIANTS, EMBEDDED)
    assert Params.resolve(joined).backbone_size == "published"


def test_the_joined_training_is_the_runs_own_but_for_what_its_file_says(tmp_path):
    (tmp_path / "joined.yaml").write_text("variant: V4\ncorpus: [synthetic, example]\nrun: other\n")
    given_values = {"scale": "demo", "run": "mine", "corpus": ["x"]}
    values = joined_training(tmp_path / "joined.yaml", given_values, VARIANTS, EMBEDDED)
    assert values == {"scale": "demo", "variant": "V4", "corpus": ["synthetic", "example"], "run": "mine/joined"}


@pytest.mark.parametrize(("content", "complaint"), [
    ("", "joined.yaml: corpus is missing; expected a list of corpora"),
    ("corpus: [a]", "joined.yaml: variant is missing; expected one of V4, V5"),
    ("corpus: [a]\nvariant: V9", "joined.yaml: variant is 'V9'; expected one of V4, V5"),
    ("corpus: [a]\nvariant: [V4]", r"joined.yaml: variant is \['V4'\]; expected one of V4, V5"),
    ("corpus: [1]\nvariant: V4", "joined.yaml: parameter corpus is .*; expected a list of texts"),
    ("corpus: ['{a}']\nvariant: V4", "joined.yaml: parameter corpus is '{a}'; for snakemake"),
    ("corpora: [a]", "joined.yaml: unknown parameter 'corpora'; did you mean corpus"),
])
def test_a_bad_file_of_the_joined_training_is_refused(tmp_path, content, complaint):
    (tmp_path / "joined.yaml").write_text(content)
    with pytest.raises(ParameterError, match=complaint):
        joined_training(tmp_path / "joined.yaml", {}, VARIANTS, EMBEDDED)


def test_corpora_are_not_joined_for_a_variant_that_one_of_them_has_no_recordings_for(tmp_path):
    params = Params(variant="V1", audio="own", corpus=["exvo", "example"])
    check_joined(tmp_path / "joined.yaml", params, ["provided"])
    with pytest.raises(ParameterError, match="joined.yaml: a corpus of exvo, example has no recordings for audio: own, "
                                             "which V1 needs; expected another variant or other corpora"):
        check_joined(tmp_path / "joined.yaml", params, ["own"])


def test_embedded_corpora_are_joined_without_a_gpu_whatever_the_run_asks_for(project, tmp_path, write_exvo, labels):
    corpus = write_exvo(tmp_path / "exvo", labels)
    plan = planned(project, "--config", "scale=paper", f"corpus={corpus}", "run=large", "--verbose")
    gpus = dict(re.findall(r"rule (train_joined|train_reach|train|corpora):.*?resources: [^\n]*?\bgpu=(\d)", plan,
                           re.DOTALL))
    assert gpus == {"train": "1", "train_joined": "0", "corpora": "0"}


def test_variants_are_trained_where_the_corpus_has_their_kind_of_audio():
    params = {"Baseline": Params(), "V1": Params(audio="own"), "V4": Params()}
    assert trainable(params, [], "Baseline") == ["V1", "V4"] and trainable(params, ["own"], "Baseline") == ["V4"]
    with pytest.raises(ParameterError, match="synthetic has no recordings for audio: provided, which Baseline needs"):
        trainable(params, ["provided"], "Baseline")


def test_the_page_of_a_variant_that_is_left_out_says_why(tmp_path):
    write_left_out(tmp_path / "V1.ipynb", "V1", "own")
    publish(tmp_path / "V1.ipynb", tmp_path / "page.ipynb", "V1: Burst2Vec WL")
    title, text = nbformat.read(tmp_path / "page.ipynb", 4).cells
    assert title.source == "# V1: Burst2Vec WL" and "no recordings for `audio: own`" in text.source


def test_without_raw_recordings_the_variants_that_need_them_are_left_out(project, tmp_path, write_exvo, labels):
    corpus = write_exvo(tmp_path / "exvo", labels)
    shutil.rmtree(corpus / "raw")
    (project / "params" / "seeds.yaml").write_text("V1: [1]\nV4: [1]\n")
    plan = planned(project, "--config", "scale=smoke", f"corpus={corpus}")
    assert "no recordings for audio: own; left out are V1, V2, V6, V7, and the ensembles of which they are" in plan
    jobs = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", plan, re.MULTILINE)}
    assert (jobs["train"], jobs["train_seed"], jobs["left_out"]) == (3, 1, 4) and jobs["book"] == 1
    assert jobs["train_reach"] == 1


def test_trainings_follow_from_no_module_that_only_shows_their_results():
    graph = grimp.build_graph("burst2vec", exclude_type_checking_imports=True, cache_dir=None)
    behind = set.union(*(graph.find_upstream_modules(f"burst2vec.training.{name}") for name in ("trainer", "worker")))
    rooms = {module.split(".")[1] for module in behind - {"burst2vec"}}
    assert "models" in rooms and not {"report", "results", "audit", "inspection", "cli"} & rooms


def test_a_refusal_ends_the_process_in_one_line():
    with pytest.raises(SystemExit, match="^burst2vec: no such thing$"), refusing():
        raise FileNotFoundError("no such thing")


@pytest.fixture
def project(tmp_path):
    """A project of its own files of parameters, with everything else linked but what a report has made."""
    root = tmp_path / "my project"
    root.mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("params", "results", "cache", "_build", "book") and not path.name.startswith("."):
            (root / path.name).symlink_to(path)
    (root / "book").mkdir()
    for path in (ROOT / "book").iterdir():
        if path.name != "notebooks":
            (root / "book" / path.name).symlink_to(path)
    for path in (ROOT / "params").rglob("*.yaml"):
        copy = root / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    (root / "params" / "scales" / "smoke.yaml").write_text((ROOT / "tests" / "smoke.yaml").read_text())
    return root


def snakemake(project, *arguments):
    """Runs snakemake in the project, by this Python, where the commands of its environment are not on the path."""
    return subprocess.run([sys.executable, "-m", "snakemake", "--cores", "1", *map(str, arguments)], cwd=project,
                          capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": os.defpath})


def planned(project, *arguments):
    """What snakemake would do, as text."""
    done = snakemake(project, "--dry-run", *arguments)
    return done.stdout + done.stderr


def corpus_yaml(content):
    def write(project):
        (project / "takes").mkdir()
        (project / "takes" / "corpus.yaml").write_text(content)
    return write


def params_file(name, content):
    return lambda project: (project / "params" / name).write_text(content)


@pytest.mark.parametrize(("damage", "arguments", "complaint"), [
    (corpus_yaml(""), ["corpus=takes"], "corpus.yaml: .*expected lines `key: value`"),
    (corpus_yaml("table: 5"), ["corpus=takes"], "corpus.yaml: "),
    (params_file("seeds.yaml", "V9: [1]"), [], "seeds.yaml: 'V9': no such variant"),
    (params_file("joined.yaml", "variant: V4\ncorpus: none"), [], "none: there is no such folder"),
])
def test_what_the_snakefile_cannot_use_is_refused_in_one_line(project, damage, arguments, complaint):
    damage(project)
    done = snakemake(project, "--dry-run", "--config", "scale=smoke", *arguments)
    assert done.returncode == 1 and not done.stdout
    [line] = done.stderr.splitlines()
    assert re.match(f"burst2vec: .*{complaint}", line)


def test_a_corpus_of_any_name_is_prepared_and_again_when_its_labels_change(project, tmp_path, write_exvo, labels):
    corpus = write_exvo(tmp_path / "it's #2, (clean)", labels)
    (corpus / "speakers.csv").write_text("Subject_ID,Sex\nSpeaker_0,f\n")
    prepared = "results/my run #2: it's/prepared/provided.json"
    plan = [prepared, "--config", "scale=smoke", "run=my run #2: it's", f"corpus={corpus}", "cache=the cache"]
    done = snakemake(project, *plan)
    assert done.returncode == 0, done.stderr
    assert (project / prepared).is_file() and list((project / "the cache").iterdir())
    assert "Nothing to be done" in planned(project, *plan)
    for file in ("data_info.csv", "test_labels.csv", "speakers.csv"):  # whatever labels are read from makes it anew
        (corpus / file).write_text((corpus / file).read_text() + "\n")
    [updated] = re.findall("Updated input files: .*", planned(project, *plan))
    assert all(str(corpus / file) in updated for file in ("data_info.csv", "test_labels.csv", "speakers.csv"))
    assert snakemake(project, *plan, "--touch").returncode == 0
    (corpus / "wav" / "00000.wav").rename(corpus / "wav" / "99999.wav")
    assert "Params have changed" in planned(project, *plan)
