"""Databases saved, opened, trusted and damaged.

HALLMARK names the command, which makes the signed ones.
"""

import os
import random
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import hallmark

RULES = r"""
    import "pe"
    rule text { meta: a = "b" strings: $a = "needle" $b = /nee+dle[0-9]*/ nocase condition: any of them }
    rule hex { strings: $a = { 4D 5A [2-8] ?0 } condition: $a and not text }
    rule module { condition: pe.number_of_sections > 3 or for any i in (0..2): (uint8(i) == 0x6E) }
    rule variable { condition: level > 3 }
"""


class Folder(unittest.TestCase):
    """A folder that is the user's config folder too."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        environment = mock.patch.dict(os.environ, {"XDG_CONFIG_HOME": folder.name, "HALLMARK_POLICY": ""})
        environment.start()
        self.addCleanup(environment.stop)


class Saved(Folder):
    def image(self) -> Path:
        path = self.folder / "rules.img"
        hallmark.compile(RULES, externals={"level": 1}).save(path)
        return path

    def test_a_saved_image_is_the_database(self) -> None:
        db = hallmark.compile(RULES, externals={"level": 1})
        path = self.folder / "saved.img"
        db.save(str(path))
        opened = hallmark.open(path, allow_unsigned=True)
        self.assertEqual(opened.digest, db.digest)
        self.assertIn(db.digest, repr(opened))
        for data in (b"a needle", b"MZ......\x10", b""):
            self.assertEqual([m.rule for m in opened.scan(data)], [m.rule for m in db.scan(data)])
        self.assertEqual([m.rule for m in opened.scan(b"", externals={"level": 4})], ["variable"])
        self.assertEqual((opened.warnings, opened.rejected), ([], []))

    def test_raw_images_are_taken_only_unsigned(self) -> None:
        with self.assertRaises(hallmark.DatabaseError):
            hallmark.open(self.image())

    def test_what_cannot_be_saved(self) -> None:
        db = hallmark.compile(RULES, externals={"level": 1})
        with self.assertRaisesRegex(ValueError, "hallmark build"):
            db.save("rules.hmk")
        with self.assertRaises(FileNotFoundError):
            db.save(self.folder / "none" / "rules.img")

    def test_what_is_no_database(self) -> None:
        (self.folder / "text").write_text("no database")
        for path in (self.folder, self.folder / "text", self.folder / "none"):
            with self.subTest(path), self.assertRaisesRegex(hallmark.DatabaseError, "."):
                hallmark.open(path, allow_unsigned=True)

    def test_damaged_images_are_refused_or_scanned(self) -> None:
        """Flips and cuts; nothing crashes."""
        good = self.image().read_bytes()
        path = self.folder / "damaged.img"
        chance = random.Random(1)
        opened = refused = 0
        for _ in range(2000):
            bytes_ = bytearray(good)
            for _ in range(chance.choice((1, 1, 1, 2, 8))):
                bytes_[chance.randrange(len(bytes_))] ^= 1 << chance.randrange(8)
            if chance.randrange(8) == 0:
                del bytes_[chance.randrange(len(bytes_)) :]
            path.write_bytes(bytes_)
            try:
                db = hallmark.open(path, allow_unsigned=True)
            except hallmark.DatabaseError:
                refused += 1
                continue
            opened += 1
            for data in (b"a needle MZ...... \x10", b"n" * 100):
                db.scan(data, timeout=10)
        self.assertEqual(opened + refused, 2000)
        self.assertGreater(refused, 1000)


@unittest.skipUnless("HALLMARK" in os.environ, "HALLMARK names the command that makes signed databases")
class Signed(Folder):
    def setUp(self) -> None:
        super().setUp()
        self.hallmark = str(Path(os.environ["HALLMARK"]).absolute())
        (self.folder / "r.yar").write_text('rule r { strings: $a = "needle" condition: $a }')
        self.run_hallmark("key", "new", "test/build", "-o", ".")
        self.run_hallmark("key", "new", "test/other", "-o", ".")
        for name in ("build", "other"):
            key = (self.folder / f"test_{name}.vkey").read_text()
            policy = f"db test/core\nsigner build {key}\nquorum build\n"
            (self.folder / f"{name}.policy").write_text(policy)
        sign = ("--db", "test/core", "--serial", "1", "--key", "test_build.secret")
        self.run_hallmark("build", "r.yar", "-o", "core.hmk", *sign)
        self.container = self.folder / "core.hmk"

    def run_hallmark(self, *arguments: str) -> None:
        done = subprocess.run((self.hallmark, *arguments), cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def assert_scans(self, db: hallmark.Database) -> None:
        self.assertEqual([m.rule for m in db.scan(b"a needle")], ["r"])

    def test_a_policy_decides(self) -> None:
        self.assert_scans(hallmark.open(self.container, policy=self.folder / "build.policy"))
        for allow_unsigned in (False, True):
            # Nobody of the other policy has signed, which is tolerated only when that was asked for.
            policy = str(self.folder / "other.policy")
            if allow_unsigned:
                self.assert_scans(hallmark.open(self.container, policy, allow_unsigned=True))
            else:
                with self.assertRaises(hallmark.DatabaseError):
                    hallmark.open(self.container, policy)
        with self.assertRaisesRegex(hallmark.DatabaseError, "policy"):
            hallmark.open(self.container)
        with self.assertRaises(hallmark.DatabaseError):
            hallmark.open(self.container, policy=self.folder / "none")

    def test_where_a_policy_is_found(self) -> None:
        with mock.patch.dict(os.environ, {"HALLMARK_POLICY": str(self.folder / "build.policy")}):
            self.assert_scans(hallmark.open(self.container))
        (self.folder / "hallmark").mkdir()
        (self.folder / "hallmark" / "policy").write_bytes((self.folder / "build.policy").read_bytes())
        self.assert_scans(hallmark.open(self.container))

    def test_a_changed_container_is_refused_always(self) -> None:
        damaged = bytearray(self.container.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        self.container.write_bytes(damaged)
        for allow_unsigned in (False, True):
            with self.assertRaises(hallmark.DatabaseError):
                hallmark.open(self.container, self.folder / "build.policy", allow_unsigned)

    def test_a_store_brings_its_policy(self) -> None:
        self.run_hallmark("install", "core.hmk", "--store", "store", "--policy", "build.policy")
        db = hallmark.open(self.folder / "store")
        self.assert_scans(db)
        db.save(self.folder / "copy.img")
        self.assertEqual(hallmark.open(self.folder / "copy.img", allow_unsigned=True).digest, db.digest)

    def test_one_that_has_expired_is_used_with_a_warning(self) -> None:
        (self.folder / "rules").mkdir()
        (self.folder / "r.yar").rename(self.folder / "rules" / "r.yar")
        (self.folder / "rules" / "release.toml").write_text("source-date = 1\ndays = 1\n")
        sign = ("--db", "test/core", "--serial", "2", "--key", "test_build.secret")
        self.run_hallmark("build", "rules", "--release", "old", *sign)
        with self.assertWarnsRegex(RuntimeWarning, "expired"):
            db = hallmark.open(self.folder / "old", self.folder / "build.policy")
        self.assert_scans(db)


if __name__ == "__main__":
    unittest.main()
