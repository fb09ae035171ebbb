#!/usr/bin/env bash
# Makes seeds of every target from the repository's own files, and from a store where one is named.
# usage: tests/fuzz/seeds.sh FOLDER [STORE]; writes FOLDER/TARGET/...
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
exec python3 - "$root" "$@" <<'PYTHON'
import hashlib, io, json, pathlib, struct, sys, tarfile
root, folder = map(pathlib.Path, sys.argv[1:3])
store = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None

def seed(target, data):
    data = data if isinstance(data, bytes) else data.encode()
    path = folder / target / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

for path in sorted(root.glob("experiments/**/*.dhall")):
    if path.stat().st_size <= 8 << 10: seed("dhall", path.read_bytes())
for text in ["./b.dhall", "./c/d.dhall ? missing", "./e.txt as Text", "let x = 1 in x + ./b.dhall.n",
             "merge { A = 1, B = \\(t : Text) -> 2 } (./b.dhall.t.A)", "''\n  a ${\"b\"} ''${c}\n''", "env:A ? [ 1.5, -0.0 ]",
             "https://a.b/c sha256:" + "0" * 64, "assert : 1 + 1 === 2", "{ a = 1 } with a.b = 2", "\"\\u{1F600} \\n\"",
             "toMap { a = 1 }", "{- a {- b -} -} -- c\n1", "< A | B : Text >.B \"x\"", "(./b.dhall)::{ n = 2 }"]:
    seed("dhall", text)
for path in sorted(root.glob("lockfiles/*.lock")):
    lines = path.read_text().splitlines(True)
    for count in (1, 2, 5, 20): seed("lockfile", "".join(lines[:count]))
