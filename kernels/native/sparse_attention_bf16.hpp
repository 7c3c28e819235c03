#pragma once

// Sparse attention's arithmetic in bfloat16: products of pairs summed in float32, a float32 softmax whose shares are
// rounded to bfloat16 before they meet the values.

#include "functions_avx512.hpp"
#include "sparse_attention.hpp"

#if SKERRY_X86_64

namespace skerry::bf16 {

// 2^x for x <= 0, to 4e-6 of itself: what is rounded to bfloat16 afterwards. 0 far below.
SKERRY_BF16_INLINE __m512 share_of(__m512 x) {
    const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 part = _mm512_sub_ps(x, whole);
    __m512 value = _mm512_set1_ps(9.67048556e-3F);
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(5.58232412e-2F));
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(2.40218535e-1F));
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(6.93143189e-1F));
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(1.0F));
    return _mm512_scalef_ps(value, whole);
}

struct SparseArithmetic {
    using Number = bf16::Number;

    static constexpr std::size_t kVectors = 2, kLanes = kVectors * bf16::kLanes;
    static constexpr std::size_t kTile = 8;  // keys, or numbers of the output, whose sums stay in registers

    // A chunk's values in pairs of keys: the numbers of keys 2i and 2i + 1 side by side.
    class Values {
    public:
        explicit Values(std::size_t size) : size_(size), pairs_(kChunk / 2 * size) {}

        SKERRY_AVX512_BF16 void take(const Chunk<Number>& chunk) {
            for (std::size_t key = 0; key < chunk.count; key += 2) {
                const Number *first = chunk.values[key], *second = key + 1 < chunk.count ? chunk.values[key + 1] : first;
                Pair* const to = pairs_.data() + key / 2 * size_;
                for (std::size_t at = 0; at < size_; at += bf16::kLanes)
                    _mm512_storeu_si512(to + at, _mm512_or_si512(widened(first + at),
                                                                 _mm512_slli_epi32(widened(second + at), 16)));
            }
        }

        const Pair* data() const { return pairs_.data(); }

    private:
        std::size_t size_;
        std::vector<Pair> pairs_;
    };

    // Up to `kLanes` queries.
    class Group : RunningSoftmax<kLanes> {
    public:
        explicit Group(std::size_t size) : size_(size), queries_(size / 2 * kLanes), out_(size * kLanes) {}

        void begin(const Heads<const Number>& q, const Lane* lanes, std::size_t count) {
            start(lanes, count);
            std::fill(queries_.begin(), queries_.end(), 0);
            std::fill(out_.begin(), out_.end(), 0.0F);
            for (std::size_t lane = 0; lane < count; ++lane) {
                const Number* const row = q.row(lanes[lane].head, lanes[lane].row);
                for (std::size_t pair = 0; pair < size_ / 2; ++pair)
                    std::memcpy(queries_.data() + pair * kLanes + lane, row + 2 * pair, sizeof(Pair));
            }
        }

        void add(const Chunk<Number>& chunk, const Values& values, float scale) {
            const std::size_t count = seen(chunk);
            if (count == 0) return;
            const bool masked = this->masked(chunk, count);
            if (count_ <= bf16::kLanes)
                masked ? add<1, true>(chunk, count, values, scale) : add<1, false>(chunk, count, values, scale);
            else
                masked ? add<2, true>(chunk, count, values, scale) : add<2, false>(chunk, count, values, scale);
        }

        SKERRY_AVX512_BF16 void end(const Heads<Number>& out, float* lse, std::size_t queries, const Lane* lanes,
                                    float scale) const {
            const __m512i across = _mm512_mullo_epi32(
                _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), _mm512_set1_epi32(kLanes));
            for (std::size_t lane = 0; lane < count_; ++lane) {
                lse[lanes[lane].head * queries + lanes[lane].row] = this->lse(lane, scale);
                const __m512 part = _mm512_set1_ps(one_by_sum(lane));
                Number* const to = out.row(lanes[lane].head, lanes[lane].row);
                for (std::size_t at = 0; at < size_; at += bf16::kLanes)
                    store(to + at, _mm512_mul_ps(part, _mm512_i32gather_ps(across, out_.data() + at * kLanes + lane, 4)));
            }
        }

    private:
        template <std::size_t Vectors, bool Masked>
        SKERRY_AVX512_BF16 void add(const Chunk<Number>& chunk, std::size_t count, const Values& values, float scale) {
            __m512 highest[Vectors], before[Vectors];
            for (std::size_t i = 0; i < Vectors; ++i)
                before[i] = highest[i] = _mm512_loadu_ps(highest_ + i * bf16::kLanes);
            for (std::size_t first = 0; first < count; first += kTile) score<Vectors, Masked>(chunk, first, count, highest);
            const __m512 factor = _mm512_set1_ps(scale * 1.44269504F);
            __m512 fall[Vectors], sums[Vectors], top[Vectors];
#pragma GCC unroll 2
            for (std::size_t i = 0; i < Vectors; ++i) {
                top[i] = _mm512_mul_ps(highest[i], factor);
                fall[i] = share_of(_mm512_mul_ps(_mm512_sub_ps(before[i], highest[i]), factor));
                sums[i] = _mm512_setzero_ps();
                _mm512_storeu_ps(highest_ + i * bf16::kLanes, highest[i]);
            }
            const std::size_t pairs = (count + 1) / 2;
            for (std::size_t pair = 0; pair < pairs; ++pair) share<Vectors>(pair, factor, top, sums);
#pragma GCC unroll 2
            for (std::size_t i = 0; i < Vectors; ++i) {
                float* const sum = sums_ + i * bf16::kLanes;
                _mm512_storeu_ps(sum, _mm512_fmadd_ps(_mm512_loadu_ps(sum), fall[i], sums[i]));
            }
            for (std::size_t first = 0; first < size_; first += kTile) mix<Vectors>(values, first, pairs, fall);
        }

