#!/usr/bin/env python3
"""Prints messages as a chat server sends them: JSON, one a line, the same for the same arguments.

usage: chat_messages.py [--count N] [--size OCTETS] [--seed N]

The size is about that of each line (125, 1024 and 16384 are what the benchmarks use): a short message is one post, a longer
one a page of a room's history. DEFLATE makes a line of 1 KiB two to two and a half times smaller, as it does with real ones:
what repeats are the names of members and common words, what does not are ids, times and most of the text.
"""

import argparse
import json
import random
import sys
import time

# The front of the list is common, the rest is rare.
WORDS = """
the to a and it is I you of in that for on have this not but with we be are so was if can at just there as do no yes what
all your will when from they my or about one like now get has see up me some time out then how more would think also here
did work been know an good really need only by should new still back make well could maybe too any thanks sure right which
them than people going something our other got same want had first even where because after today let way use sorry who
before great tomorrow into next thing over last very much nothing works problem later again looks try try-out server build
release meeting tests branch merge deploy database query index cache timeout customer ticket invoice weekend coffee lunch
train bicycle garden holiday kitchen window market river mountain summer winter autumn spring morning evening night music
concert guitar film series book chapter author teacher student school exam physics chemistry history language translation
grammar keyboard screen laptop battery charger cable router signal firewall certificate password backup restore snapshot
container cluster network latency throughput benchmark profile memory leak crash debugger breakpoint compiler linker header
library function pointer struct buffer overflow integer string parser token grammar syntax comment review feedback approve
reject schedule calendar reminder appointment dentist doctor hospital pharmacy recipe tomato potato onion garlic pepper
cheese bread butter honey chocolate cinnamon breakfast dinner restaurant reservation waiter menu vegetarian delicious
airport flight luggage passport visa hotel reception elevator staircase neighbour landlord contract furniture carpet
lamp ceiling painting drawing pencil notebook envelope stamp parcel delivery warehouse supplier discount receipt refund
football tennis swimming marathon stadium referee goalkeeper championship victory defeat penalty whistle umbrella thunder
lightning forecast temperature humidity drought harvest tractor orchard vineyard beekeeper lighthouse harbour ferry anchor
compass astronomy telescope satellite galaxy comet eclipse experiment hypothesis evidence statistics probability theorem
café naïve déjà-vu Zürich Kraków Reykjavík smörgåsbord jalapeño crème Größe żółw привет спасибо завтра 猫 日本 会議 ありがとう
👍 🎉 😂 🚀 — … €20
""".split()
WEIGHTS = [1 / (rank + 12) for rank in range(len(WORDS))]
NICKS = """
alice bob carol.w dmitry ewa fatima giorgos Håkon iñigo jürgen kasia li_wei maja nils olga95 piotrek quentin rosa śnieżka tomek
ulla vovchyk wendy xavi yuki zoë mr_fox night-owl katze42 b0bby anna-lena the_real_max
""".split()
ROOMS = "general random dev-backend ops kitchen off-topic photography support-eu book-club bieganie".split()
EMOJI = "👍 ❤️ 😂 🎉 🚀 👀".split()
EPOCH = 1420070400000


def identifier(clock, rng):
    """Time and a serial number in one, as those services have it that make ids on many machines."""
    return str((clock - EPOCH) << 22 | rng.randrange(1 << 22))


def timestamp(clock):
    seconds, ms = divmod(clock, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ms:03d}Z"


def sentence(rng):
    words = rng.choices(WORDS, WEIGHTS, k=rng.randint(3, 12))
    text = (" ".join(words) + rng.choice(".. .!?")).strip()
    return text[0].upper() + text[1:]


def encoded(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def octets(value):
    return len(encoded(value))


class Chat:
    """A few rooms in which members talk, by a clock of their own."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.clock = 1773480413000
        self.members = {nick: self.rng.randrange(10_000, 900_000) for nick in NICKS}

    def tick(self):
        self.clock += self.rng.randrange(40, 90_000)
        return self.clock

    def post(self, size):
        """One short message of about `size` octets."""
        value = {"t": "msg", "id": self.rng.randrange(10**9), "room": self.rng.choice(ROOMS),
                 "nick": self.rng.choice(NICKS), "ts": self.tick(), "text": ""}
        self.fill(value, "text", size - octets(value))
        return value

    def entry(self):
        """One of a room's history."""
        nick = self.rng.choice(NICKS)
        member = self.members[nick]
        clock = self.tick()
        value = {"id": identifier(clock, self.rng), "at": timestamp(clock),
                 "from": {"id": member, "nick": nick, "avatar": f"/avatars/{member}.png"},
                 "edited": self.rng.random() < 0.1, "reactions": {},
                 "text": " ".join(sentence(self.rng) for _ in range(self.rng.choice((1, 1, 1, 1, 2))))}
        if self.rng.random() < 0.2:
            value["reply_to"] = identifier(clock - self.rng.randrange(10**6), self.rng)
        if self.rng.random() < 0.2:
            value["reactions"] = {self.rng.choice(EMOJI): self.rng.randint(1, 9)}
        return value

    def page(self, size):
        """A page of a room's history; the last entry fills it up."""
        value = {"type": "history", "room": self.rng.choice(ROOMS), "messages": []}
        left = size - octets(value)
        while left > 0:
            entry = self.entry()
            if left - octets(entry) < 200:
                entry["text"] = ""
                self.fill(entry, "text", left - octets(entry))
                left = 0
            value["messages"].append(entry)
            left -= octets(entry) + 1
        return value

    def fill(self, value, name, size):
        """Words up to `size` octets, or as few as there can be."""
        text = sentence(self.rng)
        while len(text.encode()) < size:
            text += " " + sentence(self.rng)
        while len(text.encode()) > max(size, 2):
            text = text[:-1]
        value[name] = text.strip()

    def message(self, size):
        return self.post(size) if size < 400 else self.page(size)


def main():
    parser = argparse.ArgumentParser(description="Chat-like JSON messages, one a line.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--size", type=int, default=1024, help="about the octets of each")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chat = Chat(args.seed)
    for _ in range(args.count):
        sys.stdout.buffer.write(encoded(chat.message(args.size)) + b"\n")


if __name__ == "__main__":
    main()
