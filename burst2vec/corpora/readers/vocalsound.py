"""VocalSound (Gong et al., 2022): coughs, laughs and four other sounds of speakers whose age, country and native
language are known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from burst2vec.corpora.corpus import CorpusError, Problem, Task
from burst2vec.corpora.plausibility import YEARS
from burst2vec.corpora.readers.reading import Reading, draw_splits, recordings_in, scalar_task
from burst2vec.corpora.spelling import folded, is_missing, listed
from burst2vec.messages import shown

KNOWN_BY = "audio_16k/ or audio_44k/"
"""What the layout is known by."""

FOLDERS = ("audio_44k", "audio_16k")
"""The same recordings as they were made, and at 16 kHz; each is a download of its own."""

SOUNDS = ("cough", "laughter", "sigh", "sneeze", "sniff", "throatclearing")
"""The six sounds, as recordings' names say them."""

NAME = rf"^([fm])(\d{{1,9}})_\d+_({'|'.join(SOUNDS)})$"
"""The pattern of a recording's name without suffix: sex and number of the speaker, and the sound."""

SPLIT_OF_LIST = {"tr": "train", "val": "val", "te": "test"}
"""The split whose speakers each list of `meta/` has; beside these there is the list of `all` speakers."""

FIELDS = ("speaker", "gender", "age", "country", "language", "health")
"""What an entry of such a list says, in this order."""

TRAITS = FIELDS[2:]
"""What is put into the table of bursts."""

KEYS = {"spk_id": "speaker", "spk": "speaker", "speaker_id": "speaker", "id": "speaker", "sex": "gender",
        "native_language": "language", "health_condition": "health"} | {field: field for field in FIELDS}
"""The field that each key means, where an entry is an object."""

FEWEST_SPEAKERS = 50
"""The number of training speakers from which a country or language is a class. Validation, which is an eighth of the
size, then has a few of them as well."""


def recognises(root: Path) -> bool:
    """Whether the folder has VocalSound's layout."""
    return any((root / folder).is_dir() for folder in FOLDERS)


def sources(root: Path) -> tuple[str, ...]:
    """The folders and files that splits, speakers and labels are read from, relative to `root`."""
    names = (*FOLDERS, *map(_file, ("all", *SPLIT_OF_LIST)))
    return tuple(name for name in names if (root / name).exists())


def read(root: Path, seed: int = 0) -> Reading:
    """Reads VocalSound's `audio_16k/<speaker>_<collection>_<sound>.wav` as provided recordings, those in `audio_44k/`
    as the raw ones, and what `meta/*.json` says of the speakers.

    The tasks are `sound`, `age` in years, and `country` and `language` (the native one). Their classes are those of
    `FEWEST_SPEAKERS` training speakers or more; rarer ones count as missing. A fourth trait, `health`, is carried along
    without a task. Where one of the two folders is missing, the recordings of the other are raw and provided. Without
    the published splits, speakers are drawn 70 / 15 / 15 % into train, val and test by `seed`. Raises CorpusError where
    there are no recordings.
    """
    problems: list[Problem] = []
    table = _recordings(root, problems)
    lists = {part: _listed(root, part, table["speaker"], problems) for part in ("all", *SPLIT_OF_LIST)}
    traits = pd.concat(lists.values())
    _note_contradictions(traits, problems)
    traits = traits[~traits.index.duplicated()]
    _note_unlisted(table["speaker"], traits.index, problems)
    published = _published({part: lists[part].index for part in SPLIT_OF_LIST}, problems)
    table["split"] = table["speaker"].map(published or draw_splits(table["speaker"], seed))
    traits["age"] = _years(traits["age"], problems)
    for trait in TRAITS:
        table[trait] = table["speaker"].map(traits[trait])
    tasks = (Task("sound", "classes", ("sound",), classes=SOUNDS), scalar_task("age", "age", "years", table),
             _frequent("country", table), _frequent("language", table))
    return Reading(root, table, tuple(task for task in tasks if task), problems=problems,
                   sources=sources(root))


def _recordings(root: Path, problems: list[Problem]) -> pd.DataFrame:
    """A row for each recording, with what its name says."""
    raw, provided = (recordings_in(root, folder, ".wav", problems) for folder in FOLDERS)
    either = {**raw, **provided}
    names = pd.Series(sorted(either), dtype=object)  # a name need not be UTF-8
    if names.empty:
        raise CorpusError(f"{root}: no .wav files in {' or '.join(FOLDERS)}; VocalSound keeps f0003_0_cough.wav there")
    parts = names.str.extract(NAME)
    wrong = parts.isna().any(axis=1)
    right = f"expected a name such as f0003_0_cough.wav (f or m and a number, a number, one of {', '.join(SOUNDS)})"
    problems += [Problem(either[name], None, right) for name in names[wrong]]
    names, parts = names[~wrong].astype(str), parts[~wrong].astype(str)
    return pd.DataFrame({
        "split": None, "speaker": (parts[0] + parts[1]).to_numpy(), "sex": parts[0].to_numpy(),
        "raw": [raw.get(name, provided.get(name)) for name in names],
        "provided": [provided.get(name, raw.get(name)) for name in names], "sound": parts[2].to_numpy(),
    }, index=pd.Index(names, name="file"))


