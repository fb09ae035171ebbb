#!/usr/bin/env python3
"""Compares `ibid data tokens` with OpenCLIP's tokeniser: all class prompts of CLIP_benchmark, and nasty captions.

The reference is OpenCLIP's `SimpleTokenizer` as of the paper (ftfy, html, regex, its merges), written down here.
Class prompts must have the same ids, and so must captions, but
for kinds that `src/data/tokenizer/repair.rs` names: those are counted, by kind, and shown.

Usage: python tests/bench/tokenizer_parity.py --merges bpe_simple_vocab_16e6.txt.gz --prompts DIR
       [--ibid PROGRAM] [--captions N] [--seed N] [--show N] [--goldens FILE]
(needs: pip install ftfy==6.3.1 regex; DIR is `clip_benchmark/datasets` of the package clip-benchmark, or any folder with
its `en_classnames.json` and `en_zeroshot_classification_templates.json`). Exit 1 if more of a kind differ than may.
"""

import argparse
import gzip
import html
import json
import pathlib
import random
import subprocess
import sys
from collections import defaultdict

import ftfy
import regex

ROOT = pathlib.Path(__file__).parents[2]
LENGTH = 77
WORD = regex.compile(
    r"""<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+""", regex.IGNORECASE
)


class Reference:
    def __init__(self, merges):
        lines = gzip.open(merges).read().decode().split("\n")[1 : 49152 - 256 - 2 + 1]
        merges = [tuple(line.split()) for line in lines]
        shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
        hidden = [b for b in range(256) if b not in shown]
        self.sign = {b: chr(b) for b in shown} | {b: chr(256 + i) for i, b in enumerate(hidden)}
        letters = [self.sign[b] for b in shown + hidden]
        tokens = letters + [c + "</w>" for c in letters] + ["".join(m) for m in merges]
        tokens += ["<start_of_text>", "<end_of_text>"]
        self.ids = {token: i for i, token in enumerate(tokens)}
        self.ranks = {merge: i for i, merge in enumerate(merges)}
        self.known = {}

    def word(self, word):
        if word in ("<start_of_text>", "<end_of_text>"):
            return [self.ids[word]]
        if word not in self.known:
            parts = [self.sign[b] for b in word.encode()]
            parts[-1] += "</w>"
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda pair: self.ranks.get(pair, 1 << 30))
                if best not in self.ranks:
                    break
                joined, i = [], 0
                while i < len(parts):
                    pair = tuple(parts[i : i + 2]) == best
                    joined.append("".join(parts[i : i + 1 + pair]))
                    i += 1 + pair
                parts = joined
            self.known[word] = [self.ids[part] for part in parts]
        return self.known[word]

    def encode(self, text):
        text = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
        text = regex.sub(r"\s+", " ", text).strip().lower()
        ids = [token for word in WORD.findall(text) for token in self.word(word)]
        return [49406, *ids[: LENGTH - 2], 49407]


WORDS = """a photo of the cat dog café naïve façade Ünïcödé ÉCOLE straße STRASSE ſtart İstanbul ISTANBUL ΟΔΟΣ Σίσυφος ΣΑΣ ǅungla
日本語 東京タワー 한국어 中文标题 Привет МИР мир שלום مرحبا สวัสดี हिन्दी தமிழ் ᏣᎳᎩ 𝒥ohn 𝔘𝔫𝔦 Ａｂｃ１２３ ﾊﾝｶｸ ﬁnance ﬂow oﬃce ﬆ ĳs ŉ ①② ½ ² ℃ № ™ © ® € £ ¥
it's don't WE'RE they'LL I'd “quoted” ‘single’ «guillemets» … — – ‑ • · l’eau rock'n'roll 3d 1,234.56 24-hours 100% #tag @user C++ x_y
http://example.com/a?b=c&d=e <b>bold</b> <br/> </p> &amp; &lt; &gt; &quot; &#39; &#x27; &nbsp; &eacute; &EACUTE; &copy &amp;amp; &amp;lt; &rsquo; &mdash; &hearts;
😀 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👍🏽 ❤️ ☺ ✂ 🏴󠁧󠁢󠁷󠁬󠁳󠁿 <start_of_text> <end_of_text> <|endoftext|> $5.00 (c) :) :-D >_< ~~~ !!! ??? *** ___ !~ ~! …!""".split()
MARKS = "\u0300\u0301\u0308\u0327\u0323\u0338\u20dd\u0489\u1ab0\u3099"
SPACES = " \t\n\r\u00a0\u1680\u2000\u2003\u2009\u200b\u202f\u205f\u3000\u0085\u2028\u2029\u000b\u000c\ufeff\u180e\u2060"
MISREAD = {"latin": ["latin-1", "windows-1252"], "other": ["windows-1251", "windows-1250", "mac-roman", "cp437"]}


def some(random_, low, high, of=WORDS):
    return [random_.choice(of) for _ in range(random_.randint(low, high))]


