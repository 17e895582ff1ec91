"""Choices of the lecture's network: the sample that is shown, and the seed of the next one."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from core.lecture.small_network import draw
from ui.lecture import network
from ui.lecture.network import SEED


@pytest.mark.parametrize("chosen, samples, index", [(1, 3, 0), (3, 3, 2), (5, 3, 2), (2.0, 2, 1)])
def test_samples_are_counted_from_1_and_end_with_the_last_there_is(monkeypatch, chosen, samples, index):
    session = {"net_sample": chosen}
    monkeypatch.setattr(network, "session", session)
    assert network.shown_sample(SimpleNamespace(d=[0] * samples)) == index
    assert session["net_sample"] == index + 1


@pytest.mark.parametrize("seed, following", [(0.0, 1.0), (5.0, 6.0), (SEED.high, 0.0), (SEED.high - 1, SEED.high)])
def test_other_weights_are_those_of_the_next_seed_and_after_the_last_comes_the_first(monkeypatch, seed, following):
    session = {"net_seed": seed}
    monkeypatch.setattr(network, "session", session)
    network._draw_again()
    assert session["net_seed"] == following


def test_tables_belong_to_the_network_that_they_were_written_for(monkeypatch):
    session = dict(network.DEFAULTS)
    monkeypatch.setattr(network, "session", session)
    monkeypatch.setattr(network, "session_by_name", session)
    drawn, which = network._load_network()
    tables = {name: pd.DataFrame(getattr(drawn, name) + 1) for name in ("w01", "w12", "x", "d")}
    session["net_edited"] = which, tables
    for name, table in tables.items():
        np.testing.assert_array_equal(getattr(network.current(), name), table)
    for key, value in (("net_seed", 1.0), ("net_i", 2.0), ("net_j", 2.0), ("net_k", 3.0), ("net_n", 3.0)):
        session.update(network.DEFAULTS | {key: value})
        sizes = [int(session[size]) for size in ("net_i", "net_j", "net_k", "net_n", "net_seed")]
        wanted = draw(*sizes)
        for name in tables:
            np.testing.assert_array_equal(getattr(network.current(), name), getattr(wanted, name))
