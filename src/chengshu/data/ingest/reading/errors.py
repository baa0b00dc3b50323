"""What can be wrong with a source as a whole. Every message is a Chinese sentence for the data officer."""

NOTHING_LOADED = "没有载入任何数据。"


class ReadingError(Exception):
    """A source cannot be read. `row` counts as the file does, `column` is the header, where known."""

    def __init__(self, message: str, *, row: int | None = None, column: str | None = None) -> None:
        super().__init__(f"{message}{NOTHING_LOADED}")
        self.said = message
        self.row = row
        self.column = column


class WrongFileTypeError(ReadingError):
    """The content is not a table we read, or not what the file's name says."""


class FileTooLargeError(ReadingError):
    """Bigger than the limits allow."""


class SuspiciousArchiveError(ReadingError):
    """A workbook that unpacks to far more than an honest one would."""


class EncodingMismatchError(ReadingError):
    """The chosen encoding does not fit the bytes at all."""


class BrokenFileError(ReadingError):
    """The structure is damaged: unclosed quotes, a cut-off workbook, a password."""


class EmptySheetError(ReadingError):
    """There is no header or no sheet to read."""


class DuplicateHeaderError(ReadingError):
    """A header that is to be loaded stands in the file more than once."""


class MissingColumnsError(ReadingError):
    """Required columns have no header in the file."""
