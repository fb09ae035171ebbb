"""Expected values of a linear probe, from PyTorch, for `src/training/linear.rs`.

The named random streams are computed here once more: ChaCha8 written after RFC 8439 (four double rounds, 64-bit counter,
nonce 0), keys by hashlib. Twenty features of width 5 in three classes, batches of 8, so that an epoch ends in one of 4.

    python linear_probe.py        # made with Python 3.11.7 and PyTorch 2.15.0 on a CPU
"""

import hashlib
import math
import struct

import torch


def chacha8(key, counter):
    state = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key)]
    state += [counter & 0xFFFFFFFF, counter >> 32, 0, 0]
    x = list(state)

    def quarter(a, b, c, d):
        for i, j, k, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[i] = (x[i] + x[j]) & 0xFFFFFFFF
            word = x[k] ^ x[i]
            x[k] = ((word << turn) | (word >> (32 - turn))) & 0xFFFFFFFF

    for _ in range(4):
        for column in range(4):
            quarter(column, column + 4, column + 8, column + 12)
        for column in range(4):
            quarter(column, (column + 1) % 4 + 4, (column + 2) % 4 + 8, (column + 3) % 4 + 12)
    return [(a + b) & 0xFFFFFFFF for a, b in zip(x, state)]


def stream(seed, name, index=0):
    key = hashlib.sha256(b"stream/1" + struct.pack("<QQ", seed, index) + name.encode()).digest()
    counter = 0
    while True:
        words = chacha8(key, counter)
        counter += 1
        for low, high in zip(words[::2], words[1::2]):
            yield low | high << 32


def permutation(words, count):
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        bound = i + 1
        word = next(words)
        while word >= 2**64 - 2**64 % bound:
            word = next(words)
        j = word % bound
        order[i], order[j] = order[j], order[i]
    return order


def uniform(words, bound, count):
    return [(2.0 * ((next(words) >> 11) * 2.0**-53) - 1.0) * bound for _ in range(count)]


def main():
    torch.set_num_threads(1)
    count, width, classes, seed, epochs, batch = 20, 5, 3, 11, 6, 8
    rate, decay = 0.1, 0.05
    raw = [[((i * 37 + j * 101 + i * j * 13) % 97) / 97 - 0.4 for j in range(width)] for i in range(count)]
    features = torch.nn.functional.normalize(torch.tensor(raw), dim=1)
    labels = torch.tensor([(i * i + i // 3) % classes for i in range(count)])
    layer = torch.nn.Linear(width, classes)
    bound = 1 / math.sqrt(width)
    with torch.no_grad():
        weight = uniform(stream(seed, "probe weight"), bound, classes * width)
        layer.weight.copy_(torch.tensor(weight).reshape(classes, width))
        layer.bias.copy_(torch.tensor(uniform(stream(seed, "probe bias"), bound, classes)))
    optimizer = torch.optim.AdamW(layer.parameters(), lr=rate, weight_decay=decay)
    steps, step = epochs * math.ceil(count / batch), 0
    for epoch in range(epochs):
        order = permutation(stream(seed, "probe order", epoch), count)
        for start in range(0, count, batch):
            chosen = torch.tensor(order[start : start + batch])
            for group in optimizer.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            step += 1
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(layer(features[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
    print(torch.__version__)
    print("last loss", loss.item())
    print("weight", [round(x, 7) for x in layer.weight.flatten().tolist()])
    print("bias", [round(x, 7) for x in layer.bias.tolist()])


main()
