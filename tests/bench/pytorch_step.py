"""Times one training step of the XS and S models in PyTorch, for the ratios in the README.

The same model, batch and optimiser as `experiments/pictogram-scaling-laws`: pre-norm blocks, heads of 32 channels,
16 patches of 8x8, 12 tokens, batch 128, mean pooling, LayerNorm, projection, contrastive loss, clipping at norm 1, and
fused AdamW. Attention is `scaled_dot_product_attention`, PyTorch's fastest on a CPU.

Usage: python tests/bench/pytorch_step.py [--threads N] [--steps N] [--models XS,S] [--against LEVEL] [--rounds N]
(needs: pip install torch numpy). Prints one line a model and round: name, milliseconds a step (median and fastest, on
the wall and of the processor), samples a second. With `--against avx2`, or avx512, each round also times this project's
step at that SIMD level (`cargo bench --bench training`), so that both see the same machine, and the last line of a
model is the ratio: PyTorch's median round over ours, and its fastest step over ours. Processor time is that of all
threads; with one thread it does not count what the machine did for others.
"""

import argparse
import math
import re
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as F

BATCH, TOKENS, VOCABULARY = 128, 12, 4096
MODELS = {"XS": (32, 2, 32, 1, 32), "S": (64, 2, 64, 1, 64), "M": (96, 4, 64, 2, 64)}


class Block(nn.Module):
    def __init__(self, width, causal):
        super().__init__()
        self.heads, self.causal = width // 32, causal
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.in_proj, self.out_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.in_proj(self.ln_1(x)).view(b, t, 3, self.heads, 32).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out_proj(a.transpose(1, 2).reshape(b, t, w))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x))))


class Clip(nn.Module):
    def __init__(self, vision_width, vision_layers, text_width, text_layers, embed_dim):
        super().__init__()
        self.patch = nn.Linear(192, vision_width)
        self.vision_position = nn.Parameter(0.02 * torch.randn(16, vision_width))
        self.vision = nn.Sequential(*[Block(vision_width, False) for _ in range(vision_layers)])
        self.ln_post = nn.LayerNorm(vision_width)
        self.proj = nn.Parameter(vision_width**-0.5 * torch.randn(vision_width, embed_dim))
        self.token = nn.Embedding(VOCABULARY, text_width)
        self.text_position = nn.Parameter(0.01 * torch.randn(TOKENS, text_width))
        self.text = nn.Sequential(*[Block(text_width, True) for _ in range(text_layers)])
        self.ln_final = nn.LayerNorm(text_width)
        self.text_projection = nn.Parameter(text_width**-0.5 * torch.randn(text_width, embed_dim))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, patches, ids):
        image = self.vision(self.patch(patches) + self.vision_position).mean(1)
        image = F.normalize(self.ln_post(image) @ self.proj, dim=-1)
        text = self.text(self.token(ids) + self.text_position)
        mask = (ids != 0).float().unsqueeze(-1)
        text = (text * mask).sum(1) / mask.sum(1)
        text = F.normalize(self.ln_final(text) @ self.text_projection, dim=-1)
        return image, text, self.logit_scale.exp()


def time_pytorch(name, steps):
    """Returns milliseconds: median and fastest on the wall, median and fastest of the processor."""
    model = Clip(*MODELS[name])
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=3e-3, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1, fused=True
    )
    images = torch.randint(0, 256, (BATCH, 16, 192), dtype=torch.uint8)
    ids = torch.randint(3, VOCABULARY, (BATCH, TOKENS))
    ids[:, 8:] = 0
    labels = torch.arange(BATCH)
    times = []
    for _ in range(steps):
        start = time.perf_counter(), time.process_time()
        patches = (images.float() / 255 - 0.7) / 0.35
        image, text, scale = model(patches, ids)
        logits = scale * image @ text.T
        loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        times.append((1e3 * (time.perf_counter() - start[0]), 1e3 * (time.process_time() - start[1])))
    wall, processor = zip(*times[5:])
    return statistics.median(wall), min(wall), statistics.median(processor), min(processor)


def time_ours(name, threads, level):
    """Returns the same four numbers of this project's step."""
    command = ["cargo", "bench", "--quiet", "--bench", "training", "--", name.lower(), str(threads), level]
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"([\d.]+) ms a step \(fastest ([\d.]+); processor ([\d.]+), fastest ([\d.]+)\)", line)
    return tuple(float(number) for number in found.groups())


def show(what, times):
    median, fastest, processor, processor_fastest = times
    print(
        f"{what}: {median:.2f} ms a step (fastest {fastest:.2f}; processor {processor:.2f}, "
        f"fastest {processor_fastest:.2f}), {BATCH / median * 1e3:.0f} samples/s",
        flush=True,
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--steps", type=int, default=60)
    arguments.add_argument("--models", default="XS,S")
    arguments.add_argument("--against", metavar="LEVEL")
    arguments.add_argument("--rounds", type=int, default=1)
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {arguments.threads} thread(s)")
    for name in arguments.models.split(","):
        theirs, ours = [], []
        for _ in range(arguments.rounds):
            theirs.append(time_pytorch(name, arguments.steps))
            show(f"{name} PyTorch", theirs[-1])
            if arguments.against:
                ours.append(time_ours(name, arguments.threads, arguments.against))
                show(f"{name} ours", ours[-1])
        if ours:
            joined = [statistics.median, min, statistics.median, min]
            ratios = [
                join(times) / join(own) for join, times, own in zip(joined, zip(*theirs), zip(*ours))
            ]
            print("{} ratio: median {:.2f} (fastest {:.2f}; processor {:.2f}, fastest {:.2f})".format(name, *ratios))


if __name__ == "__main__":
    main()
