#pragma once

// A Huffman-shaped wavelet matrix over the BWT, and the three ways to walk it. Positions are rows of a level; a walk that
// ends in a leaf at `position` has found row `position + delta(leaf)` of the index: the backward step (LF) is part of the
// walk. Walks run many at a time, round and round, and ask for their next block before it is their turn again.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "fm_index_file.hpp"
#include "isa.hpp"

namespace skerry {

struct WaveletLevel {
    RankBits bits;
    std::uint32_t zeros;       // elements that go left; the others' positions below start there
    std::uint32_t inner;       // nodes of this level
    std::uint32_t inner_below; // nodes of the next level that have children: the first ones
    std::uint32_t first_leaf;  // number of the first leaf of the next level
};

// A symbol's way down. Nothing occurs of a symbol whose count is 0.
struct SymbolCode {
    std::uint32_t code;    // the first bit in bit 31
    std::uint32_t length;
    std::uint32_t delta;
    std::uint32_t first;   // row of its first suffix
    std::uint32_t count;
};

class WaveletMatrix {
public:
    explicit WaveletMatrix(const OpenedFm& opened) : codes_(opened.header.alphabet + kFirstToken) {
        const FmHeader& header = opened.header;
        const auto* blocks = reinterpret_cast<const RankBlock*>(opened.section(kLevels));
        std::uint32_t leaf = 0;
        for (std::uint32_t level = 0; level < header.levels; ++level) {
            const FmLevelEntry& entry = opened.levels[level];
            const std::uint32_t below = level + 1 < header.levels ? opened.levels[level + 1].inner : 0;
            levels_.push_back({RankBits(blocks, entry.size), entry.zeros, entry.inner, below, leaf});
            blocks += RankBits::blocks(entry.size);
            std::uint32_t start = level + 1 < header.levels ? opened.levels[level + 1].size : 0;
            for (std::uint32_t i = 0; i < entry.leaves; ++i, ++leaf) {
                const FmLeafEntry& here = opened.leaves[leaf];
                SymbolCode& code = codes_[here.symbol];
                code = {opened.shape.code(level + 1, i), level + 1, start, 0, here.count};
                start += here.count;
            }
        }
        std::uint32_t first = 0;
        for (SymbolCode& code : codes_) {
            code.first = first;
            code.delta = first - code.delta;
            first += code.count;
        }
        for (const FmLeafEntry& here : opened.leaves) {
            symbols_.push_back(here.symbol);
            deltas_.push_back(codes_[here.symbol].delta);
        }
    }

    std::uint32_t rows() const { return levels_[0].bits.size(); }
    const SymbolCode& code(std::uint32_t symbol) const { return codes_[symbol]; }
    std::uint32_t symbols() const { return static_cast<std::uint32_t>(codes_.size()); }
    std::uint32_t leaf_symbol(std::uint32_t leaf) const { return symbols_[leaf]; }

    // Both ends of ranges, each down the way of one symbol. `start(i, walk)` gives the i-th of `count` (false: it needs no
    // walk); `arrived(walk)` gets the range of the extended n-gram, may set another symbol and say true to go on.
    struct Extension {
        std::uint32_t low, high, code, length, delta, level;
        std::uint64_t id;

        void towards(const SymbolCode& symbol) {
            code = symbol.code;
            length = symbol.length;
            delta = symbol.delta;
            level = 0;
        }
    };

    template <class Isa, class Start, class Arrived>
    SKERRY_INLINE void extend(std::uint64_t count, const Start& start, const Arrived& arrived) const {
        Extension walks[kWalks];
        std::uint32_t active = 0;
        const WaveletLevel* const levels = levels_.data();
        for (std::uint64_t next = 0;;) {
            for (; active < kWalks && next < count; ++next)
                if (start(next, walks[active])) prefetch_both(levels[0], walks[active].low, walks[active].high), ++active;
            if (active == 0) return;
            for (std::uint32_t i = 0; i < active;) {
                Extension& walk = walks[i];
                const WaveletLevel& level = levels[walk.level];
                const std::uint32_t low_ones = level.bits.template rank1<Isa>(walk.low);
                const std::uint32_t high_ones = level.bits.template rank1<Isa>(walk.high);
                const bool one = walk.code >> 31;
                walk.low = one ? level.zeros + low_ones : walk.low - low_ones;
                walk.high = one ? level.zeros + high_ones : walk.high - high_ones;
                walk.code <<= 1;
                ++walk.level;
                if (walk.low < walk.high && walk.level < walk.length) {
                    prefetch_both(levels[walk.level], walk.low, walk.high);
                    ++i;
                    continue;
                }
                if (walk.low < walk.high) {
                    walk.low += walk.delta;
                    walk.high += walk.delta;
                } else {
                    walk.low = walk.high = 0;
                }
                if (arrived(walk)) {
                    prefetch_both(levels[0], walk.low, walk.high);
                    ++i;
                } else {
                    walk = walks[--active];
                }
            }
        }
    }

