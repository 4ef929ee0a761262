# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The second after a switch, out of samples."""

from __future__ import annotations

from tests.bench.opcode_cache import Sample, Second, second_after


def sample(at: float, hits: int, misses: int) -> Sample:
    return Sample(at, at + 0.01, hits, misses, scripts=0, used=0, wasted=0, strings=0, restarts=0)


SAMPLES = [sample(9.9, 1000, 10), sample(10.1, 1100, 10), sample(10.9, 2000, 15), sample(11.1, 2200, 20)]


def test_all_misses_are_counted_that_may_have_been_in_it_and_no_lookup_that_may_not():
    assert second_after(SAMPLES, 10.0) == Second(lookups=905 - 1, misses=10)


def test_nothing_is_said_of_a_second_that_was_not_looked_at():
    assert second_after(SAMPLES[1:], 10.0) is None
    assert second_after(SAMPLES[:-1], 10.0) is None
    assert second_after([SAMPLES[0], SAMPLES[2], SAMPLES[3]], 10.0) is None
