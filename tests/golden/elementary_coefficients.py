"""Derives the coefficients of `src/numerics/elementary.rs` (needs only mpmath).

Method: weighted least squares at 160 Chebyshev points in 60 digits, which is within a few per cent of the minimax
polynomial; the coefficients are then rounded to binary32 one by one, lowest order first, and the remaining ones are
fitted again after each rounding, so that the later ones absorb the rounding of the earlier ones.
"""
import struct
from mpmath import mp, mpf, cos, pi, exp, erf, log, tanh, matrix, qr_solve, sqrt

mp.dps = 60


def bits(x):
    return struct.unpack("<I", struct.pack("<f", float(x)))[0]


def round32(x):
    return mpf(struct.unpack("<f", struct.pack("<f", float(x)))[0])


def fit(f, powers, lo, hi, weight, fixed=()):
    """Coefficients of sum c_j x^powers[j] near f on [lo, hi], rounded to binary32; largest weighted error."""
    n = 160
    xs = [(lo + hi) / 2 + (hi - lo) / 2 * cos(pi * (2 * i + 1) / (2 * n)) for i in range(n)]
    known = list(fixed)
    while len(known) < len(powers):
        rest = powers[len(known):]
        a = matrix(n, len(rest))
        b = matrix(n, 1)
        for i, x in enumerate(xs):
            w = weight(x)
            for j, p in enumerate(rest):
                a[i, j] = w * x**p
            b[i] = w * (f(x) - sum(c * x**p for c, p in zip(known, powers)))
        solution, _ = qr_solve(a, b)
        known.append(round32(solution[0]))
    worst = max(abs(weight(x) * (f(x) - sum(c * x**p for c, p in zip(known, powers)))) for x in xs)
    return known, worst


def show(name, coefficients, worst):
    print(f"{name}: worst weighted error {float(worst):.3e} = {float(worst * 2**24):.4f} of 2^-24")
    print("  " + ", ".join(f"0x{bits(c):08x}" for c in coefficients))


def main():
    ln2 = log(2)
    # n * hi is exact for |n| < 2^10: hi keeps 14 bits.
    hi = mpf(int(ln2 * 2**14)) / 2**14
    show("ln2 high, low", [hi, round32(ln2 - hi)], 0)
    show("1/ln2, sqrt(1/2), 1/sqrt(2 pi)", [1 / ln2, sqrt(mpf(1) / 2), 1 / sqrt(2 * pi)], 0)
    half = ln2 / 2 * mpf("1.0001")
    # e^r = 1 + (r + r^2 * p(r)); relative error of e^r
    c, w = fit(lambda r: (exp(r) - 1 - r) / r**2 if r else mpf(1) / 2, [0, 1, 2, 3, 4], -half, half,
               lambda r: r**2 / exp(r))
    show("exp", c, w)
    # log(1 + f) = f - f^2/2 + f^3 * p(f); relative error of the logarithm
    lo, up = sqrt(mpf(1) / 2) - 1, sqrt(mpf(2)) - 1
    c, w = fit(lambda f: (log(1 + f) - f + f**2 / 2) / f**3, list(range(9)), lo, up,
               lambda f: f**3 / log(1 + f))
    show("log", c, w)
    # tanh(x) = x + x^3 * p(x^2) on [0, 0.625]; in s = x^2
    top = mpf("0.625") ** 2 * mpf("1.0001")
    c, w = fit(lambda s: (tanh(sqrt(s)) / sqrt(s) - 1) / s, list(range(5)), mpf(10)**-12, top,
               lambda s: s * sqrt(s) / tanh(sqrt(s)))
    show("tanh", c, w)
    # erf in eight pieces of width 17/32 around k * 17/32; piece 0 is t + t * p(t) on half the width.
    width = mpf(17) / 32
    pieces = []
    for k in range(8):
        centre = k * width
        if k == 0:
            c, w = fit(lambda t: erf(t) / t - 1, list(range(7)), mpf(10)**-9, width / 2 * mpf("1.0001"),
                       lambda t: t / erf(t))
            c = [mpf(0)] + c
        else:
            f = lambda d: erf(centre + d)
            weight = lambda d: 1 / erf(centre + d)
            edge = width / 2 * mpf("1.0001")
            c, w = fit(f, list(range(8)), -edge, edge, weight)
        show(f"erf piece {k}", c, w)
        pieces.append(c)
    print("erf, transposed:")
    for j in range(8):
        print("  [" + ", ".join(f"0x{bits(p[j]):08x}" for p in pieces) + "],")


main()
