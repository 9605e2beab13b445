"""The command line's errors: one sentence that says what to do, instead of a traceback, where the user can mend it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import wraps

import typer

# What a user can put right; anything else is our mistake and keeps its traceback.
_EXPECTED = (ValueError, TypeError, OSError, ImportError, RuntimeError, KeyError, MemoryError)
_MENDS = {  # the system's errors that a user meets, and what helps
    errno.ENOSPC: "Free some space, and run the same command again.",
    errno.EEXIST: "A file lies where a folder is needed: choose another name.",
    errno.ENOTDIR: "A file lies where a folder is needed: choose another name.",
    errno.EACCES: "Choose a place that you may read and write.",
    errno.EROFS: "Choose a place that you may write.",
}
_NO_MEMORY = ("allocate memory", "out of memory", "not enough memory")  # as torch says it on Linux, a GPU and Windows


def in_a_sentence(command: Callable) -> Callable:
    """End with one sentence on stderr and exit code 1, instead of a traceback, where the user can put it right."""

    @wraps(command)
    def guarded(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            typer.echo(
                "Stopped. Nothing is half-written; a training or a download goes on with the same command.", err=True
            )
            raise typer.Exit(130) from None
        except typer.Exit:  # a RuntimeError too, but a wanted one
            raise
        except _EXPECTED as error:
            typer.echo(f"srlib: {_said(error)}", err=True)
            raise typer.Exit(1) from None

    return guarded


def _said(error: Exception) -> str:
    """An error as one sentence."""
    if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
        return (
            "The memory that is free does not suffice. Close other programs; upscale with a smaller --tile and fewer "
            "--workers; train with --set batch=4."
        )
    if isinstance(error, KeyError):
        return error.args[0]  # str() would put it in quotes
    if isinstance(error, OSError) and error.strerror:  # the system's own: a number, a reason, perhaps a file
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}. {_MENDS.get(error.errno, 'Check the name, and the disk it lies on.')}"
    return str(error)
