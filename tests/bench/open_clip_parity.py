"""Compares this project's CLIP with OpenCLIP's Python package, both ways, on random weights; writes the tests' goldens.

What is compared, on the CPU in binary32: features and logits within 1e-5 of the largest value, loss and every gradient
within 1e-4 of the largest of its tensor, the losses of twenty steps of AdamW (the package's parameter groups, scheduler,
loss and clamp) within 1e-4. Then the way back: the weights after those steps, exported by `ibid model export`, are loaded
by the package (`local-dir:`), which must give our features. `ibid model import` of safetensors and of a training's
checkpoint must write the same bytes.

Set up, once, from the root of the repository (a few hundred megabytes; no GPU is needed):

    python3 -m venv /tmp/open_clip
    /tmp/open_clip/bin/pip install torch torchvision open_clip_torch safetensors
    cargo build --release && cargo bench --no-run --bench open_clip

Then:

    /tmp/open_clip/bin/python tests/bench/open_clip_parity.py            # the small configurations, half a minute
    /tmp/open_clip/bin/python tests/bench/open_clip_parity.py --full     # and those of sizes S to B as published
    /tmp/open_clip/bin/python tests/bench/open_clip_parity.py --largest  # and L, H, g, bigG: 15 GB of memory, 14 on disk
    /tmp/open_clip/bin/python tests/bench/open_clip_parity.py --goldens  # writes tests/golden/open_clip anew

Prints a line a quantity and configuration: the largest difference over the largest value, and the tolerance. Exit 1 if
any is exceeded. Of H, g and bigG features and logits alone are compared: twenty steps of them need more memory.
"""

import argparse
import copy
import gc
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

import open_clip
import safetensors.torch
import torch
from open_clip.loss import ClipLoss
from open_clip.model import CLIP, CustomTextCLIP
from open_clip_train.scheduler import cosine_lr

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests/golden/open_clip"
FORWARD, BACKWARD, STEPS, WARM_UP = 1e-5, 1e-4, 20, 5
# Not the package's defaults, so that constants which are not read from the configuration are found.
MEAN, STD = [0.5, 0.4, 0.45], [0.25, 0.3, 0.2]


def config(vision, text, embed, quick=False, **more):
    keys = ("width", "heads", "layers", "context_length", "vocab_size")
    return {"embed_dim": embed, "quick_gelu": quick, "vision_cfg": vision, "text_cfg": dict(zip(keys, text)), **more}


def vision(image_size, patch_size, width, head_width, layers=2, **more):
    fields = {"image_size": image_size, "patch_size": patch_size, "width": width, "head_width": head_width}
    return {**fields, "layers": layers, **more}


GOLDEN = {
    "gelu": config(vision(16, 4, 20, 10, mlp_ratio=4.9231), (16, 2, 2, 9, 40), 12),
    "quick-gelu": config(vision(16, 8, 22, 11, mlp_ratio=4.3637), (16, 2, 1, 9, 40), 12, quick=True),
    "no-ln-pre": config(vision(15, 5, 24, 8, no_ln_pre=True), (12, 3, 2, 7, 40), 10),
}
SMALL = {
    **GOLDEN,
    "heads-64": config(vision(64, 16, 128, 64, layers=3), (64, 1, 3, 20, 1000), 64),
    "heads-64-quick": config(vision(64, 16, 128, 64, layers=3), (64, 1, 3, 20, 1000), 64, quick=True),
    "heads-80": config(vision(56, 14, 160, 80), (128, 2, 2, 20, 1000), 64),
    "heads-88": config(vision(56, 14, 176, 88, mlp_ratio=4.3637), (128, 2, 2, 20, 1000), 64),
    "heads-104": config(vision(56, 14, 208, 104, mlp_ratio=4.9231), (80, 1, 2, 20, 1000), 96),
    "custom-text": config(vision(32, 8, 64, 32), (32, 1, 2, 16, 100), 32, custom_text=True),
    "no-ln-pre-quick": config(vision(32, 8, 64, 32, no_ln_pre=True), (32, 1, 2, 16, 100), 32, quick=True),
}

