"""Answers: the list of similar clips."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.messages.asked import NAME_CHARS, SHARED_LABELS, TERMS_SHOWN, filter_lines, heading, meant
from bot.messages.block_kit import (
    MAX_BLOCKS_CHARS,
    Block,
    Message,
    actions,
    button,
    clock,
    context,
    escape,
    link,
    menu,
    per_cent,
    plain,
    section,
    shorten,
    text_chars,
)
from bot.messages.button_values import ButtonValue, option
from bot.messages.library import EXPORT, LISTEN, PATH, PICTURE, Offers, add_button, listen_button
from bot.messages.results import DETAILS, LABEL_CHARS, TITLE_CHARS, Detail, of_file, result_text
from bot.questions import Question
from recommender.answers import WAY, Answer, Result
from recommender.catalogue.filters import OR
from recommender.clips import Clip

NO_OFFERS = Offers()
RESULT_MENU = "result"
MORE_LIKE, LESS_LIKE, NOT_RELEVANT = "more_like", "less_like", "not_relevant"
SLOW_SECONDS = 5.0
"""An answer that came sooner needs no word about its time."""
SHOWN_VOICES = 6
USER_ID = re.compile(r"[A-Z0-9]{1,20}")
FALLBACK_RESULTS = 3
MOST_NARROWING = 4
BY_LABELS = (
    "Labels were compared, not sounds: no embedder of this catalogue's space answers just now. Once one does, send the "
    "file again; where there is none yet, `recommender fetch vggish` and an embedder with `--model vggish` are the way."
)
STEPS = "Per cent: how alike each is to the one before it."


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
    blocks = [section(heading(found, question, detail))]
    small = [plain(note, 300)] if note else []
    small += [f"Shared by <@{shared_by}>"] if USER_ID.fullmatch(shared_by) else []
    if found.sounds_like:
        voices = [f"{plain(name, LABEL_CHARS)} {per_cent(share)}" for name, share in found.sounds_like[:SHOWN_VOICES]]
        small.append("Sounds like " + ", ".join(voices))
    small += [meant(understood) for understood in found.understood[:TERMS_SHOWN]]
    if found.ranked_by == "labels":
        small.append(BY_LABELS)
    if found.ranked_by == WAY:
        small.append(STEPS)
    small += [plain(each, 300) for each in found.incomplete]
    small += filter_lines(question)
    if found.alike:
        small.append(_few(found.alike))
    if seconds is not None and seconds >= SLOW_SECONDS:
        small.append(f"This took {seconds:.0f} s.")
    if small:
        blocks.append(context("\n".join(small)))
    blocks += _narrowing(found, question)
    for place, result in enumerate(found.results):
        text = result_text(result, shared, detail, compared=found.compared, paths=offers.paths)
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


def _value(question: Question, found: Answer, clip_id: str = "") -> ButtonValue:
    """Return what a button must know to work on any process, also after a restart."""
    return ButtonValue(replace(question, query=found.query or question.query), found.catalogue_id, clip_id)


def _with_menu(
    text: str, place: int, clip: Clip, found: Answer, question: Question, offers: Offers, *, listen: bool
) -> list[Block]:
    """Return a result with its menu at the side, or with buttons below where Slack's ids cannot hold the question.
    listen: an answer that one person sees has no thread to post an excerpt into."""
    kinds = {MORE_LIKE: "More like this"} | ({} if found.ranked_by == WAY else {LESS_LIKE: "Less like this"})
    listen = listen and of_file(clip)
    kinds |= {LISTEN: "Listen"} if listen else {}
    kinds |= {PATH: "Copy path"} if offers.paths and of_file(clip) else {}
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
