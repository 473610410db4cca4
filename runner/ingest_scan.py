"""One pass over the bytes of a text table: how many records there must be, and what is unusual.

Runs in the sandbox, in the ingest worker.  It reads nothing itself: bytes come in, facts go out.

The counts are independent of the engine's reader and are held against what the reader delivers.
Sixty-four bytes become one machine word of bits per character class, so quotes are paired with a
prefix XOR over words instead of a loop over bytes.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .ingest_faults import LINES_SHOWN

Bits = npt.NDArray[np.uint64]
BLOCK: Final = 1024 * 1024
_TOP: Final = np.uint64(63)
_ONE: Final = np.uint64(1)
_HIGH_CONTROLS: Final = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
"""Bytes that have no character in Windows-1252."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What the bytes hold.  Line numbers count physical lines from 1.

    ``records`` counts lines outside quotes that are not empty; ``delimiters`` those outside quotes.
    ``regular_quotes`` says that each quote stands at the edge of a value or is doubled inside one.
    ``newlines`` is ``"\\n"``, ``"\\r\\n"``, ``"mixed"`` or ``""`` (there is none).
    """

    size: int = 0
    lines: int = 0
    records: int = 0
    delimiters: int = 0
    quotes: int = 0
    regular_quotes: bool = True
    newlines: str = ""
    blank_lines: int = 0
    blank_at: tuple[int, ...] = ()
    longest_record: int = 0
    longest_line: int = 0
    longest_line_at: int = 0
    nul_line: int = 0
    underscores: bool = False
    not_utf8_line: int = 0
    high_controls: bool = False
    only_blank: bool = True


@dataclass(slots=True)
class _Carry:
    """What one block tells the next."""

    inside: int = 0  # within quotes, 0 or 1
    edge: int = 1  # the last byte may stand before an opening quote
    closed: int = 0  # the last byte was a closing quote
    line_start: int = 1  # the last byte ended a line
    cr: int = 0  # the last byte was a carriage return outside quotes
    cr_blank: int = 0  # … and stood at the start of a line
    record: int = 0  # bytes since the last line end outside quotes
    line: int = 0  # bytes since the last line end


@dataclass(slots=True)
class Scanner:
    """Feed it bytes, then ``finish()``.  ``quote`` and ``delimiter`` are byte values, -1 for none."""

    delimiter: int
    quote: int
    check_utf8: bool = True
    first_line: int = 1
    _facts: dict[str, Any] = field(default_factory=dict)
    _carry: _Carry = field(default_factory=_Carry)
    _blank_at: list[int] = field(default_factory=list)
    _utf8: Any = None
    _rest: bytes = b""

    def __post_init__(self) -> None:
        zero = ("size", "lines", "delimiters", "quotes", "lf", "crlf", "cr", "blank", "record", "line", "line_at")
        self._facts = dict.fromkeys((*zero, "nul_line", "not_utf8_line", "bad_quotes"), 0)
        self._facts |= {"underscores": False, "high_controls": False, "only_blank": True}
        self._utf8 = codecs.getincrementaldecoder("utf-8")() if self.check_utf8 else None

    @property
    def size(self) -> int:
        """Bytes seen so far."""
        return int(self._facts["size"])

    @property
    def records(self) -> int:
        """About how many records were seen so far."""
        return int(self._facts["lf"] + self._facts["crlf"] + self._facts["cr"] - self._facts["blank"])

    def feed(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        if len(data) == BLOCK:  # as most callers give it: nothing is copied
            self._rest = b""
            self._block(data)
            return
        whole = len(data) // BLOCK * BLOCK
        for start in range(0, whole, BLOCK):
            self._block(data[start : start + BLOCK])
        self._rest = data[whole:]

    def finish(self) -> Scan:
        f, carry = self._facts, self._carry
        if self._rest:
            self._block(self._rest)
        if self._utf8 is not None:
            self._text(b"", final=True)
        unfinished = carry.record > 0
        if carry.cr:
            f["cr"] += 1
            f["lines"] += 1
            unfinished = False
        kinds = [name for name, key in (("\n", "lf"), ("\r\n", "crlf"), ("\r", "cr")) if f[key]]
        ends = f["lf"] + f["crlf"] + f["cr"]
        self._longest("record", 0)
        self._longest("line", 0)
        return Scan(
            size=f["size"],
            lines=f["lines"] + unfinished,
            records=ends - f["blank"] + unfinished,
            delimiters=f["delimiters"],
            quotes=f["quotes"],
            regular_quotes=not f["bad_quotes"] and not carry.inside,
            newlines=kinds[0] if len(kinds) == 1 else "mixed" if kinds else "",
            blank_lines=f["blank"],
            blank_at=tuple(self._blank_at),
            longest_record=f["record"],
            longest_line=f["line"],
            longest_line_at=f["line_at"],
            nul_line=f["nul_line"],
            underscores=f["underscores"],
            not_utf8_line=f["not_utf8_line"],
            high_controls=f["high_controls"],
            only_blank=f["only_blank"],
        )

    # --- one block ------------------------------------------------------------------------------

    def _block(self, block: bytes) -> None:
        f, carry = self._facts, self._carry
        size = len(block)
        self._text(block)
        if f["only_blank"]:
            f["only_blank"] = not block.strip(b" \t\r\n\0")
        if not f["nul_line"] and b"\0" in block:
            f["nul_line"] = self._line_of(block, block.index(b"\0"))
        if not f["underscores"]:  # those of the header do not matter
            f["underscores"] = block.find(b"_", 0 if f["size"] else block.find(b"\n") + 1) >= 0
        if self._plain(block):
            return
        array = np.frombuffer(block.ljust(-(-size // 64) * 64, b"\x01") if size % 64 else block, np.uint8)
        newline = _bits(array, 10)
        delimiter = _bits(array, self.delimiter) if self.delimiter >= 0 else np.zeros_like(newline)
        has_cr = bool(carry.cr) or b"\r" in block
        returns = _bits(array, 13) if has_cr else np.zeros_like(newline)
        inside: Bits | None = None
        if self.quote >= 0 and (carry.inside or self.quote in block):
            inside = self._quotes(_bits(array, self.quote), delimiter | newline | returns, size)
        elif carry.closed:
            # the block before ended in a closing quote: its neighbour is the first byte here
            f["bad_quotes"] += int(not int((delimiter | newline | returns)[0]) & 1)
            carry.closed = 0
            carry.edge = int((delimiter | newline | returns)[-1] >> _TOP)
        else:
            carry.edge = int((delimiter | newline | returns)[-1] >> _TOP)
        f["delimiters"] += _count(delimiter if inside is None else delimiter & ~inside)
        lines = newline if inside is None else newline & ~inside
        carry.line = self._lengths("line", newline | returns if has_cr else newline, size, carry.line)
        self._lines(block, lines, returns if inside is None else returns & ~inside, has_cr)
        f["lines"] += _count(newline)
        f["size"] += size

    def _plain(self, block: bytes) -> bool:
        """Do the work of ``_block`` for a block without quotes, carriage returns and blank lines, as
        most are; false when this is not one."""
        f, carry = self._facts, self._carry
        if carry.inside or carry.closed or carry.cr or b"\r" in block or (self.quote >= 0 and self.quote in block):
            return False
        array = np.frombuffer(block, np.uint8)
        newline = array == 10
        if (carry.line_start and newline[0]) or np.count_nonzero(newline[1:] & newline[:-1]):
            return False
        newlines = int(np.count_nonzero(newline))
        if self.delimiter >= 0:
            f["delimiters"] += int(np.count_nonzero(array == self.delimiter))
        first, last = block.find(b"\n"), block.rfind(b"\n")
        for what in ("record", "line"):
            self._longest(what, first if newlines else 0)
            held = carry.record if what == "record" else carry.line
            setattr(carry, what, len(block) - last - 1 if newlines else held + len(block))
        carry.line_start = int(newline[-1])
        carry.edge = int(block[-1] in (10, self.delimiter))
        carry.cr_blank = 0
        f["lf"] += newlines
        f["lines"] += newlines
        f["size"] += len(block)
        return True

    def _quotes(self, quotes: Bits, edges: Bits, size: int) -> Bits:
        """The bits of bytes within quotes; counts quotes that stand where none may."""
        carry = self._carry
        inside = _prefix_xor(quotes)
        parity = np.bitwise_xor.accumulate(inside >> _TOP)
        before = np.concatenate((np.zeros(1, np.uint64), parity[:-1]))
        inside ^= (before ^ np.uint64(carry.inside)) * np.uint64(0xFFFFFFFFFFFFFFFF)
        opening, closing = quotes & inside, quotes & ~inside
        edges = edges | quotes
        misplaced = (opening & ~_shift(edges, carry.edge)) | (_shift(closing, carry.closed) & ~edges)
        self._facts["bad_quotes"] += _count(misplaced & _first_bits(size, len(misplaced)))
        self._facts["quotes"] += _count(quotes)
        carry.inside = int(inside[-1] >> _TOP)
        carry.edge = int(edges[-1] >> _TOP)
        carry.closed = int(closing[-1] >> _TOP)
        return inside

    def _lines(self, block: bytes, newline: Bits, returns: Bits, has_cr: bool) -> None:
        f, carry = self._facts, self._carry
        starts = _shift(newline, carry.line_start)
        blank = newline & starts
        ends = newline
        if has_cr:
            after = _shift(returns, carry.cr)
            crlf = _count(newline & after)
            lone = after & ~newline
            at_start = returns & starts
            blank = blank | (newline & _shift(at_start, carry.cr_blank))
            f["crlf"] += crlf
            f["lf"] += _count(newline) - crlf
            f["cr"] += _count(lone)
            f["lines"] += _count(lone)
            ends = newline | lone
            carry.cr_blank = int(at_start[-1] >> _TOP)
            carry.cr = int(returns[-1] >> _TOP)
        else:
            f["lf"] += _count(newline)
            carry.cr_blank = carry.cr = 0
        count = _count(blank)
        if count:
            self._remember_blanks(block, blank)
        f["blank"] += count
        carry.line_start = int(newline[-1] >> _TOP)
        carry.record = self._lengths("record", ends, len(block), carry.record)

    def _lengths(self, what: str, ends: Bits, size: int, before: int) -> int:
        """Note the length of what ends first in this block; gives the length of what is left open.
        (Whatever begins and ends within a block is shorter than any limit.)"""
        some = ends != 0
        word, last = int(some.argmax()), len(some) - 1 - int(some[::-1].argmax())
        if not some[word]:
            return before + size
        first = word * 64 + _lowest(int(ends[word]))
        final = last * 64 + int(ends[last]).bit_length() - 1
        self._longest(what, first)
        return max(0, size - final - 1)

    def _longest(self, what: str, more: int) -> None:
        f = self._facts
        length = (self._carry.record if what == "record" else self._carry.line) + more
        if length > f[what]:
            f[what] = length
            if what == "line":
                f["line_at"] = self.first_line + f["lines"]

    def _remember_blanks(self, block: bytes, blank: Bits) -> None:
        if len(self._blank_at) >= LINES_SHOWN:
            return
        positions = np.flatnonzero(np.unpackbits(blank.view(np.uint8), bitorder="little"))
        for position in positions[: LINES_SHOWN - len(self._blank_at)]:
            self._blank_at.append(self._line_of(block, int(position)))

    def _line_of(self, block: bytes, position: int) -> int:
        before = block[:position]
        ends = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
        return self.first_line + int(self._facts["lines"]) + ends

    def _text(self, block: bytes, final: bool = False) -> None:
        f, plain = self._facts, block.isascii()
        if not plain and not f["high_controls"]:
            f["high_controls"] = any(value in block for value in _HIGH_CONTROLS)
        if self._utf8 is None or (plain and not final and not self._utf8.getstate()[0]):
            return
        held = len(self._utf8.getstate()[0])
        try:
            self._utf8.decode(block, final)
        except UnicodeDecodeError as error:
            f["not_utf8_line"] = self._line_of(block, max(0, error.start - held))
            self._utf8 = None


# --- bits -----------------------------------------------------------------------------------------


def _bits(array: npt.NDArray[np.uint8], value: int) -> Bits:
    return np.packbits(array == value, bitorder="little").view(np.uint64)


def _count(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def _shift(bits: Bits, carry: int) -> Bits:
    """Each bit one byte later; ``carry`` comes in at the front."""
    out = bits << _ONE
    out[1:] |= bits[:-1] >> _TOP
    out[0] |= np.uint64(carry)
    return out


def _prefix_xor(bits: Bits) -> Bits:
    """Within each word: bit i is the parity of bits 0 to i."""
    out = bits.copy()
    for step in (1, 2, 4, 8, 16, 32):
        out ^= out << np.uint64(step)
    return out


def _first_bits(size: int, words: int) -> Bits:
    """A mask of the first ``size`` bits: the last block is padded to whole words."""
    mask = np.full(words, 0xFFFFFFFFFFFFFFFF, np.uint64)
    if size % 64:
        mask[-1] = (1 << size % 64) - 1
    return mask


def _lowest(word: int) -> int:
    return (word & -word).bit_length() - 1