def any_sign(random_):
    while True:
        code = random_.choice([random_.randrange(0x250), random_.randrange(0x3000), random_.randrange(0x10000),
                               random_.randrange(0x110000)])
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def caption(random_, index):
    """One caption and its kind."""
    kinds = ["words", "signs", "spaces", "controls", "entities", "marks", "long", "case", "lines", "escapes", "emoji",
             "read as Latin", "read otherwise", "partly misread", "folded case"]
    kind = kinds[index % len(kinds)]
    words = some(random_, 1, 14)
    text = " ".join(words)
    if kind == "signs":
        text = "".join(any_sign(random_) for _ in range(random_.randint(1, 40)))
    elif kind == "spaces":
        text = "".join(w + random_.choice(SPACES) * random_.randint(0, 3) for w in words)
    elif kind == "controls":
        text = "".join(w + chr(random_.choice([*range(32), *range(0x7F, 0xA0), *range(0x2000, 0x2070), 0xFFFC])) for w in words)
    elif kind == "entities":
        names = ["amp", "lt", "gt", "quot", "apos", "nbsp", "eacute", "Eacute", "EACUTE", "NTILDE", "nTILDE", "rsquo", "ldquo",
                 "hearts", "not", "notit", "notin", "copy", "ampamp", "acE", "NotEqualTilde", "shy", "zwj", "nosuch", "#38",
                 "#x26", "#X1F600", "#128", "#0", "#11", "#xD800", "#1114112", "#x", "#", "#8217", "amp;amp", "amp;#39"]
        ends = [";", ";", ";", "", " ", "x"]
        text = "".join(w + " &" + random_.choice(names) + random_.choice(ends) for w in words)
    elif kind == "marks":
        text = " ".join("".join(c + random_.choice(MARKS) * random_.choice([0, 0, 1, 2]) for c in w) for w in words)
    elif kind == "long":
        text = " ".join(words * random_.randint(5, 300))
    elif kind == "case":
        text = "".join(random_.choice([c.upper(), c.lower(), c.title(), c]) for c in text)
        text += random_.choice(["ΑΣ", "ΑΣ.", "Σ", "İ", "ẞ", "ǰ", "ŉ", "ﬃ", "Ω", "K", "Å", "ϒ", "Ⅷ", "ⓐⒶ", "𐐀"])
    elif kind == "lines":
        text = "".join(w + random_.choice([" ", "\n", "\r\n", "\r", "\u2028", "\x85"]) for w in words)
    elif kind == "escapes":
        text = "\x1b[31m" + text + "\x1b[0m\x1b[1;4mx\x1b[;y \x1b]0;t\x07"
    elif kind == "emoji":
        text = "".join(chr(random_.choice([*range(0x1F300, 0x1F6FF), 0x200D, 0xFE0F, *range(0x1F3FB, 0x1F400)])) for _ in range(20))
    elif kind == "folded case":
        text = " ".join(w + random_.choice(["\u0345", "'ſ"]) for w in words)
    elif kind in ("read as Latin", "read otherwise", "partly misread"):
        encodings = MISREAD["other" if kind == "read otherwise" else "latin"]
        misread = lambda word: word.encode().decode(random_.choice(encodings), "ignore")
        text = misread(text) if kind != "partly misread" else " ".join(random_.choice([misread, str])(w) for w in words)
    return text, kind


# Kinds that src/data/tokenizer/repair.rs lists (mistakes of encoding and what ftfy's tables take for one, characters newer
# than the reference's Unicode, folded case), and the share of each that may differ.
LISTED = {"signs": 0.15, "controls": 0.05, "spaces": 0.02, "entities": 0.02, "lines": 0.03, "read as Latin": 0.35,
          "partly misread": 0.35, "read otherwise": 1, "folded case": 1}


def ours(program, texts):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    command = [program, "data", "tokens", "--json", "--length", str(LENGTH)]
    printed = subprocess.run(command, input=lines, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in printed.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ibid", default=ROOT / "target/release/ibid")
    parser.add_argument("--merges", required=True)
    parser.add_argument("--prompts", type=pathlib.Path, required=True)
    parser.add_argument("--captions", type=int, default=28_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=3)
    parser.add_argument("--goldens", type=pathlib.Path, metavar="FILE", help="write the unit tests' captions")
    arguments = parser.parse_args()
    reference = Reference(arguments.merges)
    random_ = random.Random(arguments.seed)
    if arguments.goldens:
        captions = [caption(random_, index) for index in range(420)]
        captions = [(text, kind) for text, kind in captions if LISTED.get(kind, 0) < 0.04 and len(text) < 300]
        # ftfy takes a capital É before U+0085 for broken text.
        captions = [(text, kind) for text, kind in captions if "&EACUTE;\x85" not in text]
        lines = [json.dumps([text, reference.encode(text)]) for text, _ in captions]
        arguments.goldens.write_text("\n".join(lines) + "\n")
        return 0
    classes = json.loads((arguments.prompts / "en_classnames.json").read_text())
    templates = json.loads((arguments.prompts / "en_zeroshot_classification_templates.json").read_text())
    prompts = [(t.format(c=name), "class prompts") for key, names in classes.items() for name in names
               for t in templates[key.removesuffix("_vtab")]]
    texts = prompts + [caption(random_, index) for index in range(arguments.captions)]
    compared, different = defaultdict(int), defaultdict(list)
    for (text, kind), found in zip(texts, ours(arguments.ibid, [text for text, _ in texts])):
        compared[kind] += 1
        if found != reference.encode(text):
            different[kind].append(text)
    print(f"ftfy {ftfy.__version__}, regex {regex.__version__}, Python {sys.version.split()[0]}, seed {arguments.seed}")
    for kind, count in compared.items():
        print(f"  {kind}: {count} compared, {len(different[kind])} differ")
        for text in different[kind][: arguments.show]:
            cleaned = html.unescape(html.unescape(ftfy.fix_text(text)))
            print(f"    {ascii(text[:100])}\n      by ftfy {ascii(cleaned[:100])}")
    return int(any(len(texts) > LISTED.get(kind, 0) * compared[kind] for kind, texts in different.items()))


if __name__ == "__main__":
    sys.exit(main())
