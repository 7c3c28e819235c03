#pragma once

// Decoding's arithmetic in bfloat16: as sparse_attention_bf16.hpp rounds, so does this.

#include "range_attention.hpp"
#include "sparse_attention_bf16.hpp"

#if SKERRY_X86_64

namespace skerry::bf16 {

struct RangeArithmetic {
    using Number = bf16::Number;

    static constexpr std::size_t kNumbers = 2 * kLanes;  // of a vector

    static Number rounded(float value) { return bf16::rounded(value); }

    class Heads {
    public:
        Heads(std::size_t count, std::size_t size)
            : count_(count), size_(size), wide_(rounded_up(size, kNumbers)), queries_(count * wide_), out_(count * wide_),
              highest_(count, -__FLT_MAX__), sums_(count) {}

        void begin(const Number* queries, std::size_t stride) {
            for (std::size_t head = 0; head < count_; ++head)
                std::memcpy(queries_.data() + head * wide_, queries + head * stride, size_ * sizeof(Number));
        }

        SKERRY_AVX512_BF16 void add(const Chunk<Number>& chunk, float scale) {
            std::size_t head = 0;
            for (; head + kMostTogether <= count_; head += kMostTogether) some<kMostTogether>(head, chunk, scale);
            switch (count_ - head) {
                case 3: some<3>(head, chunk, scale); break;
                case 2: some<2>(head, chunk, scale); break;
                case 1: some<1>(head, chunk, scale); break;
                default: break;
            }
        }

        // The scores of a chunk's keys, not yet scaled, of head i from `to` + i * `stride` on.
        SKERRY_AVX512_BF16 void score(const Chunk<Number>& chunk, float* to, std::size_t stride) const {
            std::size_t head = 0;
            for (; head + 3 <= count_; head += 3) scored<3>(head, chunk, to, stride);
            for (; head < count_; ++head) scored<1>(head, chunk, to, stride);
        }

        // Shares, not yet divided by their sum, in the scores' place; returns their sum.
        SKERRY_AVX512_BF16 static float share(float* scores, std::size_t count, float scale) {
            const __m512 least = _mm512_set1_ps(-__FLT_MAX__), factor = _mm512_set1_ps(scale * 1.44269504F);
            __m512 highest = least, sum = _mm512_setzero_ps();
            for (std::size_t at = 0; at < count; at += kLanes)
                highest = _mm512_max_ps(highest, _mm512_mask_loadu_ps(least, lanes(count - at), scores + at));
            const __m512 top = _mm512_mul_ps(_mm512_set1_ps(_mm512_reduce_max_ps(highest)), factor);
            for (std::size_t at = 0; at < count; at += kLanes) {
                const __mmask16 which = lanes(count - at);
                const __m512 shares = _mm512_maskz_mov_ps(
                    which, share_of(_mm512_fmsub_ps(_mm512_maskz_loadu_ps(which, scores + at), factor, top)));
                sum = _mm512_add_ps(sum, shares);
                _mm512_mask_storeu_ps(scores + at, which, shares);
            }
            return _mm512_reduce_add_ps(sum);
        }

        float highest(std::size_t head) const { return highest_[head]; }
        float sum(std::size_t head) const { return sums_[head]; }

        // Sums lie in the order in which pairs of rows were interleaved: fours of each half of a vector in turn.
        void mix_into(std::size_t head, float share, float* to) const {
            const float* const from = out_.data() + head * wide_;
            for (std::size_t at = 0; at < size_; ++at) {
                const std::size_t within = at % kNumbers;
                to[at] += share * from[at - within + within % 8 / 4 * kLanes + within / 8 * 4 + within % 4];
            }
        }

    private:
        template <std::size_t Count>
        SKERRY_BF16_INLINE void scored(std::size_t head, const Chunk<Number>& chunk, float* to,
                                       std::size_t stride) const {
            float scores[Count][kChunk];
            for (std::size_t first = 0; first < chunk.count; first += 4) score<Count>(head, chunk, first, scores);
            for (std::size_t i = 0; i < Count; ++i)
                std::memcpy(to + (head + i) * stride, scores[i], chunk.count * sizeof(float));
        }

        template <std::size_t Count>
        SKERRY_AVX512_BF16 void some(std::size_t head, const Chunk<Number>& chunk, float scale) {
            float scores[Count][kChunk];
            Number shares[Count][kChunk];
            float falls[Count];
            for (std::size_t first = 0; first < chunk.count; first += 4) score<Count>(head, chunk, first, scores);
            for (std::size_t i = 0; i < Count; ++i)
                falls[i] = softmax(head + i, scores[i], chunk.count, scale, shares[i]);
            std::size_t at = 0;
            for (; at + 2 * kNumbers <= wide_; at += 2 * kNumbers) mix<Count, 2>(head, chunk, at, shares, falls);
            if (at < wide_) mix<Count, 1>(head, chunk, at, shares, falls);
        }

