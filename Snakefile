"""What follows from what, as a graph of files: corpus -> systems -> ensembles -> results -> report.

    snakemake --cores all                                         the demo on the embedded corpus
    snakemake --cores all --resources gpu=1 --config scale=paper corpus=/data/exvo
                                                                  the paper's experiment, on one GPU
    snakemake --profile profiles/slurm --config scale=paper corpus=/data/exvo
                                                                  the same as jobs of a Slurm cluster

Every `--config NAME=VALUE` is a parameter of `burst2vec.config.Params`, checked before anything runs. Text is taken as it
is typed (`run="my run #2"`), and a list is given in brackets (`corpus="[/data/exvo, synthetic]"`).
"""

import hashlib
import os
import shlex
import sys
from pathlib import Path

import grimp

from burst2vec.config import Params
from burst2vec.corpora.opening import EMBEDDED, absent_audio, label_sources
from burst2vec.corpora.recordings import recordings_below
from burst2vec.results.ensembles import complete, read_ensembles
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

# Every command below is the one of the environment that snakemake runs in, whichever others are installed.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

VARIANTS = ("V1", "V2", "V3", "V4", "V5", "V6", "V7")

with refusing():
    GIVEN = given(config, workflow.config_settings.config_args)
    PARAMS = {code: Params.resolve(GIVEN | {"variant": code}) for code in ("Baseline", *VARIANTS)}
    SEEDS = further_seeds(Path("params/seeds.yaml"), PARAMS)
    REACHES = further_reaches(Path("params/reach.yaml"), {code: PARAMS[code] for code in VARIANTS})
    RANDOM = further_random(Path("params/random.yaml"), {code: PARAMS[code] for code in VARIANTS})
    JOINED = joined_training(Path("params/joined.yaml"), GIVEN, VARIANTS, EMBEDDED)
    ON_SEVERAL = Params.resolve(JOINED)
    check_joined(Path("params/joined.yaml"), ON_SEVERAL, absent_audio(ON_SEVERAL))
    ABSENT = absent_audio(PARAMS["Baseline"])
    TRAINED = trainable(PARAMS, ABSENT, "Baseline")

# The variants that the corpus has recordings for, and the ensembles of which every member is one of these.
LEFT_OUT = [code for code in VARIANTS if code not in TRAINED]
ENSEMBLES = list(complete(read_ensembles(), TRAINED))
SYSTEMS = ("Baseline", *TRAINED, *ENSEMBLES)
if LEFT_OUT and workflow.is_main_process:
    print(f"burst2vec: the corpus has no recordings for audio: {', '.join(ABSENT)}; left out are "
          f"{', '.join(LEFT_OUT)}, and the ensembles of which they are members", file=sys.stderr)

RUN = os.path.relpath(PARAMS["Baseline"].run_folder)
SCALE = f"params/scales/{GIVEN['scale']}.yaml"
OPTIONS = options(GIVEN)
NOTEBOOKS = {
    "experiments": "00_experiments", "dataset": "01_dataset", "preprocessing": "02_preprocessing",
    "baseline": "03_baseline", "ensembles": "05_ensembles", "results": "06_results", "statistics": "07_statistics",
    "claims": "08_claims", "audit": "09_audit", "corpora": "10_corpora", "speed": "11_speed",
    "studies": "12_studies", "pretraining": "13_pretraining", "voices": "14_voices", "trainings": "15_trainings",
    "tutorial": "16_tutorial", "look": "17_look", "debiasing": "18_debiasing", "choices": "19_choices",
    "multitask": "20_multitask",
} | {code: "04_train_variant" for code in VARIANTS}
TITLES = {code: shlex.join(["--title", f"{code}: {PARAMS[code].title}"]) for code in VARIANTS}


def modules(*names):
    """The files of modules of the library and of all that they import, directly or not."""
    found = {upstream for name in names for upstream in {name} | IMPORTS.find_upstream_modules(name)}
    return sorted(str(path) for name in found for path in (Path(*name.split(".")).with_suffix(".py"),
                                                           Path(*name.split("."), "__init__.py")) if path.is_file())


def folders(params):
    """The folders of the corpora that parameters name, without the embedded corpora."""
    return [params.path(name) for name in params.corpus if name not in EMBEDDED]


def label_files(params):
    """The files that labels, splits and speakers are read from: when they change, trainings are made again."""
    found = [path for folder in folders(params) for path in label_sources(folder, params.layout)]
    return [str(path) for path in found if path.is_file()]


