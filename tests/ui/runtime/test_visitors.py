"""Who asks: the address, the browser and the session that the server's gate has named."""

from types import SimpleNamespace

import pytest

from ui.runtime import visitors


@pytest.fixture
def asked_by(monkeypatch):
    """Has the page ask with these headers, in the session "s"; gives the texts that it shows."""
    shown = []

    def ask(**headers):
        names = {
            "address": visitors.ADDRESS_HEADER,
            "browser": visitors.BROWSER_HEADER,
            "resume": visitors.RESUME_HEADER,
        }
        given = {names[name]: value for name, value in headers.items()}
        monkeypatch.setattr(visitors, "get_script_run_ctx", lambda **_: SimpleNamespace(session_id="s"))
        page = SimpleNamespace(context=SimpleNamespace(headers=given), info=lambda text, icon: shown.append(text))
        monkeypatch.setattr(visitors, "st", page)
        return shown

    return ask


def test_a_visitor_is_his_address_his_browser_and_his_session(asked_by):
    asked_by(address="198.51.100.3", browser="b")
    assert visitors.current_visitor() == ("198.51.100.3", "b", "s")


def test_the_address_of_a_proxy_on_this_machine_stands_for_nobody(asked_by):
    asked_by(address="127.0.0.1", browser="b")
    assert visitors.current_visitor() == ("", "b", "s")


def test_outside_of_a_page_there_is_no_visitor():
    assert visitors.current_visitor() == ()


@pytest.mark.parametrize("resume, n_texts", [("1", 1), ("", 0)])
def test_a_page_that_asked_for_a_session_and_got_a_new_one_says_once_that_the_table_is_gone(
    resume, n_texts, asked_by, monkeypatch
):
    monkeypatch.setattr(visitors, "session", {})
    shown = asked_by(resume=resume)
    visitors.show_lost_session()
    visitors.show_lost_session()
    assert len(shown) == n_texts and all("no longer in memory" in text for text in shown)
