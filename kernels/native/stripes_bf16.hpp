#pragma once

// Which keys each block of queries needs, by the means of parts of the block: every mean query is scored against all
// keys, and a key is needed that gets enough of the attention of one of them. Mean queries lie across the lanes.

#include <cmath>

#include "functions_avx512.hpp"
#include "sparse_attention_bf16.hpp"

#if SKERRY_X86_64

namespace skerry::bf16 {

struct StripeShape {
    std::size_t heads, kv_heads, queries, keys, size;
    std::size_t block, samples;     // `samples` mean queries a block: 1, 2, 4, ... 32
    std::size_t first_keys, window;  // seen by all; before a block of queries, seen by it
    float share, whole, scale;
};

// Of a head and a block of queries: key blocks, and keys outside them; both rise.
struct StripeRow {
    std::vector<std::int32_t> blocks, columns;
};

class Stripes {
public:
    static constexpr std::size_t kMeans = 2 * kLanes;

    Stripes(const StripeShape& shape, Heads<const Number> q, Heads<const Number> k)
        : shape_(shape), q_(q), k_(k), rows_((shape.queries + shape.block - 1) / shape.block) {}

    std::vector<StripeRow> run(unsigned threads) const {
        std::vector<StripeRow> out(shape_.heads * rows_);
        const std::size_t together = kMeans / shape_.samples, parts = (rows_ + together - 1) / together;
        parallel_for(parts * shape_.heads, 1, threads, [&](std::uint64_t begin, std::uint64_t end) {
            Work work(shape_.size);
            for (std::uint64_t at = begin; at < end; ++at) {
                const std::size_t head = at % shape_.heads, first = (parts - 1 - at / shape_.heads) * together;
                this->part(work, head, first, std::min(together, rows_ - first), &out[head * rows_ + first]);
            }
        });
        return out;
    }

private:
    static constexpr std::size_t kTile = 8;
    static constexpr float kLowest = -1e28F, kMasked = -1e34F;

    struct Work {
        explicit Work(std::size_t size) : queries(size / 2 * kMeans) {}

        std::vector<Pair> queries;
        std::vector<float> scores;  // of a key, `kMeans` side by side, in powers of two
        std::vector<std::int32_t> keys[kMeans];
        std::int32_t limits[kMeans];
        float highest[kMeans], least[kMeans];
    };

    std::size_t before() const { return shape_.keys - shape_.queries; }

    SKERRY_AVX512_BF16 void part(Work& work, std::size_t head, std::size_t first, std::size_t count,
                                 StripeRow* out) const {
        means(work, head, first, count);
        score(work, head / (shape_.heads / shape_.kv_heads));
        thresholds(work);
        pick(work, first, count);
        for (std::size_t row = 0; row < count; ++row) finish(work.keys[row], first + row, out[row]);
    }

    // The mean queries, and the keys that each sees: those up to its middle. Lanes without a query see none.
    void means(Work& work, std::size_t head, std::size_t first, std::size_t count) const {
        std::fill(work.queries.begin(), work.queries.end(), 0);
        const std::size_t length = shape_.block / shape_.samples, factor = kMeans / shape_.samples;
        std::vector<float> sums(shape_.size);
        for (std::size_t lane = 0; lane < kMeans; ++lane) {
            work.limits[lane] = 0;
            const std::size_t begin = (first + lane / shape_.samples) * shape_.block + lane % shape_.samples * length;
            const std::size_t end = std::min(begin + length, shape_.queries);
            if (lane / shape_.samples >= std::min(count, factor) || begin >= end) continue;
            work.limits[lane] = static_cast<std::int32_t>(std::min(before() + begin + length / 2 + 1, shape_.keys));
            std::fill(sums.begin(), sums.end(), 0.0F);
            for (std::size_t row = begin; row < end; ++row) {
                const Number* const query = q_.row(head, row);
                for (std::size_t i = 0; i < shape_.size; ++i) sums[i] += widened(query[i]);
            }
            const float part = shape_.scale * 1.44269504F / static_cast<float>(end - begin);
            for (std::size_t pair = 0; pair < shape_.size / 2; ++pair)
                work.queries[pair * kMeans + lane] = static_cast<Pair>(rounded(sums[2 * pair] * part)) |
                                                     static_cast<Pair>(rounded(sums[2 * pair + 1] * part)) << 16;
        }
    }

    SKERRY_AVX512_BF16 void score(Work& work, std::size_t kv_head) const {
        std::int32_t least = INT32_MAX, most = 0;
        for (const std::int32_t limit : work.limits) {
            most = std::max(most, limit);
            if (limit > 0) least = std::min(least, limit);
        }
        const std::size_t keys = rounded_up(static_cast<std::size_t>(most), kTile);
        work.scores.resize(keys * kMeans);
        __m512 highest[2] = {_mm512_set1_ps(kLowest), _mm512_set1_ps(kLowest)};
        const __m512i limits[2] = {_mm512_loadu_si512(work.limits), _mm512_loadu_si512(work.limits + kLanes)};
        for (std::size_t first = 0; first < keys; first += kTile) {
            __m512 sums[kTile][2];
            multiply(work, kv_head, first, sums);
            const bool masked = first + kTile > static_cast<std::size_t>(least);
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kTile; ++i)
#pragma GCC unroll 2
                for (std::size_t j = 0; j < 2; ++j) {
                    if (masked) {
                        const __m512i position = _mm512_set1_epi32(static_cast<int>(first + i));
                        sums[i][j] = _mm512_mask_mov_ps(_mm512_set1_ps(kMasked),
                                                        _mm512_cmplt_epi32_mask(position, limits[j]), sums[i][j]);
                    }
                    highest[j] = _mm512_max_ps(highest[j], sums[i][j]);
                    _mm512_storeu_ps(work.scores.data() + (first + i) * kMeans + j * kLanes, sums[i][j]);
                }
        }
        _mm512_storeu_ps(work.highest, highest[0]);
        _mm512_storeu_ps(work.highest + kLanes, highest[1]);
    }

