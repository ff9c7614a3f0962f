"""A fault of ours in one line, without what stood in a file: error messages may quote it."""

from __future__ import annotations


def place_of(error: BaseException) -> str:
    """Type of an error and the place it came from."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    code = trace.tb_frame.f_code
    file = code.co_filename.rpartition("/")[2]
    return f"{type(error).__name__} in {code.co_name}, {file}:{trace.tb_lineno}"
