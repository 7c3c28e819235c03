#pragma once

// Eight ranges, or eight rows, down one level of a wavelet matrix at a time, with AVX-512: the three words that a rank
// needs are gathered, counted with one instruction, and what goes on is packed together without a branch. The same
// answers as WaveletMatrix::enumerate, in another order.

#include "bit_vector.hpp"

#if SKERRY_X86_64

#include <immintrin.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "buffer.hpp"
#include "rank_blocks.hpp"

#define SKERRY_AVX512 \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512vpopcntdq,avx2,bmi,bmi2,popcnt")))

namespace skerry::avx512 {

// Whether it may be used where it is there; tests turn it off to compare.
inline std::atomic<bool>& allowed() {
    static std::atomic<bool> value{true};
    return value;
}

inline bool available() {
    static const bool value = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                              __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("bmi2");
    return value && allowed().load(std::memory_order_relaxed);
}

inline constexpr std::size_t kLanes = 8, kAhead = 24;

// Columns of 32-bit numbers that grow together. There is always room for eight more than is asked for.
template <int Columns>
struct Table {
    Buffer<std::uint32_t> columns[Columns];
    std::size_t size = 0;

    void reserve(std::size_t rows) {
        for (Buffer<std::uint32_t>& column : columns) {
            column.resize(size);
            column.reserve(rows + kLanes);
        }
    }

    std::uint32_t* column(int i) { return columns[i].data(); }
};

struct Scratch {
    Table<4> nodes, next_nodes;      // low, high, node, query
    Table<3> singles, next_singles;  // row, node, query
    Table<4> found;                  // low, high, leaf, query
};

struct Level {
    const RankBlock* blocks;
    std::uint32_t size, zeros, inner, inner_below, first_leaf;
};

// What a rank reads at eight positions.
struct Ranked {
    __m512i ones, bit;
};

SKERRY_AVX512 inline __attribute__((always_inline)) Ranked ranks(const Level& level, __m512i positions) {
    const __m512i at = _mm512_min_epu64(positions, _mm512_set1_epi64(level.size));
    const __m512i sixtyfours = _mm512_srli_epi64(at, 6);
    // Divided by seven: exact below 2^30.
    const __m512i block = _mm512_srli_epi64(_mm512_mul_epu32(sixtyfours, _mm512_set1_epi64(613566757)), 32);
    const __m512i first = _mm512_slli_epi64(block, 3);
    const __m512i word = _mm512_sub_epi64(sixtyfours, _mm512_sub_epi64(first, block));
    const __m512i pair = _mm512_srli_epi64(word, 1);
    const __m512i place = _mm512_add_epi64(first, _mm512_slli_epi64(pair, 1));
    const auto* const words = reinterpret_cast<const long long*>(level.blocks);
    const __m512i counts = _mm512_i64gather_epi64(_mm512_add_epi64(first, _mm512_set1_epi64(7)), words, 8);
    const __m512i even = _mm512_i64gather_epi64(place, words, 8);
    const __m512i odd = _mm512_i64gather_epi64(place, words + 1, 8);
    const __m512i offset = _mm512_and_epi64(at, _mm512_set1_epi64(63));
    const __m512i below = _mm512_sub_epi64(_mm512_sllv_epi64(_mm512_set1_epi64(1), offset), _mm512_set1_epi64(1));
    const __mmask8 in_odd = _mm512_test_epi64_mask(word, _mm512_set1_epi64(1));
    const __m512i even_below = _mm512_mask_mov_epi64(below, in_odd, _mm512_set1_epi64(-1));
    const __m512i odd_below = _mm512_maskz_mov_epi64(in_odd, below);
    __m512i ones = _mm512_add_epi64(_mm512_popcnt_epi64(_mm512_and_epi64(even, even_below)),
                                    _mm512_popcnt_epi64(_mm512_and_epi64(odd, odd_below)));
    // Pair 0 has no count: its shift is negative, which is too large, which leaves zero.
    const __m512i nine = _mm512_sub_epi64(_mm512_add_epi64(_mm512_slli_epi64(pair, 3), pair), _mm512_set1_epi64(9));
    const __m512i packed = _mm512_and_epi64(counts, _mm512_set1_epi64(0x7FFFFFF));
    ones = _mm512_add_epi64(ones, _mm512_and_epi64(_mm512_srlv_epi64(packed, nine), _mm512_set1_epi64(511)));
    ones = _mm512_add_epi64(ones, _mm512_srli_epi64(counts, 32));
    const __m512i here = _mm512_mask_mov_epi64(even, in_odd, odd);
    return {ones, _mm512_and_epi64(_mm512_srlv_epi64(here, offset), _mm512_set1_epi64(1))};
}

SKERRY_AVX512 inline __attribute__((always_inline)) __m512i widened(const std::uint32_t* from) {
    return _mm512_cvtepu32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

SKERRY_AVX512 inline __attribute__((always_inline)) void packed(std::uint32_t* to, __mmask8 which, __m256i values) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_maskz_compress_epi32(which, values));
}

struct Writer {
    Scratch& all;
    std::size_t nodes, singles, found;