    // Single rows, each down the way of its own BWT symbol, perhaps many times. `start(i, walk)` as above;
    // `arrived(walk, leaf)` gets the row after the step in `row` and says whether to make another.
    struct Descent {
        std::uint32_t row, node, level, steps;
        std::uint64_t id;
    };

    template <class Isa, class Start, class Arrived>
    SKERRY_INLINE void descend(std::uint64_t count, const Start& start, const Arrived& arrived) const {
        Descent walks[kWalks];
        std::uint32_t active = 0;
        const WaveletLevel* const levels = levels_.data();
        for (std::uint64_t next = 0;;) {
            for (; active < kWalks && next < count; ++next)
                if (start(next, walks[active])) {
                    walks[active].node = walks[active].level = 0;
                    levels[0].bits.prefetch(walks[active].row);
                    ++active;
                }
            if (active == 0) return;
            for (std::uint32_t i = 0; i < active;) {
                Descent& walk = walks[i];
                const WaveletLevel& level = levels[walk.level];
                std::uint32_t one;
                const std::uint32_t ones = level.bits.template rank1_and_bit<Isa>(walk.row, one);
                walk.row = one ? level.zeros + ones : walk.row - ones;
                walk.node += one ? level.inner : 0;
                if (walk.node < level.inner_below) {
                    levels[++walk.level].bits.prefetch(walk.row);
                    ++i;
                    continue;
                }
                const std::uint32_t leaf = level.first_leaf + walk.node - level.inner_below;
                walk.row += deltas_[leaf];
                walk.node = walk.level = 0;
                if (arrived(walk, leaf)) {
                    levels[0].bits.prefetch(walk.row);
                    ++i;
                } else {
                    walk = walks[--active];
                }
            }
        }
    }

    // Ranges with every symbol that occurs in them: all ways down at once, level by level.
    struct Node {
        std::uint32_t low, high, node, query;
    };
    struct Found {
        std::uint32_t low, high, leaf, query;
    };
    struct Scratch {
        std::vector<Node> nodes, below;
        std::vector<Found> found;
        std::size_t found_count = 0;
    };

    // `scratch.nodes` holds the non-empty ranges (node 0, ascending queries). Afterwards `scratch.found` holds, for every
    // symbol of every range, the range of the extended n-gram; by depth, and within a depth by query.
    template <class Isa>
    SKERRY_INLINE void enumerate(Scratch& scratch) const {
        std::size_t here = scratch.nodes.size();
        scratch.found_count = 0;
        for (std::uint32_t l = 0; here > 0; ++l) {
            const WaveletLevel& level = levels_[l];
            const WaveletLevel* const next = l + 1 < levels_.size() ? &levels_[l + 1] : &level;
            grow(scratch.below, 2 * here + 2);
            grow(scratch.found, scratch.found_count + 2 * here + 2);
            const Node* const nodes = scratch.nodes.data();
            Node* below = scratch.below.data();
            Found* found = scratch.found.data() + scratch.found_count;
            for (std::size_t i = 0; i < here; ++i) {
                const Node at = nodes[i];
                const std::uint32_t low_ones = level.bits.template rank1<Isa>(at.low);
                const std::uint32_t high_ones = level.bits.template rank1<Isa>(at.high);
                put(level, *next, at.low - low_ones, at.high - high_ones, at.node, at.query, below, found);
                put(level, *next, level.zeros + low_ones, level.zeros + high_ones, level.inner + at.node, at.query,
                    below, found);
            }
            here = static_cast<std::size_t>(below - scratch.below.data());
            scratch.found_count = static_cast<std::size_t>(found - scratch.found.data());
            std::swap(scratch.nodes, scratch.below);
        }
        for (std::size_t i = 0; i < scratch.found_count; ++i) {
            Found& found = scratch.found[i];
            found.low += deltas_[found.leaf];
            found.high += deltas_[found.leaf];
        }
    }

    template <class T>
    static void grow(std::vector<T>& vector, std::size_t size) {
        if (vector.size() < size) vector.resize(std::max(size, 2 * vector.size()));
    }

private:
    static constexpr std::uint32_t kWalks = 32;

    static SKERRY_INLINE void prefetch_both(const WaveletLevel& level, std::uint32_t low, std::uint32_t high) {
        level.bits.prefetch(low);
        level.bits.prefetch(high);
    }

    // A child, written to where it belongs without a branch: both places have room for one more.
    SKERRY_INLINE void put(const WaveletLevel& level, const WaveletLevel& next, std::uint32_t low, std::uint32_t high,
                           std::uint32_t node, std::uint32_t query, Node*& below, Found*& found) const {
        const bool exists = low < high;
        const bool inner = node < level.inner_below;
        *below = {low, high, node, query};
        *found = {low, high, level.first_leaf + node - level.inner_below, query};
        below += exists && inner;
        found += exists && !inner;
        prefetch_both(next, low, high);
    }

    std::vector<WaveletLevel> levels_;
    std::vector<SymbolCode> codes_;
    std::vector<std::uint32_t> symbols_, deltas_;
};

}  // namespace skerry
