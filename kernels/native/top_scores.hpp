#pragma once

// The best of many scores, in order: highest first, the lower token where scores are equal.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
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

    // Makes `keys` the best of `scores[0 .. count)`, at least `wanted` of the numbers among them (all scores where
    // `wanted` is all), in order; a key's place is its token. The maximum of every 32 scores is taken; what is as good
    // as the wanted-th best maximum is enough.
    template <class Isa>
    SKERRY_INLINE void select(const float* scores, std::uint64_t count, std::uint64_t wanted) {
        keys.clear();
        const std::uint64_t chunks = (count + kChunk - 1) / kChunk;
        if (wanted >= chunks) {
            for (std::uint64_t i = 0; i < count; ++i) add(scores, i);
            std::sort(keys.begin(), keys.end(), better);
            return;
        }
        maxima_.resize(chunks);
        for (std::uint64_t chunk = 0; chunk < chunks; ++chunk)
            maxima_[chunk] = largest(scores + chunk * kChunk, std::min(kChunk, count - chunk * kChunk));
        sorted_ = maxima_;
        const auto nth = sorted_.begin() + static_cast<std::ptrdiff_t>(wanted - 1);
        std::nth_element(sorted_.begin(), nth, sorted_.end(), std::greater<>());
        const float least = *nth;
        for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
            if (maxima_[chunk] < least) continue;
            const std::uint64_t end = std::min(count, (chunk + 1) * kChunk);
            for (std::uint64_t i = chunk * kChunk; i < end; ++i)
                if (scores[i] >= least) add(scores, i);
        }
        std::sort(keys.begin(), keys.end(), better);
    }

private:
    static constexpr std::uint64_t kChunk = 32;

    void add(const float* scores, std::uint64_t i) {
        keys.push_back({score_key(scores[i], static_cast<std::uint32_t>(i)), static_cast<std::uint32_t>(i)});
    }

    // The largest number; not-a-number is passed over. Eight at a time, which the compiler does not find by itself.
    static SKERRY_INLINE float largest(const float* scores, std::uint64_t count) {
        using Eight __attribute__((vector_size(32))) = float;
        constexpr float kLeast = -std::numeric_limits<float>::infinity();
        float most = kLeast;
        std::uint64_t i = 0;
        if (count >= 8) {
            Eight lanes = {kLeast, kLeast, kLeast, kLeast, kLeast, kLeast, kLeast, kLeast};
            for (; i + 8 <= count; i += 8) {
                Eight next;
                std::memcpy(&next, scores + i, sizeof next);
                lanes = next > lanes ? next : lanes;
            }
            for (int lane = 0; lane < 8; ++lane) most = lanes[lane] > most ? lanes[lane] : most;
        }
        for (; i < count; ++i) most = scores[i] > most ? scores[i] : most;
        return most;
    }

    static bool better(const Key& a, const Key& b) { return a.key > b.key; }

    std::vector<float> maxima_, sorted_;
};

}  // namespace skerry
