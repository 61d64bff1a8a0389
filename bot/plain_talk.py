"""Plain talk: what people say to a bot before, behind, and in place of what they want of it."""

from __future__ import annotations

import re

from recommender.audio.formats import AUDIO_NAME

_MARKED = re.compile(r"(?<![\w`*~])(```|[*_~`])(?=\S)(.+?)(?<=\S)\1(?![\w`*~])", re.DOTALL)
_VIDEO_ID = re.compile(r"[\w-]{11}", re.ASCII)
_QUOTES = str.maketrans("„“”«»‘’‚\N{NO-BREAK SPACE}", '"""""\'\'\' ')
_LINK = re.compile(r"https?://\S+")

KEYWORDS = frozenset({"top", "only", "not", "here", "longer", "shorter"})
"""What begins a filter."""

_POLITE = r"(?:please|pls|plz|kindly)"
_GREETING = (
    r"(?:hi|hey|hello|hallo|hiya|yo|greetings|good (?:morning|afternoon|evening|day))"
    r"(?: (?:there|soundalike|all|everyone|team|bot))?"
)
_THANKS = (
    r"(?:(?:ok|okay|great|cool|nice|perfect|awesome|wow|many|no),? )?(?:thanks?|thank you|thx|ty|cheers)"
    r"(?: (?:you|a lot|so much|very much|a million|again|soundalike|all|everyone|mate))*"
    r"|great|cool|nice|perfect|awesome|well done|good (?:job|bot)|love it"
)
_HELP = (
    r"(?:please )?help(?: me)?(?: please)?|what (?:can|do) you do|who are you|what are you|what is this"
    r"|how (?:do|can|should) (?:i|we) (?:use|ask)(?: (?:you|this|it))?|how does (?:this|it) work|commands|usage"
)
_ASKING = (
    r"(?:(?:can|could|would|will) (?:you|u|we|i)|(?:i am|i'm|im|we are|we're) (?:looking|searching) for"
    r"|(?:i|we)(?:'d| would)? (?:need|want|like)|(?:do you have|have you got|is there|are there|got))"
    r"(?: to (?:find|have))?"
)
_VERB = r"(?:find|search(?: for)?|look(?: for)?|show|get|give|suggest|recommend)(?: (?:me|us))?"
_SOMETHING = (
    r"(?:(?:some|any|a few|more|other|me|us) )?(?:something|anything|sth|stuff|ones?|sounds?|clips?|files?|samples?)"
    r"(?: (?:that|which))?(?: (?:is|are|sounds?))? (?:like|similar to|resembling|close to|of|for|with)"
    r"|(?:what (?:else )?(?:is|sounds) (?:like|similar to)|similar to|sounds? like|more like|like)"
)
_BEFORE = re.compile(
    rf"(?:{_GREETING}[,.!]* )?(?:{_POLITE},? )?(?:{_ASKING} )?(?:{_POLITE} )?(?:{_VERB} )?(?:{_POLITE} )?"
    rf"(?:(?:{_SOMETHING}) )?",
    re.IGNORECASE,
)
_BEHIND = re.compile(rf"[,\s]*(?:{_POLITE}|thanks|thank you|thx|for me)?[\s?!.]*$", re.IGNORECASE)
_BUT = re.compile(r"[,\s]+but\b\s*", re.IGNORECASE)
_THIS = re.compile(
    r"(?:(?:something|anything|sounds?|clips?)? ?(?:like|similar to) )?(?:this|that|it)(?: one)?", re.IGNORECASE
)
_CHANGED = re.compile(r"\s[+-]\s|\b(?:but|without)\b", re.IGNORECASE)
_WAY = re.compile(r"(?:(?:a )?(?:way )?from\s)?(?:https?://\S+|#\d+)\s+to\s", re.IGNORECASE)
_LESS = re.compile(r"(?:with )?(?:less|without|no|fewer) (.+)", re.IGNORECASE)
_MORE = re.compile(r"(?:(?:with|a bit|a little|slightly|much|way|even|more|some) )*(.+)", re.IGNORECASE)
_ANDS = re.compile(r",? and | & |, ")
_KINDS = {"thanks": _THANKS, "greeting": _GREETING, "help": _HELP}
_ALONE = {kind: re.compile(rf"(?:{pattern})[\s!.?:)]*", re.IGNORECASE) for kind, pattern in _KINDS.items()}


def unmarked(text: str) -> str:
    """Return a text without Slack's marks for bold, italic, struck and code, and with straight quotation marks."""
    text = text.translate(_QUOTES)
    for _ in range(3):
        text = _MARKED.sub(_inside, text)
    return text


def _inside(mark: re.Match[str]) -> str:
    return str(mark[0] if _VIDEO_ID.fullmatch(mark[0]) else mark[2])


def kind_of(text: str) -> str | None:
    """Return `greeting`, `thanks` or `help` for what is nothing else, None for a question."""
    return next((kind for kind, pattern in _ALONE.items() if pattern.fullmatch(text.strip())), None)


def wish(text: str) -> str:
    """Return what is asked for, without what is said around it: "could you find something like X please?" is X. Where
    a link stands among words, the link alone."""
    text = text.strip()
    before = _BEFORE.match(text) if " " in text else None
    inner = _BEHIND.sub("", text[before.end() :]) if before is not None else text
    links = _LINK.findall(inner)
    if len(links) == 1 and not _WAY.match(inner) and not _CHANGED.search(inner):
        rest = _LINK.sub(" ", inner).lower().split()
        if KEYWORDS.isdisjoint(rest):
            return str(links[0])
    return inner.strip() or text


def changed(query: str) -> tuple[str, str] | None:
    """Split "X but darker and without drums" into X and the terms "+ darker - drums"; None for what is no such text.
    X is empty where it is "this"."""
    query = query.strip()
    what, *hows = _BUT.split(query, maxsplit=1) if query.lower()[:4] != "but " else ("", query[4:])
    if AUDIO_NAME.search(query):
        return None
    if not hows:
        return ("", "") if _THIS.fullmatch(query) else None
    terms = []
    for how in _ANDS.split(hows[0].strip()) if hows[0].strip() else ():
        less, more = _LESS.fullmatch(how), _MORE.fullmatch(how)
        terms.append(f"- {less[1]}" if less else f"+ {more[1] if more else how}")
    return "" if _THIS.fullmatch(what.strip()) or not what.strip() else what.strip(), " ".join(terms)
