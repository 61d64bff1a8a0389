"""The settings of a channel, as `/similar settings` shows them to one person."""

from __future__ import annotations

from bot.messages.block_kit import Block, Message, context, section

ANSWERS_ACTION = "channel_answers"
SPEECH_ACTION = "channel_speech"
CHOICES = {
    "every": "Every sound that is dropped here",
    "ear": "Sounds whose 👂 somebody clicks",
    "mentioned": "Only when I am mentioned",
}
NO_SPEECH = "no_speech"


def channel_settings(answers: str, speech: bool, *, saved: bool = False) -> Message:
    """Return the settings with their controls. speech: whether speech alone is answered as well."""
    options = {kind: _option(kind, shown) for kind, shown in CHOICES.items()}
    choice: Block = {"type": "radio_buttons", "action_id": ANSWERS_ACTION, "options": list(options.values())}
    choice["initial_option"] = options[answers]
    pass_over = _option(NO_SPEECH, "Pass over what is speech alone")
    speaking: Block = {"type": "checkboxes", "action_id": SPEECH_ACTION, "options": [pass_over]}
    speaking |= {} if speech else {"initial_options": [pass_over]}
    blocks = [
        section("*What I answer in this channel*"),
        {"type": "actions", "elements": [choice]},
        {"type": "actions", "elements": [speaking]},
        context(("Saved. " if saved else "") + "A mention of me and Find similar clips are always answered."),
    ]
    return Message("What I answer in this channel", blocks)


def in_direct_messages() -> Message:
    """Say that direct messages have no settings."""
    sentence = "Here I answer everything. Type `/similar settings` in a channel to say what I answer there."
    return Message(sentence, [section(sentence)])


def _option(value: str, text: str) -> Block:
    return {"text": {"type": "plain_text", "text": text, "emoji": True}, "value": value}
