from __future__ import annotations

import re

import bot.errors
import recommender.errors
from recommender.errors import SoundalikeError


def family(error: type[SoundalikeError]) -> set[type[SoundalikeError]]:
    return {error}.union(*(family(child) for child in error.__subclasses__()))


def test_each_error_is_drawn_in_the_tree_under_its_parent():
    for module in (recommender.errors, bot.errors):
        drawn = {}
        path: list[str] = []
        for line in (module.__doc__ or "").splitlines():
            if found := re.match(r"^([│ ├└─]*)(\w+)(?:  +|$)", line):
                depth = len(found[1]) // 4
                path[depth:] = [found[2]]
                drawn[found[2]] = path[depth - 1] if depth else None
        own = [e for e in family(SoundalikeError) if e.__module__ == module.__name__]
        assert own
        for error in own:
            assert error.__name__ in drawn, f"{error.__name__} is not drawn"
            parent = drawn[error.__name__]
            assert parent is None or parent in {base.__name__ for base in error.__mro__[1:]}


def test_no_two_kinds_of_error_share_a_code():
    leaves = [error for error in family(SoundalikeError) if not error.__subclasses__()]
    codes = [error.code for error in leaves]
    assert len(codes) == len(set(codes))
