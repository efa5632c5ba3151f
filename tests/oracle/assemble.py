"""Makes a file of wishes."""

import random

import instances
import pe_file
from wishes import Place, Wishes

# A file grows to what `filesize >` asks for, up to here; bigger ones would cost more than they compare.
MAX_FILE = 1536 * 1024
SEPARATORS = (b"\0", b"\n", b" . ", b"\0\0\0\0\0")


def assemble(known: dict, rule: str, wishes: Wishes, rng: random.Random, sparing: bool):
    """The bytes, and (offset, length) of each instance in them; None if they would be too many or too few."""
    return Assembly(known, rule, wishes, rng, sparing).run()


class Assembly:
    """A file in the making."""

    def __init__(self, known: dict, rule: str, wishes: Wishes, rng: random.Random, sparing: bool):
        self.wishes, self.rng, self.sparing = wishes, rng, sparing
        self.data = bytearray(self.head())
        self.spots: list[tuple[int, int]] = []
        self.found: dict = {}
        # Bytes that have to stay free behind a pattern for numbers there.
        self.room: dict = {}
        for place, written in wishes.numbers:
            self.room[place.base] = max(self.room.get(place.base, 0), place.delta + len(written))
        self.bodies = {(r, name): (body, modifiers) for r, (patterns, _) in known.items() if r == rule or self.named(r)
                       for name, body, modifiers in patterns}
        self.own = [(rule, name) for name, _, _ in known[rule][0]]
        # Patterns without a name share one; each is written.
        self.anonymous = [(body, modifiers) for name, body, modifiers in known[rule][0] if name == "$"]

    def named(self, rule: str) -> bool:
        return any(r == rule for r, _ in self.wishes.present)

    def head(self) -> bytes:
        if self.wishes.pe:
            return self.wishes.pe.head()
        elf = any(place == Place(None, 0) and b"\x7fELF".startswith(written) for place, written in self.wishes.numbers)
        if elf and not self.sparing:
            return pe_file.elf_header()
        # Numbers near the start get room of their own.
        ends = [place.delta + len(written) for place, written in self.wishes.numbers if place.base is None]
        return bytes(max([end for end in ends if end <= pe_file.HEADERS], default=0))

    def run(self):
        wanted = list(self.wishes.present)
        if not self.sparing:
            wanted += [p for p in self.own if p not in self.wishes.present and p not in self.wishes.absent]
        wanted = self.sorted([p for p in dict.fromkeys(wanted) if p in self.bodies])
        late = []
        for pattern in wanted:
            place = self.wishes.places.get(pattern)
            bounds = self.wishes.ranges.get(pattern)
            if place and place.base in (None, "entry", "pe"):
                self.put(pattern, self.offset(place))
            elif bounds and bounds[0].base is None and bounds[1].base is None:
                self.put(pattern, self.within(bounds, pattern))
            elif place or bounds:
                late.append(pattern)
        if self.wishes.pe and len(self.data) > pe_file.HEADERS:
            self.data.extend(bytes(max(0, pe_file.SECTION - len(self.data))))
        free = [p for p in wanted if p not in self.found and p not in late]
        for pattern in free:
            self.append(pattern)
        for pattern in [p for p in late if not self.at_end(p)]:
            self.put(pattern, self.beside(pattern))
        self.data.extend(self.tail())
        size = self.wishes.least_size
        if size > MAX_FILE:
            return None
        self.data.extend(bytes(max(0, size - len(self.data))))
        if self.wishes.pe:
            self.spots += self.wishes.pe.finish(self.data)
        for pattern in [p for p in late if self.at_end(p)]:
            self.put_at_end(pattern)
        for place, written in self.wishes.numbers:
            offset = self.offset(place)
            if offset is not None and 0 <= offset < MAX_FILE:
                self.write(offset, written)
        if len(self.data) > self.wishes.most_size:
            return None
        return bytes(self.data), self.spots

    def tail(self) -> bytes:
        """Room for the numbers at the end."""
        return bytes(max([1, *(-place.delta for place, _ in self.wishes.numbers if place.base == "end")]))

    def sorted(self, patterns: list) -> list:
        """In an order in which those come first that have to."""
        for _ in range(len(self.wishes.order)):
            for first, second in self.wishes.order:
                if first in patterns and second in patterns and patterns.index(first) > patterns.index(second):
                    patterns.remove(second)
                    patterns.insert(patterns.index(first) + 1, second)
        return patterns

    def shapes(self, pattern) -> list[bytes]:
        """An instance of each form of a pattern, or of one."""
        if pattern[1] == "$":
            forms = [i for b, m in self.anonymous for i in instances.pattern_instances(b, m.split(), self.rng) if i]
            return forms or [b"\0"]
        body, modifiers = self.bodies[pattern]
        forms = [i for i in instances.pattern_instances(body, modifiers.split(), self.rng) if i]
        return [self.rng.choice(forms)] if self.sparing and forms else forms or [b"\0"]

    def write(self, offset: int, written: bytes) -> None:
        """Writes at an offset, growing the data if it has to."""
        self.data.extend(bytes(max(0, offset + len(written) - len(self.data))))
        self.data[offset : offset + len(written)] = written

    def put(self, pattern, offset) -> None:
        if offset is None or not 0 <= offset < MAX_FILE:
            return self.append(pattern)
        for shape in self.shapes(pattern)[:1]:
            self.write(offset, shape)
            self.spots.append((offset, len(shape)))
            self.found.setdefault(pattern, offset)
        if self.wishes.present.get(pattern, 1) > 1:
            self.append(pattern)
        return None

    def append(self, pattern) -> None:
        """Every form behind what there is, as often as it is wanted."""
        forms = self.shapes(pattern)
        for turn in range(max(len(forms), self.wishes.present.get(pattern, 1))):
            shape = forms[turn % len(forms)]
            self.data.extend(SEPARATORS[2] if self.sparing else self.rng.choice(SEPARATORS))
            self.spots.append((len(self.data), len(shape)))
            self.found.setdefault(pattern, len(self.data))
            self.data.extend(shape)
        room = self.room.get(pattern, 0) - len(forms[-1])
        self.data.extend(bytes(max(0, room)))

    def offset(self, place: Place):
        """The offset of a place; None while what it is after is not there."""
        bases = {None: 0, "entry": pe_file.ENTRY_POINT, "pe": pe_file.LFANEW, "end": len(self.data)}
        base = bases.get(place.base, self.found.get(place.base))
        return None if base is None else base + place.delta

    def within(self, bounds, pattern) -> int:
        """A free offset between two numbers: behind what there is, or between the headers and the section."""
        low, high = bounds[0].delta, bounds[1].delta
        if len(self.data) <= high:
            return max(low, len(self.data))
        if self.wishes.pe:
            gap = self.wishes.pe.end_of_headers()
            taken = [start + length for start, length in self.spots if gap <= start < pe_file.HEADERS]
            return max([low, gap, *taken])
        return low

    def at_end(self, pattern) -> bool:
        place, bounds = self.wishes.places.get(pattern), self.wishes.ranges.get(pattern)
        return "end" in [p.base for p in (place, *(bounds or ())) if p]

    def put_at_end(self, pattern) -> None:
        place, bounds = self.wishes.places.get(pattern), self.wishes.ranges.get(pattern)
        if place:
            return self.put(pattern, self.offset(place))
        low = bounds[0]
        if low.base not in (None, "end"):
            return self.put(pattern, self.offset(low))
        self.append(pattern)
        self.data.extend(self.tail())
        return None

    def beside(self, pattern):
        """The offset of a pattern that is told by another's."""
        place, bounds = self.wishes.places.get(pattern), self.wishes.ranges.get(pattern)
        if place:
            return self.offset(place)
        low = self.offset(bounds[0])
        # Not on the other pattern, but behind it if the range goes that far.
        base = bounds[0].base
        behind = next((start + length for start, length in self.spots if start == self.found.get(base)), None)
        high = self.offset(bounds[1])
        return behind if behind is not None and high is not None and low is not None and low <= behind <= high else low
