#pragma once

// The best of many scores, in order: highest first, the lower token where scores are equal.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <vector>

#include "bit_vector.hpp"

namespace skerry {

// Integers that are ordered as the floats are (0.0 = -0.0); not-a-number is below everything.
SKERRY_INLINE std::int32_t ordered_score(float score) {
    const auto bits = std::bit_cast<std::int32_t>(score + 0.0F);
    const std::int32_t ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF);
    return score != score ? INT32_MIN : ordered;
}

// Greater is better.
SKERRY_INLINE std::uint64_t score_key(float score, std::uint32_t token) {
    const auto high = static_cast<std::uint32_t>(ordered_score(score)) ^ 0x80000000U;
    return std::uint64_t{high} << 32 | (0xFFFFFFFFU - token);
}

struct TopScores {
    struct Key {
        std::uint64_t key;
        std::uint32_t place;
    };
    std::vector<Key> keys;

    // Brings the best `k` of `keys` to the front, in order; returns how many that are.
    std::uint64_t order_best(std::uint64_t k) {
        const auto best = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(k, keys.size()));
        std::partial_sort(keys.begin(), keys.begin() + best, keys.end(), better);
        return static_cast<std::uint64_t>(best);
    }

    // Makes `keys` the best of `scores[0 .. count)`, at least `wanted` of them (or all), in order; a key's place is its
    // token. The maximum of every 32 scores is taken; what is as good as the wanted-th best maximum is enough.
    template <class Isa>
    SKERRY_INLINE void select(const float* scores, std::uint64_t count, std::uint64_t wanted) {
        keys.clear();
        std::int32_t least = INT32_MIN;
        const std::uint64_t chunks = (count + kChunk - 1) / kChunk;
        maxima_.resize(chunks);
        for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
            const float* const first = scores + chunk * kChunk;
            std::int32_t most = INT32_MIN;
            if (chunk + 1 < chunks) {
                for (std::uint64_t i = 0; i < kChunk; ++i) most = std::max(most, ordered_score(first[i]));
            } else {
                for (std::uint64_t i = 0; i < count - chunk * kChunk; ++i) most = std::max(most, ordered_score(first[i]));
            }
            maxima_[chunk] = most;
        }
        if (wanted < chunks) {
            sorted_ = maxima_;
            const auto nth = sorted_.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
            std::nth_element(sorted_.begin(), nth, sorted_.end(), std::greater<>());
            least = *nth;
        }
        for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
            if (maxima_[chunk] < least) continue;
            const std::uint64_t end = std::min(count, (chunk + 1) * kChunk);
            for (std::uint64_t i = chunk * kChunk; i < end; ++i)
                if (ordered_score(scores[i]) >= least)
                    keys.push_back({score_key(scores[i], static_cast<std::uint32_t>(i)), static_cast<std::uint32_t>(i)});
        }
        std::sort(keys.begin(), keys.end(), better);
    }

private:
    static constexpr std::uint64_t kChunk = 32;

    static bool better(const Key& a, const Key& b) { return a.key > b.key; }

    std::vector<std::int32_t> maxima_, sorted_;
};

}  // namespace skerry
