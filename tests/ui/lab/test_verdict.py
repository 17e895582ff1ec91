"""The verdict of the Lab: each sentence once, each finding with its own words and its own suggestions."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from core import RunConfig, diagnose, train
from core.diagnosis.rules import VERDICTS
from tests.support.nothing import anything
from ui.lab import verdict
from ui.text import as_text, typeset

RUNS = [RunConfig(steps=9), RunConfig(steps=9, hidden=(8,) * 20, activation="relu", init_scale=0.3, l2=1.0),
        RunConfig(activation="linear", init_scale=30.0, steps=9)]  # fmt: skip


@pytest.fixture
def said(monkeypatch):
    words = []
    streamlit = anything(markdown=lambda text, **_: words.append(text), caption=lambda text: words.append(text),
                         header=lambda text, **_: words.append(text),
                         expander=lambda label: (words.append(label), anything())[1])  # fmt: skip
    monkeypatch.setattr(verdict, "st", streamlit)
    monkeypatch.setattr(verdict, "draw_suggestions", lambda finding, config: words.append((finding.name, config)))
    return words


@pytest.mark.parametrize("config", RUNS, ids=range(3))
def test_headline_sentence_and_mechanism_are_said_once(config, said):
    diagnosis = diagnose(train([config])[0])
    gravest, *others = diagnosis.findings
    verdict.draw_verdict(diagnosis)
    verdict.draw_details(diagnosis, "The theory.")
    assert said[0] == f"{verdict.ICONS[gravest.severity]} {VERDICTS[diagnosis.verdict][0]}"
    assert said[1] == as_text(typeset(gravest.what))
    text = " ".join(said)
    assert text.count(as_text(typeset(gravest.what))) == text.count(as_text(typeset(gravest.why))) == 1
    assert said[-1].endswith(f"{as_text(typeset(gravest.why))} The theory.")
    rest = diagnosis.sentence.removeprefix(gravest.what).strip()
    assert as_text(typeset(rest)) in said[-1]


def test_every_finding_has_its_own_words_and_suggestions_in_their_order(said):
    diagnosis = diagnose(train([RUNS[0]])[0])
    [gravest, *_] = diagnosis.findings
    others = [replace(gravest, name=name, what=f"what {name}", why=f"why {name}", severity=severity)
              for name, severity in (("dead", "bad"), ("stuck", "note"))]  # fmt: skip
    config = SimpleNamespace()
    verdict.draw_findings(replace(diagnosis, findings=(gravest, *others), trial="Tried."), config)
    assert said == [
        (gravest.name, config), "Tried.", "Also: dead units, " + VERDICTS["stuck"][0].lower(),
        f"{verdict.ICONS['bad']} what dead why dead", ("dead", config),
        f"{verdict.ICONS['note']} what stuck why stuck", ("stuck", config),
    ]  # fmt: skip
