"""Short messages: placeholders, refusals, help."""

from __future__ import annotations

from collections.abc import Sequence

from bot.messages.block_kit import Message, bold, clock, context, escape, plain, section, shorten
from recommender.errors import QueryError, SoundalikeError

NAME_CHARS = 80
SENTENCE_CHARS = 600
SUGGESTIONS = 5

HELP = """*Soundalike* finds the clips of the catalogue that sound most like yours.

*Drop an audio file* here, in a channel I am in, or beside a mention of me: I answer in its thread. WAV, MP3, FLAC, \
OGG, M4A, voice clips and the sound of videos all work.
*Ask in words*: `/similar rain on a tin roof`, `/similar sad piano`, or the name of a file
*Ask for a clip*
• `/similar 1OU19ANx4fg`: a video id, also with a start in ms (`1OU19ANx4fg_6000`), a YouTube link, or an item \
number (`#193`)
• `/similar ID + ID - ID`: like the first and the second, unlike the third; words are terms, too (`ID + rain`)
• `/similar ID to ID`, `/similar from rain to thunder`: ten clips that lead from one sound to the other
• `/similar ID top 5 only Jazz not Speech`: fewer results (at most 20), and filters by label, of which all count; \
`only "Rain" or "Wind"` asks for either; `longer 2s`, `shorter 10s`; in a library also `louder -20` and \
`quieter -30` (LUFS), `tempo 90 120`, `key Am`
• `/similar ID here`: answers for the whole channel
• `/similar random` or `/similar random Jazz`: something to discover
• `/similar` alone opens a form for ids and files
• `/similar settings` says what I answer in a channel: every sound, or only when asked
*On any message* with audio or a YouTube link: ⋮ → Find similar clips
*Beside each result* (⋮): more or less like it. *Below each answer*: the next ten, filters, sharing."""


def listening(name: str, seconds: float | None = None) -> Message:
    """Return the placeholder that the answer will replace."""
    length = f" ({clock(seconds)})" if seconds else ""
    shown = bold(name, NAME_CHARS) or "your audio"
    return Message(
        f"Listening to {escape(shorten(name, NAME_CHARS)) or 'your audio'}{length}…",
        [section(f"Listening to {shown}{length}…")],
    )


def refusal(error: SoundalikeError, name: str = "") -> Message:
    """Return the sentence of an error, with close spellings and its code; name: the file that it is about."""
    sentence = shorten(str(error), SENTENCE_CHARS) or "That did not work."
    close = [each for each in error.suggestions if each not in sentence] if isinstance(error, QueryError) else []
    if close:
        sentence += f" Did you mean {_either([shorten(each, NAME_CHARS) for each in close[:SUGGESTIONS]])}?"
    about = f"{bold(name, NAME_CHARS)}: " if name else ""
    fallback = f"{escape(shorten(name, NAME_CHARS))}: " if name else ""
    return Message(fallback + escape(sentence), [section(about + escape(sentence)), context(f"`{error.code}`")])


def sent_directly(message: Message, reason: str) -> Message:
    """Return the message for a person alone, who learns why it does not stand where they asked; reason: mrkdwn."""
    sentence = f"Directly to you, since {reason}."
    return Message(f"{message.text}\n{sentence}", [context(sentence), *message.blocks] if message.blocks else [])


def unforeseen(reference: str, name: str = "") -> Message:
    """Return what is said of an error that nobody foresaw; reference: finds its traceback in the log."""
    about = f"{bold(name, NAME_CHARS)}: " if name else ""
    sentence = "Something broke on our side. Please try again; if it stays, give the operator this number."
    code = plain(reference, NAME_CHARS)
    return Message(f"{sentence} {code}", [section(about + sentence), context(f"`internal` · `{code}`")])


def welcome() -> Message:
    """Return the first words to a person, with three things to try."""
    sentence = "Welcome! I find the clips that sound most like yours."
    things = (
        "*Drop an audio file here*, or record a voice clip: I answer in its thread.",
        "*Type* `/similar random` in any channel: only you see the answer.",
        "*On a message* with audio or a YouTube link: ⋮ → Find similar clips.",
    )
    listed = "\n".join(f"{number}. {thing}" for number, thing in enumerate(things, 1))
    return Message(sentence, [section(f"{sentence} Three things to try:\n{listed}"), context("`help` tells the rest.")])


def help_message() -> Message:
    """Return the help."""
    return Message("How to ask Soundalike: /similar ID, or drop an audio file.", [section(HELP)])


def friendly(kind: str) -> Message:
    """Return the reply to a greeting or to thanks."""
    if kind == "thanks":
        return asked_again("You are welcome. Drop another sound, or say one in words.")
    return asked_again(
        "Hello! Drop an audio file here, or say what you are looking for, as in “rain on a tin roof”: I answer with "
        "the clips that sound most like it. “help” shows all that I understand."
    )


def queue_away() -> Message:
    """Say that an upload is not accepted yet, and that this is being mended."""
    return asked_again(
        "I cannot take your file on yet, since my queue does not answer. I keep trying: if there is no answer in a "
        "quarter of an hour, send it again."
    )


def where_to_look(count: int) -> Message:
    """Say where the answers to files of the form or the shortcut come."""
    files = "the file" if count == 1 else f"the {count} files"
    sentence = f"Listening to {files}: the answer comes in our direct messages."
    return Message(sentence, [section(sentence)])


def asked_again(sentence: str) -> Message:
    """Return a plain sentence."""
    return Message(escape(sentence), [section(escape(sentence))])


def outcome_of_check(version: str, wrong: Sequence[str]) -> Message:
    """Return what an operator's check posts. wrong: names of what has to be mended."""
    told = f"to mend: {', '.join(wrong)}" if wrong else "all is well"
    return asked_again(f"Soundalike {version}, checked by its operator: {told}.")


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]
