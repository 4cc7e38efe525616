"""A gzip file out of parts, given any texts."""

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from consumers.prometheus.packing import gzip_file, join, pack

texts = st.lists(st.binary(max_size=50) | st.sampled_from([b"", b"line\n" * 40_000]), max_size=6)


@given(texts)
def test_the_parts_make_one_file_of_one_member_that_holds_them_in_order(parts: list[bytes]) -> None:
    reader = zlib.decompressobj(wbits=31)
    packed = b"".join(gzip_file(join(map(pack, parts))))
    assert reader.decompress(packed) == b"".join(parts)
    assert (reader.eof, reader.unused_data) == (True, b"")


@given(texts, texts)
def test_parts_that_were_joined_can_be_joined_again(first: list[bytes], second: list[bytes]) -> None:
    joined = join([join(map(pack, first)), join(map(pack, second))])
    assert gzip.decompress(b"".join(gzip_file(joined))) == b"".join(first + second)


def test_the_library_reads_it_and_checks_its_sum() -> None:
    part = pack(b"up 1\n")
    assert gzip.decompress(b"".join(gzip_file(part))) == b"up 1\n"
