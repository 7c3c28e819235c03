#pragma once

// Attention of every token of a sequence to all of it, bfloat16 products and a float32 softmax. Nothing is padded but
// the last keys' block, in cache.

#include "functions_avx512.hpp"

#if SKERRY_X86_64

namespace skerry::bf16 {

// Of one sequence: rows of queries, keys and values side by side, each `heads` times `size` numbers wide. Queries come
// multiplied by log2(e) / sqrt(size).
class Attention {
public:
    Attention(std::size_t heads, std::size_t size)
        : heads_(heads), size_(size), width_(heads * size), block_(size % (2 * kLanes) == 0 ? 2 * kLanes : kLanes) {}

    // `rows` has `length` rows `stride` numbers apart; `to` gets as many, `to_stride` apart, a multiple of sixteen wide.
    SKERRY_AVX512_BF16 void apply(const Number* rows, std::size_t stride, std::size_t length, Number* to,
                                  std::size_t to_stride) {
        // The padding of what is cut short stays zero.
        const std::size_t wide = rounded_up(length, kColumns), even = (length + 1) / 2;
        keys_.assign(wide * size_ / 2, 0);
        values_.assign(even * size_, 0);
        scores_.resize(kRows * wide);
        shares_.assign(kRows * wide, 0);
        for (std::size_t head = 0; head < heads_; ++head) {
            const Number* const queries = rows + head * size_;
            pack(queries + width_, queries + 2 * width_, stride, length);
            Number* const out = to + head * size_;
            std::size_t row = 0;
            for (; row + kRows <= length; row += kRows)
                some<kRows>(queries + row * stride, stride, length, out + row * to_stride, to_stride);
            for (; row < length; ++row)
                some<1>(queries + row * stride, stride, length, out + row * to_stride, to_stride);
        }
    }

private:
    SKERRY_AVX512_BF16 void pack(const Number* keys, const Number* values, std::size_t stride, std::size_t length) {
        const std::size_t pairs = size_ / 2;
        for (std::size_t row = 0; row < length; ++row) {
            Pair* const to = keys_.data() + row / kColumns * pairs * kColumns + row % kColumns;
            for (std::size_t pair = 0; pair < pairs; ++pair)
                std::memcpy(to + pair * kColumns, keys + row * stride + 2 * pair, sizeof(Pair));
        }
        const std::size_t even = (length + 1) / 2;
        for (std::size_t row = 0; row < length; row += 2)
            for (std::size_t at = 0; at < size_; at += kLanes) {
                const __m512i low = widened(values + row * stride + at);
                const __m512i high = row + 1 < length ? widened(values + (row + 1) * stride + at)
                                                      : _mm512_setzero_si512();
                _mm512_storeu_si512(values_.data() + at / block_ * block_ * even + row / 2 * block_ + at % block_,
                                    _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
            }
    }

    template <std::size_t Rows>
    SKERRY_AVX512_BF16 void some(const Number* queries, std::size_t stride, std::size_t length, Number* to,
                                 std::size_t to_stride) {
        const std::size_t wide = rounded_up(length, kColumns), pairs = size_ / 2;
        for (std::size_t first = 0; first < wide; first += kColumns) {
            __m512 sums[Rows][kVectors];
            multiply<Rows, kVectors>(queries, stride, keys_.data() + first * pairs, pairs, sums);
#pragma GCC unroll 8
            for (std::size_t row = 0; row < Rows; ++row)
#pragma GCC unroll 3
                for (std::size_t column = 0; column < kVectors; ++column)
                    _mm512_storeu_ps(scores_.data() + row * wide + first + column * kLanes, sums[row][column]);
        }
        float scales[Rows];
        for (std::size_t row = 0; row < Rows; ++row)
            scales[row] = 1.0F / softmax(scores_.data() + row * wide, length, shares_.data() + row * wide);
        if (block_ == kLanes)
            mix<Rows, 1>(scales, length, to, to_stride);
        else
            mix<Rows, 2>(scales, length, to, to_stride);
    }

    template <std::size_t Rows, std::size_t Vectors>
    SKERRY_BF16_INLINE void mix(const float* scales, std::size_t length, Number* to, std::size_t to_stride) {
        const std::size_t wide = rounded_up(length, kColumns), even = (length + 1) / 2;
        for (std::size_t at = 0; at < size_; at += Vectors * kLanes) {
            __m512 sums[Rows][Vectors];
            multiply<Rows, Vectors>(shares_.data(), wide, values_.data() + at * even, even, sums);
#pragma GCC unroll 8
            for (std::size_t row = 0; row < Rows; ++row)
#pragma GCC unroll 2
                for (std::size_t column = 0; column < Vectors; ++column)
                    store(to + row * to_stride + at + column * kLanes,
                          _mm512_mul_ps(sums[row][column], _mm512_set1_ps(scales[row])));
        }
    }

    // 2^(score - the highest), rounded to `to`; returns their sum.
    SKERRY_AVX512_BF16 static float softmax(const float* scores, std::size_t length, Number* to) {
        const __m512 least = _mm512_set1_ps(-__FLT_MAX__);
        __m512 highest = least, sum = _mm512_setzero_ps();
        for (std::size_t at = 0; at < length; at += kLanes)
            highest = _mm512_max_ps(highest, _mm512_mask_loadu_ps(least, lanes(length - at), scores + at));
        const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(highest));
        for (std::size_t at = 0; at < length; at += kLanes) {
            const __mmask16 which = lanes(length - at);
            const __m512 apart = _mm512_sub_ps(_mm512_maskz_loadu_ps(which, scores + at), top);
            const __m512 share = _mm512_maskz_mov_ps(which, exp2(apart));
            sum = _mm512_add_ps(sum, share);
            store(to + at, share);
        }
        return _mm512_reduce_add_ps(sum);
    }

    std::size_t heads_, size_, width_, block_;
    std::vector<Pair> keys_, values_;
    std::vector<float> scores_;
    std::vector<Number> shares_;
};

}  // namespace skerry::bf16

#endif