def recordings(params):
    """A checksum of the recordings' names, from which some layouts read the labels."""
    names = [file for folder in folders(params) for file in recordings_below(folder, lambda fault: None)]
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()


# What a system's predictions follow from. The other modules show results: changing them trains nothing again.
IMPORTS = grimp.build_graph("burst2vec", exclude_type_checking_imports=True, cache_dir=None)
AUDIO = modules("burst2vec.corpora.opening", "burst2vec.audio.store")
TRAINING = modules("burst2vec.training.trainer", "burst2vec.training.worker")
if any(params.backbone_size == "small" for params in (*PARAMS.values(), ON_SEVERAL)):
    TRAINING += sorted(str(path) for path in Path("burst2vec/weights").glob("*/model.safetensors"))
BASELINE = modules("burst2vec.baseline.network", "burst2vec.baseline.functionals")
ALL = sorted(str(path) for path in Path("burst2vec").rglob("*.py"))
PREPARED = expand(RUN + "/prepared/{audio}.json", audio=sorted({p.audio for p in PARAMS.values()} - set(ABSENT)))
SEEDED = [f"{RUN}/seeds/{seed}/{code}/predictions.csv" for code in SEEDS if code not in LEFT_OUT for seed in SEEDS[code]]
DRAWN = [f"{RUN}/random/{place}{code}/predictions.csv" for code in RANDOM if code in TRAINED
         for place in ("", *(f"seeds/{seed}/" for seed in SEEDS.get(code, [])))]
REACHED = [f"{RUN}/reach/{code}/predictions.csv" for code in REACHES if code in TRAINED]
TOGETHER = f"{RUN}/joined/{JOINED['variant']}"
SYNTHESISED = set(EMBEDDED) & set(PARAMS["Baseline"].corpus)
with refusing():
    LABELS = label_files(PARAMS["Baseline"])
    JOINED_LABELS = label_files(ON_SEVERAL)


# What a job asks a scheduler for: a GPU only for models that are worth one, memory, and minutes. Locally, `gpu` alone
# counts. Jobs that say nothing get the profile's default.
def listens(params):
    """What predicting with a model of these parameters asks for."""
    large = params.backbone_size == "published"
    return dict(gpu=int(large and params.device != "cpu"), mem_mb=64_000 if large else 4_000,
                runtime=4 * 60 if large else 60)


def trains(params):
    """What training it asks for."""
    asked, large = listens(params), params.backbone_size == "published"
    return asked | dict(gpu=asked["gpu"] * params.processes, runtime=24 * 60 if large else 60)


LARGE = PARAMS["V4"].backbone_size == "published"
LISTENS, TRAINS = listens(PARAMS["V4"]), trains(PARAMS["V4"])
DECODES = dict(mem_mb=32_000 if LARGE else 4_000, runtime=8 * 60 if LARGE else 60)
ALL_CORES = 1000  # Snakemake lowers it to what --cores has, and a profile sets what a node has

# A job ends with the snakemake that started it, however that ends (SIGTERM is 15, at which a training saves its work).
EXECUTE_ALONE = ("OMP_NUM_THREADS={threads} exec python -IS burst2vec/machine/interruption.py $PPID 15 "
                 "burst2vec run {input.notebook:q} {output.executed:q} ")
EXECUTE = EXECUTE_ALONE + "-f {SCALE:q} {params.options} "
TRAIN = EXECUTE + "--gpus {resources.gpu} "

# Seconds each, and nothing that a login node minds. All else is a job.
localrules: all, notebook, publish

wildcard_constraints:
    code="|".join(TRAINED),
    left_out="|".join(LEFT_OUT) or "none",
    seed=r"\d+",
    show="experiments|dataset|preprocessing",
    study="studies|debiasing|choices|multitask",


rule all:
    input: "_build/html/index.html"


rule notebook:
    input: "notebooks/{name}.py"
    output: "notebooks/{name}.ipynb"
    shell: "jupytext --quiet --to ipynb --set-kernel python3 --output {output:q} {input:q}"


