"""All wording that people see, as pure functions: answers, refusals, the modal, the App Home, the help."""

from bot.messages.answers import answer, matches_view
from bot.messages.block_kit import Message
from bot.messages.home import HomeFacts, home_view
from bot.messages.modal import ask_view
from bot.messages.notices import (
    asked_again,
    friendly,
    help_message,
    listening,
    queue_away,
    refusal,
    sent_directly,
    unforeseen,
    welcome,
    where_to_look,
)

__all__ = [
    "HomeFacts",
    "Message",
    "answer",
    "ask_view",
    "asked_again",
    "friendly",
    "help_message",
    "home_view",
    "listening",
    "matches_view",
    "queue_away",
    "refusal",
    "sent_directly",
    "unforeseen",
    "welcome",
    "where_to_look",
]
