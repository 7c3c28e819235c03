#pragma once

// Decoding's arithmetic in float32, for any instruction set.

#include <cfloat>

#include "range_attention.hpp"
#include "vectors.hpp"

namespace skerry {

template <class Isa>
struct FloatRangeArithmetic {
    using Number = float;
    using Vector = VectorOf<Isa::kWidth>;
    using Floats = typename Vector::Floats;

    static constexpr std::size_t kWidth = Isa::kWidth;

    static float rounded(float value) { return value; }

    class Heads {
    public:
        Heads(std::size_t count, std::size_t size)
            : count_(count), size_(size), queries_(count * size), out_(count * size), highest_(count, -FLT_MAX),
              sums_(count) {}

        void begin(const float* queries, std::size_t stride) {
            for (std::size_t head = 0; head < count_; ++head)
                std::memcpy(queries_.data() + head * size_, queries + head * stride, size_ * sizeof(float));
        }

        void add(const Chunk<float>& chunk, float scale) {
            Isa::run([&]() __attribute__((always_inline)) {
                std::size_t head = 0;
                for (; head + kMostTogether <= count_; head += kMostTogether) some<kMostTogether>(head, chunk, scale);
                for (; head < count_; ++head) some<1>(head, chunk, scale);
            });
        }

        // The scores of a chunk's keys, not yet scaled, of head i from `to` + i * `stride` on.
        void score(const Chunk<float>& chunk, float* to, std::size_t stride) const {
            Isa::run([&]() __attribute__((always_inline)) {
                for (std::size_t head = 0; head < count_; ++head) {
                    float scores[1][kChunk];
                    score_keys<1>(head, chunk, scores);
                    std::memcpy(to + head * stride, scores[0], chunk.count * sizeof(float));
                }
            });
        }

        // Shares, not yet divided by their sum, in the scores' place, of which there is room for whole chunks;
        // returns their sum.
        static float share(float* scores, std::size_t count, float scale) {
            float total = 0;
            Isa::run([&]() __attribute__((always_inline)) {
                const float factor = scale * 1.44269504F;
                const float now = highest_of(scores, count, -FLT_MAX);
                Floats sum = {};
                for (std::size_t at = 0; at < count; at += kWidth) {
                    const Floats shares = Vector::exp2((Vector::load(scores + at) - now) * factor);
                    sum += shares;
                    Vector::store(scores + at, shares);
                }
                total = Vector::sum(sum);
            });
            return total;
        }

        float highest(std::size_t head) const { return highest_[head]; }
        float sum(std::size_t head) const { return sums_[head]; }

        void mix_into(std::size_t head, float share, float* to) const {
            for (std::size_t at = 0; at < size_; ++at) to[at] += share * out_[head * size_ + at];
        }

    private:
        template <std::size_t Count>
        SKERRY_INLINE void some(std::size_t head, const Chunk<float>& chunk, float scale) {
            float scores[Count][kChunk], falls[Count];
            score_keys<Count>(head, chunk, scores);
            for (std::size_t i = 0; i < Count; ++i) falls[i] = softmax(head + i, scores[i], chunk.count, scale);
            std::size_t at = 0;
            for (; at + 4 * kWidth <= size_; at += 4 * kWidth) mix<Count, 4>(head, chunk, at, scores, falls);
            for (; at < size_; at += kWidth) mix<Count, 1>(head, chunk, at, scores, falls);
        }

        template <std::size_t Count>
        SKERRY_INLINE void score_keys(std::size_t head, const Chunk<float>& chunk,
                                      float (&scores)[Count][kChunk]) const {
            for (std::size_t key = 0; key < chunk.count; ++key) {
                Floats sums[Count] = {};
                for (std::size_t at = 0; at < size_; at += kWidth) {
                    const Floats numbers = Vector::load(chunk.keys[key] + at);
#pragma GCC unroll 4
                    for (std::size_t i = 0; i < Count; ++i)
                        sums[i] += numbers * Vector::load(queries_.data() + (head + i) * size_ + at);
                }
#pragma GCC unroll 4
                for (std::size_t i = 0; i < Count; ++i) scores[i][key] = Vector::sum(sums[i]);
            }
        }

        // The highest of the scores and `least`; what is missing in the last vector is given no share.
        static SKERRY_INLINE float highest_of(float* scores, std::size_t count, float least) {
            for (std::size_t at = count; at % kWidth; ++at) scores[at] = -FLT_MAX;
            Floats highest = Vector::all(least);
            for (std::size_t at = 0; at < count; at += kWidth) highest = Vector::larger(highest, Vector::load(scores + at));
            float now = highest[0];
            for (std::size_t lane = 1; lane < kWidth; ++lane) now = std::max(now, static_cast<float>(highest[lane]));
            return now;
        }

        // Shares in the scores' place; returns how much what was summed before falls.
        SKERRY_INLINE float softmax(std::size_t head, float (&scores)[kChunk], std::size_t count, float scale) {
            Floats sum = {};
            const float now = highest_of(scores, count, highest_[head]);
            const float factor = scale * 1.44269504F, fall = std::exp((highest_[head] - now) * scale);
            for (std::size_t at = 0; at < kChunk && at < count; at += kWidth) {
                const Floats share = Vector::exp2((Vector::load(scores + at) - now) * factor);
                sum += share;
                Vector::store(scores + at, share);
            }
            highest_[head] = now;
            sums_[head] = sums_[head] * fall + Vector::sum(sum);
            return fall;
        }

        template <std::size_t Count, std::size_t Vectors>
        SKERRY_INLINE void mix(std::size_t head, const Chunk<float>& chunk, std::size_t at,
                               const float (&shares)[Count][kChunk], const float (&falls)[Count]) {
            Floats sums[Count][Vectors];
#pragma GCC unroll 4
            for (std::size_t i = 0; i < Count; ++i)
#pragma GCC unroll 4
                for (std::size_t j = 0; j < Vectors; ++j)
                    sums[i][j] = falls[i] * Vector::load(out_.data() + (head + i) * size_ + at + j * kWidth);
            for (std::size_t key = 0; key < chunk.count; ++key) {
                Floats values[Vectors];
#pragma GCC unroll 4
                for (std::size_t j = 0; j < Vectors; ++j) values[j] = Vector::load(chunk.values[key] + at + j * kWidth);
#pragma GCC unroll 4
                for (std::size_t i = 0; i < Count; ++i)
#pragma GCC unroll 4
                    for (std::size_t j = 0; j < Vectors; ++j) sums[i][j] += shares[i][key] * values[j];
            }
#pragma GCC unroll 4
            for (std::size_t i = 0; i < Count; ++i)
#pragma GCC unroll 4
                for (std::size_t j = 0; j < Vectors; ++j)
                    Vector::store(out_.data() + (head + i) * size_ + at + j * kWidth, sums[i][j]);
        }

        std::size_t count_, size_;
        std::vector<float> queries_, out_, highest_, sums_;
    };
};

}  // namespace skerry