    SKERRY_BF16_INLINE void multiply(const Work& work, std::size_t kv_head, std::size_t first,
                                     __m512 (&sums)[kTile][2]) const {
        const Number* keys[kTile];
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kTile; ++i) {
            keys[i] = k_.row(kv_head, std::min(first + i, shape_.keys - 1));
            sums[i][0] = sums[i][1] = _mm512_setzero_ps();
        }
        const Pair* query = work.queries.data();
        for (std::size_t pair = 0; pair < shape_.size / 2; ++pair, query += kMeans) {
            const auto low = reinterpret_cast<__m512bh>(_mm512_loadu_si512(query));
            const auto high = reinterpret_cast<__m512bh>(_mm512_loadu_si512(query + kLanes));
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kTile; ++i) {
                Pair both;
                std::memcpy(&both, keys[i] + 2 * pair, sizeof both);
                const auto spread = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(both)));
                sums[i][0] = _mm512_dpbf16_ps(sums[i][0], low, spread);
                sums[i][1] = _mm512_dpbf16_ps(sums[i][1], high, spread);
            }
        }
    }

    // What a key must score so that its share is `share` times an equal one.
    SKERRY_AVX512_BF16 void thresholds(Work& work) const {
        const __m512 highest[2] = {_mm512_loadu_ps(work.highest), _mm512_loadu_ps(work.highest + kLanes)};
        __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        for (const float *at = work.scores.data(), *end = at + work.scores.size(); at < end; at += kMeans)
#pragma GCC unroll 2
            for (std::size_t j = 0; j < 2; ++j)
                sums[j] = _mm512_add_ps(sums[j], share_of(_mm512_sub_ps(_mm512_loadu_ps(at + j * kLanes), highest[j])));
        float totals[kMeans];
        _mm512_storeu_ps(totals, sums[0]);
        _mm512_storeu_ps(totals + kLanes, sums[1]);
        for (std::size_t lane = 0; lane < kMeans; ++lane)
            work.least[lane] = work.limits[lane] == 0
                                   ? HUGE_VALF
                                   : work.highest[lane] + std::log2(totals[lane] * shape_.share /
                                                                    static_cast<float>(work.limits[lane]));
    }

    // The keys before those that a block sees in any case which one of its mean queries wants.
    SKERRY_AVX512_BF16 void pick(Work& work, std::size_t first, std::size_t count) const {
        const __m512 least[2] = {_mm512_loadu_ps(work.least), _mm512_loadu_ps(work.least + kLanes)};
        for (std::size_t row = 0; row < count; ++row) work.keys[row].clear();
        std::size_t from = 0;
        for (std::size_t row = 0; row < count; ++row) {
            // Keys up to the near ones of this row, for all rows from it on.
            const std::size_t to = near(first + row) * shape_.block;
            for (std::size_t key = from; key < to; ++key) {
                const float* const scores = work.scores.data() + key * kMeans;
                std::uint32_t wants = _mm512_cmp_ps_mask(_mm512_loadu_ps(scores), least[0], _CMP_GT_OQ) |
                                      static_cast<std::uint32_t>(_mm512_cmp_ps_mask(_mm512_loadu_ps(scores + kLanes),
                                                                                    least[1], _CMP_GT_OQ))
                                          << kLanes;
                if (key < shape_.first_keys) wants = ~0U;
                wants &= ~0U << row * shape_.samples;
                while (wants != 0) {
                    const auto at = static_cast<std::size_t>(__builtin_ctz(wants)) / shape_.samples;
                    if (at >= count) break;
                    work.keys[at].push_back(static_cast<std::int32_t>(key));
                    const std::size_t next = (at + 1) * shape_.samples;
                    wants = next < kMeans ? wants & ~0U << next : 0;
                }
            }
            from = to;
        }
    }

    // The first of the key blocks that a query block sees in any case.
    std::size_t near(std::size_t row) const {
        const std::size_t first = before() + row * shape_.block;
        return (first - std::min(first, shape_.window)) / shape_.block;
    }

    void finish(const std::vector<std::int32_t>& keys, std::size_t row, StripeRow& out) const {
        const std::size_t first = near(row);
        const auto enough = shape_.whole * static_cast<float>(shape_.block);
        auto at = keys.begin();
        for (std::size_t block = 0; block < first; ++block) {
            auto end = at;
            while (end != keys.end() && static_cast<std::size_t>(*end) < (block + 1) * shape_.block) ++end;
            if (static_cast<float>(end - at) >= enough)
                out.blocks.push_back(static_cast<std::int32_t>(block));
            else
                out.columns.insert(out.columns.end(), at, end);
            at = end;
        }
        const std::size_t last = std::min(before() + (row + 1) * shape_.block, shape_.keys) - 1;
        for (std::size_t block = first; block <= last / shape_.block; ++block)
            out.blocks.push_back(static_cast<std::int32_t>(block));
    }

    static float widened(Number value) {
        const std::uint32_t bits = static_cast<std::uint32_t>(value) << 16;
        float out;
        std::memcpy(&out, &bits, sizeof out);
        return out;
    }

    StripeShape shape_;
    Heads<const Number> q_, k_;
    std::size_t rows_;
};

}  // namespace skerry::bf16

#endif
