"""The sample company: plain questions of either language find its documents."""

from collections.abc import Iterator

import pytest

from amber_mcp.sandbox.company import Company, read_company


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    company = read_company()
    yield company
    company.close()


def test_it_is_read_as_a_whole(company: Company):
    assert len(company.documents.index) >= 40
    assert company.documents.left_out == ()
    assert company.web.left_out == ()
    assert {agent.name for agent in company.agents} >= {"hr", "it", "sales"}


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("Wie viele Urlaubstage habe ich?", "hr/urlaubsregelung.md"),
        ("How many days of vacation do I get?", "hr/urlaubsregelung.md"),
        ("Darf ich von zu Hause aus arbeiten?", "hr/remote-work-policy.md"),
        ("Mein Notebook wurde gestohlen", "it/lost-or-stolen-device.md"),
        ("How do I order a new computer?", "it/laptop-bestellen.md"),
        ("Wie lang muss mein Kennwort sein?", "it/password-policy.md"),
        ("Can a customer send back a pump?", "sales/returning-goods.md"),
        ("Wie lange gilt die Garantie?", "sales/warranty-terms.pdf"),
        ("Wem melde ich Korruption anonym?", "legal/whistleblowing.md"),
        ("When is the canteen open?", "facilities/kantine.txt"),
    ],
)
def test_questions_find_their_document(company: Company, question: str, path: str):
    assert company.documents.index.search(question)[0].path == path