rule prepare:
    "The waveform store of one kind of audio. The first of them synthesises the embedded corpus, and the other waits."
    input:
        AUDIO, SCALE, LABELS,
        lambda wildcards: RUN + "/prepared/provided.json" if SYNTHESISED and wildcards.audio == "own" else [],
    output: RUN + "/prepared/{audio}.json"
    params:
        options=OPTIONS,
        recordings=lambda wildcards: recordings(PARAMS["Baseline"]),
    threads: ALL_CORES
    priority: 10
    resources: **DECODES
    shell: "burst2vec prepare -f {SCALE:q} {params.options} -p audio {wildcards.audio} --summary {output:q}"


rule train:
    input:
        TRAINING, SCALE,
        prepared=lambda wildcards: f"{RUN}/prepared/{PARAMS[wildcards.code].audio}.json",
        notebook="notebooks/04_train_variant.ipynb",
        variant="params/variants/{code}.yaml",
    output:
        executed=RUN + "/notebooks/{code}.ipynb",
        predictions=RUN + "/{code}/predictions.csv",
        history=RUN + "/{code}/history.csv",
    params: options=OPTIONS
    priority: 5
    resources: **TRAINS
    shell: TRAIN + "-f {input.variant:q}"


rule left_out:
    "The page of a variant that the corpus has no recordings for."
    output: executed=RUN + "/notebooks/{left_out}.ipynb"
    run:
        write_left_out(Path(output.executed), wildcards.left_out, PARAMS[wildcards.left_out].audio)


rule train_seed:
    "A variant once more, with another seed: params/seeds.yaml."
    input:
        TRAINING, SCALE,
        prepared=lambda wildcards: f"{RUN}/prepared/{PARAMS[wildcards.code].audio}.json",
        notebook="notebooks/04_train_variant.ipynb",
        variant="params/variants/{code}.yaml",
    output:
        executed=RUN + "/notebooks/{code}-seed{seed}.ipynb",
        predictions=RUN + "/seeds/{seed}/{code}/predictions.csv",
    params:
        options=lambda wildcards: options(GIVEN | {
            "seed": wildcards.seed, "run": f"{PARAMS['V4'].run_name}/seeds/{wildcards.seed}"}),
    priority: 4
    resources: **TRAINS
    shell: TRAIN + "-f {input.variant:q}"


rule train_reach:
    "A variant once more, whose reversed gradients reach as far as its own do not: params/reach.yaml."
    input:
        TRAINING, SCALE,
        prepared=lambda wildcards: f"{RUN}/prepared/{PARAMS[wildcards.code].audio}.json",
        notebook="notebooks/04_train_variant.ipynb",
        variant="params/variants/{code}.yaml",
    output:
        executed=RUN + "/notebooks/{code}-reach.ipynb",
        predictions=RUN + "/reach/{code}/predictions.csv",
    params:
        options=lambda wildcards: options(GIVEN | other_reach(PARAMS[wildcards.code], PARAMS["V4"].run_name)),
    priority: 4
    resources: **TRAINS
    shell: TRAIN + "-f {input.variant:q}"


rule train_random:
    "A variant once more, from random weights: params/random.yaml."
    input:
        TRAINING, SCALE,
        prepared=lambda wildcards: f"{RUN}/prepared/{PARAMS[wildcards.code].audio}.json",
        notebook="notebooks/04_train_variant.ipynb",
        variant="params/variants/{code}.yaml",
    output:
        executed=RUN + "/notebooks/{code}-random.ipynb",
        predictions=RUN + "/random/{code}/predictions.csv",
    params:
        options=lambda wildcards: options(GIVEN | from_random_weights(PARAMS["V4"].run_name, wildcards.get("seed", ""))),
    priority: 4
    resources: **TRAINS
    shell: TRAIN + "-f {input.variant:q}"


use rule train_random as train_random_seed with:
    output:
        executed=RUN + "/notebooks/{code}-random-seed{seed}.ipynb",
        predictions=RUN + "/random/seeds/{seed}/{code}/predictions.csv",


rule train_joined:
    "A further training, on several corpora at once: params/joined.yaml."
    input:
        TRAINING, SCALE, PREPARED, JOINED_LABELS, "params/joined.yaml", f"params/variants/{JOINED['variant']}.yaml",
        notebook="notebooks/04_train_variant.ipynb",
    output:
        executed=RUN + "/notebooks/joined.ipynb",
        predictions=TOGETHER + "/predictions.csv",
        history=TOGETHER + "/history.csv",
    params:
        options=options(JOINED),
        recordings=lambda wildcards: recordings(ON_SEVERAL),
    priority: 5
    resources: **trains(ON_SEVERAL)
    shell: TRAIN


