#pragma once

// Products of rows of bfloat16 numbers with packed matrices, summed in float32, with AVX-512's dot product of pairs.
//
// A tile is up to eight rows by a few vectors of sixteen columns, all of whose sums stay in registers. What a row gives
// depends on that row alone, not on how many there are or what they hold.

#include "bit_vector.hpp"

#if SKERRY_X86_64

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#define SKERRY_AVX512_BF16 \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx2,fma,bmi,bmi2,popcnt")))
#define SKERRY_BF16_INLINE SKERRY_AVX512_BF16 inline __attribute__((always_inline))

namespace skerry::bf16 {

inline bool available() {
    static const bool value = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                              __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("fma");
    return value;
}

using Number = std::uint16_t;  // a bfloat16
using Pair = std::uint32_t;    // two of them, the first in the lower half

inline constexpr std::size_t kLanes = 16, kRows = 8, kVectors = 3, kColumns = kVectors * kLanes;

inline constexpr std::size_t rounded_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

// To the nearest, ties to even, as the processor rounds.
inline Number rounded(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return static_cast<Number>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

// The first `left` of sixteen.
SKERRY_BF16_INLINE __mmask16 lanes(std::size_t left) {
    return left >= kLanes ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1U << left) - 1);
}

SKERRY_BF16_INLINE __m512 product(__m512 sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}

// Two numbers, in every lane.
SKERRY_BF16_INLINE __m512i spread(const Number* from) {
    Pair both;
    std::memcpy(&both, from, sizeof both);
    return _mm512_set1_epi32(static_cast<int>(both));
}

// Sixteen numbers, each in the lower half of its lane.
SKERRY_BF16_INLINE __m512i widened(const Number* from) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

// Sums of Rows rows from `a` on, `stride` numbers apart, with `Vectors` columns of packed pairs.
template <std::size_t Rows, std::size_t Vectors>
SKERRY_BF16_INLINE void multiply(const Number* a, std::size_t stride, const Pair* b, std::size_t pairs,
                                 __m512 (&sums)[Rows][Vectors]) {
#pragma GCC unroll 8
    for (std::size_t row = 0; row < Rows; ++row)
#pragma GCC unroll 3
        for (std::size_t column = 0; column < Vectors; ++column) sums[row][column] = _mm512_setzero_ps();
    for (std::size_t pair = 0; pair < pairs; ++pair, b += Vectors * kLanes, a += 2) {
        __m512i columns[Vectors];
#pragma GCC unroll 3
        for (std::size_t column = 0; column < Vectors; ++column)
            columns[column] = _mm512_loadu_si512(b + column * kLanes);
#pragma GCC unroll 8
        for (std::size_t row = 0; row < Rows; ++row) {
            const __m512i both = spread(a + row * stride);
#pragma GCC unroll 3
            for (std::size_t column = 0; column < Vectors; ++column)
                sums[row][column] = product(sums[row][column], both, columns[column]);
        }
    }
}

SKERRY_BF16_INLINE void store(Number* to, __m512 values) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values)));
}

SKERRY_BF16_INLINE __m512 load(const Number* from) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(widened(from), 16));
}

// A linear layer: weights in blocks of 48 columns, each block pair after pair; biases. Columns that are missing in the
// last block are zero, so that rows of `width` numbers, a multiple of 48, may be written.
class Dense {
public:
    // `weight` has `outputs` rows of `inputs` numbers, an even number.
    Dense(const float* weight, const float* bias, std::size_t outputs, std::size_t inputs)
        : pairs(inputs / 2), width(rounded_up(outputs, kColumns)), biases(width, 0.0F), packed_(width * pairs, 0) {
        for (std::size_t output = 0; output < outputs; ++output) {
            Pair* const to = packed_.data() + output / kColumns * pairs * kColumns + output % kColumns;
            for (std::size_t pair = 0; pair < pairs; ++pair) {
                const float* const from = weight + output * inputs + 2 * pair;
                to[pair * kColumns] = rounded(from[0]) | Pair{rounded(from[1])} << 16;
            }
            biases[output] = bias[output];
        }
    }

    // `to` is called with the number of the row, that of its first column, and three vectors: what the layer gives.
    template <class To>
    SKERRY_AVX512_BF16 void apply(const Number* a, std::size_t stride, std::size_t rows, const To& to) const {
        for (std::size_t first = 0; first < width; first += kColumns) {
            std::size_t row = 0;
            for (; row + kRows <= rows; row += kRows) tile<kRows>(a, stride, row, first, to);
            switch (rows - row) {
                case 7: tile<7>(a, stride, row, first, to); break;
                case 6: tile<6>(a, stride, row, first, to); break;
                case 5: tile<5>(a, stride, row, first, to); break;
                case 4: tile<4>(a, stride, row, first, to); break;
                case 3: tile<3>(a, stride, row, first, to); break;
                case 2: tile<2>(a, stride, row, first, to); break;
                case 1: tile<1>(a, stride, row, first, to); break;
                default: break;
            }
        }
    }

    std::size_t pairs, width;
    std::vector<float> biases;

private:
    template <std::size_t Rows, class To>
    SKERRY_BF16_INLINE void tile(const Number* a, std::size_t stride, std::size_t row, std::size_t first,
                                 const To& to) const {
        __m512 sums[Rows][kVectors];
        multiply<Rows, kVectors>(a + row * stride, stride, packed_.data() + first * pairs, pairs, sums);
#pragma GCC unroll 3
        for (std::size_t column = 0; column < kVectors; ++column) {
            const std::size_t at = first + column * kLanes;
            const __m512 bias = _mm512_loadu_ps(biases.data() + at);
#pragma GCC unroll 8
            for (std::size_t i = 0; i < Rows; ++i) to(row + i, at, _mm512_add_ps(sums[i][column], bias));
        }
    }

    std::vector<Pair> packed_;
};

}  // namespace skerry::bf16

#endif
