"""Trains the models of `experiments/pictogram-scaling-laws` in PyTorch, to set the floors of its claims.

A second implementation of the recipe, with PyTorch's random numbers: the same pinned shards, vocabulary and prompts, the
same models, initial distributions, optimiser and schedule, the same measures. Only seeds differ, so a gap beyond the noise
between seeds (2 to 3 points of top-1) is a mistake in one of the two.

Usage: python tests/bench/pytorch_probe.py --blobs DIR --bpe FILE [--pins FILE] [--runs LIST] [--threads N]
                                           [--initial openclip|pytorch] [--attention causal|padding]
(needs: pip install torch numpy pillow regex)

DIR is the store's folder of blobs, `.ibid/cas` once the experiment ran: blob `abcd…` is `ab/cd…`, or `abcd…` in a flat
folder. FILE of --bpe is OpenAI's `bpe_simple_vocab_16e6.txt.gz`. A run is MODEL:SET:SAMPLES:SEED, several stand between
commas. Two switches leave the recipe: `--initial pytorch` starts every linear layer as `nn.Linear` does, `--attention
padding` lets each token see all tokens but padding (the first probe did both).
Prints one line a run: the run, icon143's top-1 and top-5, iconoir-1k's recall at 5 (image, text) in %, the mean loss of the
last 50 steps, seconds. Runs at 256k samples take minutes on one thread.
"""

import argparse
import gzip
import hashlib
import io
import json
import math
import pathlib
import re
import tarfile
import time

import numpy as np
import regex
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

BATCH, TOKENS, PATCH, HEAD = 128, 12, 8, 32
PADDING, START, END, FIRST = 0, 1, 2, 3
# Width and layers of the vision tower, of the text tower, width of the embedding, highest learning rate.
MODELS = {"XS": (32, 2, 32, 1, 32, 4e-3), "S": (64, 2, 64, 1, 64, 3e-3)}
TEMPLATES = ["{}", "{} icon", "a picture of {}"]
DEFAULT_RUNS = "S:glyphs-36k:256000:0,XS:glyphs-36k:256000:0,XS:glyphs-9k:256000:0,XS:glyphs-2k:256000:0"
PINS = pathlib.Path(__file__).parents[2] / "experiments/pictogram-scaling-laws/shards.dhall"


