//! The look of a page, on screens light and dark and on paper.

pub(super) const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1d1d1f; --paper: #fff; --quiet: #666; --line: #d9d9de; --good: #08703e; --bad: #b3261e; --low: 0, 114, 178; --high: 213, 94, 0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8ea; --paper: #17181a; --quiet: #a0a0a6; --line: #3a3b3f; --good: #6fd19c; --bad: #ff8a80; --low: 86, 180, 233; --high: 230, 159, 0; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; } h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
figure { margin: 1.2rem 0; padding: .5rem; background: #fff; border: 1px solid var(--line); border-radius: 6px; }
figure svg { display: block; width: 100%; height: auto; max-width: 60rem; margin: 0 auto; }
figcaption { color: #444; font-size: .9rem; max-width: 52rem; margin: .6rem auto .3rem; padding: 0 .6rem; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; } small, .quiet { color: var(--quiet); } summary { cursor: pointer; }
.matrices { display: flex; flex-wrap: wrap; gap: .8rem 2.2rem; } .matrix th, .matrix td { text-align: right; padding: .2rem .55rem; }
.matrix caption { text-align: left; font-size: .85rem; color: var(--quiet); padding-bottom: .3rem; }
pre, .verdict { background: color-mix(in srgb, var(--ink) 6%, transparent); padding: .7rem .9rem; border-radius: 6px; overflow-x: auto; }
pre { font-size: .85rem; } .verdict { font-weight: 600; } pre.prose { white-space: pre-wrap; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; } .known { color: var(--quiet); font-weight: 600; }
@page { margin: 18mm; }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --quiet: #555; --line: #bbb; --good: #08703e; --bad: #b3261e; --low: 0, 114, 178; --high: 213, 94, 0; }
body { font-size: 10pt; } main { max-width: none; padding: 0; } figure { border: 0; padding: 0; } figure svg { max-width: 174mm; }
figure, tr, .matrix, pre { break-inside: avoid; } h2, h3 { break-after: avoid; } pre { white-space: pre-wrap; overflow-wrap: anywhere; } .table { overflow: visible; }
* { print-color-adjust: exact; } }
";
