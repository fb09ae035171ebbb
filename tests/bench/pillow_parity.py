#!/usr/bin/env python3
"""Compares `ibid data preprocess` with the installed Pillow on thousands of random images.

PNG and WebP must give the same bytes (exit 1 if one does not); of JPEG the distance of the decoded pixels is measured,
by mode and subsampling. Views are those of torchvision's transforms as OpenCLIP uses them: evaluation
(Resize, CenterCrop, RGB) and training (RandomResizedCrop with this project's random streams, from a second
implementation of them, RGB).

Usage: python tests/bench/pillow_parity.py [--ibid PROGRAM] [--images N] [--seed N] [--goldens DIR]
(needs: pip install pillow==13.0.0 numpy). Other versions of Pillow differ on purpose: see src/data/preprocess.
"""

import argparse
import hashlib
import importlib.util
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import defaultdict

import numpy as np
import PIL
from PIL import Image, ImageFile

ROOT = pathlib.Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("golden_data", ROOT / "tests/golden/data.py")
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)

# Pillow's encoder needs room for noise at quality 100.
ImageFile.MAXBLOCK = 1 << 24

SIDES = [1, 2, 7, 16, 32, 33, 64, 224]


def evaluation_view(image, side):
    width, height = image.size
    if width <= height:
        size = side, int(side * height / width)
    else:
        size = int(side * width / height), side
    if size != image.size:
        image = image.resize(size, Image.BICUBIC)
    width, height = image.size
    left, top = int(round((width - side) / 2.0)), int(round((height - side) / 2.0))
    return image.crop((left, top, left + side, top + side)).convert("RGB")


def drawn_crop(width, height, seed, position):
    """torchvision's RandomResizedCrop.get_params over the stream of the visit."""
    words = golden.stream(seed, position, "random resized crop")
    unit = lambda: (next(words) >> 11) / 2**53
    low, high = math.log(3 / 4), math.log(4 / 3)
    for _ in range(10):
        area = width * height * (0.9 + (1.0 - 0.9) * unit())
        ratio = math.exp(low + (high - low) * unit())
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            top = golden.bounded(words, height - h + 1)
            left = golden.bounded(words, width - w + 1)
            return left, top, w, h
    if width / height < 3 / 4:
        w, h = width, round(width / (3 / 4))
    elif width / height > 4 / 3:
        w, h = round(height * (4 / 3)), height
    else:
        w, h = width, height
    w, h = max(1, min(w, width)), max(1, min(h, height))
    return (width - w) // 2, (height - h) // 2, w, h


def training_view(image, side, seed, position):
    left, top, w, h = drawn_crop(*image.size, seed, position)
    image = image.crop((left, top, left + w, top + h))
    return image.resize((side, side), Image.BICUBIC).convert("RGB")


def picture(rng, width, height, channels):
    """Waves, noise, black and white blocks, or a mixture."""
    rows, columns = np.mgrid[0:height, 0:width]
    a, b = 2 + 9 * rng.random(2)
    waves = np.stack([127 + 120 * np.sin(columns / a + k) * np.cos(rows / b) for k in range(channels)], -1)
    kind = rng.integers(4)
    if kind == 1:
        waves = rng.integers(0, 256, waves.shape)
    elif kind == 2:
        waves = waves + rng.normal(0, 20, waves.shape)
    elif kind == 3:
        waves = 255 * (waves > 128)
    return np.clip(waves, 0, 255).astype(np.uint8)


