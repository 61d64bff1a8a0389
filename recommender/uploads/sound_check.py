"""Whether sound gets through on this machine: a second of it is written, decoded as an upload is, and embedded."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from recommender.audio.wav import wav_bytes
from recommender.embedders import Embedder, Frames, registry
from recommender.errors import AudioError, BadEmbedding, CannotWrite, DecoderDown, EmbedderBusy, SoundalikeError

FRESH_SECONDS = 20.0
"""How long an outcome is believed; then it is found out anew, in the background."""
STALE_SECONDS = 90.0
"""After this long without an outcome the last one says nothing any more: whatever is asked does not come back."""
WAIT_SECONDS = 0.3
"""How long whoever asks first waits: probes are to be answered within half a second."""
_RATE = 44_100


def check_sound(embedder: Embedder | None) -> Frames | None:
    """Write a second of two tones in stereo, decode and embed it; without an embedder decode it, and return None.

    Raises `DecoderDown`, an `EmbedderError`, or `CannotWrite` where `TMPDIR` takes no file.
    """
    from recommender.audio import decoding  # a process that answers clip ids alone never needs it

    time_axis = np.arange(_RATE) / _RATE
    left, right = (np.rint(9000 * np.sin(2 * np.pi * pitch * time_axis)).astype(np.int16) for pitch in (440, 660))
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "check.wav"
            path.write_bytes(wav_bytes(np.stack([left, right], axis=1), _RATE))
            pcm = decoding.decode(path, max_seconds=2).pcm
    except AudioError as error:
        raise DecoderDown(f"A plain WAV file cannot be decoded here ({error.code}): install anew.") from error
    except OSError as error:
        text = f"No temporary file can be written here ({error.strerror}): make room in TMPDIR, or name another folder."
        raise CannotWrite(text) from error
    if abs(len(pcm) - 16_000) > 1 or not 8000 < np.abs(pcm).max() < 10_000:
        raise DecoderDown("A plain WAV file is decoded to something else here: install anew.")
    if embedder is None:
        return None
    frames = embedder.embed(np.resize(pcm, registry.of_space(embedder.space).sample_rate))
    if not len(frames.vectors) or not np.isfinite(frames.vectors).all():
        raise BadEmbedding("The embedder answers a plain sound with something that is no embedding.")
    return frames


class SoundCheck:
    """Remembers what `check_sound` found, so that probes may ask every second. Safe to use from several threads."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self._known = threading.Event()
        self._running = False
        self._found = ""
        self._when = 0.0

    def trouble(self) -> str:
        """Return what is wrong as a sentence, "" where sound gets through; within `WAIT_SECONDS`."""
        with self._lock:
            if not self._running and time.monotonic() - self._when > FRESH_SECONDS:
                self._running = True
                threading.Thread(target=self._look, name="sound check", daemon=True).start()
        if not self._known.wait(WAIT_SECONDS):
            return "A second of sound is still being decoded and embedded: ask again."
        with self._lock:
            silent_for = time.monotonic() - self._when
            if silent_for > STALE_SECONDS and self._running:
                return f"Decoding and embedding a second of sound has not come back for {silent_for:.0f} s."
            return self._found

    def _look(self) -> None:
        found = ""
        try:
            check_sound(self._embedder)
        except EmbedderBusy:
            pass  # it embeds for others
        except SoundalikeError as error:
            found = str(error)
        except Exception as error:  # noqa: BLE001 - a probe reports it, whatever it is
            found = f"A second of sound could not be decoded and embedded ({type(error).__name__})."
        with self._lock:
            self._found, self._when, self._running = found, time.monotonic(), False
        self._known.set()
