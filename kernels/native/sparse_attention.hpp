#pragma once

// Attention of queries to chosen keys, with a softmax that goes on from chunk to chunk (online softmax, Milakov and
// Gimelshein 2018; FlashAttention, Dao et al. 2022).
//
// Queries lie across the lanes of vectors, keys and values are read as they lie: a key's number, spread over a vector,
// meets the same number of many queries. So maxima, sums and masks are of whole vectors, nothing is added up across
// lanes, and a lone key costs what one of a block costs. What a query gives depends on it and the keys it sees alone,
// never on the queries beside it: chunks are cut at fixed positions, and what is masked adds zero.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "parallel.hpp"

namespace skerry {

inline constexpr std::size_t kChunk = 128;  // keys that are scored before their values are mixed

// Rows of a few heads: strides in numbers.
template <class Number>
struct Heads {
    Number* data;
    std::size_t head_stride, row_stride;

    Number* row(std::size_t head, std::size_t row) const { return data + head * head_stride + row * row_stride; }
};

// One head of the queries and the row in it: what a lane stands for.
struct Lane {
    std::uint32_t head, row;
    std::int32_t limit;  // sees the keys before
};

// Keys that are read together: where their rows lie, and their positions, which rise.
template <class Number>
struct Chunk {
    std::size_t count;
    const Number* keys[kChunk];
    const Number* values[kChunk];
    std::int32_t positions[kChunk];
};

// Of a group of up to `Lanes` queries: what each may see, its highest score, and the sum of its shares.
template <std::size_t Lanes>
class RunningSoftmax {
protected:
    // Lower than every score; a masked score is lower still, so that its share is zero even where nothing was seen.
    static constexpr float kLowest = -1e28F, kMasked = -1e34F;

    void start(const Lane* lanes, std::size_t count) {
        count_ = count;
        least_ = INT32_MAX;
        most_ = 0;
        for (std::size_t lane = 0; lane < Lanes; ++lane) {
            highest_[lane] = kLowest;
            sums_[lane] = 0;
            limits_[lane] = lane < count ? lanes[lane].limit : 0;
            if (lane < count) least_ = std::min(least_, limits_[lane]);
            most_ = std::max(most_, limits_[lane]);
        }
    }

    // Of a chunk's keys, those that any of the queries sees.
    template <class Number>
    std::size_t seen(const Chunk<Number>& chunk) const {
        std::size_t count = chunk.count;
        while (count > 0 && chunk.positions[count - 1] >= most_) --count;
        return count;
    }

    // Whether some query does not see all of the first `count`, at least one.
    template <class Number>
    bool masked(const Chunk<Number>& chunk, std::size_t count) const {
        return chunk.positions[count - 1] >= least_;
    }

    float lse(std::size_t lane, float scale) const {
        return sums_[lane] > 0 ? highest_[lane] * scale + std::log(sums_[lane]) : -HUGE_VALF;
    }

    float one_by_sum(std::size_t lane) const { return sums_[lane] > 0 ? 1.0F / sums_[lane] : 0.0F; }

    std::size_t count_ = 0;
    std::int32_t limits_[Lanes];
    float highest_[Lanes], sums_[Lanes];

private:
    std::int32_t least_ = 0, most_ = 0;
};

struct SparseShape {
    std::size_t heads, kv_heads, queries, keys, size;
    float scale;
};

// The keys and columns of every (head, block of queries), as BlockIndex has them.
struct BlockRows {
    std::size_t block;
    const std::int32_t *block_starts, *blocks, *column_starts, *columns;
};

// `Arithmetic` does the work on numbers: it has `Number`, `kLanes` (of a group) and the class `Group`, which packs its
// queries (`begin`), takes chunk after chunk (`add`) and writes what came out (`end`); `Values` is what it makes of a
// chunk's values for all groups.
template <class Arithmetic>
class SparseAttention {
public:
    using Number = typename Arithmetic::Number;
    using Group = typename Arithmetic::Group;

    SparseAttention(const SparseShape& shape, Heads<const Number> q, Heads<const Number> k, Heads<const Number> v,
                    Heads<Number> out, float* lse)
        : shape_(shape), q_(q), k_(k), v_(v), out_(out), lse_(lse) {}

    void blocks(const BlockRows& index, unsigned threads) const {
        const std::size_t parts = (shape_.queries + index.block - 1) / index.block;
        const std::size_t before = shape_.keys - shape_.queries;
        // The last blocks see most: first they.
        parallel_for(parts * shape_.heads, 1, threads, [&](std::uint64_t begin, std::uint64_t end) {
            Work work(shape_.size, (index.block + Arithmetic::kLanes - 1) / Arithmetic::kLanes);
            for (std::uint64_t at = begin; at < end; ++at) {
                const std::size_t part = parts - 1 - at / shape_.heads, head = at % shape_.heads;
                work.lanes.clear();
                for (std::size_t row = part * index.block; row < std::min(shape_.queries, (part + 1) * index.block); ++row)
                    work.lanes.push_back({static_cast<std::uint32_t>(head), static_cast<std::uint32_t>(row),
                                          static_cast<std::int32_t>(before + row + 1)});
                this->begin(work);
                const std::size_t row = head * parts + part, kv_head = head / (shape_.heads / shape_.kv_heads);
                runs(index, row, work, kv_head);
                lone(index, row, work, kv_head);
                this->end(work);
            }
        });
    }

