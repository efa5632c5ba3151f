"""What scans find, in which data, and what they say of what they did not look at."""

import array
import io
import mmap
import os
import resource
import tempfile
import unittest
from pathlib import Path
from typing import Any, Union

import hallmark

RULES = r"""
    rule texts : one two {
        meta:
            number = -9223372036854775807
            yes = true
            no = false
            text = "\xC3\xA9t\xC3\xA9"
            bytes = "\xFF\x00"
            author = "a"
            author = "b"
            author = 3
        strings:
            $plain = "needle"
            $wide = "wide" wide
            $nocase = "CaSe" nocase
            $private = "needle" private
            $xored = "secret" xor(1-255)
            $coded = "This program" base64
            $hex = { 4D 5A ?? [2-4] ( 50 45 | 4E 45 ) }
            $regex = /ab+c[0-9]{2}/
        condition:
            any of them
    }
    private rule hidden { condition: true }
    rule shown { condition: hidden and not texts }
"""


def places(match: hallmark.Match) -> list[tuple[str, int, int, bytes]]:
    return [(s.id, s.offset, s.length, s.data) for s in match.strings]


Values = dict[str, Union[bool, int, float, str, bytes]]


class Scans(unittest.TestCase):
    db = hallmark.compile(RULES)

    def test_matches_are_what_the_language_says(self) -> None:
        xored = bytes(b ^ 0x21 for b in b"secret")
        parts = {
            "$plain": b"needle",
            "$wide": b"w\0i\0d\0e\0",
            "$nocase": b"cAsE",
            "$xored": xored,
            "$coded": b"VGhpcyBwcm9ncmFt",
            "$hex": b"MZ\x90\x01\x02\x03PE",
            "$regex": b"abbbc42",
        }
        data, expected = b"", []
        for name, part in parts.items():
            data += b"\xFF\xFE "
            expected.append((name, len(data), len(part), part))
            data += part
        result = self.db.scan(data)
        self.assertEqual([(m.namespace, m.rule) for m in result], [("default", "texts")])
        self.assertEqual(places(result[0]), expected)
        self.assertEqual([s.xor_key for s in result[0].strings if s.id == "$xored"], [0x21])
        self.assertEqual({s.xor_key for s in result[0].strings if s.id != "$xored"}, {None})

    def test_metadata_has_the_types_of_the_source(self) -> None:
        (match,) = self.db.scan(b"needle")
        self.assertEqual(match.tags, ["one", "two"])
        expected = {
            "number": -9223372036854775807,
            "yes": True,
            "no": False,
            "text": "été",
            "bytes": b"\xff\x00",
            "author": ["a", "b", 3],
        }
        self.assertEqual(match.meta, expected)
        self.assertEqual([type(v) for v in match.meta.values()], [int, bool, bool, str, bytes, list])
        floats = hallmark.compile("rule r { meta: a = 1 condition: 1.5 > 1 }").scan(b"")
        self.assertEqual(floats[0].meta, {"a": 1})

    def test_private_rules_and_patterns_are_not_shown(self) -> None:
        self.assertEqual([m.rule for m in self.db.scan(b"nothing")], ["shown"])
        self.assertEqual([s.id for s in self.db.scan(b"needle")[0].strings], ["$plain"])

    def test_overlapping_matches_share_their_bytes_and_show_their_own(self) -> None:
        db = hallmark.compile('rule r { strings: $a = "aa" $b = /b{2,4}a/ $c = "ab" condition: any of them }')
        data = b"aaaabbbba aabb"
        (match,) = db.scan(data)
        self.assertGreater(len(match.strings), 5)
        for s in match.strings:
            self.assertEqual(s.data, data[s.offset : s.offset + s.length])

    def test_many_long_overlapping_matches_take_little_memory(self) -> None:
        db = hallmark.compile("rule r { strings: $a = { 61 [20000] 61 } condition: #a > 1000 }")
        data = b"a" * 200_000
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (match,) = db.scan(data)
        self.assertGreater(sum(s.length for s in match.strings), 3 << 30)
        self.assertEqual(match.strings[500].data, data[:20_002])
        # In kilobytes. A copy for each would be three gigabytes and more.
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 500_000)

    def test_a_result_is_a_list(self) -> None:
        result = self.db.scan(b"needle")
        self.assertIsInstance(result, list)
        self.assertTrue(result)
        self.assertEqual(len(result), 1)
        self.assertIs(result[0], result[-1])
        self.assertEqual(result.matches, list(result))
        self.assertEqual(hallmark.compile("rule no { condition: false }").scan(b""), [])
        self.assertEqual(result.stats.bytes, 6)
        self.assertGreater(result.stats.rules_evaluated, 0)
        self.assertIn("default:texts", repr(result))
        self.assertIn("$plain", repr(result[0].strings[0]))
        self.assertIs(result[0].strings, result[0].strings)

    def test_messages_of_rules(self) -> None:
        db = hallmark.compile('import "console" rule r { condition: console.log("size ", filesize) }')
        self.assertEqual(db.scan(b"abc").messages, ["size 3"])


