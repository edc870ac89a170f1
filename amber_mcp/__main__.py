"""The program: the stdio server without arguments, the command line with them."""

import gc
import sys


def main() -> int:
    """Run `amber-mcp`, and return its exit status."""
    try:
        if len(sys.argv) > 1:
            from .cli import run

            return run()
        if sys.stdin is not None and sys.stdin.isatty():
            print(
                "amber-mcp: serving MCP on stdin and stdout, for an assistant that started it.\n"
                "To use it by hand, see `amber-mcp --help`; Ctrl-C ends it.",
                file=sys.stderr,
            )
        return serve_on_stdio()
    except KeyboardInterrupt:
        return 130


def serve_on_stdio() -> int:
    """Serve one client on stdin and stdout; faulty settings are told on stderr and on each call."""
    # Collecting garbage while hundreds of classes are made costs a tenth of the start-up time, and
    # scanning them again costs as much at every later collection.
    gc.disable()
    from .logs import configure_logging
    from .running import run
    from .server import build_server
    from .settings import Settings
    from .transports.stdio import serve_stdio

    gc.freeze()
    gc.enable()
    settings = Settings.from_environment()
    configure_logging(settings)
    # Without a stderr, `print` would take stdout, which is for protocol alone.
    for problem in settings.problems if sys.stderr else ():
        shown = "".join(char if char.isprintable() else "?" for char in problem)
        print(f"amber-mcp: {shown}", file=sys.stderr)
    server = build_server(settings, local_files=True)

    async def serve() -> None:
        await serve_stdio(server, max_message_bytes=settings.max_body_bytes)

    run(serve)
    return 0


if __name__ == "__main__":
    sys.exit(main())
