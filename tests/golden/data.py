#!/usr/bin/env python3
"""Expected values of the tests of `data`, by a second implementation of the definitions (standard library only).

    python3 data.py order
    python3 data.py tokens bpe_simple_vocab_16e6.txt.gz < texts
"""

import gzip
import hashlib
import re
import struct
import sys


def chacha8(key):
    """The u64 of ChaCha with 8 rounds, nonce 0, low word first (RFC 8439's rounds; 64-bit block counter)."""
    def rotate(x, n):
        return (x << n | x >> 32 - n) & 0xFFFFFFFF

    def quarter(s, a, b, c, d):
        for x, y, z, n in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)]:
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] = rotate(s[z] ^ s[x], n)

    counter = 0
    while True:
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key)]
        start += [counter & 0xFFFFFFFF, counter >> 32, 0, 0]
        s = list(start)
        for _ in range(4):
            for i in range(4):
                quarter(s, i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        words = [(a + b) & 0xFFFFFFFF for a, b in zip(s, start)]
        yield from (words[i] | words[i + 1] << 32 for i in range(0, 16, 2))
        counter += 1


def stream(seed, index, name):
    return chacha8(hashlib.sha256(b"stream/1" + struct.pack("<QQ", seed, index) + name.encode()).digest())


def bounded(words, n):
    while True:
        word = next(words)
        if word < 2**64 - 2**64 % n:
            return word % n


def permute(words, items):
    for i in range(len(items) - 1, 0, -1):
        j = bounded(words, i + 1)
        items[i], items[j] = items[j], items[i]
    return items


def epoch(seed, index, sizes, shuffle_shards):
    words = stream(seed, index, "sample order")
    shards = permute(words, list(range(len(sizes))))
    group = shuffle_shards or len(shards)
    order = []
    for first in range(0, len(shards), group):
        samples = [s for k in shards[first : first + group] for s in range(sum(sizes[:k]), sum(sizes[: k + 1]))]
        order += permute(words, samples)
    return order


def tokens(path, text):
    """OpenCLIP's BPE (tokenizer.py), for text that needs no repair."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    sign = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(rest)}
    alphabet = [sign[b] for b in printable + rest]
    merges = gzip.open(path).read().decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    merges = [tuple(line.split()) for line in merges]
    vocabulary = alphabet + [c + "</w>" for c in alphabet] + ["".join(m) for m in merges]
    encoder = {token: i for i, token in enumerate(vocabulary)}
    ranks = {merge: i for i, merge in enumerate(merges)}
    ids = []
    # `[^\W\d_]` is \p{L} and single \p{N} is `\d` for the texts at hand.
    pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+"
    for word in re.findall(pattern, re.sub(r"\s+", " ", text).strip().lower()):
        parts = [sign[b] for b in word.encode()]
        parts[-1] += "</w>"
        while len(parts) > 1:
            best = min(zip(parts, parts[1:]), key=lambda pair: ranks.get(pair, 10**9))
            if best not in ranks:
                break
            merged, i = [], 0
            while i < len(parts):
                if tuple(parts[i : i + 2]) == best:
                    merged.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    merged.append(parts[i])
                    i += 1
            parts = merged
        ids += [encoder[part] for part in parts]
    return ids


if __name__ == "__main__":
    if sys.argv[1] == "order":
        sizes = [3, 5, 2, 4]
        print([epoch(7, 0, sizes, 0), epoch(7, 1, sizes, 0), epoch(7, 0, sizes, 2)])
        print([bounded(stream(7, p, "sample order"), 14) for p in range(12)])
        print([bounded(stream(7, p, "caption"), 4) for p in range(12)])
    else:
        for line in sys.stdin:
            print(tokens(sys.argv[2], line.rstrip("\n")))
