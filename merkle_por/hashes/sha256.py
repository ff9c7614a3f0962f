"""SHA-256 (FIPS 180-4) of many messages in one call.

For a tree level or a ledger; a single message is better given to hashlib. The kernel interleaves
independent messages (merkle_por/_native/sha256.c); the twin here is a loop over hashlib. On a
processor for which the kernel has portable C only, hashlib is the quicker of the two and is used.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Iterable
from itertools import pairwise
from types import ModuleType

from merkle_por import _native
from merkle_por._native import known_answer
from merkle_por.errors import UsageError

DIGEST_BYTES = 32
PORTABLE = "portable"

# FIPS 180-4 examples (one and two blocks), the empty message, and a thousand times "a".
KNOWN_ANSWERS: tuple[tuple[bytes, str], ...] = (
    (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
    (b"a" * 1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
)


@known_answer("sha256")
def _known_answers(module: ModuleType) -> bool:
    messages = [message for message, _ in KNOWN_ANSWERS]
    expected = bytes.fromhex("".join(digest for _, digest in KNOWN_ANSWERS))
    return all(
        module.sha256_of_list(messages, engine) == expected for engine in module.sha256_engines()
    )


def engine() -> str | None:
    """The kernel's engine that serves here: `sha`, `avx2`, `portable`; None for the Python twin.

    Portable C answers only where MERKLE_POR_BACKEND=c asks for it.
    Raises UsageError for MERKLE_POR_BACKEND=simd on a processor without the instructions.
    """
    asked = _native.backend()
    module = _native.kernel("sha256")
    fastest = module.sha256_engines()[0] if module is not None else None
    if asked == "simd" and fastest in (None, PORTABLE):
        raise UsageError(
            "MERKLE_POR_BACKEND=simd: no kernel for this processor's SHA-256 instructions"
        )
    if asked == "c" and module is not None:
        return PORTABLE
    return None if fastest == PORTABLE else fastest


def kernel_engine() -> str:
    """The engine for kernel parts that pay even in portable C (they do more than hash).

    Raises UsageError as `engine` does.
    """
    return engine() or PORTABLE


def packed_digests(messages: Iterable[bytes]) -> bytes:
    """The digests of bytes objects, 32 bytes each, one after the other."""
    name = engine()
    module = _native.kernel("sha256") if name else None
    if module is not None:
        result: bytes = module.sha256_of_list(messages, name)
        return result
    sha256 = hashlib.sha256
    return b"".join([sha256(message).digest() for message in messages])


def digests(messages: Iterable[bytes]) -> list[bytes]:
    """The digest of each message, 32 bytes each."""
    packed = packed_digests(messages)
    return [packed[i : i + DIGEST_BYTES] for i in range(0, len(packed), DIGEST_BYTES)]


def digests_at(data: bytes | bytearray | memoryview, offsets: array[int]) -> bytes:
    """Digests of data[offsets[i]:offsets[i+1]] for each i, 32 bytes each, one after the other.

    offsets: array("Q") of ascending places, one more than there are messages.
    Raises ValueError for offsets that descend or leave the data, or an array of another type.
    """
    if offsets.typecode != "Q" or not offsets:
        raise ValueError("offsets: 64-bit integers, one more than messages")
    name = engine()
    module = _native.kernel("sha256") if name else None
    if module is not None:
        result: bytes = module.sha256_of_flat(data, offsets, name)
        return result
    view = memoryview(data).cast("B")
    if any(a > b for a, b in pairwise(offsets)) or (len(offsets) > 1 and offsets[-1] > len(view)):
        raise ValueError("offsets: not ascending, or beyond the data")
    sha256 = hashlib.sha256
    return b"".join([sha256(view[a:b]).digest() for a, b in pairwise(offsets)])


def digests_of_slices(
    data: bytes | bytearray | memoryview,
    length: int,
    *,
    first: int = 0,
    stride: int | None = None,
    count: int | None = None,
) -> bytes:
    """Digests of data[first + i*stride:][:length], 32 bytes each, one after the other.

    stride: `length` where not given (the messages touch). count: as many as the data holds where
    not given. Raises ValueError for negative numbers, a stride of 0 without a count, or slices
    beyond the data.
    """
    view = memoryview(data).cast("B")
    step = length if stride is None else stride
    if first < 0 or step < 0 or length < 0:
        raise ValueError("slices: negative, or beyond the data")
    room = len(view) - first - length
    if count is None:
        if step == 0:
            raise ValueError("slices: a stride of 0 needs a count")
        count = room // step + 1 if room >= 0 else 0
    if count < 0 or (count > 0 and (count - 1) * step > room):
        raise ValueError("slices: negative, or beyond the data")
    name = engine()
    module = _native.kernel("sha256") if name else None
    if module is not None:
        result: bytes = module.sha256_of_slices(view, first, step, length, count, name)
        return result
    sha256 = hashlib.sha256
    if step == length and step > 0:  # the usual case, and the quickest way to cut bytes
        touching = struct.iter_unpack(f"{length}s", view[first : first + count * length])
        return b"".join([sha256(message).digest() for (message,) in touching])
    starts = (first + i * step for i in range(count))
    return b"".join([sha256(view[i : i + length]).digest() for i in starts])