    SKERRY_AVX512 inline __attribute__((always_inline)) void child(const Level& level, __mmask8 lanes, __m256i low,
                                                                   __m256i high, __m256i node, __m256i query) {
        const __mmask8 exists = _mm256_mask_cmplt_epu32_mask(lanes, low, high);
        const __mmask8 inner = _mm256_cmplt_epu32_mask(node, _mm256_set1_epi32(static_cast<int>(level.inner_below)));
        const __mmask8 single = _mm256_cmpeq_epi32_mask(_mm256_sub_epi32(high, low), _mm256_set1_epi32(1));
        const auto one = static_cast<__mmask8>(exists & inner & single);
        const auto more = static_cast<__mmask8>(exists & inner & ~single);
        const auto leaf = static_cast<__mmask8>(exists & ~inner);
        packed(all.next_nodes.column(0) + nodes, more, low);
        packed(all.next_nodes.column(1) + nodes, more, high);
        packed(all.next_nodes.column(2) + nodes, more, node);
        packed(all.next_nodes.column(3) + nodes, more, query);
        nodes += static_cast<unsigned>(__builtin_popcount(more));
        packed(all.next_singles.column(0) + singles, one, low);
        packed(all.next_singles.column(1) + singles, one, node);
        packed(all.next_singles.column(2) + singles, one, query);
        singles += static_cast<unsigned>(__builtin_popcount(one));
        ended(level, leaf, low, high, node, query);
    }

    SKERRY_AVX512 inline __attribute__((always_inline)) void ended(const Level& level, __mmask8 leaf, __m256i low,
                                                                   __m256i high, __m256i node, __m256i query) {
        if (leaf == 0) return;
        packed(all.found.column(0) + found, leaf, low);
        packed(all.found.column(1) + found, leaf, high);
        const auto shift = static_cast<int>(level.first_leaf - level.inner_below);
        packed(all.found.column(2) + found, leaf, _mm256_add_epi32(node, _mm256_set1_epi32(shift)));
        packed(all.found.column(3) + found, leaf, query);
        found += static_cast<unsigned>(__builtin_popcount(leaf));
    }
};

// Takes `all.nodes` and `all.singles` down one level, into `next_nodes`, `next_singles` and `found`.
SKERRY_AVX512 inline void descend(const Level& level, Scratch& all) {
    all.next_nodes.size = all.next_singles.size = 0;
    all.next_nodes.reserve(2 * all.nodes.size);
    all.next_singles.reserve(2 * all.nodes.size + all.singles.size);
    all.found.reserve(all.found.size + 2 * all.nodes.size + all.singles.size);
    Writer to{all, 0, 0, all.found.size};
    const __m256i zeros = _mm256_set1_epi32(static_cast<int>(level.zeros));
    const __m256i inner = _mm256_set1_epi32(static_cast<int>(level.inner));
    const __m256i inner_below = _mm256_set1_epi32(static_cast<int>(level.inner_below));
    for (std::size_t i = 0; i < all.nodes.size; i += kLanes) {
        const std::size_t left = all.nodes.size - i;
        const auto lanes = static_cast<__mmask8>(left >= kLanes ? 0xFF : (1U << left) - 1);
        if (i + kAhead + kLanes <= all.nodes.size)
            for (std::size_t lane = 0; lane < kLanes; ++lane) {
                SKERRY_PREFETCH(level.blocks + all.nodes.column(0)[i + kAhead + lane] / RankBlock::kBits);
                SKERRY_PREFETCH(level.blocks + all.nodes.column(1)[i + kAhead + lane] / RankBlock::kBits);
            }
        const __m512i low = widened(all.nodes.column(0) + i), high = widened(all.nodes.column(1) + i);
        const __m256i node = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(all.nodes.column(2) + i));
        const __m256i query = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(all.nodes.column(3) + i));
        const __m256i low_ones = _mm512_cvtepi64_epi32(ranks(level, low).ones);
        const __m256i high_ones = _mm512_cvtepi64_epi32(ranks(level, high).ones);
        to.child(level, lanes, _mm256_sub_epi32(_mm512_cvtepi64_epi32(low), low_ones),
                 _mm256_sub_epi32(_mm512_cvtepi64_epi32(high), high_ones), node, query);
        to.child(level, lanes, _mm256_add_epi32(zeros, low_ones), _mm256_add_epi32(zeros, high_ones),
                 _mm256_add_epi32(node, inner), query);
    }
    for (std::size_t i = 0; i < all.singles.size; i += kLanes) {
        const std::size_t left = all.singles.size - i;
        const auto lanes = static_cast<__mmask8>(left >= kLanes ? 0xFF : (1U << left) - 1);
        if (i + kAhead + kLanes <= all.singles.size)
            for (std::size_t lane = 0; lane < kLanes; ++lane)
                SKERRY_PREFETCH(level.blocks + all.singles.column(0)[i + kAhead + lane] / RankBlock::kBits);
        const __m512i row = widened(all.singles.column(0) + i);
        const __m256i query = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(all.singles.column(2) + i));
        const Ranked ranked = ranks(level, row);
        const __mmask8 one = _mm512_test_epi64_mask(ranked.bit, ranked.bit);
        const __m256i ones = _mm512_cvtepi64_epi32(ranked.ones);
        const __m256i left_below = _mm256_sub_epi32(_mm512_cvtepi64_epi32(row), ones);
        const __m256i below = _mm256_mask_add_epi32(left_below, one, zeros, ones);
        __m256i node = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(all.singles.column(1) + i));
        node = _mm256_mask_add_epi32(node, one, node, inner);
        const __mmask8 on = _mm256_mask_cmplt_epu32_mask(lanes, node, inner_below);
        packed(all.next_singles.column(0) + to.singles, on, below);
        packed(all.next_singles.column(1) + to.singles, on, node);
        packed(all.next_singles.column(2) + to.singles, on, query);
        to.singles += static_cast<unsigned>(__builtin_popcount(on));
        to.ended(level, static_cast<__mmask8>(lanes & ~on), below, _mm256_add_epi32(below, _mm256_set1_epi32(1)), node,
                 query);
    }
    all.next_nodes.size = to.nodes;
    all.next_singles.size = to.singles;
    all.found.size = to.found;
    std::swap(all.nodes, all.next_nodes);
    std::swap(all.singles, all.next_singles);
}

}  // namespace skerry::avx512

#endif
