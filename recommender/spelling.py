"""What a misspelt name may have meant, whether it is text at all, and how a terminal shows it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from rapidfuzz import fuzz, process

_HARMLESS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""They join emoji and letters, and move nothing."""
_FOREIGN = re.compile("[\udc80-\udcff]")
_SPELT_OCTET = re.compile(r"\\x([89a-f][0-9a-f])")
_SPELT_SIGN = re.compile(r"\\(?:u[0-9a-f]{4}|[nrtbf])")
_LETTERS = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z]{2})(?=\d)")
SUGGESTIONS = 5
SUGGESTION_SCORE = 60.0
"""Of 100 by rapidfuzz: a spelling that is further off than this helps nobody."""


def closest(name: str, choices: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return what a misspelt name may mean, out of pairs of that and one of its spellings; the closest first."""
    pairs = list(choices)
    spellings = [spelling.casefold() for _, spelling in pairs]
    found = process.extract(
        name.casefold(), spellings, scorer=fuzz.ratio, score_cutoff=SUGGESTION_SCORE, limit=len(pairs)
    )
    scores: dict[str, float] = {}
    for _, score, place in found:
        meant = pairs[place][0]
        scores[meant] = max(scores.get(meant, 0.0), score)
    return tuple(sorted(scores, key=lambda meant: (-scores[meant], meant))[:SUGGESTIONS])


def is_text(name: str) -> bool:
    """Say whether a name is valid Unicode: bytes that are none come from the system as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def spelt(name: str) -> str:
    r"""Return a file's name as text: bytes that are no UTF-8 are spelt `\xe4`. The system gives them as surrogates."""
    return _FOREIGN.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", name)


def unspelt(name: str) -> str:
    """Return the name that the system knows a file by, of what `spelt` returned."""
    return _SPELT_OCTET.sub(lambda match: chr(0xDC00 + int(match[1], 16)), name)


def readable(name: str) -> str:
    """Return a file's name for people, of what `spelt` returned."""
    raw = unspelt(name)
    return name if is_text(raw) else text_of(raw.encode(errors="surrogateescape"))


def text_of(octets: bytes) -> str:
    """Read text of unknown letters: UTF-8, Windows' Latin or Cyrillic ones, Shift-JIS, or what a detector says."""
    for encoding, right in _ENCODINGS:
        try:
            text = octets.decode(encoding)
        except UnicodeDecodeError:
            continue
        if right(text):
            return text
    # It takes 50 ms to import, and few texts come here.
    from charset_normalizer import from_bytes

    found = from_bytes(octets, cp_isolation=_OTHERS, enable_fallback=False).best()
    return octets.decode("cp1252", "replace") if found is None else str(found)


def _is_latin(text: str) -> bool:
    """Western words have few letters beyond ASCII."""
    letters = [sign for sign in text if sign.isalpha()]
    return 2.5 * sum(not sign.isascii() for sign in letters) <= len(letters) or len(letters) < 2


def _is_cyrillic(text: str) -> bool:
    """Words of Cyrillic letters begin with a capital, or have none or all; others' bytes come out mixed."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    return (
        not any("a" <= sign <= "z" for word in words for sign in word.lower())
        and all(word[1:] == word[1:].lower() or word == word.upper() for word in words)
        and not _NOT_CYRILLIC & set(text)
    )


_ENCODINGS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("utf-8", lambda _: True),
    ("cp932", lambda text: any("\u3041" <= sign <= "\u30fe" for sign in text)),
    ("cp1252", _is_latin),
    ("cp1251", _is_cyrillic),
)
_OTHERS = ["cp932", "gbk", "euc_kr", "big5", "cp1250", "cp1253", "koi8_r"]
_NOT_CYRILLIC = frozenset(map(chr, range(0x80, 0x100))) - {"«", "»", "©", "®", "°", "±", "·", "\xa0"}


def as_typed(name: str) -> Iterator[str]:
    """Yield what somebody who types a name may mean by it: itself; with signs that `shown` spells; composed, as all
    type, and decomposed, as some systems keep names."""
    signs = _SPELT_SIGN.sub(lambda match: str(json.loads(f'"{match[0]}"')), name)
    forms = [unicodedata.normalize(form, text) for text in (name, signs) for form in ("NFC", "NFD")]
    yield from filter(is_text, dict.fromkeys((name, signs, *forms)))


def shown(name: str) -> str:
    """Return a name in one line that any terminal shows as it is: line ends, escape codes and signs that turn the
    direction of text are spelled as JSON and Python spell them."""
    return name if name.isprintable() else "".join(map(_shown, name))


def _shown(sign: str) -> str:
    if sign.isprintable() or sign in _HARMLESS or unicodedata.category(sign) == "Zs":
        return sign
    return json.dumps(sign)[1:-1]


def name_words(text: str) -> list[str]:
    """Return the words of a name as they are searched: letters and digits apart from all else, without case and
    accents, and a camel's humps apart (`DrumLoop01` is found by `loop`)."""
    letters = unicodedata.normalize("NFKD", _HUMP.sub(" ", text))
    return _LETTERS.findall("".join(sign for sign in letters if not unicodedata.combining(sign)).casefold())


def indexed_words(text: str) -> list[str]:
    """Return the words under which a name is indexed, each once: with its humps apart, and, since people type it small
    or in capitals, together."""
    return list(dict.fromkeys([*name_words(text), *name_words(text.lower())]))


def shortened(name: str) -> str:
    """Return a name as it is repeated in a sentence: of 80 characters at most."""
    return name if len(name) <= 80 else f"{name[:77]}…"


def count(number: int, what: str) -> str:
    """Return a number with its noun in singular or plural."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
