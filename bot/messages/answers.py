"""Answers: the list of similar clips."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from bot.messages.block_kit import (
    MAX_BLOCKS_CHARS,
    MAX_URL_CHARS,
    Block,
    Message,
    actions,
    bold,
    button,
    clock,
    context,
    escape,
    in_the_middle,
    link,
    menu,
    per_cent,
    plain,
    section,
    shorten,
    text_chars,
)
from bot.messages.button_values import ButtonValue, option
from bot.messages.library import EXPORT, LISTEN, PATH, PICTURE, Offers, add_button, listen_button, said
from bot.questions import Question
from recommender.answers import WAY, Answer, Result, Understood
from recommender.catalogue.filters import OR
from recommender.catalogue.links import video_moment
from recommender.catalogue.measures import as_asked
from recommender.clips import Clip
from recommender.errors import BadQuery
from recommender.query import Query, Term, parse
from recommender.uploads import labels_of_term, sha256_of_term

NO_OFFERS = Offers()
RESULT_MENU = "result"
MORE_LIKE, LESS_LIKE, NOT_RELEVANT = "more_like", "less_like", "not_relevant"
SLOW_SECONDS = 5.0
"""An answer that came sooner needs no word about its time."""
SHARED_LABELS = 3
"""Labels that "Only these labels" filters by: more describe nothing any more."""
SHOWN_LABELS = 8
SHOWN_VOICES = 6
LABEL_CHARS = 60
TITLE_CHARS = 120
PATH_CHARS = 60
LINE_CHARS = 76
"""About what one line holds at a desk."""
AND_MORE_CHARS = 11
LABELS_BESIDE = 24
"""Characters of labels that are worth a place beside the name."""
_MARKUP = re.compile(r"<[^|>]*\|([^>]*)>|\*")
NAME_CHARS = 80
USER_ID = re.compile(r"[A-Z0-9]{1,20}")
TERMS_SHOWN = 5
FALLBACK_RESULTS = 3
MOST_NARROWING = 4
BY_LABELS = (
    "Labels were compared, not sounds: no embedder of this catalogue's space answers just now. Once one does, send the "
    "file again; where there is none yet, `recommender fetch vggish` and an embedder with `--model vggish` are the way."
)
STEPS = "Per cent: how alike each is to the one before it."


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is said of each result: characters of its title and of the longest link, labels and their characters,
    characters of what its file says of itself."""

    title: int = TITLE_CHARS
    url: int = MAX_URL_CHARS
    labels: int = SHOWN_LABELS
    label: int = LABEL_CHARS
    said: int = LINE_CHARS


DETAILS = (Detail(), Detail(TITLE_CHARS, 300, 4, 40), Detail(60, 150, 3, 30, 0), Detail(30, 0, 1, 20, 0))
"""From the fullest to one that lets twenty results of whatever names pass Slack's limit."""


def answer(
    found: Answer,
    question: Question,
    *,
    ephemeral: bool = False,
    seconds: float | None = None,
    note: str = "",
    shared_by: str = "",
    offers: Offers = NO_OFFERS,
) -> Message:
    """Return the answer to a question. ephemeral: only one person sees it, so that it can be shared; seconds: how long
    it took; note: a sentence before the list, as plain text; shared_by: id of the person who shares it; offers: which
    buttons of a library are shown."""
    for detail in DETAILS:
        blocks = _answer(found, question, detail, ephemeral, seconds, note, shared_by, offers)
        if text_chars(blocks) <= MAX_BLOCKS_CHARS:
            break
    return Message(_fallback(found, question), blocks)


def _answer(
    found: Answer,
    question: Question,
    detail: Detail,
    ephemeral: bool,
    seconds: float | None,
    note: str,
    shared_by: str,
    offers: Offers,
) -> list[Block]:
    shared = _labels_of_query(found)
    blocks = [section(_heading(found, question, detail))]
    small = [plain(note, 300)] if note else []
    small += [f"Shared by <@{shared_by}>"] if USER_ID.fullmatch(shared_by) else []
    if found.sounds_like:
        voices = [f"{plain(name, LABEL_CHARS)} {per_cent(share)}" for name, share in found.sounds_like[:SHOWN_VOICES]]
        small.append("Sounds like " + ", ".join(voices))
    small += [_meant(understood) for understood in found.understood[:TERMS_SHOWN]]
    if found.ranked_by == "labels":
        small.append(BY_LABELS)
    if found.ranked_by == WAY:
        small.append(STEPS)
    small += _filters(question)
    if found.alike:
        small.append(_few(found.alike))
    if seconds is not None and seconds >= SLOW_SECONDS:
        small.append(f"This took {seconds:.0f} s.")
    if small:
        blocks.append(context("\n".join(small)))
    blocks += _narrowing(found, question)
    for place, result in enumerate(found.results):
        text = _result(result, shared, detail, compared=found.compared, paths=offers.paths)
        blocks += _with_menu(text, place, result.clip, found, question, offers, listen=offers.listen and not ephemeral)
    if not found.results:
        blocks.append(section(_nothing(found, question)))
    blocks += _footer(found, question, shared, ephemeral, add_button(question, offers), offers.files)
    return blocks