rule corpora:
    input:
        ALL, "params/joined.yaml",
        predictions=TOGETHER + "/predictions.csv",
        notebook="notebooks/10_corpora.ipynb",
    output:
        executed=RUN + "/notebooks/corpora.ipynb",
        origins=RUN + "/joined/origins.csv",
    params: options=OPTIONS
    resources: **listens(ON_SEVERAL)
    shell: TRAIN


rule baseline:
    input:
        TRAINING, BASELINE, SCALE,
        prepared=f"{RUN}/prepared/{PARAMS['Baseline'].audio}.json",
        notebook="notebooks/03_baseline.ipynb",
        variant="params/variants/Baseline.yaml",
    output:
        executed=RUN + "/notebooks/baseline.ipynb",
        predictions=RUN + "/Baseline/predictions.csv",
        history=RUN + "/Baseline/history.csv",
    params: options=OPTIONS
    threads: ALL_CORES
    priority: 7
    resources: **DECODES
    shell: EXECUTE + "-f {input.variant:q}"


use rule baseline as baseline_seed with:
    input:
        TRAINING, BASELINE, SCALE,
        features=RUN + "/Baseline/predictions.csv",  # the run's own seed computes and keeps the features
        notebook="notebooks/03_baseline.ipynb",
        variant="params/variants/Baseline.yaml",
    output:
        executed=RUN + "/notebooks/Baseline-seed{seed}.ipynb",
        predictions=RUN + "/seeds/{seed}/Baseline/predictions.csv",
    params:
        options=lambda wildcards: options(GIVEN | {
            "seed": wildcards.seed, "run": f"{PARAMS['V4'].run_name}/seeds/{wildcards.seed}"}),
    threads: 1


rule trainings:
    "The trainings of the run side by side, with every seed; those from random weights stand with the claims."
    input:
        ALL, SCALE, PREPARED, JOINED_LABELS, "params/joined.yaml", sorted(Path("params/variants").glob("*.yaml")),
        expand(RUN + "/{code}/predictions.csv", code=("Baseline", *TRAINED)), SEEDED, REACHED,
        TOGETHER + "/predictions.csv",
        notebook="notebooks/15_trainings.ipynb",
    output: executed=RUN + "/notebooks/trainings.ipynb"
    params: options=OPTIONS
    shell: EXECUTE


rule show:
    "Pages that train nothing: the dataset, the preprocessing, the table of experiments."
    input:
        ALL, SCALE, PREPARED, sorted(Path("params").rglob("*.yaml")),
        notebook=lambda wildcards: f"notebooks/{NOTEBOOKS[wildcards.show]}.ipynb",
    output: executed=RUN + "/notebooks/{show}.ipynb"
    params: options=OPTIONS
    shell: EXECUTE


rule speed:
    "What the benchmarks' files say: nothing is measured here."
    input:
        ALL, SCALE, sorted(Path("benchmarks").glob("*.json")),
        notebook="notebooks/11_speed.ipynb",
    output: executed=RUN + "/notebooks/speed.ipynb"
    params: options=OPTIONS
    shell: EXECUTE


rule study:
    "What the file of a study says: nothing is trained here."
    input:
        ALL, SCALE, sorted(Path("studies").glob("*.json")),
        notebook=lambda wildcards: f"notebooks/{NOTEBOOKS[wildcards.study]}.ipynb",
    output: executed=RUN + "/notebooks/{study}.ipynb"
    params: options=OPTIONS
    shell: EXECUTE


rule pretraining:
    "A pre-training in miniature, and what the folders of the backbones that come with the library say of theirs."
    input:
        ALL, SCALE, PREPARED, sorted(Path("burst2vec/weights").glob("*/*.*")),
        notebook="notebooks/13_pretraining.ipynb",
    output: executed=RUN + "/notebooks/pretraining.ipynb"
    params: options=OPTIONS
    shell: EXECUTE


rule voices:
    "What the files of real voices say: nothing is trained here."
    input:
        ALL, SCALE, PREPARED, sorted([*Path("studies").glob("voices*.json"), *Path("studies").glob("curve.json")]),
        notebook="notebooks/14_voices.ipynb",
    output: executed=RUN + "/notebooks/voices.ipynb"
    params: options=OPTIONS
    shell: EXECUTE