class Blobs:
    """The pinned files, by what `shards.dhall` calls them; each digest is checked."""

    def __init__(self, folder, pins):
        self.folder = pathlib.Path(folder)
        pins = pathlib.Path(pins).read_text()
        self.head, self.sets = pins.split("\n, sets =")

    def read(self, digest):
        paths = [self.folder / digest[:2] / digest[2:], self.folder / digest]
        data = next(path for path in paths if path.exists()).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest, f"{digest} holds other bytes"
        return data

    def digests(self, text, name):
        entry = re.search(rf"[{{,] {re.escape(name)} =\n(.*?)\n    [}}\]]", text, re.DOTALL)
        return re.findall(r'sha256 = "([0-9a-f]{64})"', entry[1])

    def vocabulary(self):
        return [int(line) for line in self.read(re.search(r'"([0-9a-f]{64})"', self.head)[1]).split()]

    def classes(self, name):
        (digest,) = self.digests(self.head.split(", classes =")[1], name)
        return self.read(digest).decode().splitlines()

    def samples(self, name):
        """Patches `[samples, 16, 192]` of bytes, and the fields of each sample's JSON."""
        images, fields = [], []
        for digest in self.digests(self.sets, name):
            members = {}
            with tarfile.open(fileobj=io.BytesIO(self.read(digest))) as shard:
                for member in shard:
                    key, extension = member.name.rsplit(".", 1)
                    members.setdefault(key, {})[extension] = shard.extractfile(member).read()
            for sample in members.values():
                images.append(np.asarray(Image.open(io.BytesIO(sample["png"])).convert("RGB")))
                fields.append(json.loads(sample["json"]))
        images = torch.from_numpy(np.stack(images))
        n, height, width, _ = images.shape
        tiles = images.view(n, height // PATCH, PATCH, width // PATCH, PATCH, 3).permute(0, 1, 3, 5, 2, 4)
        return tiles.reshape(n, -1, 3 * PATCH * PATCH), fields


class Tokenizer:
    """OpenAI's byte pairs, restricted to a vocabulary."""

    def __init__(self, bpe, vocabulary):
        lines = gzip.open(bpe).read().decode().split("\n")
        merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        other = [byte for byte in range(256) if byte not in printable]
        self.characters = {byte: chr(byte) for byte in printable}
        self.characters |= {byte: chr(256 + i) for i, byte in enumerate(other)}
        alphabet = [self.characters[byte] for byte in printable + other]
        pieces = alphabet + [piece + "</w>" for piece in alphabet] + ["".join(pair) for pair in merges]
        self.ids = {piece: i for i, piece in enumerate(pieces)}
        self.ranks = {pair: i for i, pair in enumerate(merges)}
        self.words = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+", regex.IGNORECASE)
        self.tokens = {id: FIRST + i for i, id in enumerate(vocabulary)}
        self.known = {}

    def word(self, word):
        if word not in self.known:
            pieces = [self.characters[byte] for byte in word.encode()]
            pieces[-1] += "</w>"
            while len(pieces) > 1:
                best = min(zip(pieces, pieces[1:]), key=lambda pair: self.ranks.get(pair, math.inf))
                if best not in self.ranks:
                    break
                merged, i = [], 0
                while i < len(pieces):
                    both = tuple(pieces[i : i + 2]) == best
                    merged.append("".join(pieces[i : i + 1 + both]))
                    i += 1 + both
                pieces = merged
            self.known[word] = [self.ids[piece] for piece in pieces]
        return self.known[word]

    def encode(self, text):
        ids = [id for word in self.words.findall(text.lower()) for id in self.word(word)]
        tokens = [START, *(self.tokens[id] for id in ids[: TOKENS - 2]), END]
        return tokens + [PADDING] * (TOKENS - len(tokens))

    def encode_all(self, texts):
        return torch.tensor([self.encode(text) for text in texts])


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.in_proj, self.out_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask=None, causal=False):
        b, t, w = x.shape
        q, k, v = self.in_proj(self.ln_1(x)).view(b, t, 3, w // HEAD, HEAD).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        x = x + self.out_proj(a.transpose(1, 2).reshape(b, t, w))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x))))


class Clip(nn.Module):
    def __init__(self, sizes, vocabulary, initial, attention):
        super().__init__()
        vision, vision_layers, text, text_layers, embed, _ = sizes
        self.attention = attention
        self.patch = nn.Linear(3 * PATCH * PATCH, vision)
        self.vision_position = nn.Parameter(0.02 * torch.randn(16, vision))
        self.vision = nn.ModuleList(Block(vision) for _ in range(vision_layers))
        self.ln_post = nn.LayerNorm(vision)
        self.proj = nn.Parameter(vision**-0.5 * torch.randn(vision, embed))
        self.token = nn.Parameter(0.02 * torch.randn(vocabulary, text))
        self.text_position = nn.Parameter(0.01 * torch.randn(TOKENS, text))
        self.text = nn.ModuleList(Block(text) for _ in range(text_layers))
        self.ln_final = nn.LayerNorm(text)
        self.text_projection = nn.Parameter(text**-0.5 * torch.randn(text, embed))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        if initial == "openclip":
            for block in [*self.vision, *self.text]:
                nn.init.zeros_(block.in_proj.bias)
                nn.init.zeros_(block.out_proj.bias)
            for block in self.vision:
                nn.init.xavier_uniform_(block.in_proj.weight)
            for block in self.text:
                nn.init.normal_(block.in_proj.weight, std=text**-0.5)
                nn.init.normal_(block.out_proj.weight, std=(2 * text_layers * text) ** -0.5)
                nn.init.normal_(block.c_fc.weight, std=(2 * text) ** -0.5)
                nn.init.normal_(block.c_proj.weight, std=(2 * text_layers * text) ** -0.5)

    def images(self, patches):
        x = self.patch((patches.float() / 255 - 0.7) / 0.35) + self.vision_position
        for block in self.vision:
            x = block(x)
        return F.normalize(self.ln_post(x.mean(1)) @ self.proj, dim=-1)

    def texts(self, tokens):
        used = tokens != PADDING
        x = F.embedding(tokens, self.token) + self.text_position
        for block in self.text:
            x = block(x, causal=True) if self.attention == "causal" else block(x, mask=used[:, None, None, :])
        x = (x * used[..., None]).sum(1) / used.sum(1, keepdim=True)
        return F.normalize(self.ln_final(x) @ self.text_projection, dim=-1)

    def groups(self):
        """Matrices and the token embedding decay; positions, biases, gains and the logit scale do not."""
        decays = lambda name, p: p.ndim >= 2 and not name.endswith("_position")
        named = list(self.named_parameters())
        return [
            {"params": [p for name, p in named if decays(name, p)], "weight_decay": 0.1},
            {"params": [p for name, p in named if not decays(name, p)], "weight_decay": 0.0},
        ]


def learning_rate(step, steps, highest):
    warm_up = min(max(steps // 10, 10), 200)
    if step < warm_up:
        return highest * (step + 1) / warm_up
    share = (step - warm_up) / (steps - warm_up)
    return highest * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def visits(samples, rng):
    """Samples without end: epoch after epoch, each in an order of its own."""
    while True:
        yield from rng.permutation(samples)


def train(model, highest, patches, captions, steps, rng):
    """Trains on the set; `captions[i]` holds the encoded captions of image `i`. Returns the losses."""
    optimizer = torch.optim.AdamW(model.groups(), lr=highest, betas=(0.9, 0.98), eps=1e-6, fused=True)
    order, labels, losses = visits(len(patches), rng), torch.arange(BATCH), []
    for step in range(steps):
        batch = [next(order) for _ in range(BATCH)]
        tokens = torch.stack([captions[i][rng.integers(len(captions[i]))] for i in batch])
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, highest)
        logits = model.logit_scale.exp() * model.images(patches[batch]) @ model.texts(tokens).T
        loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        losses.append(loss.item())
    return losses


class Measures:
    """The test sets, read once."""

    def __init__(self, blobs, tokenizer):
        self.icons, fields = blobs.samples("icon143")
        self.labels = torch.tensor([field["label"] for field in fields])
        names = blobs.classes("icon143")
        self.prompts = tokenizer.encode_all([t.replace("{}", name) for name in names for t in TEMPLATES])
        self.images, fields = blobs.samples("iconoir-1k")
        assert all(len(field["captions"]) == 1 for field in fields)
        self.texts = tokenizer.encode_all([field["captions"][0] for field in fields])

    @torch.no_grad()
    def of(self, model):
        """Shares: top-1, top-5, then recall at 5 of images (asked by text) and of texts (asked by image)."""
        prompts = model.texts(self.prompts)
        classes = F.normalize(prompts.view(-1, len(TEMPLATES), prompts.shape[1]).mean(1), dim=-1)
        scores = model.images(self.icons) @ classes.T
        pairs = model.texts(self.texts) @ model.images(self.images).T
        own = torch.arange(len(pairs))
        return [
            within(scores, self.labels, 1),
            within(scores, self.labels, 5),
            within(pairs, own, 5),
            within(pairs.T, own, 5),
        ]


def within(scores, own, k):
    return (scores.topk(k).indices == own[:, None]).any(1).float().mean().item()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--blobs", required=True)
    arguments.add_argument("--bpe", required=True)
    arguments.add_argument("--pins", default=PINS)
    arguments.add_argument("--runs", default=DEFAULT_RUNS)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--initial", choices=["openclip", "pytorch"], default="openclip")
    arguments.add_argument("--attention", choices=["causal", "padding"], default="causal")
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    blobs = Blobs(arguments.blobs, arguments.pins)
    vocabulary = blobs.vocabulary()
    tokenizer = Tokenizer(arguments.bpe, vocabulary)
    measures, loaded = Measures(blobs, tokenizer), (None, None, None)
    print(f"torch {torch.__version__}, initial {arguments.initial}, attention {arguments.attention}", flush=True)
    for run in arguments.runs.split(","):
        name, data, samples, seed = run.split(":")
        if loaded[0] != data:
            patches, fields = blobs.samples(data)
            loaded = (data, patches, [tokenizer.encode_all(field["captions"]) for field in fields])
        torch.manual_seed(int(seed))
        rng = np.random.default_rng(int(seed))
        model = Clip(MODELS[name], FIRST + len(vocabulary), arguments.initial, arguments.attention)
        start = time.perf_counter()
        losses = train(model, MODELS[name][-1], *loaded[1:], int(samples) // BATCH, rng)
        seconds = time.perf_counter() - start
        top1, top5, image, text = (f"{100 * share:.1f}" for share in measures.of(model))
        loss = np.mean(losses[-50:])
        print(f"{run}  top-1 {top1}  top-5 {top5}  R@5 {image} / {text}  loss {loss:.3f}  {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
