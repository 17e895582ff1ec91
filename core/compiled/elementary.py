"""exp, expm1, log1p and the normal tail as formulas that compilers turn into wide instructions, to about one ulp.

An exponential is reduced to exp(x) = 2^k exp(r) with k the nearest whole number to x / ln 2. Adding 1.5 * 2^52 puts k
into the low bits of a float; from there it goes into the exponent of another one, which is 2^k. exp(r) - 1 with
|r| <= ln(2) / 2 is r and a polynomial of the rest. No step branches, so that 4 or 8 numbers go at once.

Source: the reduction with two parts of ln 2 is that of FDLIBM (Sun Microsystems 1993).
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .cache import scalar

SHIFT = 1.5 * 2.0**52
SHIFT_BITS = 0x4338000000000000  # the bits of SHIFT
LOG2_E = 1.4426950408889634
LN_2_HIGH = 6.93147180369123816490e-01  # 33 bits: its product with k is exact
LN_2_LOW = 1.90821492927058770002e-10
LN_2 = 0.6931471805599453
SMALLEST = -800.0  # below, exp is 0 even times a thousand
INVERSE_ROOT_TAU = 0.3989422804014327  # 1 / sqrt(2 pi)
HIGH_BITS = -(1 << 27)  # leaves 26 bits of a significand

# (exp(r) - 1 - r) / r^2 as a polynomial of r, |r| <= ln(2) / 2: interpolation at the zeros, but for 0 itself, of the
# Chebyshev polynomial of degree 11 stretched to that interval, computed with 60 digits of mpmath and rounded.
# exp(r) - 1 is right to a relative 2.4e-17 by it, where the Taylor series needs two terms more.
E2 = 0.5000000000000006
E3 = 0.1666666666666667
E4 = 0.04166666666657314
E5 = 0.008333333333326141
E6 = 0.0013888888932488599
E7 = 0.00019841269874800493
E8 = 2.4801504346997686e-05
E9 = 2.7557255425746435e-06
E10 = 2.7626357241447223e-07
E11 = 2.510520637395701e-08

# (1 + a) Phi(-a) / exp(-a^2 / 2) as a polynomial of t = (a - 3) / (a + 3), 0 <= a <= 40, to 3e-17: interpolation at
# the Chebyshev nodes, computed with 60 digits.
M0 = 0.48605579342224864
M1 = -0.09652675790053522
M2 = -0.016432180656094874
M3 = 0.04516388989620995
M4 = -0.022729586396480962
M5 = 0.0011607918195459884
M6 = 0.003009268585085923
M7 = -0.0003546883338390489
M8 = -0.0005196597587170831
M9 = 1.7404567161124893e-05
M10 = 0.00010400651707409957
M11 = 1.74400314949499e-05
M12 = -1.8207762153691934e-05
M13 = -9.241131763704772e-06
M14 = 1.2532913491611442e-06
M15 = 2.717310385493859e-06
M16 = 7.586902845096444e-07
M17 = -3.9300347496246584e-07
M18 = -3.807883419086266e-07
M19 = -6.146228678697497e-08
M20 = 7.807341305485284e-08
M21 = 4.6936668536818835e-08
M22 = -8.244355570963297e-10
M23 = -8.531202904869348e-09
M24 = -2.194867928330512e-09


@intrinsic
def from_bits(typing_context, bits):
    """The float that has these bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@intrinsic
