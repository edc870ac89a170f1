"""What a model thinks before it answers, where it stands in tags at the start of the text."""

import re

_BEGIN = re.compile(r"\s*<think(?:ing)?>")
_LONGEST_BEGIN = "<thinking>"
_MAX_BLANKS = 100
_END = re.compile(r"</think(?:ing)?>")
_LONGEST_END = len("</thinking>")


class Thinking:
    """Takes the thinking out of a text that comes in pieces.

    `rest` is what is held back at the end of the text: it could have begun the thinking.
    """

    def __init__(self) -> None:
        self.rest = ""
        self._inside = ""
        self._state = "before"

    def removed(self, piece: str) -> str:
        """What of the pieces so far, this one among them, can be shown since the last one."""
        if self._state == "before":
            piece, self.rest = self.rest + piece, ""
            if begin := _BEGIN.match(piece):
                self._state, piece = "inside", piece[begin.end() :]
            elif len(piece) < _MAX_BLANKS and _LONGEST_BEGIN.startswith(piece.lstrip()):
                self.rest, piece = piece, ""
            else:
                self._state = "answer"
        if self._state == "inside":
            self._inside += piece
            end = _END.search(self._inside)
            piece = self._inside[end.end() :] if end else ""
            self._state = "after" if end else "inside"
            self._inside = self._inside[-_LONGEST_END:]
        if self._state == "after":
            piece = piece.lstrip()
            self._state = "answer" if piece else "after"
        return piece
