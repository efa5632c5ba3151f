"""What is read from file objects, and what these may do wrong."""

import gzip
import io
import os
import signal
import tempfile
import threading
import unittest
from typing import Any, Callable

import hallmark

WINDOW = 16 << 20


class Reader:
    """A file object whose `read` is a function."""

    def __init__(self, read: Callable[[int], Any]) -> None:
        self.read = read


class Streams(unittest.TestCase):
    db = hallmark.compile(
        'rule needle { strings: $a = "needle" condition: $a }'
        "rule size { condition: filesize == 70000 }"
        "rule first { condition: uint16be(0) == 0x4D5A }"
    )

    def test_a_short_stream_is_scanned_as_its_bytes_are(self) -> None:
        data = b"MZ" + b"." * 65_000 + b"needle" + b"." * 4_992
        expected = [(m.rule, [(s.id, s.offset, s.length, s.data) for s in m.strings]) for m in self.db.scan(data)]
        self.assertEqual([rule for rule, _ in expected], ["first", "needle", "size"])

        def trickle(source: io.BytesIO) -> Callable[[int], bytes]:
            return lambda most: source.read(min(most, 999))

        with tempfile.TemporaryFile() as file:
            file.write(gzip.compress(data))
            file.seek(0)
            with gzip.open(file) as unpacked:
                for stream in (io.BytesIO(data), Reader(trickle(io.BytesIO(data))), unpacked):
                    result = self.db.scan_stream(stream)
                    found = [(m.rule, [(s.id, s.offset, s.length, s.data) for s in m.strings]) for m in result]
                    self.assertEqual(found, expected)
                    self.assertTrue(result.complete)
                    self.assertEqual(result.stats.bytes, len(data))
        self.assertEqual(self.db.scan_stream(io.BytesIO()), [])

    def test_matches_of_a_long_stream_are_found_wherever_they_are(self) -> None:
        places = [100, WINDOW - 3, WINDOW + 10, 2 * WINDOW + 12_345, 3 * WINDOW - 6]
        data = bytearray(3 * WINDOW)
        for place in places:
            data[place : place + 6] = b"needle"
        result = self.db.scan_stream(io.BytesIO(data))
        (match,) = result.check()
        self.assertEqual([(s.offset, s.length) for s in match.strings], [(place, 6) for place in places])
        for s in match.strings:
            self.assertEqual(b"needle"[: len(s.data)], s.data)
        self.assertEqual(match.strings[0].data, b"needle")

    def test_limits(self) -> None:
        result = self.db.scan_stream(io.BytesIO(bytes(1000)), max_bytes=100)
        self.assertFalse(result.complete)
        self.assertFalse(self.db.scan_stream(io.BytesIO(bytes(1 << 20)), timeout=0).complete)
        self.assertTrue(self.db.scan_stream(io.BytesIO(bytes(1000))).complete)

    def test_a_stream_without_end_stops_at_the_limit(self) -> None:
        asked = 0

        def read(most: int) -> bytes:
            nonlocal asked
            asked += most
            return bytes(most)

        self.assertFalse(self.db.scan_stream(Reader(read), max_bytes=1 << 20).complete)
        self.assertLess(asked, 4 << 20)
        self.assertFalse(self.db.scan_stream(Reader(read), timeout=0.2).complete)

    def test_exceptions_are_passed_on_as_they_are(self) -> None:
        for error in (OSError(5, "broken"), KeyboardInterrupt(), ValueError("mine")):

            def read(most: int, error: BaseException = error) -> bytes:
                raise error

            with self.assertRaises(type(error)) as raised:
                self.db.scan_stream(Reader(read))
            self.assertIs(raised.exception, error)
        self.assertEqual(len(self.db.scan_stream(io.BytesIO(b"needle"))), 1)

    def test_readers_that_break_their_word(self) -> None:
        wrong: list[tuple[type[Exception], Any, str]] = [
            (ValueError, Reader(lambda most: bytes(most + 1)), "gave"),
            (TypeError, Reader(lambda most: "text"), "gave str, not bytes"),
            (TypeError, Reader(lambda most: None), "gave NoneType, not bytes"),
            (TypeError, Reader(lambda most: bytearray(1)), "gave bytearray, not bytes"),
            (TypeError, io.StringIO("text"), "gave str, not bytes"),
            (AttributeError, b"needle", "read"),
            (AttributeError, None, "read"),
        ]
        for error, stream, says in wrong:
            with self.subTest(says), self.assertRaisesRegex(error, says):
                self.db.scan_stream(stream)

    def test_reading_may_scan_itself(self) -> None:
        def read(most: int, left: list[bytes] = [b"need", b"le"]) -> bytes:
            self.assertEqual(self.db.scan(b"nothing"), [])
            return left.pop(0) if left else b""

        self.assertEqual(len(self.db.scan_stream(Reader(read))), 1)

    def test_an_interrupt_ends_it(self) -> None:
        # Ignored by programs that a shell starts in the background.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        reading, writing = os.pipe()
        with open(reading, "rb", buffering=0) as pipe:
            signaller = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
            signaller.start()
            with self.assertRaises(KeyboardInterrupt):
                self.db.scan_stream(pipe)
            signaller.join()
        os.close(writing)


if __name__ == "__main__":
    unittest.main()