def _listed(root: Path, part: str, speakers: pd.Series, problems: list[Problem]) -> pd.DataFrame:
    """The speakers of one of `meta/`'s lists, named as in the recordings' names, and their traits as text.

    Speakers without recordings are left out. An entry that cannot be read is a note.
    """
    numbered = speakers.drop_duplicates().groupby(speakers.str[1:].astype(int)).agg(list).to_dict()
    found = []
    for place, entry in enumerate(_entries(root, part, problems), start=1):
        fields = _fields(entry)
        meant = _speakers_meant(fields, numbered)
        if meant is None:
            right = "expected [spk_id, gender, age, country, native language, health condition]"
            problems.append(Problem(_file(part), None, f"entry {place} is {shown(entry)}; {right}", grave=False))
        elif len(meant) == 1:
            found.append({**fields, "speaker": meant[0]})
    return pd.DataFrame(found, columns=FIELDS, dtype=object).set_index("speaker")


def _speakers_meant(fields: dict[str, str | None], numbered: dict[int, list[str]]) -> list[str] | None:
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
    """What an entry says, a list in the order of `FIELDS` or an object: as text, or None where it is missing."""
    said: dict[str, Any] = dict.fromkeys(FIELDS)
    if isinstance(entry, list) and len(entry) == len(FIELDS):
        said |= zip(FIELDS, entry, strict=True)
    elif isinstance(entry, dict):
        keys = {key: KEYS.get(key.strip().lower().replace(" ", "_")) for key in entry}
        said |= {field: entry[key] for key, field in keys.items() if field}
    texts = {field: "" if value is None else str(value).strip() for field, value in said.items()}
    return {field: None if is_missing(text) else text for field, text in texts.items()}


def _published(listed: dict[str, pd.Index], problems: list[Problem]) -> dict[str, str]:
    """The published split of each speaker; empty where the corpus comes without."""
    splits: dict[str, str] = {}
    for part, speakers in listed.items():
        for speaker in speakers:
            if splits.setdefault(speaker, SPLIT_OF_LIST[part]) != SPLIT_OF_LIST[part]:
                problems.append(Problem(_file(part), None, f"speaker {speaker!r} is also in split {splits[speaker]}; "
                                                           "splits keep speakers apart"))
    return splits


def _note_contradictions(traits: pd.DataFrame, problems: list[Problem]) -> None:
    """Adds a note for each speaker of whom two entries say different things; `traits` has a row for each entry."""
    for trait in TRAITS:
        said = traits[trait].dropna()
        spellings = said.map({text: folded(text) for text in said.unique()})
        counts = spellings.groupby(level=0).nunique()
        for speaker in counts.index[counts > 1]:
            text = f"{trait} of speaker {speaker!r} is {listed(said[speaker].unique())} in different entries"
            problems.append(Problem("meta", None, f"{text}; the first is read", grave=False))


def _note_unlisted(speakers: pd.Series, listed: pd.Index, problems: list[Problem]) -> None:
    unlisted = sorted(set(speakers) - set(listed))
    if unlisted:
        problems.append(Problem("meta", None, f"lists nothing of {len(unlisted)} of {speakers.nunique()} speakers, "
                                              f"{unlisted[0]!r} first; their age, country and language stay unknown",
                                grave=False))


def _years(ages: pd.Series, problems: list[Problem]) -> pd.Series:
    """Ages (speakers,) as numbers. Texts that are no ages become missing, with a note."""
    years = pd.to_numeric(ages, errors="coerce").astype(float)
    years = years.where(years.between(1, YEARS[1]))
    for speaker, age in ages[years.isna()].dropna().items():
        problems.append(Problem("meta", None, f"speaker {speaker!r} is of age {age!r}, which is read as unknown; "
                                              "expected years", grave=False))
    return years


def _frequent(trait: str, table: pd.DataFrame) -> Task | None:
    """A task of the classes with enough training speakers, or None where they are fewer than two. Other classes are
    made missing in `table`."""
    speakers = table[table["split"] == "train"].groupby(trait)["speaker"].nunique()
    classes = tuple(sorted(speakers.index[speakers >= FEWEST_SPEAKERS]))
    table[trait] = table[trait].where(table[trait].isin(classes), None)
    return Task(trait, "classes", (trait,), classes=classes) if len(classes) > 1 else None