FULL = ("ViT-S-32", "ViT-S-16", "ViT-M-32", "ViT-M-16", "ViT-B-32", "ViT-B-32-quickgelu", "ViT-B-16", "ViT-B-16-plus-240")
LARGE = "ViT-L-14"
LARGEST = (LARGE, "ViT-H-14", "ViT-g-14", "ViT-bigG-14")


def model_of(name, cfg):
    """The package's model with random weights, moved so that no gain is 1 and no bias 0, all of them halves."""
    torch.manual_seed(sum(map(ord, name)))
    fields = {key: copy.deepcopy(value) for key, value in cfg.items() if key != "custom_text"}
    model = (CustomTextCLIP if cfg.get("custom_text") else CLIP)(**fields)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
            parameter.copy_(parameter.half().float())
    return model


def inputs_of(cfg, count):
    """Random images, and texts of every length: start, tokens, end, padding; the end has the highest id."""
    text, side = cfg["text_cfg"], cfg["vision_cfg"]["image_size"]
    images = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)
    vocabulary, context = text["vocab_size"], text["context_length"]
    tokens = torch.zeros(count, context, dtype=torch.int64)
    for index, row in enumerate(tokens):
        length = index * (context - 2) // max(count - 1, 1)
        # Id 0 is a token too, and the end may stand in the middle of a caption: the first of them counts.
        row[1 : 1 + length] = torch.randint(0, vocabulary - 2, (length,))
        row[0], row[1 + length] = vocabulary - 2, vocabulary - 1
    if count > 2:
        tokens[-1, 2] = vocabulary - 1
    return images, tokens


def pixels(images):
    mean, std = (torch.tensor(of).view(1, 3, 1, 1) for of in (MEAN, STD))
    return (images.float() / 255 - mean) / std


def own_name(name):
    """The name of a parameter without the `text.` of CustomTextCLIP."""
    return name.removeprefix("text.")


@torch.no_grad()
def features(model, images, tokens):
    image, text = (
        model.encode_image(pixels(images), normalize=True),
        model.encode_text(tokens, normalize=True),
    )
    return {"image_features": image, "text_features": text, "logits": model.logit_scale.exp() * image @ text.T}


def train(model, images, tokens, keep):
    """The losses of all steps, as `open_clip_train` trains; the gradients of the first are given to `keep`."""
    excluded = lambda name, of: of.ndim < 2 or any(part in name for part in ("bn", "ln", "bias", "logit_scale"))
    groups = {True: [], False: []}
    for name, parameter in model.named_parameters():
        groups[excluded(name, parameter)].append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": groups[True], "weight_decay": 0.0}, {"params": groups[False], "weight_decay": 0.2}],
        lr=1e-3,
        betas=(0.9, 0.98),
        eps=1e-6,
    )
    scheduler, loss_of = cosine_lr(optimizer, 1e-3, WARM_UP, STEPS), ClipLoss()
    losses = []
    for step in range(STEPS):
        scheduler(step)
        optimizer.zero_grad()
        output = (
            model.encode_image(pixels(images), normalize=True),
            model.encode_text(tokens, normalize=True),
        )
        loss = loss_of(*output, model.logit_scale.exp())
        loss.backward()
        if step == 0:
            keep({f"gradient.{own_name(name)}": of.grad.contiguous() for name, of in model.named_parameters()})
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        losses.append(loss.item())
    return losses, optimizer


def begin_case(folder, name, cfg, count):
    """The package's model of a case, and its inputs; configuration and inputs are written to the folder."""
    model = model_of(name, cfg)
    images, tokens = inputs_of(cfg, count)
    preprocess = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    text = json.dumps({"model_cfg": cfg, "preprocess_cfg": preprocess}, indent=2)
    (folder / "open_clip_config.json").write_text(text + "\n")
    safetensors.torch.save_file({"images": images, "tokens": tokens}, folder / "inputs.safetensors")
    return model, images, tokens


