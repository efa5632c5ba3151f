"""Many threads with one database, and many databases one after the other."""

import gc
import multiprocessing
import os
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import hallmark

NUMBERS = "\n".join(
    f'rule r{i} {{ strings: $a = "number {i}." $b = {{ {i:02X} 00 FF {i:02X} }} condition: $a or #b > 1 }}' for i in range(200)
)


def resident() -> int:
    """Bytes of memory that this process has now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def slow_database() -> hallmark.Database:
    """One whose scans of zeros take long: every byte begins something that has to be looked at."""
    return hallmark.compile(r"rule r { strings: $a = /\x00[^\x01]{200}\x01/ $b = { 00 [1-900] 02 } condition: any of them }")


def scan_in_child(db: hallmark.Database, results: "multiprocessing.SimpleQueue[object]") -> None:
    fresh = hallmark.compile("rule child { condition: true }")
    results.put([m.rule for m in db.scan(b"number 7.")] + [m.rule for m in fresh.scan(b"")])


class Threads(unittest.TestCase):
    def test_eight_threads_with_one_database(self) -> None:
        db = hallmark.compile(NUMBERS)
        wrong: list[object] = []

        def work(thread: int) -> None:
            for turn in range(200):
                number = (thread * 31 + turn * 7) % 200
                data = b"." * (turn * 50) + b"number %d." % number
                result = db.scan(data, timeout=60, max_bytes=len(data) - turn % 2)
                found = [(m.rule, m.strings[0].offset, m.strings[0].data) for m in result]
                expected = [(f"r{number}", turn * 50, b"number %d." % number)]
                if (found, result.complete) != ((expected, True) if turn % 2 == 0 else ([], False)):
                    wrong.append((thread, turn, found, result.incomplete))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_others_run_while_one_scans(self) -> None:
        db = slow_database()
        counted = 0
        finished = threading.Event()
        times: list[float] = []

        def scan() -> None:
            began = time.monotonic()
            db.scan(bytes(32 << 20), timeout=1)
            times.append(time.monotonic() - began)
            finished.set()

        thread = threading.Thread(target=scan)
        thread.start()
        while not finished.is_set():
            counted += 1
            time.sleep(0.001)
        thread.join()
        # Were the lock held, next to nothing would be counted.
        self.assertGreater(times[0], 0.2, "the scan was to take long")
        self.assertGreater(counted, times[0] * 100)

    def test_other_threads_compile_too(self) -> None:
        def work(number: int) -> list[str]:
            return [m.rule for m in hallmark.compile(f"rule r{number} {{ condition: true }}").scan(b"")]

        with ThreadPoolExecutor(8) as pool:
            self.assertEqual(list(pool.map(work, range(40))), [[f"r{n}"] for n in range(40)])

    def test_a_forked_process_scans_and_compiles(self) -> None:
        context = multiprocessing.get_context("fork")
        db = hallmark.compile(NUMBERS)
        db.scan(b"number 7.")
        results = context.SimpleQueue()
        child = context.Process(target=scan_in_child, args=(db, results))
        child.start()
        child.join(60)
        self.assertEqual(child.exitcode, 0)
        self.assertEqual(results.get(), ["r7", "child"])


class Memory(unittest.TestCase):
    def test_it_does_not_grow_from_cycle_to_cycle(self) -> None:
        data = b"number 7. " * 10_000

        def cycle() -> None:
            db = hallmark.compile(NUMBERS)
            for _ in range(3):
                (match,) = db.scan(data)
                self.assertEqual(len(match.strings), 10_000)
                self.assertEqual(match.strings[-1].data, b"number 7.")
            with self.assertRaises(hallmark.CompileError):
                hallmark.compile("rule r { condition: foo }")
            with self.assertRaises(hallmark.ScanError):
                db.scan_file("/no-such-file")

        for _ in range(40):
            cycle()
        gc.collect()
        before = resident()
        for _ in range(160):
            cycle()
        gc.collect()
        # One result that was kept of each cycle would be two hundred megabytes.
        self.assertLess(resident() - before, 24 << 20)


if __name__ == "__main__":
    unittest.main()
