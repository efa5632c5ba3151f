"""From rules, wherever they are, to a database; and what is said when they have errors."""

import os
import tempfile
import unittest
from pathlib import Path
from typing import Any

import hallmark

TRUE = "rule {} {{ condition: true }}"


def rules(db: hallmark.Database) -> list[str]:
    return [f"{m.namespace}:{m.rule}" for m in db.scan(b"")]


class Folder(unittest.TestCase):
    """A folder of rules, which is the working directory."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        for name in ("a.yar", "rules/b.yara", "rules/deep/c.yar", "rules/no.txt", "lib/shared.inc", "outside.yar"):
            path = Path(name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(TRUE.format(path.stem))


class Sources(Folder):
    def test_text_and_bytes(self) -> None:
        self.assertEqual(rules(hallmark.compile(TRUE.format("x"))), ["default:x"])
        self.assertEqual(rules(hallmark.compile(TRUE.format("x").encode())), ["default:x"])
        self.assertEqual(rules(hallmark.compile(source=TRUE.format("x"), namespace="ns")), ["ns:x"])
        self.assertEqual(rules(hallmark.compile(TRUE.format("x"), "ns", {"unused": 1})), ["ns:x"])
        self.assertEqual(rules(hallmark.compile("")), [])
        self.assertEqual(rules(hallmark.compile('import "pe"')), [])
        # Bytes that are not UTF-8 are no reason to refuse rules.
        self.assertEqual(rules(hallmark.compile(b"// \xff\n" + TRUE.format("x").encode())), ["default:x"])

    def test_paths_of_files_and_folders(self) -> None:
        for path in (Path("a.yar"), "a.yar", str(Path("a.yar").absolute())):
            self.assertEqual(rules(hallmark.compile(path)), ["default:a"])
        self.assertEqual(rules(hallmark.compile(filepath=b"a.yar", namespace="n")), ["n:a"])
        for folder in (Path("rules"), "rules"):
            self.assertEqual(rules(hallmark.compile(folder)), ["default:b", "default:c"])
        name = os.fsdecode(b"\xff.yar")
        Path(name).write_text(TRUE.format("odd"))
        self.assertEqual(rules(hallmark.compile(name)), ["default:odd"])
        self.assertEqual(rules(hallmark.compile(Path(name))), ["default:odd"])

    def test_text_that_is_also_a_name_is_rules_where_said_so(self) -> None:
        Path("import").write_text(TRUE.format("named"))
        self.assertEqual(rules(hallmark.compile("import")), ["default:named"])
        with self.assertRaises(hallmark.CompileError):
            hallmark.compile(source="import")
        with self.assertRaises(hallmark.CompileError):
            hallmark.compile("import\n")
        Path("rule x { condition: true }").write_text(TRUE.format("named"))
        self.assertEqual(rules(hallmark.compile("rule x { condition: true }")), ["default:x"])

    def test_namespaces(self) -> None:
        db = hallmark.compile(sources={"one": TRUE.format("x"), "two": TRUE.format("x").encode()})
        self.assertEqual(rules(db), ["one:x", "two:x"])
        self.assertEqual(rules(hallmark.compile(filepaths={"f": "a.yar", "d": Path("rules")})), ["d:b", "d:c", "f:a"])
        self.assertEqual(rules(hallmark.compile(sources={})), [])

    def test_what_makes_no_sense(self) -> None:
        wrong: list[tuple[type[Exception], dict[str, Any]]] = [
            (TypeError, {}),
            (TypeError, {"source": "", "filepath": "a.yar"}),
            (TypeError, {"source_or_path": "", "sources": {}}),
            (TypeError, {"sources": {}, "filepaths": {}}),
            (TypeError, {"sources": {"a": ""}, "namespace": "b"}),
            (TypeError, {"source": 7}),
            (TypeError, {"source_or_path": 7}),
            (TypeError, {"filepath": 7}),
            (TypeError, {"sources": ["a"]}),
            (ValueError, {"source": "", "namespace": ""}),
            (ValueError, {"sources": {"": ""}}),
            (UnicodeEncodeError, {"source": "\ud800 {"}),
            (TypeError, {"source": "", "no_such_option": 1}),
        ]
        for error, given in wrong:
            with self.subTest(given), self.assertRaises(error):
                hallmark.compile(**given)

    def test_the_image_does_not_depend_on_where_rules_are(self) -> None:
        text = Path("a.yar").read_text()
        digests = {hallmark.compile(given).digest for given in (text, Path("a.yar"), Path("a.yar").absolute())}
        self.assertEqual(len(digests), 1)
        self.assertRegex(digests.pop(), "^sha256:[0-9a-f]{64}$")


class Includes(Folder):
    def test_beside_the_file_then_in_the_folders_given(self) -> None:
        Path("rules/main.yar").write_text('include "./deep/c.yar"\ninclude "shared.inc"\n')
        db = hallmark.compile(Path("rules/main.yar"), include_dirs=["lib"])
        self.assertEqual(rules(db), ["default:c", "default:shared"])
        self.assertEqual(rules(hallmark.compile('include "a.yar"')), ["default:a"])
        self.assertEqual(rules(hallmark.compile(source='include "shared.inc"', include_dirs=[Path("lib")])), ["default:shared"])

    def test_included_files_include_from_their_own_folder(self) -> None:
        Path("rules/deep/chain.inc").write_text('include "c.yar"')
        self.assertEqual(rules(hallmark.compile('include "rules/deep/chain.inc"')), ["default:c"])

    def test_nothing_outside_is_reached(self) -> None:
        Path("rules/link.inc").symlink_to(Path("outside.yar").absolute())
        for include in ("../outside.yar", "link.inc", str(Path("outside.yar").absolute())):
            Path("rules/main.yar").write_text(f'include "{include}"')
            with self.subTest(include), self.assertRaisesRegex(hallmark.CompileError, "leads out"):
                hallmark.compile(Path("rules/main.yar"))
        # Within a folder that is compiled, `..` may lead anywhere.
        Path("rules/main.yar").unlink()
        Path("rules/deep/c.yar").write_text('include "../part.inc"')
        Path("rules/part.inc").write_text(TRUE.format("part"))
        self.assertEqual(rules(hallmark.compile(Path("rules"))), ["default:b", "default:part"])

    def test_cycles_missing_files_and_none_at_all(self) -> None:
        Path("rules/main.yar").write_text('include "main.yar"')
        with self.assertRaisesRegex(hallmark.CompileError, "a file includes itself"):
            hallmark.compile(Path("rules/main.yar"))
        with self.assertRaisesRegex(hallmark.CompileError, "not found"):
            hallmark.compile('include "none.yar"')
        with self.assertRaisesRegex(hallmark.CompileError, "includes=True"):
            hallmark.compile('include "a.yar"', includes=False)


class Errors(Folder):
    def test_diagnostics_say_what_and_where(self) -> None:
        Path("bad.yar").write_text('rule fine { condition: filesize > 1 }\n\nrule bad { condition: "é" == foo }\n')
        with self.assertRaises(hallmark.CompileError) as raised:
            hallmark.compile(Path("bad.yar"))
        (found,) = raised.exception.diagnostics
        self.assertEqual((found.severity, found.path, found.line, found.column), ("error", "bad.yar", 3, 30))
        self.assertRegex(found.code, "^E[0-9]{4}$")
        self.assertIn("`foo`", found.message)
        self.assertTrue(found.help)
        shown = str(raised.exception)
        for part in (found.code, found.message, "bad.yar:3:30"):
            self.assertIn(part, shown)
        self.assertIsInstance(raised.exception, hallmark.Error)

    def test_long_lists_are_cut_when_shown(self) -> None:
        text = "".join(f"rule r{i} {{ condition: foo{i} }}\n" for i in range(50))
        with self.assertRaises(hallmark.CompileError) as raised:
            hallmark.compile(text)
        self.assertEqual(len(raised.exception.diagnostics), 50)
        self.assertIn("30 more errors", str(raised.exception))

    def test_control_characters_do_not_reach_a_terminal(self) -> None:
        with self.assertRaises(hallmark.CompileError) as raised:
            hallmark.compile(source="rule r { condition: \x1b[31mfoo }")
        self.assertNotIn("\x1b", str(raised.exception))

    def test_warnings(self) -> None:
        db = hallmark.compile('rule r { strings: $a = "abcd" condition: $a or true }')
        self.assertTrue(db.warnings)
        self.assertTrue(all(found.severity == "warning" for found in db.warnings))
        self.assertIn("<source>:1:", str(db.warnings[0]))
        self.assertEqual(hallmark.compile('rule r { condition: filesize == 1 }').warnings, [])

    def test_rules_left_out_are_listed(self) -> None:
        text = "rule good { condition: filesize == 0 }\nrule bad { condition: foo }\n"
        db = hallmark.compile(text, ignore_invalid_rules=True)
        self.assertEqual(rules(db), ["default:good"])
        self.assertEqual([(r.rule, r.path, r.line) for r in db.rejected], [("bad", "<source>", 2)])
        self.assertEqual(hallmark.compile(TRUE.format("x")).rejected, [])

    def test_relaxed_regular_expressions(self) -> None:
        text = r"rule r { strings: $a = /a\Rb/ condition: $a }"
        with self.assertRaises(hallmark.CompileError):
            hallmark.compile(text)
        self.assertEqual(len(hallmark.compile(text, relaxed_regex=True).scan(b"aRb")), 1)

    def test_rules_that_cannot_be_read(self) -> None:
        with self.assertRaisesRegex(hallmark.CompileError, "none.yar") as raised:
            hallmark.compile(Path("none.yar"))
        cause = raised.exception.__cause__
        assert isinstance(cause, FileNotFoundError)
        self.assertEqual(cause.filename, "none.yar")
        with self.assertRaisesRegex(hallmark.CompileError, "no file or folder of that name"):
            hallmark.compile("none.yar")
        Path("empty").mkdir()
        with self.assertRaisesRegex(hallmark.CompileError, "no [*].yar"):
            hallmark.compile(Path("empty"))
        Path("loop").mkdir()
        Path("loop/back").symlink_to("../loop")
        with self.assertRaises(hallmark.CompileError):
            hallmark.compile(Path("loop"))
        with self.assertRaises(hallmark.CompileError):
            hallmark.compile(filepath="a.yar", include_dirs=["none"])
        os.mkfifo("pipe")
        for given in ({"filepath": "pipe"}, {"source": 'include "pipe"'}):
            with self.assertRaisesRegex(hallmark.CompileError, "not a regular file"):
                hallmark.compile(**given)  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