def expect(model, images, tokens, keep):
    """What the package makes of a case, all but the gradients, which are given to `keep`."""
    expected = features(model, images, tokens)
    losses, optimizer = train(model, images, tokens, keep)
    expected |= {"loss": torch.tensor(losses[0]), "losses": torch.tensor(losses)}
    return {key: value.contiguous() for key, value in expected.items()}, optimizer


def apart(ours, theirs):
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


class Judge:
    def __init__(self):
        self.exceeded = 0

    def __call__(self, name, quantity, difference, tolerance):
        verdict = "" if difference <= tolerance else "  EXCEEDED"
        self.exceeded += difference > tolerance
        print(f"{name:20} {quantity:34} {difference:.1e}  (tolerance {tolerance:.0e}){verdict}", flush=True)

    def bytes(self, name, quantity, equal):
        self.exceeded += not equal
        print(f"{name:20} {quantity:34} {'the same bytes' if equal else 'OTHER BYTES'}", flush=True)


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def prepare(folder, name, cfg, count, training):
    """The files of a case, its weights in both forms; there is one copy of them in memory, and of the gradients."""
    model, images, tokens = begin_case(folder, name, cfg, count)
    state = model.state_dict()
    safetensors.torch.save_file(state, folder / "open_clip_model.safetensors")
    torch.save({"epoch": 1, "state_dict": {f"module.{k}": v for k, v in state.items()}}, training)
    keep = lambda gradients: safetensors.torch.save_file(gradients, folder / "gradients.safetensors")
    expected, _ = expect(model, images, tokens, keep)
    safetensors.torch.save_file(expected, folder / "expected.safetensors")


def compare(judge, folder, name, cfg, count, program, numbers):
    folder.mkdir(parents=True)
    training = folder / "epoch_1.pt"
    prepare(folder, name, cfg, count, training)
    # Nothing of the package's model is in memory while ours is.
    gc.collect()
    images, tokens = inputs_again(folder)
    run(*numbers, str(folder))
    expected, steepest, ours = (
        safetensors.safe_open(folder / f"{part}.safetensors", "pt") for part in ("expected", "gradients", "ours")
    )
    gradients = list(steepest.keys())
    of = lambda key: (steepest if key in gradients else expected).get_tensor(key)
    distance = lambda key: apart(ours.get_tensor(key), of(key))
    for quantity in ("image_features", "text_features", "logits"):
        judge(name, quantity, distance(quantity), FORWARD)
    judge(name, "loss", distance("loss"), BACKWARD)
    assert sorted(gradients) == sorted(key for key in ours.keys() if key.startswith("gradient."))
    judge(name, f"{len(gradients)} gradients, the worst", max(map(distance, gradients)), BACKWARD)
    judge(name, f"losses of {STEPS} steps", distance("losses"), BACKWARD)

    # Both forms are imported to the same bytes.
    configuration = folder / "open_clip_config.json"
    run(program, "model", "import", str(folder), "--out", str(folder / "a"))
    run(program, "model", "import", str(training), "--config", str(configuration), "--out", str(folder / "b"))
    imported = [(folder / part / "weights.safetensors").read_bytes() for part in "ab"]
    judge.bytes(name, "import, safetensors and .pt", imported[0] == imported[1])

    # And back: our weights after the steps, loaded by the package.
    exported = folder / "exported"
    run(program, "model", "export", str(folder / "after"), "--out", str(exported))
    loaded, _, transform = open_clip.create_model_and_transforms(f"local-dir:{exported}")
    loaded.eval()
    theirs = features(loaded, images, tokens)
    for quantity in ("image_features", "text_features", "logits"):
        after = ours.get_tensor(f"after.{quantity}")
        judge(name, f"{quantity}, exported", apart(after, theirs[quantity]), FORWARD)
    normalize = transform.transforms[-1]
    judge.bytes(name, "constants, exported", [list(normalize.mean), list(normalize.std)] == [MEAN, STD])
    shutil.rmtree(folder)