def raw_png(rng, width, height):
    """A PNG file of any colour type, depth and interlacing, with what Pillow's own encoder never writes."""
    colour, depth = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
                     (4, 8), (4, 16), (6, 8), (6, 16)][rng.integers(15)]
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    values = rng.integers(0, 2**depth, (height, width, channels))
    if depth == 16 and rng.random() < 0.5:
        values = values // 200

    def rows(part):
        if part.size == 0:
            return b""
        flat = part.reshape(part.shape[0], -1)
        bits = (flat[..., None] >> np.arange(depth - 1, -1, -1) & 1).reshape(len(flat), -1).astype(np.uint8)
        return b"".join(b"\0" + row.tobytes() for row in np.packbits(bits, axis=1))

    interlaced = int(rng.integers(2))
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    parts = [values[y::dy, x::dx] for x, y, dx, dy in passes] if interlaced else [values]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))]
    if colour == 3:
        # Fewer colours than indices at times.
        chunks.append((b"PLTE", rng.integers(0, 256, 3 * int(rng.integers(1, 2**depth + 1)), np.uint8).tobytes()))
    if colour in (0, 2) and rng.random() < 0.3:
        chunks.append((b"tRNS", struct.pack(f">{channels}H", *values[0, 0])))
    chunks += [(b"IDAT", zlib.compress(b"".join(map(rows, parts)))), (b"IEND", b"")]
    check = lambda kind, data: struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + k + d + check(k, d) for k, d in chunks)


def write(rng, folder, index, longest=None):
    """One random file and what it is."""
    longest = longest or [90, 90, 300, 1200][rng.integers(4)]
    width, height = int(rng.integers(1, longest)), int(rng.integers(1, longest))
    if rng.random() < 0.1:
        width, height = (1, height) if rng.random() < 0.5 else (width, 1)
    kind = ["png", "png", "raw png", "raw png", "webp", "jpg", "jpg", "jpg"][index % 8]
    path = folder / f"{index}.{kind.split()[-1]}"
    if kind == "raw png":
        path.write_bytes(raw_png(rng, min(width, 300), min(height, 300)))
        return path, (kind,)
    quality = int(rng.choice([1, 10, 30, 50, 75, 85, 95, 100]))
    if kind == "webp":
        mode = ["RGB", "RGBA"][rng.integers(2)]
        image = Image.fromarray(picture(rng, width, height, len(mode)), mode)
        frames = {"save_all": True, "append_images": [image.rotate(180)]} if rng.random() < 0.1 else {}
        lossless, method = bool(rng.integers(2)), int(rng.integers(7))
        image.save(path, quality=quality, lossless=lossless, method=method, **frames)
        return path, (kind, "animated" if frames else "lossless" if lossless else "lossy", mode)
    if kind == "jpg":
        mode = ["RGB", "RGB", "RGB", "L", "CMYK", "rgb"][rng.integers(6)]
        pixels = picture(rng, width, height, {"L": 1, "CMYK": 4}.get(mode, 3))
        image = Image.fromarray(pixels[..., 0] if mode == "L" else pixels, mode.upper())
        options = {"quality": quality, "progressive": bool(rng.integers(2))}
        options["restart_marker_blocks"] = int(rng.choice([0, 3]))
        subsampling = "-"
        if mode == "rgb":
            options["keep_rgb"] = True
        elif mode != "L":
            options["subsampling"] = int(rng.integers(3))
            subsampling = ["4:4:4", "4:2:2", "4:2:0"][options["subsampling"]]
        if rng.random() < 0.3:
            exif = Image.Exif()
            exif[0x0112] = int(rng.integers(1, 9))
            options["exif"] = exif
        image.save(path, **options)
        return path, (kind, mode, subsampling, "progressive" if options["progressive"] else "baseline")
    mode = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "P with transparency"][rng.integers(8)]
    pixels = picture(rng, width, height, {"1": 1, "L": 1, "LA": 2, "RGBA": 4, "I;16": 1}.get(mode, 3))
    options = {}
    if mode == "1":
        image = Image.fromarray(pixels[..., 0] > 100)
    elif mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * int(rng.choice([1, 257])))
    elif mode[0] == "P":
        image = Image.fromarray(pixels).quantize(int(rng.choice([2, 4, 16, 200])))
        options = {"transparency": 1} if len(mode) > 1 else {}
    else:
        image = Image.fromarray(pixels[..., 0] if mode == "L" else pixels, mode)
    image.save(path, **options)
    return path, (kind, mode)


def views(program, files, *options, out=None):
    command = [program, "data", "preprocess", "--json", *options, *(["--out", out] if out else []), *files]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in printed.splitlines()]


