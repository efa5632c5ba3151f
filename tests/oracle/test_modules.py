"""Tests of comparing what modules see: that each kind of difference is one, and that damage is the same each time."""

import datetime
import struct
import tempfile
import unittest
from pathlib import Path

import mutate
from fields import Entry, Known, Unlike, compare, settle


def differences(theirs, ours, constants=None):
    return list(compare("m", settle(theirs), ours, (constants or {}).get))


class Fields(unittest.TestCase):
    def test_the_same_in_other_words_is_no_difference(self):
        time = datetime.datetime(1970, 1, 2, tzinfo=datetime.timezone.utc)
        theirs = {"time": time, "kind": "K", "bytes": b"a\\\xff", "text": b"a\\", "word": (1 << 64) - 1, "none": []}
        ours = {"time": 86400, "kind": 7, "bytes": "a\\\\\\xFF", "text": "a\\", "word": -1, "empty": {}}
        self.assertEqual(differences(theirs, ours, {"K": 7}), [])

    def test_each_kind_of_difference(self):
        for theirs, ours, field, kind in [
            ({"a": 1}, {"a": 2}, "a", "values"),
            ({"a": 1}, {}, "a", "only theirs"),
            ({}, {"a": 0}, "a", "only ours"),
            ({"a": True}, {"a": 1}, "a", "values"),
            ({"a": "K"}, {"a": 8}, "a", "values"),
            ({"a": [1]}, {"a": [1, 2]}, "a#", "values"),
            ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, "a[].b", "values"),
            ({"a": [1, 2]}, {"a": [1, None]}, "a[]", "only theirs"),
        ]:
            found = differences(theirs, ours, {"K": 7})
            self.assertEqual([(d.field, d.kind) for d in found], [(field, kind)], theirs)

    def test_entries_cover_what_they_say_and_are_needed(self):
        known = Known([Entry("m", "a[[]].*", "values", "why"), Entry("m", "b", "any", "why")])
        self.assertTrue(known.covers(Unlike("m", "a[].b", "1", "2"), "file", False))
        self.assertFalse(known.covers(Unlike("m", "a[].b", "1", "undefined"), "file", False))
        self.assertFalse(known.covers(Unlike("n", "a[].b", "1", "2"), "file", False))
        self.assertEqual([entry.field for entry in known.unneeded()], ["b"])

    def test_entries_for_damaged_files_are_counted(self):
        known = Known([Entry("m", "a", "any", "why", damaged_files=1)])
        self.assertFalse(known.covers(Unlike("m", "a", "1", "2"), "file", False))
        self.assertTrue(known.covers(Unlike("m", "a", "1", "2"), "one", True))
        self.assertTrue(known.covers(Unlike("m", "a", "1", "3"), "one", True))
        self.assertEqual(known.exceeded(), [])
        self.assertTrue(known.covers(Unlike("m", "a", "1", "2"), "two", True))
        self.assertEqual(known.exceeded(), known.entries)

    def test_the_list_can_be_read(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write('[[known]]\nmodule = "m"\nfield = "a"\nkind = "any"\nreason = "why"\n')
            file.flush()
            self.assertEqual(Known.load(Path(file.name)).entries, [Entry("m", "a", "any", "why")])


class Mutations(unittest.TestCase):
    def test_they_are_the_same_each_time_and_differ(self):
        data = b"\x7fELF" + bytes(range(256))
        made = [mutate.mutation(data, "a", 1, n) for n in range(1, 21)]
        self.assertEqual(made, [mutate.mutation(data, "a", 1, n) for n in range(1, 21)])
        self.assertGreater(len(set(made)), 15)
        self.assertNotIn(data, made)
        self.assertNotEqual(made, [mutate.mutation(data, "a", 2, n) for n in range(1, 21)])

    def test_tables_are_found(self):
        file = bytearray(0x400)
        file[:2] = b"MZ"
        struct.pack_into("<I", file, 0x3C, 0x80)
        struct.pack_into("<4sHH12xH", file, 0x80, b"PE\0\0", 0x14C, 1, 224)
        struct.pack_into("<H", file, 0x98, 0x10B)
        struct.pack_into("<II", file, 0x98 + 96 + 8, 0x1010, 40)
        struct.pack_into("<8s4I", file, 0x98 + 224, b".idata", 0x200, 0x1000, 0x200, 0x200)
        self.assertIn(0x210, mutate.landmarks(bytes(file)))
        self.assertEqual(mutate.landmarks(b"MZ"), [0])


if __name__ == "__main__":
    unittest.main()
