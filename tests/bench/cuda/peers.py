"""Times what the kernels are held against, on the first GPU, in binary32 without TF32: cuBLAS on the products of CLIP with
ViT-B/32, and a training step of that model at 256 pairs in PyTorch.

The model is OpenCLIP's ViT-B-32 in its parts: class token, ln_pre, QuickGELU, causal text tower of 77 tokens, AdamW fused,
clipping at norm 1. Attention is `scaled_dot_product_attention`. Our side: `speed_of_products` and
`cargo bench --features cuda --bench training -- b32 1 avx2 cuda`; `check.sh` beside this runs both.

Usage: env -u LD_LIBRARY_PATH python3 tests/bench/cuda/peers.py (needs torch with CUDA, which brings its own libraries)
"""

import math
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
DEVICE = torch.device("cuda:0")

# m, n, k, and whether A and B lie by columns, as in `speed.rs`.
PRODUCTS = [
    ("vision, in_proj", (12800, 2304, 768), (False, True)),
    ("vision, mlp up", (12800, 3072, 768), (False, True)),
    ("vision, mlp down", (12800, 768, 3072), (False, True)),
    ("vision, mlp up, gradient of the input", (12800, 768, 3072), (False, False)),
    ("vision, mlp up, gradient of the weight", (3072, 768, 12800), (True, False)),
    ("text, in_proj", (19712, 1536, 512), (False, True)),
    ("text, out_proj, gradient of the weight", (512, 512, 19712), (True, False)),
]


def whole_numbers(rows, columns):
    """The operands of `speed.rs`: what a GPU multiplies changes its power, and with it the clock."""
    places = torch.arange(rows * columns, device=DEVICE)
    return (places * 7919 % 1009 - 500).float().view(rows, columns)


def products(rounds=20):
    for name, (m, n, k), (a_by_columns, b_by_columns) in PRODUCTS:
        a = whole_numbers(k, m).T if a_by_columns else whole_numbers(m, k)
        b = whole_numbers(n, k).T if b_by_columns else whole_numbers(k, n)
        out = torch.empty(m, n, device=DEVICE)
        for _ in range(3):
            torch.matmul(a, b, out=out)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(rounds):
            torch.matmul(a, b, out=out)
        torch.cuda.synchronize()
        seconds = (time.perf_counter() - start) / rounds
        rate = 2 * m * n * k / seconds * 1e-12
        print(f"cuBLAS {name}: {m} × {n} × {k}: {seconds * 1e3:.3f} ms, {rate:.1f} TFLOP/s")


class Block(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.in_proj, self.out_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        b, t, w = x.shape
        qkv = self.in_proj(self.ln_1(x)).view(b, t, 3, self.heads, w // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out_proj(a.transpose(1, 2).reshape(b, t, w))
        hidden = self.c_fc(self.ln_2(x))
        return x + self.c_proj(hidden * torch.sigmoid(1.702 * hidden))


class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = nn.Conv2d(3, 768, 32, 32, bias=False)
        self.token_class = nn.Parameter(768**-0.5 * torch.randn(768))
        self.vision_position = nn.Parameter(768**-0.5 * torch.randn(50, 768))
        self.ln_pre, self.ln_post = nn.LayerNorm(768), nn.LayerNorm(768)
        self.vision = nn.Sequential(*[Block(768, 12, False) for _ in range(12)])
        self.proj = nn.Parameter(768**-0.5 * torch.randn(768, 512))
        self.token = nn.Embedding(49408, 512)
        self.text_position = nn.Parameter(0.01 * torch.randn(77, 512))
        self.text = nn.Sequential(*[Block(512, 8, True) for _ in range(12)])
        self.ln_final = nn.LayerNorm(512)
        self.text_projection = nn.Parameter(512**-0.5 * torch.randn(512, 512))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, images, tokens):
        patches = self.patch(images).flatten(2).transpose(1, 2)
        front = self.token_class.expand(len(images), 1, -1)
        x = self.ln_pre(torch.cat([front, patches], 1) + self.vision_position)
        image = F.normalize(self.ln_post(self.vision(x)[:, 0]) @ self.proj, dim=-1)
        x = self.ln_final(self.text(self.token(tokens) + self.text_position))
        ends = tokens.argmax(-1)
        text = F.normalize(x[torch.arange(len(x), device=DEVICE), ends] @ self.text_projection, dim=-1)
        logits = self.logit_scale.exp() * image @ text.T
        own = torch.arange(len(images), device=DEVICE)
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def step(batch=256, steps=20):
    model = Clip().to(DEVICE)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-4, (0.9, 0.98), 1e-6, 0.2, fused=True)
    images = torch.randn(batch, 3, 224, 224, device=DEVICE)
    tokens = torch.randint(1, 49406, (batch, 77), device=DEVICE)
    tokens[:, 7], tokens[:, 8:] = 49407, 0
    times = []
    for _ in range(steps + 3):
        torch.cuda.synchronize()
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = model(images, tokens)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    times = times[3:]
    print(f"PyTorch b32: {statistics.median(times) * 1e3:.2f} ms a step (fastest {min(times) * 1e3:.2f})")


if __name__ == "__main__":
    print(f"{torch.cuda.get_device_name(0)}, PyTorch {torch.__version__}")
    products()
    step()
