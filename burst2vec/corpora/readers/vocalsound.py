"""VocalSound (Gong et al., 2022): coughs, laughs and four other sounds of speakers whose age, country and native
language are known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from burst2vec.corpora.corpus import CorpusError, Problem, Task
from burst2vec.corpora.readers.reading import Reading, draw_splits, scalar_task
from burst2vec.corpora.readers.tablefile import MISSING
from burst2vec.messages import shown

KNOWN_BY = "audio_16k/ or audio_44k/"

FOLDERS = ("audio_44k", "audio_16k")
"""The same recordings as they were made, and at 16 kHz; each is a download of its own."""

SOUNDS = ("cough", "laughter", "sigh", "sneeze", "sniff", "throatclearing")
NAME = rf"^([fm])(\d{{1,9}})_\d+_({'|'.join(SOUNDS)})$"

META = {"tr": "train", "val": "val", "te": "test"}
"""The lists of `meta/`, beside that of `all` speakers, and the published split that each is."""

FIELDS = ("speaker", "gender", "age", "country", "language", "health")
"""What an entry of such a list says, in this order."""

KEYS = {"spk_id": "speaker", "spk": "speaker", "speaker_id": "speaker", "id": "speaker", "sex": "gender",
        "native_language": "language", "health_condition": "health"} | {field: field for field in FIELDS}

FEWEST_SPEAKERS = 50
"""In training, for a country or language to be a class: validation, an eighth of the size, then has a few as well."""


def recognises(root: Path) -> bool:
    return any((root / folder).is_dir() for folder in FOLDERS)


def read(root: Path, seed: int = 0) -> Reading:
    """VocalSound's `audio_16k/<speaker>_<collection>_<sound>.wav`, `audio_44k/` for the raw recordings, and what
    `meta/*.json` tells of the speakers.

    Tasks are `sound`, `age` in years, and `country` and `language` (the native one), whose classes are those of
    `FEWEST_SPEAKERS` training speakers or more; what is rarer is no label. A fourth trait, `health`, is carried along.
    One of the two folders of recordings alone is raw and provided in one. Without the published splits, speakers are
    drawn 70 / 15 / 15 % into train, val and test by `seed`.
    """
    problems: list[Problem] = []
    table = _recordings(root, problems)
    lists = {part: _listed(root, part, table["speaker"], problems) for part in ("all", *META)}
    traits = pd.concat(lists.values())
    traits = traits[~traits.index.duplicated()]
    _note_unlisted(table["speaker"], traits.index, problems)
    published = _published({part: lists[part].index for part in META}, problems)
    table["split"] = table["speaker"].map(published or draw_splits(table["speaker"], seed))
    traits["age"] = _years(traits["age"], problems)
    for trait in ("age", "country", "language", "health"):
        table[trait] = table["speaker"].map(traits[trait])
    tasks = (Task("sound", "classes", ("sound",), classes=SOUNDS), scalar_task("age", "age", "years", table),
             _frequent("country", table), _frequent("language", table))
    return Reading(root, table, tuple(task for task in tasks if task), problems=problems)


def _recordings(root: Path, problems: list[Problem]) -> pd.DataFrame:
    """A row for each recording, with what its name says."""
    raw, provided = ({p.stem: f"{folder}/{p.name}" for p in (root / folder).glob("*.wav")} for folder in FOLDERS)
    names = pd.Series(sorted({**raw, **provided}), dtype=object)  # a name need not be UTF-8
    if names.empty:
        raise CorpusError(f"{root}: no .wav files in {' or '.join(FOLDERS)}; VocalSound keeps f0003_0_cough.wav there")
    parts = names.str.extract(NAME)
    wrong = parts.isna().any(axis=1)
    right = f"expected a name such as f0003_0_cough.wav (f or m and a number, a number, one of {', '.join(SOUNDS)})"
    problems += [Problem(provided.get(name, raw.get(name)), None, right) for name in names[wrong]]
    names, parts = names[~wrong].astype(str), parts[~wrong].astype(str)
    return pd.DataFrame({
        "split": None, "speaker": (parts[0] + parts[1]).to_numpy(), "sex": parts[0].to_numpy(),
        "raw": [raw.get(name, provided.get(name)) for name in names],
        "provided": [provided.get(name, raw.get(name)) for name in names], "sound": parts[2].to_numpy(),
    }, index=pd.Index(names, name="file"))


def _listed(root: Path, part: str, speakers: pd.Series, problems: list[Problem]) -> pd.DataFrame:
    """The speakers of one of `meta/`'s lists, called as the recordings call them, and their traits as text.

    Speakers without recordings are left out. An entry that cannot be read is a problem, but not a grave one.
    """
    numbered = speakers.drop_duplicates().groupby(speakers.str[1:].astype(int)).agg(list).to_dict()
    found = []
    for place, entry in enumerate(_entries(root, part, problems), start=1):
        fields = _fields(entry)
        alike = _alike(fields, numbered)
        if alike is None:
            problems.append(Problem(_file(part), None, f"entry {place} is {shown(entry)}; expected [spk_id, gender, age, "
                                                       "country, native language, health condition]", grave=False))
        elif len(alike) == 1:
            found.append({**fields, "speaker": alike[0]})
    listed = pd.DataFrame(found, columns=FIELDS, dtype=object).set_index("speaker")
    return listed[~listed.index.duplicated()]


def _alike(fields: dict[str, str | None], numbered: dict[int, list[str]]) -> list[str] | None:
    """Which of the recordings' speakers an entry names, as `f0003` or `3` with a gender; None where it names none."""
    called = re.fullmatch(r"([fm]?)(\d{1,9})(_\d+)?", (fields["speaker"] or "").lower())
    if not called:
        return None
    sex = called[1] or (fields["gender"] or "").lower()[:1]
    return [s for s in numbered.get(int(called[2]), []) if s[0] == sex or sex not in ("f", "m")]


