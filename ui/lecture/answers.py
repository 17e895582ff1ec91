"""The answers to the exercise as one short text, which the address holds: they outlast a reload."""

from __future__ import annotations

from ui.lecture import blanks, chain
from ui.session import session, session_by_name
from ui.urls.link import Text

KEY = "answers"
RULE = Text(r"[0-9a-z-]{0,29}", "it must be at most 29 letters, digits and dashes, one or two an answer")
NONE = "-"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def encode() -> str:
    """The answers of the session: a character a blank and question, two a chain; empty where nothing is answered."""
    symbols = [option.text for option in blanks.OPTIONS]
    parts = [_encode_choice(session_by_name.get(key), symbols) for key in blanks.KEYS]
    parts += [_encode_choice(session_by_name.get(q.key), list(q.options)) for q in chain.QUESTIONS]
    for weight, key in chain.CHAIN_KEYS.items():
        chosen = session_by_name.get(key) or []
        mask = sum(1 << k for k, factor in enumerate(chain.offered(weight)) if factor.text in chosen)
        parts.append(_DIGITS[mask // 36] + _DIGITS[mask % 36] if mask else NONE * 2)
    return "".join(parts).rstrip(NONE)


def remember() -> None:
    """Keeps the answers as text; for the callbacks of their controls."""
    session["answers"] = encode()


def restore() -> None:
    """Sets the controls to the answers of the address, and to those of a part that was left."""
    text = session["answers"]
    if text == encode():
        return
    text = text.ljust(29, NONE)
    symbols = [option.text for option in blanks.OPTIONS]
    for k, key in enumerate(blanks.KEYS):
        session_by_name[key] = _decode_choice(text[k], symbols)
    first = len(blanks.KEYS)
    for k, question in enumerate(chain.QUESTIONS, first):
        session_by_name[question.key] = _decode_choice(text[k], list(question.options))
    first += len(chain.QUESTIONS)
    for k, (weight, key) in enumerate(chain.CHAIN_KEYS.items()):
        digits = text[first + 2 * k : first + 2 * k + 2]
        mask = 0 if NONE in digits else 36 * _DIGITS.index(digits[0]) + _DIGITS.index(digits[1])
        session_by_name[key] = [f.text for k, f in enumerate(chain.offered(weight)) if mask >> k & 1]
    session["answers"] = encode()


def clear() -> None:
    """Takes all answers back; for a callback."""
    session["answers"] = ""
    restore()


def _encode_choice(choice: str | None, options: list[str]) -> str:
    return _DIGITS[options.index(choice)] if choice in options else NONE


def _decode_choice(digit: str, options: list[str]) -> str | None:
    index = len(options) if digit == NONE else _DIGITS.index(digit)
    return options[index] if index < len(options) else None
