#pragma once

// Attention of one query a head to ranges of rows: a step of decoding. The heads that share keys and values read them
// together, each row once.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "parallel.hpp"
#include "sparse_attention.hpp"

namespace skerry {

inline constexpr std::size_t kMostTogether = 4;  // heads whose sums stay in registers

struct RangeShape {
    std::size_t batch, heads, kv_heads, capacity, size;
    float scale;
};

// Rows of heads of sequences: strides in numbers.
template <class Number>
struct Sequences {
    Number* data;
    std::size_t batch_stride, head_stride, row_stride;
};

struct RowRange {
    std::int32_t from, to;
};

// `Arithmetic` has `Number` and the class `Heads`: some heads of one query, which take chunk after chunk (`add`), and
// whose sums (`out`, not yet divided), highest scores and sums of shares are read when all is added.
template <class Arithmetic>
class RangeAttention {
public:
    using Number = typename Arithmetic::Number;

    RangeAttention(const RangeShape& shape, Sequences<const Number> q, Sequences<const Number> k,
                   Sequences<const Number> v, Number* out, float* lse)
        : shape_(shape), q_(q), k_(k), v_(v), out_(out), lse_(lse) {}

    void run(const std::int32_t* starts, const RowRange* ranges, unsigned threads) const {
        const std::size_t rows = shape_.batch * shape_.kv_heads;
        std::vector<Part> parts;
        std::vector<std::size_t> firsts(1, 0);
        std::size_t all = 0;
        for (std::size_t row = 0; row < rows; ++row) {
            all += cut(row, ranges + starts[row], ranges + starts[row + 1], parts);
            firsts.push_back(parts.size());
        }
        std::vector<typename Arithmetic::Heads> done(parts.size(), {shape_.heads / shape_.kv_heads, shape_.size});
        if (all * shape_.size * sizeof(Number) < kWorthThreads) threads = 1;
        parallel_for(parts.size(), 1, threads, [&](std::uint64_t begin, std::uint64_t end) {
            for (std::uint64_t at = begin; at < end; ++at) work(parts[at], done[at]);
        });
        for (std::size_t row = 0; row < rows; ++row)
            join(row, done.data() + firsts[row], firsts[row + 1] - firsts[row]);
    }

private:
    static constexpr std::size_t kPart = 8 * kChunk;               // rows whose sums are worked out apart
    static constexpr std::size_t kWorthThreads = std::size_t{1} << 19;

    // `count` rows of a KV head, from row `skip` of `range` on.
    struct Part {
        std::size_t row, skip, count;
        const RowRange* range;
    };

    // Parts are cut by the number of rows alone, so that neither threads nor how ranges are cut changes a result.
    static std::size_t cut(std::size_t row, const RowRange* range, const RowRange* end, std::vector<Part>& parts) {
        std::size_t room = 0, all = 0;
        for (; range < end; ++range) {
            const auto length = static_cast<std::size_t>(range->to - range->from);
            all += length;
            for (std::size_t skip = 0; skip < length;) {
                if (room == 0) {
                    parts.push_back({row, skip, 0, range});
                    room = kPart;
                }
                const std::size_t taken = std::min(room, length - skip);
                parts.back().count += taken;
                room -= taken;
                skip += taken;
            }
        }
        return all;
    }

    void work(const Part& part, typename Arithmetic::Heads& heads) const {
        const std::size_t batch = part.row / shape_.kv_heads, kv_head = part.row % shape_.kv_heads;
        const std::size_t group = shape_.heads / shape_.kv_heads;
        const Number* const keys = k_.data + batch * k_.batch_stride + kv_head * k_.head_stride;
        const Number* const values = v_.data + batch * v_.batch_stride + kv_head * v_.head_stride;
        heads.begin(q_.data + batch * q_.batch_stride + kv_head * group * q_.head_stride, q_.head_stride);
        Chunk<Number> chunk;
        chunk.count = 0;
        const RowRange* range = part.range;
        auto row = static_cast<std::size_t>(range->from) + part.skip;
        for (std::size_t left = part.count; left > 0;) {
            for (; row == static_cast<std::size_t>(range->to); row = static_cast<std::size_t>(range->from)) ++range;
            chunk.keys[chunk.count] = keys + row * k_.row_stride;
            chunk.values[chunk.count++] = values + row * v_.row_stride;
            ++row;
            if (--left > 0 && chunk.count < kChunk) continue;
            heads.add(chunk, shape_.scale);
            chunk.count = 0;
        }
    }

    void join(std::size_t row, const typename Arithmetic::Heads* parts, std::size_t count) const {
        const std::size_t group = shape_.heads / shape_.kv_heads;
        std::vector<float> mixed(shape_.size);
        for (std::size_t head = 0; head < group; ++head) {
            std::fill(mixed.begin(), mixed.end(), 0.0F);
            float highest = -HUGE_VALF, sum = 0;
            for (std::size_t i = 0; i < count; ++i) highest = std::max(highest, parts[i].highest(head));
            for (std::size_t i = 0; i < count; ++i) {
                const float share = std::exp((parts[i].highest(head) - highest) * shape_.scale);
                sum += parts[i].sum(head) * share;
                parts[i].mix_into(head, share, mixed.data());
            }
            const std::size_t to = row * group + head;
            lse_[to] = sum > 0 ? highest * shape_.scale + std::log(sum) : -HUGE_VALF;
            for (std::size_t at = 0; at < shape_.size; ++at)
                out_[to * shape_.size + at] = Arithmetic::rounded(sum > 0 ? mixed[at] / sum : 0.0F);
        }
    }

    RangeShape shape_;
    Sequences<const Number> q_, k_, v_;
    Number* out_;
    float* lse_;
};

}  // namespace skerry
