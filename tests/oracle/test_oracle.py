"""Tests of the comparison itself: a gate that cannot fail proves nothing. Run: python -m unittest discover tests/oracle"""

import tempfile
import unittest
from pathlib import Path

from compare import Difference, Known, compare_file


def record(strings=(), rule="r", namespace="default", incomplete=()):
    listed = [
        {"id": i, "offset": o, "length": n, **({} if key is None else {"xor_key": key})} for i, o, n, key in strings
    ]
    match = {"rule": rule, "namespace": namespace, "strings": listed}
    return {"matches": [match], "incomplete": list(incomplete)}


def categories(theirs, ours):
    return [d.category for d in compare_file(theirs, ours)[0]]


KEY = ("default", "r")


class Rules(unittest.TestCase):
    def test_same_answer_has_no_difference(self):
        theirs = {KEY: [("$a", [(1, 3, None), (9, 3, None)]), ("$x", [(4, 2, 7)])]}
        ours = record([("$x", 4, 2, 7), ("$a", 9, 3, None), ("$a", 1, 3, None)])
        self.assertEqual(compare_file(theirs, ours), ([], 0))

    def test_rule_on_one_side_only(self):
        self.assertEqual(categories({}, record()), ["rule-extra"])
        self.assertEqual(categories({KEY: []}, {"matches": [], "incomplete": []}), ["rule-missing"])

    def test_other_namespace_is_another_rule(self):
        self.assertEqual(categories({KEY: []}, record(namespace="n")), ["rule-missing", "rule-extra"])

    def test_rule_listed_twice(self):
        ours = record()
        ours["matches"] *= 2
        self.assertEqual(categories({KEY: []}, ours), ["rule-twice"])

    def test_incomplete_scan_is_a_difference(self):
        ours = record(incomplete=[{"what": "rule r", "why": "deadline"}])
        self.assertEqual(categories({KEY: []}, ours), ["incomplete"])


class Patterns(unittest.TestCase):
    def test_unlisted_pattern_is_counted_only(self):
        theirs = {KEY: [("$a", [(1, 3, None)]), ("$b", [(5, 1, None)])]}
        self.assertEqual(compare_file(theirs, record([("$b", 5, 1, None)])), ([], 1))

    def test_listed_pattern_must_be_complete(self):
        theirs = {KEY: [("$a", [(1, 3, None), (9, 3, None)])]}
        self.assertEqual(categories(theirs, record([("$a", 1, 3, None)])), ["match-missing"])

    def test_kinds_of_difference(self):
        theirs = {KEY: [("$a", [(1, 3, 5)])]}
        for ours, category in (
            ([("$a", 2, 3, 5)], "match-offset"),
            ([("$a", 1, 4, 5)], "match-length"),
            ([("$a", 1, 3, 6)], "xor-key"),
            ([("$a", 1, 3, None)], "xor-key"),
            ([("$a", 1, 3, 5), ("$a", 1, 3, 5)], "match-extra"),
            ([("$a", 1, 3, 5), ("$b", 1, 3, None)], "pattern-extra"),
        ):
            self.assertEqual(categories(theirs, record(ours)), [category], ours)

    def test_anonymous_patterns_are_whole_or_absent(self):
        theirs = {KEY: [("$", [(1, 3, None), (7, 3, None)]), ("$", [(2, 2, None)])]}
        first = [("$", 1, 3, None), ("$", 7, 3, None)]
        self.assertEqual(compare_file(theirs, record(first)), ([], 1))
        self.assertEqual(compare_file(theirs, record([*first, ("$", 2, 2, None)])), ([], 0))
        self.assertEqual(categories(theirs, record(first[:1])), ["match-missing"])
        self.assertEqual(categories(theirs, record([*first, ("$", 3, 3, None)])), ["match-offset"])


class KnownDifferences(unittest.TestCase):
    def load(self, text: str, page: str = "## Match lengths\n") -> Known:
        with tempfile.TemporaryDirectory() as folder:
            known, topics = Path(folder, "known.toml"), Path(folder, "page.md")
            known.write_text(text, encoding="utf-8")
            topics.write_text(page, encoding="utf-8")
            return Known.load(known, topics)

    ENTRY = '[[known]]\nrule = "r"\ntopic = "Match lengths"\nreason = "alternation"\npattern = "$a"\n'

    def test_entry_covers_its_pattern_only(self):
        known = self.load(self.ENTRY)
        self.assertEqual(known.find(Difference("match-length", "r", "$a", "", "")), 0)
        self.assertIsNone(known.find(Difference("match-length", "r", "$b", "", "")))
        self.assertIsNone(known.find(Difference("match-length", "s", "$a", "", "")))

    def test_unused_entry_of_a_rule_that_took_part(self):
        known = self.load(self.ENTRY)
        self.assertEqual(len(known.unused({"r"})), 1)
        self.assertEqual(known.unused({"s"}), [])
        known.used.add(0)
        self.assertEqual(known.unused({"r"}), [])

    def test_entry_needs_reason_and_documented_topic(self):
        with self.assertRaisesRegex(ValueError, "reason"):
            self.load('[[known]]\nrule = "r"\ntopic = "Match lengths"\n')
        with self.assertRaisesRegex(ValueError, "unknown"):
            self.load(self.ENTRY + 'file = "x"\n')
        with self.assertRaisesRegex(ValueError, "not described"):
            self.load(self.ENTRY, page="")


if __name__ == "__main__":
    unittest.main()