        // Scores of four keys with `Count` heads.
        template <std::size_t Count>
        SKERRY_BF16_INLINE void score(std::size_t head, const Chunk<Number>& chunk, std::size_t first,
                                      float (&scores)[Count][kChunk]) const {
            const Number* rows[4];
            for (std::size_t i = 0; i < 4; ++i) rows[i] = chunk.keys[std::min(first + i, chunk.count - 1)];
            __m512 sums[Count][4];
#pragma GCC unroll 4
            for (std::size_t i = 0; i < Count; ++i)
#pragma GCC unroll 4
                for (std::size_t j = 0; j < 4; ++j) sums[i][j] = _mm512_setzero_ps();
            for (std::size_t at = 0; at < wide_; at += kNumbers) {
                __m512i keys[4];
#pragma GCC unroll 4
                for (std::size_t j = 0; j < 4; ++j) keys[j] = numbers(rows[j] + at, at);
#pragma GCC unroll 4
                for (std::size_t i = 0; i < Count; ++i) {
                    const __m512i query = _mm512_loadu_si512(queries_.data() + (head + i) * wide_ + at);
#pragma GCC unroll 4
                    for (std::size_t j = 0; j < 4; ++j) sums[i][j] = product(sums[i][j], query, keys[j]);
                }
            }
#pragma GCC unroll 4
            for (std::size_t i = 0; i < Count; ++i) {
                const __m512 low = folded(sums[i][0], sums[i][1]), high = folded(sums[i][2], sums[i][3]);
                const __m512 four = _mm512_add_ps(
                    _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(low), _mm512_castps_pd(high))),
                    _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(low), _mm512_castps_pd(high))));
                const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(four), _mm512_extractf32x8_ps(four, 1));
                _mm_storeu_ps(scores[i] + first,
                              _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
            }
        }

        SKERRY_BF16_INLINE static __m512 folded(__m512 a, __m512 b) {
            return _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        }

        // Returns how much what was summed before falls.
        SKERRY_AVX512_BF16 float softmax(std::size_t head, const float* scores, std::size_t count, float scale,
                                         Number* to) {
            const __m512 least = _mm512_set1_ps(-__FLT_MAX__);
            __m512 highest = least, sum = _mm512_setzero_ps();
            for (std::size_t at = 0; at < count; at += kLanes)
                highest = _mm512_max_ps(highest, _mm512_mask_loadu_ps(least, lanes(count - at), scores + at));
            const float before = highest_[head], now = std::max(before, _mm512_reduce_max_ps(highest));
            const __m512 factor = _mm512_set1_ps(scale * 1.44269504F), top = _mm512_mul_ps(_mm512_set1_ps(now), factor);
            for (std::size_t at = 0; at < count; at += kLanes) {
                const __mmask16 which = lanes(count - at);
                const __m512 share = _mm512_maskz_mov_ps(
                    which, share_of(_mm512_fmsub_ps(_mm512_maskz_loadu_ps(which, scores + at), factor, top)));
                sum = _mm512_add_ps(sum, share);
                store(to + at, share);
            }
            const float fall = std::exp((before - now) * scale);
            highest_[head] = now;
            sums_[head] = sums_[head] * fall + _mm512_reduce_add_ps(sum);
            return fall;
        }

        template <std::size_t Count, std::size_t Vectors>
        SKERRY_BF16_INLINE void mix(std::size_t head, const Chunk<Number>& chunk, std::size_t at,
                                    const Number (&shares)[Count][kChunk], const float (&falls)[Count]) {
            __m512 sums[Count][2 * Vectors];
#pragma GCC unroll 4
            for (std::size_t i = 0; i < Count; ++i)
#pragma GCC unroll 4
                for (std::size_t j = 0; j < 2 * Vectors; ++j)
                    sums[i][j] = _mm512_mul_ps(_mm512_set1_ps(falls[i]),
                                               _mm512_loadu_ps(out_.data() + (head + i) * wide_ + at + j * kLanes));
            for (std::size_t key = 0; key < chunk.count; key += 2) {
                const Number *first = chunk.values[key] + at,
                             *second = key + 1 < chunk.count ? chunk.values[key + 1] + at : first;
                __m512i pairs[2 * Vectors];
#pragma GCC unroll 2
                for (std::size_t j = 0; j < Vectors; ++j) {
                    const __m512i a = numbers(first + j * kNumbers, at + j * kNumbers);
                    const __m512i b = numbers(second + j * kNumbers, at + j * kNumbers);
                    pairs[2 * j] = _mm512_unpacklo_epi16(a, b);
                    pairs[2 * j + 1] = _mm512_unpackhi_epi16(a, b);
                }
#pragma GCC unroll 4
                for (std::size_t i = 0; i < Count; ++i) {
                    const __m512i both = spread(shares[i] + key);
#pragma GCC unroll 4
                    for (std::size_t j = 0; j < 2 * Vectors; ++j) sums[i][j] = product(sums[i][j], pairs[j], both);
                }
            }
#pragma GCC unroll 4
            for (std::size_t i = 0; i < Count; ++i)
#pragma GCC unroll 4
                for (std::size_t j = 0; j < 2 * Vectors; ++j)
                    _mm512_storeu_ps(out_.data() + (head + i) * wide_ + at + j * kLanes, sums[i][j]);
        }

        // Numbers [at, at + 32) of a row; zero beyond its end.
        SKERRY_BF16_INLINE __m512i numbers(const Number* from, std::size_t at) const {
            if (at + kNumbers <= size_) return _mm512_loadu_si512(from);
            return _mm512_maskz_loadu_epi16(__mmask32{0xFFFF}, from);
        }

        std::size_t count_, size_, wide_;
        std::vector<Number> queries_;
        std::vector<float> out_, highest_, sums_;
    };
};

}  // namespace skerry::bf16

#endif