def matches_view(found: Answer, question: Question) -> dict[str, object]:
    """Return the modal that says which part of an upload each result resembles, in the upload's order."""
    parts: dict[tuple[float, float], list[Result]] = {}
    for result in found.results:
        if result.matched is not None:
            parts.setdefault(result.matched, []).append(result)
    blocks: list[Block] = []
    for (start, end), results in sorted(parts.items()):
        lines = [f"*{clock(start)}–{clock(end)}*"]
        lines += [f"• {link(r.clip.url, r.clip.title, TITLE_CHARS)} · {per_cent(r.similarity)}" for r in results]
        blocks.append(section("\n".join(lines)))
    if not blocks:
        blocks.append(section("No part stands out: the whole upload was compared."))
    name = plain(question.name, NAME_CHARS) or "your upload"
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Where it matched"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": [section(f"Parts of {name} and the clips that resemble them"), *blocks[:90]],
    }


def _labels_of_query(found: Answer) -> tuple[str, ...]:
    """The labels that the query itself has, in order: its clips', what words mean, or what an upload sounds like."""
    names = [name for each in found.understood for name, _ in each.labels]
    names += [label for clip in found.seeds for label in clip.labels]
    if not names:
        names = [label for label, _ in found.sounds_like[:SHARED_LABELS]]
    return tuple(dict.fromkeys(names))


def _heading(found: Answer, question: Question, detail: Detail) -> str:
    if found.ranked_by == WAY:
        return f"*A way from* {_asked(found, question, detail)}"
    how = "for" if found.ranked_by == "words" else "like"
    return f"*{'More' if question.skip else 'Clips'} {how}* {_asked(found, question, detail)}"


def _asked(found: Answer, question: Question, detail: Detail) -> str:
    """What was asked: the terms in the order they were typed, clips with their title and link."""
    asked = _parsed(found.query or question.query)
    sides = (asked.terms, asked.to) if asked.to else (asked.terms,)
    return " *to* ".join(_spoken(side, found, question, detail) for side in sides) or plain(question.query, NAME_CHARS)


def _spoken(terms: Sequence[Term], found: Answer, question: Question, detail: Detail) -> str:
    spoken: list[str] = []
    seeds = {clip.clip_id: clip for clip in found.seeds} | {clip.source: clip for clip in found.seeds}
    for term in terms[:TERMS_SHOWN]:
        clip = seeds.get(term.text)
        if clip is not None:
            shown = link(clip.url, clip.title, detail.title, detail.url)
        elif sha256_of_term(term.text) is not None or labels_of_term(term.text):
            shown = bold(question.name, NAME_CHARS) or "your upload"
        else:
            shown = plain(term.text, NAME_CHARS)
        spoken.append(f", {'more' if term.sign > 0 else 'less'} like {shown}" if spoken else shown)
    if len(terms) > TERMS_SHOWN:
        spoken.append(f" and {len(terms) - TERMS_SHOWN} more")
    return "".join(spoken)


def _parsed(query: str) -> Query:
    """Read a canonical query; what does not parse is shown as it is."""
    try:
        return parse(query)
    except BadQuery:
        return Query((Term(1, query),))


def _filters(question: Question) -> list[str]:
    lines = []
    if question.only:
        groups = (plain(group.replace(OR, " or "), 2 * LABEL_CHARS) for group in question.only[:SHOWN_LABELS])
        lines.append("Only " + ", and ".join(groups))
    if question.without:
        lines.append("Without " + ", ".join(plain(label, LABEL_CHARS) for label in question.without[:SHOWN_LABELS]))
    if question.within:
        lines.append("In " + " and ".join(plain(name, LABEL_CHARS) for name in question.within[:SHOWN_LABELS]))
    if question.longer:
        lines.append(f"Longer than {question.longer:g} s")
    if question.shorter:
        lines.append(f"Shorter than {question.shorter:g} s")
    if question.told:
        lines.append("With " + as_asked(question.told))
    return lines


