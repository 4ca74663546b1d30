"""A mind as bytes and back: arrays by Equinox, everything else as JSON. No pickle.

Episodes under way stand behind the arrays: there may be very many, and who only wants what was
learned need not read them. Memory is not there: it is the experience log, read again. Anything
that does not fit (another version, other settings, a damaged file) raises, and the caller
rebuilds the mind from experience instead.
"""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import equinox as eqx
import numpy as np

from quickstudy.mind.arbiter import Arbiter
from quickstudy.mind.mind import Counts, Forecast, Mind, Stream
from quickstudy.mind.policy import Mood

FORMAT = 7  # of the notes and arrays; 1 had no number


class Unfit(Exception):
    """What was saved does not fit this mind."""


def dump(minds: list[Mind]) -> tuple[bytes, list[dict[str, Any]]]:
    """Arrays and streams of all minds as one file's bytes, and a note for each."""
    buffer = io.BytesIO()
    eqx.tree_serialise_leaves(buffer, [mind.learned for mind in minds])
    streams = [{k: _stream_note(s) for k, s in mind.streams.items()} for mind in minds]
    buffer.write(json.dumps(streams).encode())
    return buffer.getvalue(), [_note(mind) for mind in minds]


def load(
    minds: list[Mind], arrays: bytes, notes: list[dict[str, Any]], has_streams: bool = True
) -> None:
    """Puts what `dump` gave into minds made by `init` of the same specs and settings.

    Args:
      has_streams: False leaves the minds their own episodes under way.

    Raises:
      Unfit: something does not fit; the minds are as they were.
    """
    try:
        for mind, note in zip(minds, notes, strict=True):
            if note.get("format") != FORMAT:
                raise Unfit("it was saved by another version")
            if note["settings"] != _settings(mind):
                raise Unfit("it was saved under other settings")
        buffer = io.BytesIO(arrays)
        learned = eqx.tree_deserialise_leaves(buffer, [mind.learned for mind in minds])
        told = [(Counts(**note["counts"]), Arbiter(**note["arbiter"])) for note in notes]
        streams = [mind.streams for mind in minds]
        if has_streams:
            streams = [_streams(had) for had in json.loads(buffer.read())]
        for mind, has, (counts, arbiter), going in zip(
            minds, learned, told, streams, strict=True
        ):
            mind.learned, mind.counts, mind.arbiter, mind.streams = has, counts, arbiter, going
    except Unfit:
        raise
    except Exception as error:  # whatever a damaged file makes a parser raise
        raise Unfit(f"{type(error).__name__}: {error}") from error


def _note(mind: Mind) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "settings": _settings(mind),
        "counts": dataclasses.asdict(mind.counts),
        "arbiter": dataclasses.asdict(mind.arbiter),
    }


def _settings(mind: Mind) -> str:
    return repr((mind.seed, mind.settings))


def _stream_note(stream: Stream) -> dict[str, Any]:
    mood = stream.mood
    return {
        "episode": stream.episode,
        "rows": stream.rows,
        "predictions": stream.predictions,
        "past": stream.past,
        "length": stream.length,
        "others": stream.others,
        "mood": {
            "rng": mood.rng.bit_generator.state,
            "leader": mood.leader,
            "member": mood.member,
            "is_adventurous": mood.is_adventurous,
            "held": None if mood.held is None else mood.held.tolist(),
            "hold_left": mood.hold_left,
            "is_curious": mood.is_curious,
            "is_sampled": mood.is_sampled,
        },
    }


def _streams(notes: dict[str, Any]) -> dict[str, Stream]:
    return {name: _stream(note) for name, note in notes.items()}


def _stream(note: dict[str, Any]) -> Stream:
    had = dict(note["mood"])
    rng = np.random.default_rng()
    rng.bit_generator.state = had.pop("rng")
    held = had.pop("held")
    mood = Mood(rng=rng, held=None if held is None else np.array(held, np.float32), **had)
    predictions = [Forecast(*forecast) for forecast in note["predictions"]]
    return Stream(
        note["episode"], mood, note["rows"], predictions, note["past"], note["length"],
        note["others"],
    )  # fmt: skip
