"""Holds this program's evaluations against CLIP_benchmark's own functions, on the same weights, images and prompts.

Reads the files of `evaluations/` that a reproduction leaves behind, takes the weights that each of them names from the
store, loads them into the PyTorch model of `pytorch_probe.py`, and lets CLIP_benchmark embed, score and measure. Every
metric must be equal; ranks may differ where two scores are closer than binary32 rounding, which is then seen below.

Usage: python tests/bench/clip_benchmark_parity.py EVALUATIONS --blobs DIR --bpe FILE
(needs: pip install torch "numpy<2.4" pillow regex safetensors scikit-learn tqdm; pip install --no-deps clip-benchmark)

EVALUATIONS is a folder such as `out/pictogram-scaling-laws/quick/evaluations`, DIR the store's folder of blobs,
`.ibid/cas`. FILE of --bpe is OpenAI's `bpe_simple_vocab_16e6.txt.gz`. Prints one line a metric: evaluation, metric,
CLIP_benchmark's value, ours, `equal` or the difference. Exit code 1 if one is not equal.
"""

import argparse
import json
import pathlib
import sys
import types

import safetensors.torch
import torch
from clip_benchmark.metrics import zeroshot_classification, zeroshot_retrieval

import pytorch_probe as probe

BATCH = 64


def load(weights):
    """The probe's model with our weights; its sizes are read from their shapes."""
    state = safetensors.torch.load(weights)
    depth = lambda prefix: len({name for name in state if name.startswith(prefix) and name.endswith("ln_1.weight")})
    sizes = (
        state["visual.conv1.weight"].shape[0],
        depth("visual.transformer"),
        state["positional_embedding"].shape[1],
        depth("transformer"),
        state["text_projection"].shape[1],
        0.0,
    )
    model = probe.Clip(sizes, state["token_embedding.weight"].shape[0], "openclip", "causal")
    names = {
        "visual.conv1": "patch",
        "visual.positional_embedding": "vision_position",
        "visual.transformer.resblocks": "vision",
        "visual.ln_post": "ln_post",
        "visual.proj": "proj",
        "token_embedding.weight": "token",
        "positional_embedding": "text_position",
        "transformer.resblocks": "text",
        "attn.in_proj_": "in_proj.",
        "attn.out_proj": "out_proj",
        "mlp.": "",
    }
    renamed = {}
    for name, tensor in state.items():
        for ours, theirs in names.items():
            if name.startswith(ours) or ours.startswith(("attn", "mlp")):
                name = name.replace(ours, theirs, 1)
        renamed[name] = tensor.flatten(1) if name == "patch.weight" else tensor
    model.load_state_dict(renamed)
    model.encode_image, model.encode_text = model.images, model.texts
    return model.eval()


class Loader(list):
    """Batches of images and what belongs to them, with the data set that CLIP_benchmark asks for its classes."""

    def __init__(self, images, values, collate, classes=()):
        parts = (slice(start, start + BATCH) for start in range(0, len(images), BATCH))
        super().__init__((images[part], collate(values[part])) for part in parts)
        self.dataset = types.SimpleNamespace(classes=classes)


def measure(evaluation, blobs, tokenizer):
    """CLIP_benchmark's metrics of an evaluation, in full precision."""
    model = load(blobs.read(evaluation["pretrained"]))
    images, fields = blobs.samples(evaluation["dataset"])
    if evaluation["task"] == "zeroshot_retrieval":
        loader = Loader(images, [field["captions"] for field in fields], list)
        at = sorted({int(name.rsplit("@", 1)[1]) for name in evaluation["metrics"]})
        return zeroshot_retrieval.evaluate(model, loader, tokenizer.encode_all, "cpu", amp=False, recall_k_list=at)
    classes = blobs.classes(evaluation["dataset"])
    loader = Loader(images, [field["label"] for field in fields], torch.tensor, classes)
    templates = [template.replace("{}", "{c}") for template in probe.TEMPLATES]
    return zeroshot_classification.evaluate(
        model, loader, tokenizer.encode_all, classes, templates, "cpu", amp=False
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("evaluations")
    arguments.add_argument("--blobs", required=True)
    arguments.add_argument("--bpe", required=True)
    arguments.add_argument("--pins", default=probe.PINS)
    arguments = arguments.parse_args()
    blobs = probe.Blobs(arguments.blobs, arguments.pins)
    tokenizer = probe.Tokenizer(arguments.bpe, blobs.vocabulary())
    differing = compared = 0
    for path in sorted(pathlib.Path(arguments.evaluations).glob("*.json")):
        evaluation = json.loads(path.read_text())
        if evaluation["task"] not in ("zeroshot_classification", "zeroshot_retrieval"):
            continue
        theirs = measure(evaluation, blobs, tokenizer)
        for name, ours in sorted(evaluation["metrics"].items()):
            # Recall is a mean in binary32 there.
            equal = abs(theirs[name] - ours) < 1e-7
            verdict = "equal" if equal else f"differs by {abs(theirs[name] - ours):.2e}"
            print(f"{path.stem}  {name}  {theirs[name]:.7f}  {ours:.7f}  {verdict}", flush=True)
            compared, differing = compared + 1, differing + (not equal)
    print(f"{compared} metrics compared, {differing} differ; torch {torch.__version__}")
    sys.exit(1 if differing or not compared else 0)


if __name__ == "__main__":
    main()