def _meant(understood: Understood) -> str:
    """What words were taken for, or that they were not."""
    text = plain(understood.text, NAME_CHARS) or "Your upload"
    how = "" if understood.by_meaning else " (by spelling: the text encoder does not answer just now)"
    if understood.labels:
        names = ", ".join(plain(name, LABEL_CHARS) for name, _ in understood.labels[:SHARED_LABELS])
        both = " together" if understood.together else ""
        return f"{text}: {names}{both}{how}"
    if understood.near:
        return f"{text}: no label means it; the nearest are {', '.join(plain(n, LABEL_CHARS) for n in understood.near)}"
    return f"{text}: found by name alone{how}"


def _narrowing(found: Answer, question: Question) -> list[Block]:
    """A button for each label that was understood, which narrows the answer to it."""
    names = list(dict.fromkeys(name for each in found.understood for name, _ in each.labels))[:MOST_NARROWING]
    return actions(
        *(
            button(f"narrow_{place}", shorten(name, LABEL_CHARS), _value(_narrowed(question, name), found))
            for place, name in enumerate(names)
            if name not in question.only
        )
    )


def _narrowed(question: Question, label: str) -> Question:
    return replace(question, only=(*question.only, label), skip=0)


def _result(result: Result, shared: tuple[str, ...], detail: Detail, *, compared: bool, paths: bool) -> str:
    """Return which clip and how alike it is, and what it is and where it lies: in one line where both fit, else two;
    then what its file says of itself."""
    clip = result.clip
    facts = [
        link(clip.url, clip.title, detail.title, detail.url),
        f"{clock(clip.start)}–{clock(clip.end)}",
    ]
    if compared:
        facts.append(f"*{per_cent(result.similarity)}*")
    if clip.catalogue:
        facts.append(plain(clip.catalogue, LABEL_CHARS))
    if result.copies > 1:
        facts.append(f"{result.copies} copies")
    name = f"*{result.rank}.* " + " · ".join(facts)
    more = []
    if result.matched is not None:
        more.append(f"resembles {clock(result.matched[0])}–{clock(result.matched[1])} of the upload")
    if paths and _of_file(clip) and (place := _place(clip)):
        more.append(plain(in_the_middle(place, PATH_CHARS), PATH_CHARS))
    told = said(clip, detail.said) if detail.said else ""
    beside = LINE_CHARS - len(_MARKUP.sub(r"\1", name))
    if not more and beside >= min(LABELS_BESIDE, sum(map(len, clip.labels))):
        first = " · ".join(each for each in (name, _labels(clip, shared, detail, beside)) if each)
        return "\n".join(filter(None, (first, told)))
    about = " · ".join(each for each in (_labels(clip, shared, detail, LINE_CHARS), *more) if each)
    return "\n".join(filter(None, (name, about, told)))


def _place(clip: Clip) -> str:
    """Return what its path says of a library's clip beyond its title and its labels, empty where it says no more."""
    within = clip.source.removeprefix(f"{clip.catalogue}/") if clip.catalogue else clip.source
    path = PurePosixPath(within)
    if path.stem != clip.title:
        return within
    return "" if set(path.parent.parts) <= set(clip.labels) else f"{path.parent}/"


def _of_file(clip: Clip) -> bool:
    """Whether a clip is of a file of one's own: beside it, other catalogues may hold videos."""
    return clip.url is None or video_moment(clip.url) is None


def _labels(clip: Clip, shared: tuple[str, ...], detail: Detail, room: int) -> str:
    """Labels, those that the query has too in bold and first; as many as fit into the room, one at least."""
    mine = sorted(dict.fromkeys(clip.labels), key=lambda label: label not in shared)
    shown: list[str] = []
    for place, label in enumerate(mine[: detail.labels]):
        room -= len(label) + 2
        if room < (AND_MORE_CHARS if len(mine) > place + 1 else 0) and shown:
            break
        shown.append(bold(label, detail.label) if label in shared else plain(label, detail.label))
    more = len(mine) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _value(question: Question, found: Answer, clip_id: str = "") -> ButtonValue:
    """Return what a button must know to work on any process, also after a restart."""
    return ButtonValue(replace(question, query=found.query or question.query), found.catalogue_id, clip_id)