def _file(part: str) -> str:
    return f"meta/{part}_meta.json"


def _entries(root: Path, part: str, problems: list[Problem]) -> list[Any]:
    """The entries of a list; none where there is no such file."""
    try:
        content = json.loads((root / _file(part)).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return []
    except (ValueError, RecursionError) as error:
        problems.append(Problem(_file(part), None, f"not readable as JSON ({error}); unpack it again"))
        return []
    content = content.get("data") if isinstance(content, dict) else content
    if not isinstance(content, list):
        problems.append(Problem(_file(part), None, "expected a list with an entry for each speaker"))
        return []
    return content


def _fields(entry: Any) -> dict[str, str | None]:
    """What an entry says, be it a list in the order of `FIELDS` or an object: as text, None where it is missing."""
    said = dict.fromkeys(FIELDS)
    if isinstance(entry, list) and len(entry) == len(FIELDS):
        said |= zip(FIELDS, entry, strict=True)
    elif isinstance(entry, dict):
        keys = {key: KEYS.get(key.strip().lower().replace(" ", "_")) for key in entry}
        said |= {field: entry[key] for key, field in keys.items() if field}
    texts = {field: "" if value is None else str(value).strip() for field, value in said.items()}
    return {field: None if text in MISSING else text for field, text in texts.items()}


def _published(listed: dict[str, pd.Index], problems: list[Problem]) -> dict[str, str]:
    """The published split of each speaker; empty where the corpus comes without."""
    splits: dict[str, str] = {}
    for part, speakers in listed.items():
        for speaker in speakers:
            if splits.setdefault(speaker, META[part]) != META[part]:
                problems.append(Problem(_file(part), None, f"speaker {speaker!r} is also in split {splits[speaker]}; "
                                                           "splits keep speakers apart"))
    return splits


def _note_unlisted(speakers: pd.Series, listed: pd.Index, problems: list[Problem]) -> None:
    unlisted = sorted(set(speakers) - set(listed))
    if unlisted:
        problems.append(Problem("meta", None, f"lists nothing of {len(unlisted)} of {speakers.nunique()} speakers, "
                                              f"{unlisted[0]!r} first; their age, country and language stay unknown",
                                grave=False))


def _years(ages: pd.Series, problems: list[Problem]) -> pd.Series:
    """Ages (speakers,) as numbers. What is none is missing, and said to be."""
    years = pd.to_numeric(ages, errors="coerce").astype(float)
    years = years.where(years.between(1, 120))
    for speaker, age in ages[years.isna()].dropna().items():
        problems.append(Problem("meta", None, f"speaker {speaker!r} is of age {age!r}, which is read as unknown; "
                                              "expected years", grave=False))
    return years


def _frequent(trait: str, table: pd.DataFrame) -> Task | None:
    """A task of the classes with enough training speakers; labels of the others are made missing. None below two."""
    speakers = table[table["split"] == "train"].groupby(trait)["speaker"].nunique()
    classes = tuple(sorted(speakers.index[speakers >= FEWEST_SPEAKERS]))
    table[trait] = table[trait].where(table[trait].isin(classes), None)
    return Task(trait, "classes", (trait,), classes=classes) if len(classes) > 1 else None