class Data(unittest.TestCase):
    db = hallmark.compile('rule r { strings: $a = "needle" condition: $a }')

    def assert_found(self, data: Any, offset: int = 2) -> None:
        (match,) = self.db.scan(data)
        self.assertEqual(places(match), [("$a", offset, 6, b"needle")])

    def test_anything_with_a_buffer(self) -> None:
        data = b"a needle."
        self.assert_found(data)
        self.assert_found(bytearray(data))
        self.assert_found(memoryview(data))
        self.assert_found(memoryview(bytearray(b"xx" + data))[2:])
        self.assert_found(memoryview(b"".join(bytes([b, 0]) for b in data))[::2])
        self.assert_found(memoryview(data + bytes(7)).cast("B", (4, 4)))
        self.assert_found(array.array("B", data))
        self.assert_found(io.BytesIO(data).getbuffer())
        with mmap.mmap(-1, 100) as mapped:
            mapped[:9] = data
            self.assert_found(mapped)
        self.assertFalse(self.db.scan(b""))
        self.assertFalse(self.db.scan(bytearray()))

    def test_nothing_else(self) -> None:
        others: list[Any] = ["a needle", None, 7, 3.5, ["a needle"], object()]
        for data in others:
            with self.assertRaises(TypeError):
                self.db.scan(data)

    def test_what_was_found_outlives_the_data(self) -> None:
        data = bytearray(b"a needle")
        (match,) = self.db.scan(data)
        data[:] = b"overwritten"
        self.assertEqual(match.strings[0].data, b"needle")

    def test_files_whatever_their_names(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in (b"plain", "été".encode(), b"\xff\xfe not UTF-8", b"a\nb\x1b[31m"):
                path = os.path.join(os.fsencode(folder), name)
                Path(os.fsdecode(path)).write_bytes(b"a needle")
                for form in (path, os.fsdecode(path), Path(os.fsdecode(path))):
                    (match,) = self.db.scan_file(form)
                    self.assertEqual(places(match), [("$a", 2, 6, b"needle")])

    def test_files_that_cannot_be_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(hallmark.ScanError, "not a regular file"):
                self.db.scan_file(folder)
            with self.assertRaisesRegex(hallmark.ScanError, "no-such-file") as raised:
                self.db.scan_file(Path(folder, "no-such-file"))
            self.assertIsInstance(raised.exception.__cause__, FileNotFoundError)
            os.mkfifo(Path(folder, "pipe"))
            with self.assertRaisesRegex(hallmark.ScanError, "not a regular file"):
                self.db.scan_file(Path(folder, "pipe"))
        with self.assertRaises(TypeError):
            self.db.scan_file(7)  # type: ignore[arg-type]
        with self.assertRaises((hallmark.ScanError, ValueError)):
            self.db.scan_file("a\0b")


class Limits(unittest.TestCase):
    db = hallmark.compile('rule r { strings: $a = "aaaaaaaa" $b = /a.{4000}b/ condition: $a and #b >= 0 }')
    data = b"a" * 50_000

    def test_a_timeout_is_not_an_error_but_incomplete(self) -> None:
        result = self.db.scan(self.data, timeout=0)
        self.assertFalse(result.complete)
        self.assertIn("time limit", result.incomplete[0].why)
        what, why = result.incomplete[0]
        self.assertTrue(what and why)
        with self.assertRaisesRegex(hallmark.ScanError, "time limit"):
            result.check()
        whole = self.db.scan(b"aaaaaaaa", timeout=60)
        self.assertTrue(whole.complete)
        self.assertIs(whole.check(), whole)

    def test_limits_of_steps_and_bytes(self) -> None:
        self.assertIn("step limit", self.db.scan(self.data, max_steps=10).incomplete[0].why)
        self.assertEqual(self.db.scan(self.data, max_bytes=100).incomplete[0].what, "data")
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(200))
            file.flush()
            self.assertEqual(self.db.scan_file(file.name, max_bytes=100).incomplete[0].what, "data")
            self.assertTrue(self.db.scan_file(file.name, max_bytes=200).complete)

    def test_a_limit_is_that_of_one_scan(self) -> None:
        self.assertFalse(self.db.scan(self.data, max_bytes=1, max_steps=1, timeout=0).complete)
        result = self.db.scan(self.data)
        self.assertTrue(result.complete)
        self.assertEqual([m.rule for m in result], ["r"])

    def test_strings_are_listed_as_asked(self) -> None:
        db = hallmark.compile('rule r { strings: $a = "x" $b = "y" condition: $a or $b }')
        self.assertEqual(len(db.scan(b"xxyy")[0].strings), 4)
        self.assertEqual(db.scan(b"xxyy", strings=False)[0].strings, [])
        self.assertIn(len(db.scan(b"xxyy", fast=True)[0].strings), range(1, 4))

    def test_what_makes_no_sense(self) -> None:
        wrong: list[tuple[type[Exception], dict[str, Any]]] = [
            (ValueError, {"timeout": -1}),
            (ValueError, {"timeout": float("nan")}),
            (ValueError, {"timeout": float("inf")}),
            (TypeError, {"timeout": "1"}),
            (OverflowError, {"max_steps": -1}),
            (OverflowError, {"max_bytes": 1 << 64}),
            (TypeError, {"max_byte": 1}),
            (TypeError, {"externals": [1]}),
        ]
        for error, options in wrong:
            with self.subTest(options), self.assertRaises(error):
                self.db.scan(b"", **options)
        self.assertTrue(self.db.scan(b"", timeout=None, max_steps=None, max_bytes=None, externals=None).complete)


