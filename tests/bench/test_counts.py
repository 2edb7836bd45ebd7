#!/usr/bin/env python3
"""The arithmetic of counts.py: callgrind's format, limits, the record. Measures nothing."""
import pathlib
import tempfile
import unittest

import counts

CALLGRIND = """version: 1
events: Ir

ob=(1) /usr/lib/libuv.so.1
fl=(1) ???
fn=(1) uv_run
16 100
+2 20
cob=(2) /build/bench_peer_wsuv
cfi=(1)
cfn=(2) on_read
calls=3 40
* 5000

ob=(2)
fn=(2)
40 7
- 3

ob=(1)
fn=(3) uv_write
50 1
totals: 131
"""


class Counts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "file"

    def test_object_costs_leave_out_what_is_called(self):
        self.path.write_text(CALLGRIND)
        costs = counts.object_costs(self.path)
        self.assertEqual(costs, {"/usr/lib/libuv.so.1": 121, "/build/bench_peer_wsuv": 10})
        self.assertEqual([counts.kind_of(name) for name in costs], ["libuv", "wsuv"])

    def test_kinds(self):
        self.assertEqual(counts.kind_of("/lib/libcrypto.so.3"), "openssl")
        self.assertEqual(counts.kind_of("/lib/libc.so.6"), "libc")
        self.assertEqual(counts.kind_of("/lib/ld-linux-x86-64.so.2"), "rest")

    def test_openssl_is_not_in_the_sum(self):
        self.assertEqual(counts.own({"wsuv": 10, "libc": 1, "openssl": 1000}), 11)

    def test_a_tolerance_is_allowed(self):
        self.assertFalse(counts.is_over(102, 100, 2))
        self.assertTrue(counts.is_over(102.1, 100, 2))
        self.assertFalse(counts.is_over(1000, None, 2))
        self.assertFalse(counts.is_over(1000, 100, None))
        self.assertFalse(counts.is_over(None, 100, 2))

    def test_a_row_is_judged_by_both_counts(self):
        cells = ["800", "2.1", "100", "2.000", "2", "10"]
        self.assertEqual(counts.judge("row", cells, {"wsuv": 101}, 2.1), [])
        self.assertEqual(len(counts.judge("row", cells, {"wsuv": 103}, 2.3)), 2)

    def test_what_people_wrote_stays_in_the_record(self):
        self.path.write_text("# a word\n# compiler: old\nrow\t800\t-\t100\t2.000\t2\t-\n")
        comments, rows = counts.read_record(self.path)
        self.assertEqual(rows, {"row": ["800", "-", "100", "2.000", "2", "-"]})
        counts.write_record(comments, rows, "new", self.path)
        self.assertEqual(self.path.read_text(), "# a word\n# compiler: new\nrow\t800\t-\t100\t2.000\t2\t-\n")

    def test_every_workload_has_a_row(self):
        self.assertEqual(set(counts.read_record()[1]), set(counts.WORKLOADS))


if __name__ == "__main__":
    unittest.main()