def to_bits(typing_context, value):
    """The bits of a float, as a whole number."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


class _LoopName(ir.MDValue):
    """The node by which LLVM knows a loop and its hints: one of its own kind, which names itself first."""

    def descr(self, buf):
        names = ", ".join(node.get_reference() for node in (self, *self.operands))
        buf += ("distinct !{", names, "}\n")


@intrinsic
def interleave_loops(typing_context):
    """Called after the loops of a function: four registers' worth of numbers go through each of them at once.

    A long formula is a chain in which each step waits for the one before; four of them side by side fill the waiting.
    """

    def generate(context, builder, signature, arguments):
        module = builder.module
        four = [ir.MetaDataString(module, "llvm.loop.interleave.count"), ir.Constant(ir.IntType(32), 4)]
        seen = set()
        for block in builder.function.blocks:
            seen.add(block)
            jump = block.terminator
            if isinstance(jump, ir.Branch) and len(jump.operands) == 1 and jump.operands[0] in seen:  # ends a loop
                hint = module.add_metadata(four)
                jump.set_metadata("llvm.loop", _LoopName(module, [hint], str(len(module.metadata))))
        return context.get_dummy_value()

    return types.none(), generate


@scalar
def reduced(x):
    """(SHIFT + k, r, rest) with x = k ln 2 + r + rest; rest is the rounding error of r."""
    shifted = x * LOG2_E + SHIFT
    k = shifted - SHIFT
    high = x - k * LN_2_HIGH
    r = high - k * LN_2_LOW
    return shifted, r, (high - r) - k * LN_2_LOW


@scalar
def beyond_linear(r, remainder):
    """exp(r + rest) - 1 - r for |r| <= 0.35."""
    # by Estrin's scheme: three short chains instead of a long one, in which each step waits for the one before
    s = r * r
    low = (E3 * r + E2) + s * (E5 * r + E4)
    middle = (E7 * r + E6) + s * (E9 * r + E8)
    f = s * s
    return s * (low + f * (middle + f * (E11 * r + E10))) + remainder


@scalar
def power_of_two(shifted):
    """2^k from SHIFT + k, -1022 <= k <= 1023."""
    return from_bits((to_bits(shifted) - (SHIFT_BITS - 1023)) << 52)


@scalar
def falling_scales(shifted):
    """Two powers of two whose product is 2^k, -1155 <= k <= 1000: the second leads to subnormals."""
    first = SHIFT - 1000 if shifted < SHIFT - 1000 else shifted
    return power_of_two(first), from_bits((to_bits(shifted) - to_bits(first) + 1023) << 52)


@scalar
def falling_exp(x):
    """(e, s) with exp(x) = e * s for x <= 0; e keeps all digits where exp(x) is subnormal. NaN for NaN."""
    shifted, r, rest = reduced(SMALLEST if x < SMALLEST else x)
    c = beyond_linear(r, rest)
    first, second = falling_scales(shifted)
    return (1 + (r + c)) * first, second


@scalar
def falling_parts(x):
    """(p, f, s) with exp(x) = (1 + p) * f * s for x <= 0, f and s as in `falling_scales`. NaN for NaN."""
    shifted, r, rest = reduced(SMALLEST if x < SMALLEST else x)
    first, second = falling_scales(shifted)
    return r + beyond_linear(r, rest), first, second


@scalar
def exp_and_expm1(x):
    """(e, s, m): exp(x) = e * s and m = exp(x) - 1 for x <= 0, both to the last digits. NaN for NaN."""
    p, first, second = falling_parts(x)
    return (1 + p) * first, second, first * p + (first - 1)  # a product with a power of two is exact


@scalar
def corrected(top, bottom, rest, inverse):
    """top / (bottom + rest) from an approximate 1 / bottom, right to the last place: one step of Newton's."""
    ratio = top * inverse
    return ratio + ((top - ratio * bottom) - ratio * rest) * inverse


@scalar
def log1p(e):
    """ln(1 + e) for 0 <= e <= 1, by 2 artanh(s) = ln((1 + s) / (1 - s)) with s = f / (2 + f)."""
    large = e > 0.4142135623730951
    f = 0.5 * (e - 1) if large else e  # 1 + e = 2 (1 + f)
    s = f / (2 + f)
    z = s * s
    q = (((((1 / 23 * z + 1 / 21) * z + 1 / 19) * z + 1 / 17) * z + 1 / 15) * z + 1 / 13) * z + 1 / 11
    q = ((((q * z + 1 / 9) * z + 1 / 7) * z + 1 / 5) * z + 1 / 3) * z
    half = 0.5 * f * f
    value = f - (half - s * (half + 2 * q))
    return LN_2 + value if large else value


@scalar
def normal_tail(a):
    """(E, s, m) for 0 <= a <= 40: E * s = exp(-a^2 / 2), and E * s * m = Phi(-a). NaN for NaN."""
    high = from_bits(to_bits(a) & HIGH_BITS)  # its square is exact
    shifted, quotient, remainder = reduced(-0.5 * high * high)
    low = 0.5 * (a - high) * (a + high)
    r = quotient - low
    c = beyond_linear(r, ((quotient - r) - low) + remainder)
    first, second = falling_scales(shifted)
    t = (a - 3) / (a + 3)
    q = (((((((M24 * t + M23) * t + M22) * t + M21) * t + M20) * t + M19) * t + M18) * t + M17) * t + M16
    q = (((q * t + M15) * t + M14) * t + M13) * t + M12
    q = (((q * t + M11) * t + M10) * t + M9) * t + M8
    q = (((q * t + M7) * t + M6) * t + M5) * t + M4
    q = (((q * t + M3) * t + M2) * t + M1) * t + M0
    bottom = 1 + a
    m = corrected(q, bottom, a - (bottom - 1), 1 / bottom)
    return (1 + (r + c)) * first, second, m