class Externals(unittest.TestCase):
    RULES = """
        rule i { condition: i == 7 }
        rule f { condition: f > 1.25 and f < 1.75 }
        rule b { condition: b }
        rule s { condition: s contains "x\\xFFy" }
    """
    DEFAULTS: Values = {"i": 0, "f": 0.0, "b": False, "s": ""}
    GIVEN: Values = {"i": 7, "f": 1.5, "b": True, "s": b"-x\xffy-"}

    def test_each_type_when_compiling_and_when_scanning(self) -> None:
        given = hallmark.compile(self.RULES, externals=self.GIVEN)
        self.assertEqual([m.rule for m in given.scan(b"")], ["b", "f", "i", "s"])
        db = hallmark.compile(self.RULES, externals=self.DEFAULTS)
        self.assertEqual(db.scan(b""), [])
        for name, value in self.GIVEN.items():
            self.assertEqual([m.rule for m in db.scan(b"", externals={name: value})], [name])
        self.assertEqual(db.scan(b""), [], "values hold for one scan")
        text = hallmark.compile('rule r { condition: t == "\\xC3\\xA9" }', externals={"t": "é"})
        self.assertEqual(len(text.scan(b"")), 1)

    def test_what_is_refused(self) -> None:
        db = hallmark.compile(self.RULES, externals=self.DEFAULTS)
        with self.assertRaisesRegex(hallmark.ScanError, "`other` is not declared"):
            db.scan(b"", externals={"other": 1})
        with self.assertRaisesRegex(hallmark.ScanError, "`i` is an integer"):
            db.scan(b"", externals={"i": "7"})
        self.assertEqual(db.scan(b""), [], "a scan that was refused leaves nothing behind")
        wrong: list[tuple[type[Exception], dict[Any, Any]]] = [
            (TypeError, {"a": None}),
            (TypeError, {"a": [1]}),
            (OverflowError, {"a": 1 << 63}),
            (ValueError, {"a b": 1}),
            (ValueError, {"": 1}),
            (TypeError, {1: 1}),
            (UnicodeEncodeError, {"a": "\ud800"}),
        ]
        for error, externals in wrong:
            with self.subTest(externals):
                with self.assertRaises(error):
                    hallmark.compile("rule r { condition: true }", externals=externals)
                with self.assertRaises(error):
                    db.scan(b"", externals=externals)


if __name__ == "__main__":
    unittest.main()
