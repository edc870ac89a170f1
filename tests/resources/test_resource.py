"""Addresses: which of them lead to something of a template's."""

import pytest

from amber_mcp.resources import TEMPLATES, Template


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.name)
def test_an_address_is_made_of_an_id_and_read_again(template: Template) -> None:
    uri = template.uri_of("x_3q2-7wEB")
    assert template.id_in(uri) == "x_3q2-7wEB"
    for other in ("x_3q2-7wEB", template.uri, template.uri_of(""), f"{uri}/", f"{uri}%00", uri * 9):
        assert template.id_in(other) == ""
    assert template.id_in(template.uri_of("x" * 201)) == ""
