"""Which texts a file has named before, in a space that its length does not change."""

from array import array

_MASK = (1 << 64) - 1


class Seen:
    """A set of texts by their 64-bit hash (keyed anew in every process): 16 bytes for each of ``capacity``, taken at once.

    Two texts of half a million share a hash with odds of one in a hundred million.
    """

    def __init__(self, capacity: int) -> None:
        size = 1 << max(4, (2 * capacity - 1).bit_length())
        self._slots = array("Q", bytes(8 * size))
        self._mask = size - 1
        self._left = size // 2 + capacity % 2 + 1

    def add(self, text: str) -> bool:
        """Whether it is new."""
        return self._put(hash(text) & _MASK)

    def add_number(self, number: int) -> bool:
        """The same for a number that is random already, as an id's last 64 bits are."""
        return self._put(number & _MASK)

    def has_number(self, number: int) -> bool:
        key = (number & _MASK) or 1
        position = key & self._mask
        while stored := self._slots[position]:
            if stored == key:
                return True
            position = (position + 1) & self._mask
        return False

    def _put(self, number: int) -> bool:
        key = number or 1
        position = key & self._mask
        while stored := self._slots[position]:
            if stored == key:
                return False
            position = (position + 1) & self._mask
        if self._left <= 0:
            raise OverflowError("more texts than it was made for")
        self._left -= 1
        self._slots[position] = key
        return True