def _with_menu(
    text: str, place: int, clip: Clip, found: Answer, question: Question, offers: Offers, *, listen: bool
) -> list[Block]:
    """Return a result with its menu at the side, or with buttons below where Slack's ids cannot hold the question.
    listen: an answer that one person sees has no thread to post an excerpt into."""
    kinds = {MORE_LIKE: "More like this"} | ({} if found.ranked_by == WAY else {LESS_LIKE: "Less like this"})
    listen = listen and _of_file(clip)
    kinds |= {LISTEN: "Listen"} if listen else {}
    kinds |= {PATH: "Copy path"} if offers.paths and _of_file(clip) else {}
    kinds |= {} if clip in found.seeds else {NOT_RELEVANT: "Not relevant"}
    choices = menu(RESULT_MENU, [(shown, option(kind, clip.clip_id)) for kind, shown in kinds.items()])
    block_id = _value(question, found).block_id(place)
    if choices and block_id:
        return [section(text, choices, block_id)]
    value = _value(question, found, clip.clip_id)
    steering = [button(kind, kinds[kind], value) for kind in (MORE_LIKE, LESS_LIKE) if kind in kinds]
    return [section(text), *actions(*steering, listen_button(clip) if listen else None)]


def _footer(
    found: Answer,
    question: Question,
    shared: tuple[str, ...],
    ephemeral: bool,
    add: Block | None,
    files: bool,
) -> list[Block]:
    value = _value(question, found)
    labels = list(shared[:SHARED_LABELS])
    if question.only:
        filtering = button("all_labels", "All labels", value)
    else:
        filtering = (
            button("only_labels", "Only these labels", _value(replace(question, only=(OR.join(labels),)), found))
            if labels
            else None
        )
    long_upload = any(result.matched is not None for result in found.results)
    return actions(
        button("next_ten", "Next ten" if question.top == 10 else f"Next {question.top}", value) if found.more else None,
        button("first_ten", "Back to the top", value) if question.skip else None,
        filtering,
        button("nothing_left_out", f"Show {len(question.left_out)} left out", value) if question.left_out else None,
        button("where_matched", "Where it matched", value) if long_upload else None,
        button("share", "Share to channel", value) if ephemeral and found.results else None,
        button(EXPORT, "Export", value) if files and found.results else None,
        button(PICTURE, "Picture", value) if files and found.results and found.ranked_by != WAY else None,
        add,
    )


def _few(alike: int) -> str:
    return (
        "Only one clip is alike: the others are no nearer than chance."
        if alike == 1
        else f"Only {alike} clips are alike: the others are no nearer than chance."
    )


def _nothing(found: Answer, question: Question) -> str:
    if question.skip:
        return "That was the end of the list."
    bounded = question.longer or question.shorter or question.told
    filtered = question.only or question.without or bounded or question.within
    if found.alike is not None:
        among = "that passes these filters " if filtered else ""
        what = "leave one out" if filtered else "take another sound, or say in words what you look for"
        return f"No clip {among}is alike: all are no nearer than chance. Try this: {what}."
    if filtered:
        return "No clip of the catalogue passes these filters: leave one out."
    return "The catalogue holds no other clip."


def _fallback(found: Answer, question: Question) -> str:
    """The top three in a sentence, for notifications and screen readers."""
    words = [each.text for each in found.understood if each.text]
    names = [clip.title for clip in found.seeds] or words or [question.name or "your upload"]
    if found.ranked_by == WAY:
        start = f"A way of {len(found.results)} clips: "
    else:
        how = "for" if found.ranked_by == "words" else "like"
        start = f"Clips {how} {escape(shorten(names[0], NAME_CHARS))}: "
    best = [
        f"{result.rank}. {escape(shorten(result.clip.title, NAME_CHARS))}"
        + (
            f" ({escape(shorten(', '.join(result.clip.labels[:SHARED_LABELS]), NAME_CHARS))})"
            if result.clip.labels
            else ""
        )
        + (f", {per_cent(result.similarity)}" if found.compared else "")
        for result in found.results[:FALLBACK_RESULTS]
    ]
    return start + ("; ".join(best) if best else _nothing(found, question))
