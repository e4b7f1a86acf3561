"""The errors that a user may meet: each says what, where, expected, found, what was done, what to type next."""

from __future__ import annotations

import re

_LONGEST = 400  # characters of one part of a ParseError
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class CurateError(Exception):
    """Something could not be done; the command line prints it as one message and exits with `exit_code`.

    Parameters are written in the order in which they are printed; only `what` is needed.

    >>> print(CurateError("a column is missing", where="labels.csv", expected="image_id", hint="curate fetch"))
    a column is missing
      where:    labels.csv
      expected: image_id
      next:     curate fetch
    """

    exit_code = 3

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        done: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.what = self._told(what)
        super().__init__(self.what)
        self.where = where and self._told(where)
        self.expected = expected and self._told(expected)
        self.found = found and self._told(found)
        self.done = done
        self.hint = hint

    @staticmethod
    def _told(text: str) -> str:
        """Return a part as it is told."""
        return text

    def __str__(self) -> str:
        lines = [self.what]
        for word, value in self.parts().items():
            if word != "what":
                lines.append(f"  {word + ':':<9} {value}")
        return "\n".join(lines)

    def parts(self) -> dict[str, str]:
        """Return the filled parts by name, in the order in which they are printed (for `--json`)."""
        named = {
            "what": self.what,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
            "done": self.done,
            "next": self.hint,
        }
        return {word: value for word, value in named.items() if value is not None}

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Survive the way back from a worker process."""
        return _rebuild, (type(self), self.what, self.where, self.expected, self.found, self.done, self.hint)


def _rebuild(
    kind: type[CurateError],
    what: str,
    where: str | None,
    expected: str | None,
    found: str | None,
    done: str | None,
    hint: str | None,
) -> CurateError:
    return kind(what, where=where, expected=expected, found=found, done=done, hint=hint)


class UsageError(CurateError):
    """Wrong words on the command line: an unknown source, picture, view or model."""

    exit_code = 2


class ManifestError(CurateError):
    """A manifest does not say what it must say."""


class FetchError(CurateError):
    """A file could not be had, or is not the file it should be."""


class ReaderError(FetchError):
    """An archive is whole, but no program that is installed here unpacks it."""


class StorageError(FetchError):
    """Object storage was not reached, or refused; the bytes there may be whole."""


class ParseError(CurateError):
    """A label file is not in the form that its parser knows.

    A part is cut after 400 characters, and what is no printable text is written as an escape: it may quote a
    stranger's file, which must neither flood a terminal nor steer it.

    >>> print(ParseError("that is no name", found="\x1b[2J" + "x" * 1000).found[:9])
    \\x1b[2Jxx
    """

    @staticmethod
    def _told(text: str) -> str:
        return _quoted(text)


def _quoted(text: str) -> str:
    shown = _NO_TEXT.sub(lambda hit: hit[0].encode("unicode_escape").decode("ascii"), text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


class LabelMapError(CurateError):
    """A label map or the taxonomy contradicts itself, or lacks a label that occurs."""


class CorpusError(CurateError):
    """A later stage lacks what an earlier one leaves, or the corpus was made by another version."""


class TrainError(CurateError):
    """Training, evaluation or quantization cannot go on."""


class UnreadablePicture(CurateError):  # noqa: N818 - a row with a reason for all stages, an error only for who asked
    """The bytes are no picture that can be decoded whole."""
