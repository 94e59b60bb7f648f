"""Cursors: what comes back is what was given; a forged one is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.pagination import BadCursor, PageQuery, decode_cursor, encode_cursor


@given(st.lists(st.one_of(st.integers(-(2**53), 2**53), st.text(max_size=20), st.booleans()), min_size=1, max_size=4))
def test_a_cursor_reads_back(position: list[int | str | bool]) -> None:
    assert decode_cursor(encode_cursor(position)) == position


@pytest.mark.parametrize("cursor", ["", "x", "a.b", "WzFd.AAAA", "..", "é.é", "W10." + "A" * 12])
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(cursor)


@given(st.text(max_size=60))
def test_no_text_breaks_it(cursor: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(cursor)


def test_the_extra_row_only_tells_that_there_is_more() -> None:
    query = PageQuery(limit=2, after=None)
    page = query.page([1, 2, 3], lambda n: [n], lambda n: n * 10)
    assert page.items == [10, 20]
    assert page.next is not None
    assert decode_cursor(page.next) == [2]
    assert query.page([1, 2], lambda n: [n], lambda n: n).next is None
