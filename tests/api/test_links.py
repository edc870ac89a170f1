"""Links in text, as Markdown has them and as people write them."""

import pytest

from amber_mcp.api.links import links_in

W = "https://w.example/"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"See [the policy]({W}p).", [("the policy", f"{W}p", 0)]),
        (f"[a (b)]({W}a_(b)) end", [("a (b)", f"{W}a_(b)", 0)]),
        (f"[a `b` *c*]({W})", [("a b c", W, 0)]),
        (f'[x](<{W}x> "title")', [("x", f"{W}x", 0)]),
        (f"[[2]]({W}2) and [3]({W}3)", [(f"{W}2", f"{W}2", 2), (f"{W}3", f"{W}3", 3)]),
        (f"at {W}x, and", [(f"{W}x", f"{W}x", 0)]),
        (f"<{W}x> ({W}y). {W}z_*", [(f"{W}{x}", f"{W}{x}", 0) for x in "xyz"]),
        (f"{W}a?b=[1]&c=ü#d…", [(f"{W}a?b=[1]&c=ü#d", f"{W}a?b=[1]&c=ü#d", 0)]),
        ("http://wiki/urlaub", [("http://wiki/urlaub", "http://wiki/urlaub", 0)]),
        (f"- a\n  - [b]({W})\n\n> {W}c", [("b", W, 0), (f"{W}c", f"{W}c", 0)]),
        (f"| a | b |\n|---|---|\n| [x]({W}x) | {W}y|", [("x", f"{W}x", 0), (f"{W}y", f"{W}y", 0)]),
        (f"<p>\n<a class=x href='{W}?a&amp;b'>x <b>y</b></a>\n</p>", [("x y", f"{W}?a&b", 0)]),
        (f"Text [2].\n\n[1] {W}a\n[2] B, {W}b", [(f"{W}a", f"{W}a", 1), (f"{W}b", f"{W}b", 2)]),
        (
            f"Text [x][2].\n\n[2]: {W}b\n[3]: {W}c 'C'",
            [("x", f"{W}b", 2), (W + "b", W + "b", 2), ("C", f"{W}c", 3)],
        ),
        (
            f"2. [a]({W}a)\n   - {W}b\n3. x\n\n{W}c",
            [("a", f"{W}a", 2), (f"{W}b", f"{W}b", 0), (f"{W}c", f"{W}c", 0)],
        ),
        (f"[^2]: The page, {W}b", [(f"{W}b", f"{W}b", 2)]),
        ("Text[^1].\n\n[^1]: HR handbook, page 3\n", [("HR handbook, page 3", "", 1)]),
        ("Text[^1] https://\n\n[^1]: a.pdf", [("a.pdf", "", 1)]),
        ("[a](file:///srv/hr/a.pdf)", [("a", "", 0)]),
        (f"`{W}` and ``[x]({W})``\n\n```\n{W}\n```\n\n    {W}\n", []),
        (f"[x](mailto:a@b.example) [y](#z) [z](ftp://f.example) www.w.example ![logo]({W})", []),
        ("https:// https://. https://[ <a href=>x</a> <a href='x", []),
        ("nothing here", []),
    ],
)
def test_links_in_text(text: str, found: list[tuple[str, str, int]]) -> None:
    links = links_in(text)
    assert [(link.title, link.url, link.number) for link in links] == found
    assert all(link.origin == "link" for link in links)


def test_a_file_that_is_linked_has_its_place() -> None:
    assert links_in("[a](file:///srv/hr/a.pdf)")[0].place == "file:///srv/hr/a.pdf"
