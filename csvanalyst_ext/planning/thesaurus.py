"""Words that stand for the same thing in most tables.  Data only.

Only where a table calls its rows, or a column its values, by one of these words is another
one of its family understood.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from .words import forms

NOUNS: Final[tuple[frozenset[str], ...]] = tuple(
    frozenset(family.split(","))
    for family in (
        "employee,staff,worker,personnel,staff member,team member,colleague",
        "customer,client",
        "movie,film",
        "song,track",
        "car,vehicle,automobile",
        "country,nation",
        "doctor,physician",
        "student,pupil",
        "shop,store",
        "product,item,article",
        "trip,ride,journey",
        "match,game,fixture",
        "team,club,squad",
        "earthquake,quake",
        "respondent,participant",
        "shipment,consignment",
        "company,firm",
        "transaction,purchase",
        "house,home,property",
        "response,answer,reply",
        "invoice,bill",
    )
)
"""What the rows of a table may be called as well."""


@cache
def family(word: str) -> frozenset[str]:
    """The other words of the families of ``word``, in the singular and the plural."""
    found = {other for nouns in NOUNS for other in nouns if forms(word) & nouns and " " not in other} - forms(word)
    plurals = {f"{other[:-1]}ies" if other.endswith("y") else f"{other}s" for other in found}
    return frozenset(found | plurals)


VALUES: Final[dict[tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    ("sex", "gender"): {
        **dict.fromkeys(("m", "male", "man"), ("male", "man", "men", "boy")),
        **dict.fromkeys(("f", "female", "w", "woman"), ("female", "woman", "women", "girl")),
    },
}
"""By the last word of a column's name: what a value is called in a sentence."""
