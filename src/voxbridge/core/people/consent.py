"""Who may be heard: the operator's lists first, then the mode, then the member's own choice.

    denied user or role ............................. not heard, whatever else is so
    lists of who is allowed, and not on any ......... not heard
    mode     chose "hear"   chose "don't"   no choice known   choices cannot be read
    open     heard          not heard       heard             heard
    opt-out  heard          not heard       heard             not heard: an objection may be among them
    opt-in   heard          not heard       not heard         not heard

A role that we cannot see is no role for who must have one, and is reckoned with for who must not: when in doubt,
nobody is heard.
"""

from __future__ import annotations

from typing import Literal

import attrs

PrivacyMode = Literal["open", "opt-out", "opt-in"]
Choice = Literal["hear", "ignore"]
Reason = Literal["agreed", "usual", "objected", "not_asked", "denied", "not_allowed", "unknown"]

HEARD: frozenset[Reason] = frozenset({"agreed", "usual"})


@attrs.frozen
class ConsentRules:
    """The operator's part. Ids of users and roles; an empty ``allowed`` pair allows everybody."""

    mode: PrivacyMode = "open"
    allowed_users: frozenset[int] = frozenset()
    allowed_roles: frozenset[int] = frozenset()
    denied_users: frozenset[int] = frozenset()
    denied_roles: frozenset[int] = frozenset()


def judge(
    rules: ConsentRules, user_id: int, roles: frozenset[int] | None, choice: Choice | None, *, is_known: bool = True
) -> Reason:
    """Say whether a member is heard, as the reason for it (``HEARD`` has those that mean yes).

    ``roles`` is None where Discord has not told them; ``is_known`` False: the choices cannot be read, and ``choice`` is
    what was said since.
    """
    if user_id in rules.denied_users:
        return "denied"
    if rules.denied_roles and (roles is None or roles & rules.denied_roles):
        return "unknown" if roles is None else "denied"
    if (rules.allowed_users or rules.allowed_roles) and not (
        user_id in rules.allowed_users or (roles or frozenset()) & rules.allowed_roles
    ):
        return "unknown" if roles is None and rules.allowed_roles else "not_allowed"
    if choice is not None:
        return "agreed" if choice == "hear" else "objected"
    match rules.mode:
        case "open":
            return "usual"
        case "opt-out":
            return "usual" if is_known else "unknown"
        case "opt-in":
            return "not_asked"
