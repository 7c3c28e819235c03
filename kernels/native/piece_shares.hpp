#pragma once

// What the pieces of a cache get of one query's attention: its softmax over all rows, summed by piece. Values are not
// read.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "range_attention.hpp"

namespace skerry {

// `Arithmetic` as in RangeAttention; its `Heads` give scores (`score`) and turn them into shares (`share`).
template <class Arithmetic>
class PieceShares {
public:
    using Number = typename Arithmetic::Number;

    // `to` is (batch * kv_heads, pieces): the sum over the heads that share a KV head.
    PieceShares(const RangeShape& shape, Sequences<const Number> q, Sequences<const Number> k, std::size_t pieces,
                float* to)
        : shape_(shape), q_(q), k_(k), pieces_(pieces), to_(to) {}

    // `bounds` is (batch, pieces + 1): piece i is the rows [bounds[i], bounds[i + 1]).
    void run(const std::int32_t* bounds, unsigned threads) const {
        const std::size_t rows = shape_.batch * shape_.kv_heads;
        if (rows * shape_.capacity * shape_.size * sizeof(Number) < kWorthThreads) threads = 1;
        parallel_for(rows, 1, threads, [&](std::uint64_t begin, std::uint64_t end) {
            for (std::uint64_t row = begin; row < end; ++row)
                work(row, bounds + row / shape_.kv_heads * (pieces_ + 1), to_ + row * pieces_);
        });
    }

private:
    static constexpr std::size_t kWorthThreads = std::size_t{1} << 19;

    void work(std::size_t row, const std::int32_t* bounds, float* to) const {
        const std::size_t batch = row / shape_.kv_heads, kv_head = row % shape_.kv_heads;
        const std::size_t group = shape_.heads / shape_.kv_heads;
        const auto first = static_cast<std::size_t>(bounds[0]), end = static_cast<std::size_t>(bounds[pieces_]);
        const std::size_t wide = (end - first + kChunk - 1) / kChunk * kChunk;
        const Number* const keys = k_.data + batch * k_.batch_stride + kv_head * k_.head_stride;
        typename Arithmetic::Heads heads(group, shape_.size);
        heads.begin(q_.data + batch * q_.batch_stride + kv_head * group * q_.head_stride, q_.head_stride);
        std::vector<float> scores(group * wide);
        Chunk<Number> chunk;
        for (std::size_t at = first; at < end; at += chunk.count) {
            chunk.count = std::min(kChunk, end - at);
            for (std::size_t i = 0; i < chunk.count; ++i) chunk.keys[i] = keys + (at + i) * k_.row_stride;
            heads.score(chunk, scores.data() + (at - first), wide);
        }
        std::fill(to, to + pieces_, 0.0F);
        if (first == end) return;
        for (std::size_t head = 0; head < group; ++head) {
            float* const shares = scores.data() + head * wide;
            const float each = 1.0F / heads.share(shares, end - first, shape_.scale);
            for (std::size_t piece = 0; piece < pieces_; ++piece) {
                float sum = 0;
                for (std::int32_t at = bounds[piece]; at < bounds[piece + 1]; ++at)
                    sum += shares[static_cast<std::size_t>(at) - first];
                to[piece] += sum * each;
            }
        }
    }

    RangeShape shape_;
    Sequences<const Number> q_, k_;
    std::size_t pieces_;
    float* to_;
};

}  // namespace skerry
