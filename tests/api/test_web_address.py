"""Where a source leads stands in its address, and nothing else does."""

import pytest

from amber_mcp.api.web_address import leads_here, web_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://wiki.example/a?b=c#d", "https://wiki.example/a?b=c#d"),
        ("HTTPS://Wiki.Example:8443/A", "https://wiki.example:8443/A"),
        (" https://wiki.example/a b ", "https://wiki.example/a%20b"),
        ("https://user:password@wiki.example/", "https://wiki.example/"),
        ("https://good.example@evil.example/", "https://evil.example/"),
        ("https://аpple.example/", "https://xn--pple-43d.example/"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://bücher.example/größe", "https://xn--bcher-kva.example/größe"),
        ("https://wiki.example./", "https://wiki.example/"),
        ("https://wiki.example/>\n<x", "https://wiki.example/%3E%3Cx"),
        ("https://wiki.example/\u202egnp\u200b", "https://wiki.example/%E2%80%AEgnp%E2%80%8B"),
        ("https://wiki.example/[x](y)`'\"", "https://wiki.example/[x](y)%60%27%22"),
        ("https://10.0.0.7/a", "https://10.0.0.7/a"),
        ("http://[2001:db8::0:1]:80/", "http://[2001:db8::1]:80/"),
        ("https://wiki.example/%E2%82%AC?q=%20", "https://wiki.example/%E2%82%AC?q=%20"),
    ],
)
def test_an_address_is_shown_as_it_leads(text: str, address: str) -> None:
    assert web_address(text) == address
    assert web_address(address) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "wiki.example", "/a", "ftp://wiki.example/", "javascript:alert(1)", "data:,x"),
        *("https://", "https:///a", "https://[::1", "https://a:99999/", "https://a b/"),
        *(
            "https://good.example\\@evil.example/",
            "https://a%2eb/",
            "https://a<b/",
            "https://-\u202e/",
        ),
        *("http://127.1/", "http://0x7f000001/", "http://2130706433/", "http://1.2.3.4.5/"),
        "https://wiki.example/" + "a" * 2_000,
        "https://" + "ä" * 300 + "/",
        "https://a\ud800/",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert web_address(text) == ""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://localhost:8080/", True),
        ("https://a.localhost/", True),
        ("http://127.0.0.1/", True),
        ("http://127.9.9.9/", True),
        ("http://0.0.0.0/", True),
        ("http://169.254.169.254/latest/meta-data", True),
        ("http://[::1]/", True),
        ("http://[::ffff:127.0.0.1]/", True),
        ("http://[fe80::1]/", True),
        ("http://10.0.0.1/", False),
        ("https://wiki.example/", False),
        ("https://localhost.example/", False),
    ],
)
def test_this_machine_and_its_link_are_told_apart(address: str, expected: bool) -> None:
    assert leads_here(web_address(address)) is expected