digest, zero = "0123456789abcdef" * 4, "0" * 64
seed("lockfile", f"ibid-lock/1\na/train {digest} trace.bin={digest} losses:3.5,0.1,-0.25\n")
for text in ["pictogram-scaling-laws/smoke", "a/b.dhall#fig1", f"git+https://a.org/b.git?rev={zero[:40]}#x/y", "file:///srv/a%20b",
             "http://localhost:80/a?b#c", "https://a@b/", digest,
             f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 4\n"]:
    seed("names", text)
output = {"bytes": 3, "digest": digest}
manifest = {"files": [{"bytes": 2, "name": "a.tar", "samples": 1, "sha256": digest, "skipped": ["k"]}], "format": "ibid-manifest/1"}
values = [{"outputs": {"a.csv": output}}, manifest]
if store:
    log = (store / "recipes/log").read_bytes()
    at = 32
    while at + 72 < len(log):
        length = struct.unpack("<I", log[at:at + 4])[0]
        body = log[at + 72:at + 72 + length]
        if length < 4096: seed("canonical", body)
        at += 80 + length
for value in values:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    seed("canonical", text)
    seed("store", b"\0" + text.encode())
    seed("store", b"\6" + text.encode())
seed("store", b"\1ibid-recipes/1\n\0")
seed("store", b"\2" + b"\2{}\3{1}\0")
seed("store", b"\3" + struct.pack("<QQ", 9, 32) + bytes(72))
seed("store", b"\3" + struct.pack("<QQ", 9, 115) + b"\1" * 32 + b"\2" * 32 + struct.pack("<Q", 32))
attestation = {"key": "01" * 32, "recipe": digest, "label": "a", "result": {"outputs": {"a": output}},
               "maker": {"who": "", "host": "h", "build": "b", "device": "cpu"}, "startedUnixMs": 1, "wallTimeMs": 2, "threads": 1, "logSha256": digest}
seed("store", b"\4" + json.dumps(attestation).encode())
seed("store", b"\5/srv/a")
for marker in [b"ibid-store/1\n", b"ibid-store/22\n", b"x"]: seed("store", b"\7" + marker)
seed("evaluation", b"\6" + struct.pack("<Q", 1) + b"a" * 60)
seed("evaluation", bytes(120))

png = (root / "tests/golden/images").glob("*")
small = sorted((p for p in png if p.suffix in (".png", ".jpg", ".webp")), key=lambda p: p.stat().st_size)
for path in small[:40]: seed("image", path.read_bytes())
pngs = [p.read_bytes() for p in small if p.suffix == ".png"][:3]
for image in pngs:
    shard = io.BytesIO()
    with tarfile.open(fileobj=shard, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in [("a.png", image), ("a.json", b'{"captions":["c"],"label":1}'), ("b/c.png", image), ("b/c.txt", b"t"),
                           ("b/c.cls", b"2"), ("skip.txt", b"s")]:
            info = tarfile.TarInfo(name); info.size = len(data); tar.addfile(info, io.BytesIO(data))
    seed("shard", shard.getvalue().rstrip(b"\0") + bytes(1024))

def tensors(header, data):
    header = json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + data
f32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
seed("safetensors", tensors({"a": f32}, struct.pack("<2f", 1, 2)))
seed("safetensors", tensors({"a": f32, "b": {"dtype": "F16", "shape": [1, 2], "data_offsets": [8, 12]}, "__metadata__": {"x": "y"}}, bytes(12)))
seed("safetensors", tensors({"s": {"dtype": "F64", "shape": [], "data_offsets": [0, 8]}}, struct.pack("<d", 1)))
seed("training", b"\0ibid-trace/1\n" + bytes(32))
seed("training", b"\1" + bytes(range(60)))
seed("training", b"\2" + struct.pack("<QQ", 0, 1) + struct.pack("<Q", 0) + bytes(32) + struct.pack("<Q", 45) + b"ibid-trace/1\n" + bytes(32) + bytes(1200))
seed("training", b"\3" + tensors({"optimizer.step": f32}, struct.pack("<2f", 0, 1)))

seed("checkpoint", b"\0" + tensors({"a": f32}, struct.pack("<2f", 1, 2)))
def unicode(text): return b"X" + struct.pack("<I", len(text)) + text.encode()
storage = b"(" + unicode("storage") + b"ctorch\nFloatStorage\n" + unicode("0") + unicode("cpu") + b"K\x10tQ"
tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\0K\2K\3\x86K\3K\1\x86\x89ccollections\nOrderedDict\n)RtR"
for value in [b"}" + unicode("w") + tensor + b"s.", b"}(" + unicode("module.a") + tensor + unicode("e") + b"K\1u.",
              b"}" + unicode("state_dict") + b"}" + unicode("w") + tensor + b"ss.", b"ccollections\nOrderedDict\n)R" + unicode("w") + tensor + b"s."]:
    seed("checkpoint", b"\1\x80\2" + value)
for path in sorted((root / "tests/golden/open_clip").rglob("*.json")):
    if path.stat().st_size <= 16 << 10: seed("configuration", path.read_bytes())
seed("configuration", json.dumps({"model_cfg": {"embed_dim": 512, "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32},
     "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12}},
     "preprocess_cfg": {"mean": [0.48, 0.45, 0.4], "std": [0.26, 0.26, 0.27]}}))

def table(rows, steps, *texts):
    seed("table", b"\0".join([json.dumps({"rows": rows, "steps": steps}).encode(), *[t.encode() for t in texts]]))
csv = "a,b,c\n1,2.5,x\n2,1e3,\"y \"\"z\"\"\"\n"
table("table", [], csv)
table({"csv": {"columns": ["a", "c"]}}, [{"sort": {"keys": [["a", "descending"]]}}], csv)
table({"json": {"columns": ["a", "b"]}}, [{"keep": {"column": "a", "texts": ["1"]}}], '[{"a":1,"b":NaN},{"a":"q","b":null}]')
table("table", ["union"], csv, csv)
table("table", [{"select": {"columns": [["a", "z"]]}}], csv)
table("table", [{"join": {"on": [["a", "a"]], "take": [["b", "d"]], "unmatched": "keep"}}], csv, csv)
table("table", [{"pivot": {"keys": ["a"], "column": "c", "value": "b", "texts": ["x"]}}], csv)
table({"fits": {"figures": ["f"]}}, [], "[]")

entry = lambda mode, name, mark: mode + b" " + name + b"\0" + mark
seed("commit", b"\0" + entry(b"40000", b"experiments", b"@") + entry(b"100644", b"package.dhall", b"#"))
seed("commit", b"\0" + entry(b"40000", b"a", b"@") + entry(b"120000", b"package.dhall", b"#") + entry(b"160000", b"m", b"#"))
seed("commit", b"\1version https://git-lfs.github.com/spec/v1\noid sha256:" + digest.encode() + b"\nsize 4\n")
seed("commit", b"\1tree " + b"0" * 40 + b"\n")
index = b"\xfftOc" + struct.pack(">I", 2) + struct.pack(">I", 1) * 256 + bytes(20) + bytes(4) + struct.pack(">I", 12)
index += b"\1" * 20
index += hashlib.sha1(index).digest()
pack = b"PACK" + struct.pack(">II", 2, 1) + b"\x30"
seed("commit", b"\2" + struct.pack("<H", len(index)) + index + pack + hashlib.sha1(pack).digest())
PYTHON