    void suffix(const std::int32_t* limits, unsigned threads) const {
        const std::size_t group = shape_.heads / shape_.kv_heads, all = group * shape_.queries;
        // Few queries are divided among the threads, many keep the chunks that they share in cache.
        const std::size_t wide = all >= 8 * kWide * threads ? kWide : 2 * Arithmetic::kLanes;
        const std::size_t parts = (all + wide - 1) / wide;
        parallel_for(parts * shape_.kv_heads, 1, threads, [&](std::uint64_t begin, std::uint64_t end) {
            Work work(shape_.size, wide / Arithmetic::kLanes);
            for (std::uint64_t at = begin; at < end; ++at) {
                const std::size_t part = parts - 1 - at / shape_.kv_heads, kv_head = at % shape_.kv_heads;
                work.lanes.clear();
                for (std::size_t lane = part * wide; lane < std::min(all, (part + 1) * wide); ++lane)
                    work.lanes.push_back({static_cast<std::uint32_t>(kv_head * group + lane % group),
                                          static_cast<std::uint32_t>(lane / group), limits[lane / group]});
                this->begin(work);
                run(work, kv_head, 0, shape_.keys);
                this->end(work);
            }
        });
    }

private:
    static constexpr std::size_t kWide = 4 * Arithmetic::kLanes;

    struct Work {
        Work(std::size_t size, std::size_t count) : values(size) {
            for (std::size_t i = 0; i < count; ++i) groups.push_back(std::make_unique<Group>(size));
        }

        std::vector<Lane> lanes;
        std::vector<std::unique_ptr<Group>> groups;
        std::size_t used = 0;
        std::int32_t most = 0;  // the highest limit
        Chunk<Number> chunk;
        typename Arithmetic::Values values;
    };

    void begin(Work& work) const {
        work.used = 0;
        work.most = 0;
        for (std::size_t from = 0; from < work.lanes.size(); from += Arithmetic::kLanes) {
            const std::size_t count = std::min(work.lanes.size() - from, Arithmetic::kLanes);
            work.groups[work.used++]->begin(q_, work.lanes.data() + from, count);
            for (std::size_t i = 0; i < count; ++i) work.most = std::max(work.most, work.lanes[from + i].limit);
        }
    }

    void add(Work& work) const {
        if (work.chunk.count == 0) return;
        work.values.take(work.chunk);
        for (std::size_t i = 0; i < work.used; ++i) work.groups[i]->add(work.chunk, work.values, shape_.scale);
    }

    void end(Work& work) const {
        for (std::size_t i = 0; i < work.used; ++i)
            work.groups[i]->end(out_, lse_, shape_.queries, work.lanes.data() + i * Arithmetic::kLanes, shape_.scale);
    }

    // Keys [from, to), cut at multiples of a chunk.
    void run(Work& work, std::size_t kv_head, std::size_t from, std::size_t to) const {
        to = std::min(to, static_cast<std::size_t>(work.most));
        while (from < to) {
            const std::size_t end = std::min(to, (from / kChunk + 1) * kChunk);
            work.chunk.count = end - from;
            for (std::size_t i = 0; i < end - from; ++i) set(work.chunk, i, kv_head, from + i);
            add(work);
            from = end;
        }
    }

    void runs(const BlockRows& index, std::size_t row, Work& work, std::size_t kv_head) const {
        const std::int32_t *at = index.blocks + index.block_starts[row], *end = index.blocks + index.block_starts[row + 1];
        while (at < end) {
            const auto first = static_cast<std::size_t>(*at);
            std::size_t after = first + 1;
            for (++at; at < end && static_cast<std::size_t>(*at) == after; ++at) ++after;
            run(work, kv_head, first * index.block, std::min(shape_.keys, after * index.block));
        }
    }

    void lone(const BlockRows& index, std::size_t row, Work& work, std::size_t kv_head) const {
        const std::int32_t *at = index.columns + index.column_starts[row],
                           *end = index.columns + index.column_starts[row + 1];
        while (at < end && *at < work.most) {
            std::size_t count = 0;
            for (; at < end && *at < work.most && count < kChunk; ++at)
                set(work.chunk, count++, kv_head, static_cast<std::size_t>(*at));
            work.chunk.count = count;
            add(work);
        }
    }

    void set(Chunk<Number>& chunk, std::size_t i, std::size_t kv_head, std::size_t position) const {
        chunk.keys[i] = k_.row(kv_head, position);
        chunk.values[i] = v_.row(kv_head, position);
        chunk.positions[i] = static_cast<std::int32_t>(position);
    }

    SparseShape shape_;
    Heads<const Number> q_, k_, v_;
    Heads<Number> out_;
    float* lse_;
};

}  // namespace skerry
