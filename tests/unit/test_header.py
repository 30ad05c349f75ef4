"""The slot header: the reference's format bit for bit, and what becomes of a damaged one."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sahpool.opfs_pool import header
from sahpool.opfs_pool.header import Damaged, Header, decode, encode

FLAGS = 0x106  # SQLITE_OPEN_MAIN_DB | READWRITE | CREATE

#: Digest bytes as the reference wrote them, flags 0x186.
VECTORS = {
    "/t.db": "1b7a83c3838fe8bb",
    "/rel.db": "d4ebac8a1cace575",
    "/b//c.db": "deabce2b3e62821e",
}

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(
    lambda name: len(name.encode()) <= 510
)


def first_copy_only(sector: bytes) -> bytes:
    """The sector as the reference writes it: nothing behind byte 523."""
    return sector[:524].ljust(4096, b"\0")


@pytest.mark.parametrize(("path", "expected"), VECTORS.items())
def test_the_first_copy_is_the_reference_s_bit_for_bit(path: str, expected: str) -> None:
    sector = encode(path, FLAGS, 1)
    assert sector[516:524].hex() == expected
    assert sector[:512] == path.encode().ljust(512, b"\0")
    assert sector[512:516] == bytes.fromhex("00000186")
    assert not any(sector[524:1024])
    assert len(sector) == header.SECTOR_SIZE


@pytest.mark.parametrize("path", VECTORS)
def test_a_header_written_by_the_reference_is_read(path: str) -> None:
    assert decode(first_copy_only(encode(path, FLAGS, 9))) == Header(path, FLAGS, 0)


def test_a_header_from_before_the_second_digest_is_read() -> None:
    sector = b"/old.db".ljust(512, b"\0") + struct.pack(">I", FLAGS) + bytes(8)
    assert decode(sector) == Header("/old.db", FLAGS, 0)


@given(
    names, st.integers(0, 0xFFFFF).map(lambda flags: (flags | 0x100) & ~0x88), st.integers(1, 2**60)
)
def test_what_is_written_is_read(path: str, flags: int, generation: int) -> None:
    assert decode(encode(path, flags, generation)) == Header(path, flags, generation)


@pytest.mark.parametrize(
    "sector", [b"", bytes(4096), encode("", 0, 7), first_copy_only(encode("", 0, 7))]
)
def test_an_empty_path_is_a_free_slot(sector: bytes) -> None:
    found = decode(sector)
    assert isinstance(found, Header)
    assert found.path == ""


def test_a_temporary_file_of_the_reference_is_a_free_slot() -> None:
    found = decode(encode("/temp", 0x0E | 0x200, 1))
    assert isinstance(found, Header)
    assert found.path == ""


def test_the_longest_path_has_510_bytes_and_one_more_is_refused() -> None:
    assert decode(encode("/" + "x" * 509, FLAGS, 1)) == Header("/" + "x" * 509, FLAGS, 1)
    with pytest.raises(ValueError, match="511"):
        encode("/" + "x" * 510, FLAGS, 1)


def with_each_bit_flipped(sector: bytes) -> Iterator[bytes]:
    for bit in range(524 * 8):
        flipped = bytearray(sector)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)


def test_one_flipped_bit_loses_nothing() -> None:
    """The second copy stands in; the name is never taken for a free slot or another name."""
    expected = Header("/notes.db", FLAGS, 3, repaired=True)
    found = [decode(each) for each in with_each_bit_flipped(encode("/notes.db", FLAGS, 3))]
    assert found == [expected] * (524 * 8)


def test_one_flipped_bit_without_a_second_copy_is_never_a_free_slot() -> None:
    sector = first_copy_only(encode("/notes.db", FLAGS, 3))
    assert all(isinstance(decode(each), Damaged) for each in with_each_bit_flipped(sector))


@pytest.mark.parametrize("cut", [1, 100, 511, 512, 515, 516, 520, 523])
def test_a_cut_header_is_quarantined_with_what_the_second_copy_says(cut: int) -> None:
    sector = encode("/notes.db", FLAGS, 3)
    torn = bytes(cut) + sector[cut:]
    found = decode(torn, has_content=True)
    if isinstance(found, Damaged):
        assert found.offered is not None
        found = found.offered
    assert found.path == "/notes.db"


def test_a_stale_second_copy_does_not_overrule_a_good_first_one() -> None:
    """Another program renamed the slot: it writes the first copy and leaves the second."""
    ours, theirs = encode("/a.db", FLAGS, 3), encode("/b.db", FLAGS, 1)
    assert decode(theirs[:524] + ours[524:]) == Header("/b.db", FLAGS, 0)


def test_a_stale_second_copy_is_only_offered_when_the_first_is_damaged() -> None:
    ours, theirs = encode("/a.db", FLAGS, 3), bytearray(encode("/b.db", FLAGS, 1))
    theirs[2] ^= 4
    found = decode(bytes(theirs[:524]) + ours[524:])
    assert isinstance(found, Damaged)
    assert found.offered == Header("/a.db", FLAGS, 3, repaired=True)


def test_a_freed_slot_of_another_program_is_not_brought_back_by_a_stale_second_copy() -> None:
    ours = encode("/a.db", FLAGS, 3)
    found = decode(bytes(524) + ours[524:])
    assert isinstance(found, Header)
    assert found.path == ""


def test_a_first_copy_that_is_gone_is_not_a_free_slot_while_there_is_content() -> None:
    """A program that frees a slot cuts its content off; two lost blocks of zeros do not."""
    torn = bytes(1024) + encode("/a.db", FLAGS, 3)[1024:]
    found = decode(torn, has_content=True)
    assert isinstance(found, Damaged)
    assert found.offered == Header("/a.db", FLAGS, 3, repaired=True)


def test_a_header_with_another_program_s_digest_is_left_alone() -> None:
    """wa-sqlite uses the layout without the 0x80 flag and with a digest of its own."""
    sector = b"/wa.db".ljust(512, b"\0") + struct.pack(">I", FLAGS) + b"\x12\x34\x56\x78" * 2
    assert isinstance(decode(sector), Damaged)


@given(st.binary(max_size=4096))
def test_no_bytes_make_decoding_fail(sector: bytes) -> None:
    assert isinstance(decode(sector), Header | Damaged)


def test_no_flipped_bit_frees_a_slot_in_a_pool_without_digests() -> None:
    sector = encode("/t.db", FLAGS, 3, digested=False)
    for bit in range(8 * 524):
        damaged = bytearray(sector)
        damaged[bit // 8] ^= 1 << bit % 8
        found = decode(bytes(damaged), has_content=True)
        assert isinstance(found, Damaged) or found.path, bit
        if isinstance(found, Header) and bit >= 8 * 512:
            assert (found.path, found.flags) == ("/t.db", FLAGS)


def test_a_name_that_another_program_gave_is_not_taken_back_for_its_few_bits() -> None:
    ours = encode("/data1.db", FLAGS, 3)
    # sqlite-wasm-rs writes bytes 0 to 515 and leaves our digest where it is.
    theirs = b"/data2.db".ljust(512, b"\0") + struct.pack(">I", FLAGS) + ours[516:]
    found = decode(theirs, has_content=True)
    assert isinstance(found, Header)
    assert found.path == "/data2.db"


def test_a_slot_whose_header_is_wiped_out_in_part_is_not_free_while_there_is_content() -> None:
    sector = bytes(1536) + encode("/t.db", FLAGS, 3)[1536:]
    assert any(sector)
    assert isinstance(decode(sector, has_content=True), Damaged)
    assert isinstance(decode(bytes(4096), has_content=True), Damaged)
    assert decode(bytes(4096)) == Header("", 0)


def test_a_header_that_was_cut_off_within_the_name_names_no_file() -> None:
    assert isinstance(decode(b"/long-".ljust(4096, b"\0"), has_content=True), Damaged)
