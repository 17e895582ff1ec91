"""Answers in the address: whichever are given, they come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.lecture import answers, blanks, chain


def controls(values):
    """A session with these values of controls."""
    session = {"answers": ""} | values
    patch = pytest.MonkeyPatch()
    patch.setattr(answers, "session", session)
    patch.setattr(answers, "session_by_name", session)
    return session, patch


def any_answers():
    symbols = st.none() | st.sampled_from([option.text for option in blanks.OPTIONS])
    parts = dict.fromkeys(blanks.KEYS, symbols)
    parts |= {question.key: st.none() | st.sampled_from(list(question.options)) for question in chain.QUESTIONS}
    for weight, key in chain.CHAIN_KEYS.items():
        texts = [factor.text for factor in chain.offered(weight)]
        parts[key] = st.sets(st.sampled_from(texts)).map(lambda some, texts=texts: [t for t in texts if t in some])
    return st.fixed_dictionaries(parts)


@given(any_answers())
def test_any_answers_are_one_short_text_and_come_back_from_it(given_answers):
    _, patch = controls(given_answers)
    text = answers.encode()
    patch.undo()
    assert answers.RULE.validate("answers", text) == text and len(text) <= 29
    session, patch = controls({"answers": text})
    answers.restore()
    patch.undo()
    if text:
        assert {key: session[key] for key in given_answers} == given_answers
    else:  # nothing was answered, and no control is touched
        assert not any(given_answers.values()) and set(session) == {"answers"}
    assert session["answers"] == text


@given(st.text("0123456789abcdefghijklmnopqrstuvwxyz-", max_size=29))
def test_any_text_that_an_address_may_hold_is_read(text):
    session, patch = controls({"answers": text})
    answers.restore()
    again = session["answers"]
    answers.restore()
    patch.undo()
    assert session["answers"] == again
