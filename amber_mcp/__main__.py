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
        # Collecting garbage while hundreds of classes are made costs a tenth of the start-up time,
        # and scanning them again costs as much at every later collection.
        gc.disable()
        from .transports.stdio import run_on_stdio

        gc.freeze()
        gc.enable()
        return run_on_stdio()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
