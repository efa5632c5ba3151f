"""Tests of what makes files for rules: what is read, wished for and written. The peer judges."""

import random
import unittest

import assemble
import conditions
import instances
import peer
import pe_file
import provoke
import yara_x
from wisher import Wisher

SOURCE = """
    rule a : tag { meta: x = "rule b {" strings: $s = "q\\"\\x41" wide /* $t = "no" */
        $h = { 4D ?? [1-2] ( 01 | 02 03 ) } $r = /a{3}\\/[0-9]/i condition: $s at 0 }
    rule c { condition: filesize > 1KB }
"""


def known(source: str) -> dict:
    return {rule: (patterns, provoke.tree(condition)) for rule, patterns, condition in provoke.read_rules(source)}


def made(condition: str, strings: str = "") -> tuple[bytes, bool]:
    """A file for a rule with this condition, and whether the rule matches in it."""
    section = f"strings: {strings}" if strings else ""
    source = f'import "pe" rule r {{ {section} condition: {condition} }}'
    scanner = peer.scanner(yara_x.compile(source))

    def judge(_, data):
        return bool(scanner.scan(data).matching_rules)

    data, _, matches = provoke.provoke(known(source), "r", judge)
    return data, matches


class Reading(unittest.TestCase):
    def test_rules_are_read(self):
        rules = list(provoke.read_rules(SOURCE))
        self.assertEqual([rule for rule, _, _ in rules], ["a", "c"])
        self.assertEqual([name for name, _, _ in rules[0][1]], ["$s", "$h", "$r"])

    def test_conditions_are_read(self):
        for text, tree in (
            ("$a and not #b > 1", ("and", [("match", "$a", None), ("not", ("two", ">", ("count", "$b", None), ("number", 1)))])),
            ("50% of ($a*, $b)", ("of", ("percent", ("number", 50)), ["$a*", "$b"], None)),
            ("1KB + 2 * 3 == x", ("two", "==", ("two", "+", ("number", 1024), ("two", "*", ("number", 2), ("number", 3))), ("name", "x"))),
            ("for any i in (1..#a) : (@a[i] < 9)", ("for in", "any", ["i"], ("range", ("number", 1), ("count", "$a", None)),
                                                  ("two", "<", ("offset", "$a", ("name", "i")), ("number", 9)))),
            ("x matches /a[)\\/]/i", ("two", "matches", ("name", "x"), ("regex", "/a[)\\/]/i"))),
        ):
            self.assertEqual(conditions.read(text + " } rule next"), tree, text)
        for text in ("$a and", "(1", "not"):
            with self.assertRaises(conditions.Unreadable):
                conditions.read(text)


class Instances(unittest.TestCase):
    def test_instances_match_their_pattern(self):
        rng = random.Random(1)
        for _ in range(50):
            self.assertRegex(instances.hex_instance("4D ?F [2-3] (AA | BB CC)", rng), rb"(?s)^M..{2,3}(\xAA|\xBB\xCC)$")
            self.assertRegex(instances.regex_instance(r"/ab[^0-9]{2,}(x|yz)?\d/", rng), rb"^ab[^0-9]{2,}(x|yz)?\d$")


class Files(unittest.TestCase):
    def test_conditions_come_true(self):
        texts = '$_a = "alpha" $_b = "beta" $_c = /gam+a/'
        for condition in (
            "all of them and filesize < 100",
            "filesize > 5000 and filesize < 6000 and any of them",
            "2 of them and not $_b",
            "#_a > 7 and #_b == 3 and not $_c",
            "$_a at 100 and $_b in (0..50) and @_c > @_a",
            "$_a and $_b in (filesize-20..filesize) and uint16(filesize-2) == 0x0a0d",
            "uint32(0) == 0x464c457f and $_a",
            "uint32be(@_a + 8) == 0x01020304 and @_b == @_a + 40",
            "for all of them : (# > 2) and for any i in (1..#_a) : (@_a[i] > 10)",
            "uint16(0) == 0x5a4d and uint32(uint32(0x3C)) == 0x4550 and $_a at pe.entry_point and $_b in (0..1024)",
            'pe.exports("Run") and pe.exports("Stop") and pe.number_of_exports == 2 and pe.is_dll()',
            'pe.imports("a.dll", "F") and pe.version_info["CompanyName"] contains "Some" and pe.timestamp < 1000',
            'pe.machine == pe.MACHINE_AMD64 and pe.sections[1].name == "x" and pe.number_of_sections == 2',
            'for any i in (0..pe.number_of_signatures) : (pe.signatures[i].subject contains "Some One" and '
            'pe.signatures[i].serial == "01:f2:03" and 1600000000 <= pe.signatures[i].not_after)',
            "pe.characteristics & pe.DLL and (1 of ($_a, $_b) or filesize > 99999999)",
        ):
            _, matches = made(condition, texts)
            self.assertTrue(matches, condition)

    def test_what_cannot_be_is_told(self):
        self.assertFalse(made('pe.imphash() == "00000000000000000000000000000000"')[1])

    def test_near_misses_differ_in_a_byte_of_each_instance(self):
        rules = known(SOURCE)
        hit, spots, _ = provoke.provoke(rules, "a", None)
        self.assertTrue(hit.startswith(b'q\0"\0A\0'))
        near = provoke.near_miss("a", hit, spots)
        self.assertEqual(len(hit), len(near))
        self.assertEqual(sum(x != y for x, y in zip(hit, near)), len(spots))
        self.assertGreater(len(provoke.provoke(rules, "c", None)[0]), 1024)

    def test_same_rule_gives_same_file(self):
        rules = known('rule r { strings: $a = "text" xor wide ascii condition: $a }')
        self.assertEqual(provoke.provoke(rules, "r", None), provoke.provoke(rules, "r", None))

    def test_a_size_that_cannot_be_kept_gives_no_file(self):
        rules = known('rule r { strings: $a = "longer than that" condition: $a and filesize < 4 }')
        rng = random.Random(1)
        wishes = Wisher(rules, "r", rng, True).collect()
        self.assertIsNone(assemble.assemble(rules, "r", wishes, rng, True))

    def test_both_widths_of_pe_files_are_read(self):
        rules = yara_x.compile('import "pe" rule r { condition: pe.is_pe }')
        for wide in (False, True):
            file = pe_file.Pe(wide=wide, exports=[b"B", b"A"], imports={b"a.dll": [b"F"]}, version={b"Key": b"Value"},
                              signatures=[pe_file.Signature(subject=b"One"), pe_file.Signature()])
            data = file.head()
            file.finish(data)
            told = rules.scan(bytes(data)).module_outputs["pe"]
            self.assertEqual(told["number_of_exports"], 2)
            self.assertEqual(told["import_details"][0]["library_name"], "a.dll")
            self.assertEqual(told["version_info"], {"Key": "Value"})
            self.assertEqual([s["subject"] for s in told["signatures"]], ["/CN=One", "/CN=Somebody"])


if __name__ == "__main__":
    unittest.main()
