"""Every error that a person may be told of. Each has a code for the log and one sentence that says what to do next.

SoundalikeError
├── QueryError                    the question cannot be answered as it was put
│   ├── BadQuery                  bad-query
│   ├── UnknownClip               unknown-clip
│   ├── UnknownLabel              unknown-label
│   ├── NoVector                  no-vector: the terms cancel out, or the clip is silent
│   └── ForgottenUpload           forgotten-upload: the upload's embedding has left the cache
├── AudioError                    the file cannot be embedded
│   ├── NotAudio                  not-audio
│   ├── CannotDecode              cannot-decode
│   ├── NoSamples                 no-samples: a header alone
│   ├── Protected                 protected: encrypted against copying
│   ├── CannotRead                cannot-read: the disk does not return the file, which says nothing of its content
│   ├── TooLong                   too-long
│   ├── TooLarge                  too-large
│   ├── TooShort                  too-short
│   ├── TooHigh                   too-high: all sound lies above what is compared
│   └── Silent                    silent
├── DecoderDown                   decoder-down: the decoder itself does not run, whatever the file
├── EmbedderError                 the embedder did not return vectors
│   ├── EmbedderDown              embedder-down
│   ├── EmbedderBusy              embedder-busy
│   ├── EmbedderRefused           embedder-refused: it answered 4xx
│   ├── BadEmbedding              bad-embedding: it answered something that is no embedding
│   └── NoWeights                 no-weights
├── SpaceMismatch                 space-mismatch: vectors of two spaces are never compared
├── CatalogueError
│   ├── NoCatalogue               no-catalogue
│   ├── CatalogueDamaged          catalogue-damaged
│   ├── CatalogueUnavailable      catalogue-unavailable: the database it is in does not answer
│   └── BuildFailed               build-failed
├── FetchFailed                   fetch-failed
├── CannotWrite                   cannot-write: a folder that was to be filled
├── SettingsError                 bad-settings
└── (bot.errors adds SlackError)
"""

from __future__ import annotations

from typing import ClassVar


class SoundalikeError(Exception):
    """Base of all errors with a sentence for people; `str(error)` is that sentence."""

    code: ClassVar[str] = "internal"


class QueryError(SoundalikeError):
    """The question cannot be answered as it was put; carries close spellings where there are any."""

    code = "bad-query"

    def __init__(self, message: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.suggestions = suggestions


class BadQuery(QueryError):
    code = "bad-query"


class UnknownClip(QueryError):
    code = "unknown-clip"


class UnknownLabel(QueryError):
    code = "unknown-label"


class NoVector(QueryError):
    code = "no-vector"


class ForgottenUpload(QueryError):
    code = "forgotten-upload"


class AudioError(SoundalikeError):
    """The file cannot be embedded."""

    code = "cannot-decode"


class NotAudio(AudioError):
    code = "not-audio"


class CannotDecode(AudioError):
    code = "cannot-decode"


class NoSamples(AudioError):
    """The file is a header alone."""

    code = "no-samples"


class Protected(AudioError):
    """The file is encrypted against copying."""

    code = "protected"


class CannotRead(AudioError):
    """The disk does not return the file, which says nothing of its content."""

    code = "cannot-read"


class TooLong(AudioError):
    code = "too-long"


class TooLarge(AudioError):
    code = "too-large"


class TooShort(AudioError):
    code = "too-short"


class TooHigh(AudioError):
    """All sound of the file lies above half of the rate that embedders take."""

    code = "too-high"


class Silent(AudioError):
    code = "silent"


class DecoderDown(SoundalikeError):
    """The decoder ended before it had read a byte of the file: the installation is broken, not the file."""

    code = "decoder-down"


class EmbedderError(SoundalikeError):
    """The embedder did not return vectors."""

    code = "embedder-down"


class EmbedderDown(EmbedderError):
    code = "embedder-down"


class EmbedderBusy(EmbedderError):
    code = "embedder-busy"


class EmbedderRefused(EmbedderError):
    code = "embedder-refused"


class BadEmbedding(EmbedderError):
    code = "bad-embedding"


class NoWeights(EmbedderError):
    code = "no-weights"


class SpaceMismatch(SoundalikeError):
    code = "space-mismatch"


class CatalogueError(SoundalikeError):
    """The catalogue cannot be used."""

    code = "catalogue-damaged"


class NoCatalogue(CatalogueError):
    code = "no-catalogue"


class CatalogueDamaged(CatalogueError):
    code = "catalogue-damaged"


class CatalogueUnavailable(CatalogueError):
    """The database that the catalogue is in does not answer."""

    code = "catalogue-unavailable"


class BuildFailed(CatalogueError):
    code = "build-failed"


class FetchFailed(SoundalikeError):
    code = "fetch-failed"


class CannotWrite(SoundalikeError):
    code = "cannot-write"


class SettingsError(SoundalikeError):
    code = "bad-settings"