rule tutorial:
    "Twelve recordings of one's own, from the folder to the predictions."
    input:
        ALL, sorted(Path("burst2vec/weights").glob("*/*.*")),
        notebook="notebooks/16_tutorial.ipynb",
    output: executed=RUN + "/notebooks/tutorial.ipynb"
    shell: EXECUTE_ALONE


rule ensembles:
    input:
        ALL, "params/ensembles.yaml",
        expand(RUN + "/{code}/predictions.csv", code=("Baseline", *TRAINED)),
        notebook="notebooks/05_ensembles.ipynb",
    output:
        executed=RUN + "/notebooks/ensembles.ipynb",
        predictions=expand(RUN + "/{code}/predictions.csv", code=ENSEMBLES),
    params: options=OPTIONS
    shell: EXECUTE


rule environment:
    "What the trainings ran on, and when: made again whenever one of them is. A job like them: a login node differs."
    input: expand(RUN + "/{code}/predictions.csv", code=TRAINED)
    output: RUN + "/environment.json"
    resources: **LISTENS
    shell: "burst2vec environment {RUN:q} {output:q}"


rule results:
    input:
        ALL, "params/published.yaml", RUN + "/environment.json",
        expand(RUN + "/{code}/predictions.csv", code=SYSTEMS),
        notebook="notebooks/06_results.ipynb",
    output:
        executed=RUN + "/notebooks/results.ipynb",
        table=RUN + "/table2.csv",
    params: options=OPTIONS
    shell: EXECUTE


rule statistics:
    input:
        ALL, expand(RUN + "/{code}/predictions.csv", code=SYSTEMS),
        notebook="notebooks/07_statistics.ipynb",
    output:
        executed=RUN + "/notebooks/statistics.ipynb",
        intervals=RUN + "/intervals.csv",
        differences=RUN + "/differences.csv",
    params: options=OPTIONS
    shell: EXECUTE


rule claims:
    input:
        ALL, "params/published.yaml",
        expand(RUN + "/{code}/predictions.csv", code=SYSTEMS),
        SEEDED, DRAWN,
        notebook="notebooks/08_claims.ipynb",
    output:
        executed=RUN + "/notebooks/claims.ipynb",
        claims=RUN + "/claims.csv",
    params: options=OPTIONS
    shell: EXECUTE


rule audit:
    "What the saved systems' representations hold, and what their scores owe to the bias of the labels."
    input:
        ALL, PREPARED, "params/reach.yaml", expand(RUN + "/{code}/predictions.csv", code=("Baseline", *TRAINED)),
        REACHED,
        notebook="notebooks/09_audit.ipynb",
    output:
        executed=RUN + "/notebooks/audit.ipynb",
        probes=RUN + "/probes.csv",
    params: options=OPTIONS
    resources: **LISTENS
    shell: TRAIN


rule look:
    "Bursts of two systems to look at and to listen to: their predictions, and maps of their representations."
    input:
        ALL, SCALE, PREPARED, "book/assets/interactive.js",
        expand(RUN + "/{code}/predictions.csv", code=[c for c in ("V4", "V5") if c in TRAINED]),
        notebook="notebooks/17_look.ipynb",
    output: executed=RUN + "/notebooks/look.ipynb"
    params: options=OPTIONS
    resources: **LISTENS
    shell: TRAIN


rule publish:
    input:
        modules("burst2vec.running.publishing"),
        notebook=RUN + "/notebooks/{page}.ipynb",
    output: "book/notebooks/{page}.ipynb"
    params: title=lambda wildcards: TITLES.get(wildcards.page, "")
    shell: "burst2vec publish {input.notebook:q} {output:q} {params.title}"


rule book:
    input:
        "_config.yml", "book/_toc.yml", sorted(Path("book").rglob("*.md")), sorted(Path("book").glob("*.bib")),
        sorted(Path("book/assets").iterdir()), sorted(Path("book/_ext").glob("*.py")), ALL, "tests/cluster/record.txt",
        expand("tests/faults/records/{found}", found=["faults.csv", "chaos.md", "fuzz.md", "together.md"]),
        sorted(Path("burst2vec/weights").glob("*/README.md")),
        expand("book/notebooks/{page}.ipynb", page=NOTEBOOKS),
    output: "_build/html/index.html"
    shell: "jupyter-book build . --config _config.yml --toc book/_toc.yml -W --keep-going -n --all -q"
