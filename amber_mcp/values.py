"""What the readers of variables share."""

from pathlib import Path


class FaultyValueError(ValueError):
    """A value that cannot be used; `usable` is what is left of it that can."""

    def __init__(self, fault: str, usable: object = None) -> None:
        super().__init__(fault)
        self.usable = usable


def expanded(value: str) -> Path:
    """The path that a value names, which may begin in a home folder (`~`)."""
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise FaultyValueError("names the home folder of somebody unknown") from None
