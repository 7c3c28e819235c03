#pragma once

// Sparse attention's arithmetic in float32, for any instruction set.

#include "sparse_attention.hpp"
#include "vectors.hpp"

namespace skerry {

template <class Isa>
struct FloatSparseArithmetic {
    using Number = float;
    using Vector = VectorOf<Isa::kWidth>;
    using Floats = typename Vector::Floats;
    using Ints = typename Vector::Ints;

    static constexpr std::size_t kWidth = Isa::kWidth, kVectors = 2, kLanes = kVectors * kWidth;
    static constexpr std::size_t kTile = Isa::kTile;  // keys, or numbers of the output, whose sums stay in registers

    // Values are read where they lie.
    struct Values {
        explicit Values(std::size_t) {}
        void take(const Chunk<float>&) {}
    };

    class Group : RunningSoftmax<kLanes> {
        using RunningSoftmax<kLanes>::count_;
        using RunningSoftmax<kLanes>::highest_;
        using RunningSoftmax<kLanes>::kMasked;
        using RunningSoftmax<kLanes>::limits_;
        using RunningSoftmax<kLanes>::sums_;

    public:
        explicit Group(std::size_t size) : size_(size), queries_(size * kLanes), out_(size * kLanes) {}

        void begin(const Heads<const float>& q, const Lane* lanes, std::size_t count) {
            this->start(lanes, count);
            std::fill(queries_.begin(), queries_.end(), 0.0F);
            std::fill(out_.begin(), out_.end(), 0.0F);
            for (std::size_t lane = 0; lane < count; ++lane) {
                const float* const row = q.row(lanes[lane].head, lanes[lane].row);
                for (std::size_t at = 0; at < size_; ++at) queries_[at * kLanes + lane] = row[at];
            }
        }

        void add(const Chunk<float>& chunk, const Values&, float scale) {
            const std::size_t count = this->seen(chunk);
            if (count == 0) return;
            const bool masked = this->masked(chunk, count);
            Isa::run([&]() __attribute__((always_inline)) {
                if (masked)
                    add<true>(chunk, count, scale);
                else
                    add<false>(chunk, count, scale);
            });
        }

        void end(const Heads<float>& out, float* lse, std::size_t queries, const Lane* lanes, float scale) const {
            for (std::size_t lane = 0; lane < count_; ++lane) {
                const float part = this->one_by_sum(lane);
                lse[lanes[lane].head * queries + lanes[lane].row] = this->lse(lane, scale);
                float* const to = out.row(lanes[lane].head, lanes[lane].row);
                for (std::size_t at = 0; at < size_; ++at) to[at] = out_[at * kLanes + lane] * part;
            }
        }

    private:
        template <bool Masked>
        SKERRY_INLINE void add(const Chunk<float>& chunk, std::size_t count, float scale) {
            Floats highest[kVectors], fall[kVectors], top[kVectors], sums[kVectors];
            for (std::size_t i = 0; i < kVectors; ++i) highest[i] = Vector::load(highest_ + i * kWidth);
            for (std::size_t first = 0; first < count; first += kTile) score<Masked>(chunk, first, count, highest);
            const float factor = scale * 1.44269504F;
            for (std::size_t i = 0; i < kVectors; ++i) {
                top[i] = highest[i] * factor;
                fall[i] = Vector::exp2((Vector::load(highest_ + i * kWidth) - highest[i]) * factor);
                sums[i] = Floats{};
                Vector::store(highest_ + i * kWidth, highest[i]);
            }
            for (std::size_t key = 0; key < count; ++key)
#pragma GCC unroll 2
                for (std::size_t i = 0; i < kVectors; ++i) {
                    float* const at = scores_ + key * kLanes + i * kWidth;
                    const Floats share = Vector::exp2(Vector::load(at) * factor - top[i]);
                    sums[i] += share;
                    Vector::store(at, share);
                }
            for (std::size_t i = 0; i < kVectors; ++i) {
                float* const sum = sums_ + i * kWidth;
                Vector::store(sum, Vector::load(sum) * fall[i] + sums[i]);
            }
            for (std::size_t first = 0; first < size_; first += kTile) mix(chunk, count, first, fall);
        }

        // Scores of `kTile` keys, those beyond `count` masked.
        template <bool Masked>
        SKERRY_INLINE void score(const Chunk<float>& chunk, std::size_t first, std::size_t count,
                                 Floats (&highest)[kVectors]) {
            const float* rows[kTile];
            for (std::size_t i = 0; i < kTile; ++i) rows[i] = chunk.keys[std::min(first + i, count - 1)];
            Floats sums[kTile][kVectors] = {};
            const float* queries = queries_.data();
            for (std::size_t at = 0; at < size_; ++at, queries += kLanes) {
                Floats columns[kVectors];
#pragma GCC unroll 2
                for (std::size_t j = 0; j < kVectors; ++j) columns[j] = Vector::load(queries + j * kWidth);
#pragma GCC unroll 8
                for (std::size_t i = 0; i < kTile; ++i)
#pragma GCC unroll 2
                    for (std::size_t j = 0; j < kVectors; ++j) sums[i][j] += columns[j] * rows[i][at];
            }
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kTile; ++i) {
                const bool there = first + i < count;
                const std::int32_t position = there ? chunk.positions[first + i] : INT32_MAX;
#pragma GCC unroll 2
                for (std::size_t j = 0; j < kVectors; ++j) {
                    Floats value = sums[i][j];
                    if (Masked || !there)
                        value = Vector::load(limits_ + j * kWidth) > position ? value : Vector::all(kMasked);
                    highest[j] = Vector::larger(highest[j], value);
                    Vector::store(scores_ + (first + i) * kLanes + j * kWidth, value);
                }
            }
        }

        // `kTile` numbers of the output from `first` on.
        SKERRY_INLINE void mix(const Chunk<float>& chunk, std::size_t count, std::size_t first,
                               const Floats (&fall)[kVectors]) {
            Floats sums[kTile][kVectors] = {};
            const float* shares = scores_;
            for (std::size_t key = 0; key < count; ++key, shares += kLanes) {
                const float* const value = chunk.values[key] + first;
                Floats columns[kVectors];
#pragma GCC unroll 2
                for (std::size_t j = 0; j < kVectors; ++j) columns[j] = Vector::load(shares + j * kWidth);
#pragma GCC unroll 8
                for (std::size_t i = 0; i < kTile; ++i)
#pragma GCC unroll 2
                    for (std::size_t j = 0; j < kVectors; ++j) sums[i][j] += columns[j] * value[i];
            }
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kTile; ++i)
#pragma GCC unroll 2
                for (std::size_t j = 0; j < kVectors; ++j) {
                    float* const to = out_.data() + (first + i) * kLanes + j * kWidth;
                    Vector::store(to, Vector::load(to) * fall[j] + sums[i][j]);
                }
        }

        std::size_t size_;
        std::vector<float> queries_, out_;
        float scores_[(kChunk + kTile) * kLanes];
    };
};

}  // namespace skerry