        // Scores of `kTile` keys, those beyond `count` masked.
        template <std::size_t Vectors, bool Masked>
        SKERRY_BF16_INLINE void score(const Chunk<Number>& chunk, std::size_t first, std::size_t count,
                                      __m512 (&highest)[Vectors]) {
            const Number* rows[kTile];
            for (std::size_t i = 0; i < kTile; ++i) rows[i] = chunk.keys[std::min(first + i, count - 1)];
            __m512 sums[kTile][Vectors];
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kTile; ++i)
#pragma GCC unroll 2
                for (std::size_t j = 0; j < Vectors; ++j) sums[i][j] = _mm512_setzero_ps();
            const Pair* queries = queries_.data();
            for (std::size_t at = 0; at < size_; at += 2, queries += kLanes) {
                __m512i columns[Vectors];
#pragma GCC unroll 2
                for (std::size_t j = 0; j < Vectors; ++j) columns[j] = _mm512_loadu_si512(queries + j * bf16::kLanes);
#pragma GCC unroll 8
                for (std::size_t i = 0; i < kTile; ++i) {
                    const __m512i both = spread(rows[i] + at);
#pragma GCC unroll 2
                    for (std::size_t j = 0; j < Vectors; ++j) sums[i][j] = product(sums[i][j], columns[j], both);
                }
            }
            float* to = scores_ + first * kLanes;
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kTile; ++i, to += kLanes) {
                const bool there = first + i < count;
                const __m512i position = _mm512_set1_epi32(there ? chunk.positions[first + i] : INT32_MAX);
#pragma GCC unroll 2
                for (std::size_t j = 0; j < Vectors; ++j) {
                    __m512 value = sums[i][j];
                    if (Masked || !there) {
                        const __m512i limits = _mm512_loadu_si512(limits_ + j * bf16::kLanes);
                        value = _mm512_mask_mov_ps(_mm512_set1_ps(kMasked), _mm512_cmpgt_epi32_mask(limits, position),
                                                   value);
                    }
                    highest[j] = _mm512_max_ps(highest[j], value);
                    _mm512_storeu_ps(to + j * bf16::kLanes, value);
                }
            }
        }

        // Shares of two keys, as pairs, in the place of scores that have been read.
        template <std::size_t Vectors>
        SKERRY_BF16_INLINE void share(std::size_t pair, __m512 factor, const __m512 (&top)[Vectors],
                                      __m512 (&sums)[Vectors]) {
            const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                                                   22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
            const float* const from = scores_ + 2 * pair * kLanes;
            float* const to = scores_ + pair * kLanes;
#pragma GCC unroll 2
            for (std::size_t i = 0; i < Vectors; ++i) {
                const std::size_t at = i * bf16::kLanes;
                const __m512 first = share_of(_mm512_fmsub_ps(_mm512_loadu_ps(from + at), factor, top[i]));
                const __m512 second = share_of(_mm512_fmsub_ps(_mm512_loadu_ps(from + kLanes + at), factor, top[i]));
                sums[i] = _mm512_add_ps(sums[i], _mm512_add_ps(first, second));
                const auto both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
                _mm512_storeu_si512(to + at, _mm512_permutexvar_epi16(order, both));
            }
        }

        // `kTile` numbers of the output from `first` on.
        template <std::size_t Vectors>
        SKERRY_BF16_INLINE void mix(const Values& values, std::size_t first, std::size_t pairs,
                                    const __m512 (&fall)[Vectors]) {
            __m512 sums[kTile][Vectors];
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kTile; ++i)
#pragma GCC unroll 2
                for (std::size_t j = 0; j < Vectors; ++j) sums[i][j] = _mm512_setzero_ps();
            const Pair* value = values.data() + first;
            const float* shares = scores_;
            for (std::size_t pair = 0; pair < pairs; ++pair, value += size_, shares += kLanes) {
                __m512i columns[Vectors];
#pragma GCC unroll 2
                for (std::size_t j = 0; j < Vectors; ++j) columns[j] = _mm512_loadu_si512(shares + j * bf16::kLanes);
#pragma GCC unroll 8
                for (std::size_t i = 0; i < kTile; ++i) {
                    const __m512i both = _mm512_set1_epi32(static_cast<int>(value[i]));
#pragma GCC unroll 2
                    for (std::size_t j = 0; j < Vectors; ++j) sums[i][j] = product(sums[i][j], columns[j], both);
                }
            }
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kTile; ++i)
#pragma GCC unroll 2
                for (std::size_t j = 0; j < Vectors; ++j) {
                    float* const to = out_.data() + (first + i) * kLanes + j * bf16::kLanes;
                    _mm512_storeu_ps(to, _mm512_fmadd_ps(_mm512_loadu_ps(to), fall[j], sums[i][j]));
                }
        }

        std::size_t size_;
        std::vector<Pair> queries_;
        std::vector<float> out_;
        float scores_[(kChunk + kTile) * kLanes];
    };
};

}  // namespace skerry::bf16

#endif
