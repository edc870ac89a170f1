import pytest

from amber_mcp.sandbox.mentions import Mentions, is_same, words


def anything(_: object) -> bool:
    return True


def nothing(_: object) -> bool:
    return False


def texts(question: str, known: frozenset[str] = frozenset()) -> list[str]:
    mentions = Mentions(question, known)
    found = []
    while (text := mentions.text(anything)) is not None:
        found.append(text)
    return found


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What's the weather like in Aachen today?", ["Aachen"]),
        ("Is it warm? Call Erna Beispiel in New York.", ["New York", "Erna Beispiel"]),
        ("Wie ist das Wetter in Köln?", ["Köln", "Wetter"]),
        ('Send "hello there" and „bis bald“ and “so long” to Kurt', [
            "hello there", "bis bald", "so long", "Kurt",
        ]),
        ("nothing here", []),
        ("", []),
    ],
)  # fmt: skip
def test_quotes_come_before_names(question: str, expected: list[str]):
    assert texts(question) == expected


def test_the_words_of_a_function_are_no_names():
    assert texts("Wie ist das Wetter in Köln?", frozenset({"wetter"})) == ["Köln"]


def test_numbers_are_given_once_and_in_order():
    mentions = Mentions("Book 3 rooms for 12.5 hours, -4 degrees, v2 at 10:30, 1,5 and 7.")
    numbers = []
    while (number := mentions.number(anything)) is not None:
        numbers.append(number)
    assert numbers == [3, 12.5, -4, 7]
    assert isinstance(numbers[0], int)


def test_a_number_without_end_is_none():
    assert Mentions(f"Book {'9' * 400} rooms.").number(anything) is None


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("date", "2026-02-03"),
        ("date-time", "2026-02-03T04:05:06Z"),
        ("time", "07:08:09Z"),
        ("email", "erna.b@mail.example.com"),
        ("uri", "https://example.com/a?b=c"),
        ("uuid", "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac"),
        ("hostname", None),
    ],
)
def test_dates_and_addresses_are_found_by_their_form(form: str, expected: str | None):
    mentions = Mentions(
        "On 2026-02-03, at 2026-02-03T04:05:06Z or 07:08:09Z, write erna.b@mail.example.com about "
        "9676b2b0-9fdd-40b1-8a0a-0debe64b29ac and https://example.com/a?b=c."
    )
    assert mentions.formatted(form, anything) == expected
    assert mentions.formatted(form, nothing) is None


def test_words_and_names_are_compared_in_small_letters():
    assert words("getCurrentWeather_now-2") == ["get", "current", "weather", "now", "2"]
    assert is_same("file", "files")
    assert not is_same("in", "inside")
    mentions = Mentions("Include archived mails")
    assert mentions.has("include_archived")
    assert not mentions.has("archived_since")
    assert not mentions.has("?")
