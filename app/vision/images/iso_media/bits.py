"""Bits of a header, one behind the other."""


class Bits:
    def __init__(self, data: bytes | memoryview) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """0 behind the end."""
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1) if self._left >= 0 else 0

    def take_exp_golomb(self) -> int:
        """An unsigned number in the variable-length code of HEVC (9.2) and AV1 (4.10.3).

        Nothing stands behind 32 zeros, which HEVC does not have.
        """
        zeros = 0
        while zeros < 32 and self._left > 0 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros if zeros < 32 else 0)
