"""Statistics: median, percentile, percentile_cont, percentile_disc, stddev, variance, mode.

The percentiles are those of SQLite's extension (sqlite.org/percentile.html), the others those of
PostgreSQL (postgresql.org/docs/current/functions-aggregate.html): ``stddev`` and ``variance`` are
those of a sample, and NULL for fewer than two values.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from math import inf, isfinite, isinf, sqrt

from .registry import Aggregate, Value, refusal
from .values import as_number, order

__all__ = ["AGGREGATES"]


class _Percentile:
    """The value at a fraction of the sorted values; percentile_disc is always one of them."""

    def __init__(self, name: str, most: float, *, between: bool) -> None:
        self._name = name
        self._most = most
        self._between = between
        self._fraction: float | None = None
        self._values: list[float] = []
        self._is_sorted = True

    def step(self, value: Value, fraction: Value = 50.0) -> None:
        asked = as_number(fraction)
        if asked is None or not 0 <= asked <= self._most:
            raise refusal(
                f"the fraction argument to {self._name}() is not between 0.0 and {self._most}"
            )
        share = asked / self._most
        if self._fraction is None:
            self._fraction = share
        elif abs(self._fraction - share) > 0.001:
            raise refusal(
                f"the fraction argument to {self._name}() is not the same for all input rows"
            )
        if value is None:
            return
        if not isinstance(value, (int, float)):
            raise refusal(f"input to {self._name}() is not numeric")
        number = float(value)
        if isinf(number):
            raise refusal(f"Inf input to {self._name}()")
        if self._is_sorted and self._values and self._values[-1] > number:
            self._is_sorted = False
        self._values.append(number)

    def inverse(self, value: Value, *_: Value) -> None:
        if isinstance(value, (int, float)):
            self._sort()
            del self._values[bisect_left(self._values, value)]

    def value(self) -> float | None:
        values = self._values
        if not values:
            return None
        self._sort()
        assert self._fraction is not None
        place = self._fraction * (len(values) - 1)
        at = int(place)
        below = values[at]
        if not self._between or place == at or at == len(values) - 1:
            return below
        return below + (values[at + 1] - below) * (place - at)

    finalize = value

    def _sort(self) -> None:
        if not self._is_sorted:
            self._values.sort()
            self._is_sorted = True


class _Spread:
    """The variance of the values, or their standard deviation; ``_pop`` of a whole population.

    It keeps the number, the sum and the sum of squares, exact, so a row that leaves the frame of a
    window takes away exactly what it has brought. The sums are integers: every number is scaled by
    the same power of two, which grows when it has to.
    """

    def __init__(self, *, is_sample: bool, is_root: bool) -> None:
        self._less = 1 if is_sample else 0
        self._is_root = is_root
        self._count = 0
        self._endless = 0
        self._sum = 0
        self._squares = 0
        self._scale = 0

    def step(self, value: Value) -> None:
        self._change(value, 1)

    def inverse(self, value: Value) -> None:
        self._change(value, -1)

    def _change(self, value: Value, sign: int) -> None:
        if value is None:
            return
        number = as_number(value)
        if number is None:
            raise refusal("the input of stddev() and variance() is not numeric")
        if not isfinite(number):
            self._endless += sign
            return
        whole, parts = number.as_integer_ratio()
        places = parts.bit_length() - 1
        if places > self._scale:
            more = places - self._scale
            self._sum <<= more
            self._squares <<= 2 * more
            self._scale = places
        whole <<= self._scale - places
        self._count += sign
        self._sum += sign * whole
        self._squares += sign * whole * whole

    def value(self) -> float | None:
        count = self._count
        if count <= self._less or self._endless:
            return None
        parts = count * (count - self._less) << 2 * self._scale
        try:
            variance = (self._squares * count - self._sum * self._sum) / parts
        except OverflowError:
            return inf
        return sqrt(variance) if self._is_root else variance

    finalize = value


class _Mode:
    """The most frequent value; of several, the one that SQLite sorts first."""

    def __init__(self) -> None:
        self._counts: dict[Value, int] = {}

    def step(self, value: Value) -> None:
        if value is not None:
            self._counts[value] = self._counts.get(value, 0) + 1

    def inverse(self, value: Value) -> None:
        if value is None:
            return
        left = self._counts[value] - 1
        if left:
            self._counts[value] = left
        else:
            del self._counts[value]

    def value(self) -> Value:
        if not self._counts:
            return None
        most = max(self._counts.values())
        return min((each for each, count in self._counts.items() if count == most), key=order)

    finalize = value


def _spread(name: str, *, is_sample: bool, is_root: bool) -> Aggregate:
    return Aggregate(name, 1, partial(_Spread, is_sample=is_sample, is_root=is_root))


def _percentile(name: str, arguments: int, most: float, *, between: bool = True) -> Aggregate:
    return Aggregate(name, arguments, partial(_Percentile, name, most, between=between))


AGGREGATES = (
    _percentile("median", 1, 100.0),
    _percentile("percentile", 2, 100.0),
    _percentile("percentile_cont", 2, 1.0),
    _percentile("percentile_disc", 2, 1.0, between=False),
    _spread("variance", is_sample=True, is_root=False),
    _spread("var_samp", is_sample=True, is_root=False),
    _spread("var_pop", is_sample=False, is_root=False),
    _spread("stddev", is_sample=True, is_root=True),
    _spread("stddev_samp", is_sample=True, is_root=True),
    _spread("stddev_pop", is_sample=False, is_root=True),
    Aggregate("mode", 1, _Mode),
)
