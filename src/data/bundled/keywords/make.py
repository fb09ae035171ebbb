#!/usr/bin/env python3
"""Makes the keyword tables beside it from the npm packages that carry them.

    python3 make.py        # needs npm and node; writes lucide.txt, phosphor.txt, tabler.txt, emoji.txt

A table is UTF-8 text: comment lines that start with '#' (package, version, licence), then one line an icon, sorted
bytewise: key TAB category TAB tags, comma-separated. Tags are lower-case ASCII words; at most TAGS of them, in the
package's own order; those that only repeat the key are left out.
"""

import json
import pathlib
import re
import subprocess
import tempfile

TAGS = 6
HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = {
    "lucide-static": ("1.62.0", "ISC, Copyright (c) Lucide Icons and Contributors"),
    "@tabler/icons": ("3.51.0", "MIT, Copyright (c) 2020-2026 Paweł Kuna"),
    "@phosphor-icons/core": ("2.1.1", "MIT, Copyright (c) 2023 Phosphor Icons"),
    "cldr-annotations-full": ("48.2.0", "Unicode-3.0, Copyright (c) Unicode, Inc."),
    "cldr-annotations-derived-full": ("48.2.0", "Unicode-3.0, Copyright (c) Unicode, Inc."),
}


def words(text):
    return " ".join(re.findall(r"[a-z0-9]+", text.lower().replace("'", "").replace("’", "")))


def clean(key, tags):
    seen = {"", words(key)}
    kept = []
    for tag in tags:
        tag = "" if tag.startswith("*") else words(tag)
        if tag not in seen:
            seen.add(tag)
            kept.append(tag)
    return kept[:TAGS]


def write(name, packages, rows):
    lines = ["# Keywords of pictograms, made by make.py: key TAB category TAB tags."]
    lines += [f"# {package} {PACKAGES[package][0]}, {PACKAGES[package][1]}" for package in packages]
    rows = {key: (category, tags) for key, category, tags in rows if tags or category}
    for key in sorted(rows, key=lambda key: key.encode()):
        category, tags = rows[key]
        lines.append(f"{key}\t{category}\t{','.join(tags)}")
    (HERE / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    with tempfile.TemporaryDirectory() as folder:
        modules = pathlib.Path(folder) / "node_modules"
        wanted = [f"{package}@{version}" for package, (version, _) in PACKAGES.items()]
        subprocess.run(
            ["npm", "install", "--silent", "--no-save", "--ignore-scripts", "--prefix", folder, *wanted],
            check=True,
        )
        lucide = json.loads((modules / "lucide-static/tags.json").read_text())
        tabler = json.loads((modules / "@tabler/icons/icons.json").read_text())
        script = "import(process.argv[1]).then(m => console.log(JSON.stringify(m.icons)))"
        index = modules / "@phosphor-icons/core/dist/index.mjs"
        phosphor = json.loads(subprocess.check_output(["node", "-e", script, index.as_uri()]))
        emoji = {}
        for package, part in [
            ("cldr-annotations-derived-full", "annotationsDerived"),
            ("cldr-annotations-full", "annotations"),
        ]:
            path = modules / package / part / "en/annotations.json"
            emoji.update(json.loads(path.read_text())[part]["annotations"])

    write("lucide.txt", ["lucide-static"], ((key, "", clean(key, tags)) for key, tags in lucide.items()))
    write(
        "tabler.txt",
        ["@tabler/icons"],
        ((key, words(icon["category"]), clean(key, map(str, icon["tags"]))) for key, icon in tabler.items()),
    )
    write(
        "phosphor.txt",
        ["@phosphor-icons/core"],
        ((icon["name"], "", clean(icon["name"], icon["tags"])) for icon in phosphor),
    )
    write(
        "emoji.txt",
        ["cldr-annotations-full", "cldr-annotations-derived-full"],
        (
            (key, "", clean(entry.get("tts", [""])[0], entry.get("default", [])))
            for key, entry in emoji.items()
            if max(map(ord, key)) > 0x2000
        ),
    )


if __name__ == "__main__":
    main()
