"""CRC-16/XMODEM: polynomial 0x1021, start 0, no reflection (used by Stellar and TON)."""

from __future__ import annotations


def crc16(data: bytes) -> int:
    """The 16-bit check value of the bytes."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value
