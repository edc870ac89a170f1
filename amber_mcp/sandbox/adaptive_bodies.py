"""What Adaptive's endpoints are asked with: seed 004, and section 10 for feedback."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

_INT32, _INT64 = 2**31 - 1, 2**63 - 1
_MOST_CHOICES = 128

Text = dict[str, str]


class TextPart(BaseModel, extra="forbid"):
    """A part of a message: text."""

    type: Literal["text"]
    text: str


class ImageAddress(BaseModel, extra="forbid"):
    """An image in the form that one mirror of the documents shows."""

    url: str


class ImagePart(BaseModel, extra="forbid"):
    """A part of a message: an image, as a data URI."""

    type: Literal["image_url"]
    image_url: str | ImageAddress

    @property
    def uri(self) -> str:
        """The data URI, in whichever form it came."""
        return self.image_url if isinstance(self.image_url, str) else self.image_url.url


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class Message(BaseModel, extra="forbid"):
    """One turn; roles are free."""

    role: str
    content: str | list[Part]
    name: str | None = None
    completion_id: UUID | None = None
    metadata: object = None

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def images(self) -> list[str]:
        """The data URIs of the images."""
        parts = self.content if isinstance(self.content, list) else []
        return [part.uri for part in parts if isinstance(part, ImagePart)]


class StreamOptions(BaseModel, extra="forbid"):
    """What a stream carries besides the answer."""

    include_usage: bool = False


class ToolSetting(BaseModel, extra="forbid"):
    """Whether a tool of the server's own is on."""

    id: str
    enabled: bool


class ChatRequest(BaseModel, extra="forbid"):
    """The body of a completion: the fields of seed 004, `null` only where it says so."""

    messages: list[Message]
    model: str
    stop: list[str] | None = None
    max_tokens: Annotated[int, Field(ge=0, le=_INT32)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_ttft_ms: Annotated[int, Field(ge=0, le=_INT64)] | None = None
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    session_id: UUID | None = None
    user: UUID | None = None
    ab_campaign: str | None = None
    n: Annotated[int, Field(ge=0, le=_MOST_CHOICES)] = 1
    labels: Text = {}
    metadata: Text = {}
    system_prompt_args: dict[str, object] = {}
    tags: list[str] | None = None
    use_tools: bool = False
    tools: list[ToolSetting] | None = None
    store: bool | None = None


class Outcome(BaseModel, extra="forbid"):
    """How a session ended, for a metric."""

    value: bool | int | float
    project_id: str
    metric: str
    session_id: UUID
    user_id: UUID | None = None


class WrittenCompletion(BaseModel, extra="forbid"):
    """A completion that was not made here."""

    text: str
    model: str


class Comparison(BaseModel, extra="forbid"):
    """Which of two completions is better, for a metric."""

    metric: str
    preferred_completion: UUID | WrittenCompletion
    other_completion: UUID | WrittenCompletion
    project: str
    tied: Literal["good", "bad"] | None = None
    messages: list[Message] | None = None
    user_id: UUID | None = None