def compare_forward(judge, folder, name, cfg, count, numbers):
    """Features and logits, of weights in binary16 that lose nothing by it; one copy of them at a time."""
    folder.mkdir(parents=True)
    model, images, tokens = begin_case(folder, name, cfg, count)
    expected = features(model, images, tokens)
    halves = {key: value.half() for key, value in model.state_dict().items()}
    count = sum(of.numel() for of in model.parameters())
    del model
    safetensors.torch.save_file(halves, folder / "open_clip_model.safetensors")
    del halves
    run(*numbers, "--forward", str(folder))
    ours = safetensors.torch.load_file(folder / "ours.safetensors")
    for quantity in ("image_features", "text_features", "logits"):
        judge(f"{name}, {count / 1e6:.0f} M", quantity, apart(ours[quantity], expected[quantity]), FORWARD)
    shutil.rmtree(folder)


def inputs_again(folder):
    inputs = safetensors.torch.load_file(folder / "inputs.safetensors")
    return inputs["images"], inputs["tokens"]


def write_goldens():
    shutil.rmtree(GOLDENS, ignore_errors=True)
    for name, cfg in GOLDEN.items():
        folder = GOLDENS / name
        folder.mkdir(parents=True)
        model, images, tokens = begin_case(folder, name, cfg, 4)
        halves = {key: value.half() for key, value in model.state_dict().items()}
        gradients = {}
        keep = lambda of: gradients.update({key: value.clone() for key, value in of.items()})
        expected, optimizer = expect(model, images, tokens, keep)
        expected |= gradients
        if name == "quick-gelu":
            # A training's checkpoint; its moments are left out, they are not looked at and take room.
            groups = optimizer.state_dict()["param_groups"]
            state_dict = {f"module.{key}": value for key, value in halves.items()}
            training = {"epoch": 1, "name": name, "state_dict": state_dict, "optimizer": {"param_groups": groups}}
            torch.save(training, folder / "open_clip_pytorch_model.bin")
        else:
            safetensors.torch.save_file(halves, folder / "open_clip_model.safetensors")
        safetensors.torch.save_file(expected, folder / "expected.safetensors")
        origin = {
            "written by": "tests/bench/open_clip_parity.py --goldens",
            "open_clip_torch": open_clip.__version__,
            "torch": torch.__version__,
            "python": sys.version.split()[0],
        }
        (folder / "origin.json").write_text(json.dumps(origin, indent=2) + "\n")


def published(name):
    cfg = open_clip.get_model_config(name)
    return {**cfg, "quick_gelu": cfg.get("quick_gelu", False)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="compare published configurations of sizes S to B too")
    parser.add_argument("--largest", action="store_true", help="and L, and features and logits of H, g and bigG")
    parser.add_argument("--goldens", action="store_true", help="write the goldens of the tests and compare nothing")
    parser.add_argument("--only", metavar="NAME", action="append", help="this configuration, and others named so")
    parser.add_argument("--program", default=str(ROOT / "target/release/ibid"), help="the ibid to use")
    numbers = "cargo bench --bench open_clip --"
    parser.add_argument("--numbers", default=numbers, metavar="COMMAND", help=f"gives our numbers [{numbers}]")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    if arguments.goldens:
        return write_goldens()
    cases = {name: (cfg, 6) for name, cfg in SMALL.items()}
    if arguments.full or arguments.largest:
        cases |= {name: (published(name), 4) for name in FULL}
    largest = {name: (published(name), 2) for name in LARGEST if arguments.largest}
    if arguments.largest:
        cases[LARGE] = published(LARGE), 2
    if arguments.only:
        cases, largest = ({n: of for n, of in some.items() if n in arguments.only} for some in (cases, largest))
    print(f"open_clip {open_clip.__version__}, torch {torch.__version__}")
    judge = Judge()
    with tempfile.TemporaryDirectory() as work:
        for name, (cfg, count) in cases.items():
            folder = pathlib.Path(work) / name
            compare(judge, folder, name, cfg, count, arguments.program, arguments.numbers.split())
        for name, (cfg, count) in largest.items():
            compare_forward(judge, pathlib.Path(work) / name, name, cfg, count, arguments.numbers.split())
    if judge.exceeded:
        sys.exit(f"{judge.exceeded} quantities beyond their tolerance")


if __name__ == "__main__":
    main()