def write_goldens(folder, rng):
    """Small files for the unit tests, and in `expected.tsv` what Pillow makes of them."""
    lines = [f"# file, side, seed, position, evaluation view, training view; Pillow {PIL.__version__}"]
    wanted = {}
    for index in range(600):
        with tempfile.TemporaryDirectory() as scratch:
            path, kind = write(rng, pathlib.Path(scratch), index, longest=48)
            image = Image.open(path)
            image.load()
            kind += (image.mode,) if kind[0] == "raw png" else ()
            small = path.stat().st_size < 2500 and min(image.size) > 8
            if wanted.get(kind, 0) >= (2 if kind[0] == "raw png" else 1) or not small:
                continue
            wanted[kind] = wanted.get(kind, 0) + 1
            name = f"{len(lines):02}-{'-'.join(kind).replace(' ', '-').replace(';', '').replace(':', '')}{path.suffix}"
            (folder / name).write_bytes(path.read_bytes())
            if kind[0] == "jpg":
                (folder / f"{name}.rgb").write_bytes(image.convert("RGB").tobytes())
                continue
            side, seed, position = SIDES[index % 7], int(rng.integers(2**63)), int(rng.integers(2**40))
            digest = lambda view: hashlib.sha256(view.tobytes()).hexdigest()
            fields = digest(evaluation_view(image, side)), digest(training_view(image, side, seed, position))
            lines.append("\t".join(map(str, (name, side, seed, position, *fields))))
    (folder / "expected.tsv").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ibid", default=ROOT / "target/release/ibid")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--goldens", type=pathlib.Path, metavar="DIR", help="write the unit tests' files instead")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    if arguments.goldens:
        return write_goldens(arguments.goldens, rng)
    compared, different, distances = defaultdict(int), [], defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for batch, first in enumerate(range(0, arguments.images, 100)):
            files = dict(write(rng, folder, index) for index in range(first, min(first + 100, arguments.images)))
            side, position = SIDES[batch % len(SIDES)], 1000 + batch
            seed = ["--seed", str(arguments.seed), "--position", str(position)]
            seen = views(arguments.ibid, files, "--side", str(side))
            trained = views(arguments.ibid, files, "--side", str(side), *seed)
            whole = views(arguments.ibid, files, out=folder)
            for (path, kind), ours, at_visit, decoded in zip(files.items(), seen, trained, whole):
                image = Image.open(path)
                image.load()
                rgb = image.convert("RGB").tobytes()
                mine = np.fromfile(f"{path}.rgb", np.uint8)
                if kind[0] == "jpg":
                    distance = np.abs(mine.astype(int) - np.frombuffer(rgb, np.uint8))
                    distances[kind].append((distance.max(), distance.sum(), distance.size, min(image.size) > 8))
                    # The filter is exact on the decoder's pixels.
                    if decoded["mode"] == "CMYK":
                        continue
                    image = Image.frombytes("RGB", image.size, mine.tobytes())
                    image = image.convert("L") if decoded["mode"] == "L" else image
                compared[kind[:2] if kind[0] == "png" else kind[:1]] += 1
                digest = lambda pixels: hashlib.sha256(pixels).hexdigest()
                expected = digest(evaluation_view(image, side).tobytes())
                drawn = digest(training_view(image, side, arguments.seed, position).tobytes())
                if (kind[0] != "jpg" and decoded["sha256"] != digest(rgb)) or ours["sha256"] != expected or \
                        at_visit["sha256"] != drawn:
                    different.append((path.name, kind, image.mode, image.size, side))
            for path in files:
                path.unlink()
                pathlib.Path(f"{path}.rgb").unlink()
    print(f"Pillow {PIL.__version__}, seed {arguments.seed}")
    for kind, count in sorted(compared.items()):
        print(f"  {' '.join(kind)}: {count} compared in every view")
    print("  distance of decoded JPEG pixels:")
    for kind, found in sorted(distances.items()):
        largest = max(d[0] for d in found)
        usual = max((d[0] for d in found if d[3]), default=0)
        mean = sum(d[1] for d in found) / sum(d[2] for d in found)
        print(f"  {' '.join(kind)}: {len(found)} files, largest {largest} ({usual} where both sides are over 8), mean {mean:.4f}")
    for what in different:
        print("different:", *what)
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
