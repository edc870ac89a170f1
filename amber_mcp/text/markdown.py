"""Markdown and HTML that a host may render: nothing in it is fetched unasked."""

import re

_IMAGE = r"(?<!\\)!(?=\[[^\[\]]{0,500}\]\(<?(?:https?:|data:|/))"
# A comment, or a tag that may hide what follows it, is as unsafe as one that may fetch.
# What follows the `<` of any other tag is a name without attributes that have a value, the address
# of a page, or attributes that lead nowhere. It is on one line (Markdown removes what begins the
# next one: `>`) and its spaces are HTML's, which are fewer than Python's.
_UNSAFE_TAG = r"""(?aix) < (?= [a-z!?] ) (?!
        (?! (?: img | image | script | style | textarea | template | title | select | option
              | noscript | noembed | noframes | iframe | xmp | plaintext | object | head ) \b
          | [^>=]{0,60} \b hidden \b ) [a-z] [\w:.-]*+
        (?: [^>=\n\r]{0,99}+ >
          | (?<= <http: | https: ) // [^\s<>"'=?]*+ \? [^\s<>"'=/]*+ = [^\s<>"']*+ >
          | (?: (?<= <a ) [ \t]++ href = (?: "[^"<>\n\r]*+" | '[^'<>\n\r]*+' ) )?
            (?: [ \t]++
                (?: (?: align | alt | class | color | colspan | dir | height | id | lang | name
                      | rel | rowspan | start | target | title | type | value | width )
                    = (?: "[^"<>\n\r]*+" | '[^'<>\n\r]*+' | [\w.%#-]++ )
                  | style = (?: "text-align:[ ]?\w++;?" | 'text-align:[ ]?\w++;?' ) )
            )*
            [ \t]*+ /? > )
    )"""


def without_images(text: str) -> str:
    """`text` with nothing in it that a host which renders it, Markdown or HTML, fetches unasked,
    and nothing that hides the lines after it.

    An image in its common form becomes a link. Whatever else might be one, and every tag that may
    fetch, gets a space that leaves it text: what a renderer takes for an image (or for code) is
    not foreseen here, and most code means the same with the space.
    """
    text = re.sub(_IMAGE, "", text).replace("![", "! [")
    return re.sub(_UNSAFE_TAG, "< ", text)
