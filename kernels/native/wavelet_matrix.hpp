#pragma once

// A Huffman-shaped wavelet matrix over the BWT, and the two ways to walk it. Positions are rows of a level; a walk that
// ends in a leaf at `position` has found row `position + delta(leaf)` of the index: the backward step (LF) is part of
// the walk. Many walks go down together, one level at a time: the level's numbers stay in registers, blocks are fetched
// ahead, and nothing branches on the text.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "buffer.hpp"
#include "fm_index_file.hpp"
#include "isa.hpp"
#include "wavelet_avx512.hpp"

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

    const SymbolCode& code(std::uint32_t symbol) const { return codes_[symbol]; }
    std::uint32_t leaf_symbol(std::uint32_t leaf) const { return symbols_[leaf]; }

    // Both ends of a range, down the way of one symbol.
    struct Way {
        std::uint32_t low, high, code, length, delta, id;
    };
    struct Arrival {
        std::uint32_t low, high, id;
    };
    struct Ways {
        Buffer<Way> ways, next;
        Buffer<Arrival> arrived;

        void add(std::uint32_t low, std::uint32_t high, const SymbolCode& symbol, std::uint32_t id) {
            ways.push({low, high, symbol.code, symbol.length, symbol.delta, id});
        }
    };

    // Takes all `ways` down. Afterwards `arrived` has the range of each longer n-gram, 0, 0 where it does not occur, in
    // no order, and there are no ways.
    template <class Isa>
    SKERRY_INLINE void go(Ways& all) const {
        all.arrived.clear();
        all.arrived.reserve(all.ways.size() + 1);
        all.next.reserve(all.ways.size() + 1);
        Arrival* arrived = all.arrived.data();
        for (std::uint32_t l = 0; all.ways.size() > 0; ++l) {
            const WaveletLevel level = levels_[l];
            const std::size_t here = all.ways.size();
            const Way* const ways = all.ways.data();
            Way* next = all.next.data();
            for (std::size_t i = 0; i < std::min(kAhead, here); ++i) prefetch(level, ways[i].low, ways[i].high);
            for (std::size_t i = 0; i < here; ++i) {
                if (i + kAhead < here) prefetch(level, ways[i + kAhead].low, ways[i + kAhead].high);
                const Way& way = ways[i];
                const std::uint32_t one = way.code >> 31;
                const std::uint32_t low = below(level, way.low, level.bits.template rank1<Isa>(way.low), one);
                const std::uint32_t high = below(level, way.high, level.bits.template rank1<Isa>(way.high), one);
                const bool exists = low < high;
                const bool on = exists & (l + 1 < way.length);
                const std::uint32_t keep = 0U - static_cast<std::uint32_t>(exists);
                *next = {low, high, way.code << 1, way.length, way.delta, way.id};
                *arrived = {(low + way.delta) & keep, (high + way.delta) & keep, way.id};
                next += on;
                arrived += !on;
            }
            all.next.end_at(next);
            std::swap(all.ways, all.next);
            all.next.reserve(all.ways.size() + 1);
        }
        all.arrived.end_at(arrived);
    }

    // Ranges, down the ways of all symbols that occur in them, level by level. A range of one row needs one rank.
    struct Node {
        std::uint32_t low, high, node, query;
    };
    struct Single {
        std::uint32_t row, node, query;
    };
    struct Found {
        std::uint32_t low, high, leaf, query;
    };
    struct Scratch {
        Buffer<Node> nodes, next_nodes;
        Buffer<Single> singles, next_singles;
        Buffer<Found> found;
#if SKERRY_X86_64
        avx512::Scratch eights;
#endif

        void clear() {
            nodes.clear();
            singles.clear();
        }

        void add(std::uint32_t low, std::uint32_t high, std::uint32_t query) {
            if (high - low == 1)
                singles.push({low, 0, query});
            else if (low < high)
                nodes.push({low, high, 0, query});
        }
    };

    // Takes all that was added down. Afterwards `found` has, in no order, every symbol of every range with the range of
    // the longer n-gram, and there is nothing added. A single row's is the row after one backward step.
    template <class Isa>
    SKERRY_INLINE void enumerate(Scratch& all) const {
        all.found.clear();
        for (std::uint32_t l = 0; all.nodes.size() + all.singles.size() > 0; ++l) {
            const WaveletLevel level = levels_[l];
            const std::size_t nodes_here = all.nodes.size(), singles_here = all.singles.size();
            all.next_nodes.reserve(2 * nodes_here + 1);
            all.next_singles.reserve(2 * nodes_here + singles_here + 1);
            all.found.reserve(all.found.size() + 2 * nodes_here + singles_here + 1);
            Targets to{all.next_nodes.data(), all.next_singles.data(), all.found.end()};
            const Node* const nodes = all.nodes.data();
            for (std::size_t i = 0; i < std::min(kAhead, nodes_here); ++i) prefetch(level, nodes[i].low, nodes[i].high);
            for (std::size_t i = 0; i < nodes_here; ++i) {
                if (i + kAhead < nodes_here) prefetch(level, nodes[i + kAhead].low, nodes[i + kAhead].high);
                const Node at = nodes[i];
                const std::uint32_t low_ones = level.bits.template rank1<Isa>(at.low);
                const std::uint32_t high_ones = level.bits.template rank1<Isa>(at.high);
                put(level, at.low - low_ones, at.high - high_ones, at.node, at.query, to);
                put(level, level.zeros + low_ones, level.zeros + high_ones, level.inner + at.node, at.query, to);
            }
            const Single* const singles = all.singles.data();
            for (std::size_t i = 0; i < std::min(kAhead, singles_here); ++i) level.bits.prefetch(singles[i].row);
            for (std::size_t i = 0; i < singles_here; ++i) {
                if (i + kAhead < singles_here) level.bits.prefetch(singles[i + kAhead].row);
                const Single at = singles[i];
                std::uint32_t one;
                const std::uint32_t ones = level.bits.template rank1_and_bit<Isa>(at.row, one);
                const std::uint32_t row = below(level, at.row, ones, one);
                const std::uint32_t node = at.node + (level.inner & (0U - one));
                const bool inner = node < level.inner_below;
                *to.single = {row, node, at.query};
                *to.found = {row, row + 1, level.first_leaf + node - level.inner_below, at.query};
                to.single += inner;
                to.found += !inner;
            }
            all.next_nodes.end_at(to.node);
            all.next_singles.end_at(to.single);
            all.found.end_at(to.found);
            std::swap(all.nodes, all.next_nodes);
            std::swap(all.singles, all.next_singles);
        }
        for (Found& found : all.found) {
            found.low += deltas_[found.leaf];
            found.high += deltas_[found.leaf];
        }
    }

#if SKERRY_X86_64
    // The same with AVX-512, where avx512::available().
    void enumerate_eights(Scratch& all) const {
        avx512::Scratch& eights = all.eights;
        eights.nodes.size = eights.singles.size = eights.found.size = 0;
        eights.nodes.reserve(all.nodes.size());
        eights.singles.reserve(all.singles.size());
        for (const Node& node : all.nodes) {
            const std::uint32_t fields[4] = {node.low, node.high, node.node, node.query};
            for (int i = 0; i < 4; ++i) eights.nodes.column(i)[eights.nodes.size] = fields[i];
            ++eights.nodes.size;
        }
        for (const Single& single : all.singles) {
            const std::uint32_t fields[3] = {single.row, single.node, single.query};
            for (int i = 0; i < 3; ++i) eights.singles.column(i)[eights.singles.size] = fields[i];
            ++eights.singles.size;
        }
        all.clear();
        for (std::size_t l = 0; eights.nodes.size + eights.singles.size > 0; ++l) {
            const WaveletLevel& level = levels_[l];
            avx512::descend({level.bits.first_block(), level.bits.size(), level.zeros, level.inner, level.inner_below,
                             level.first_leaf},
                            eights);
        }
        all.found.resize(eights.found.size);
        const std::uint32_t* const low = eights.found.column(0);
        const std::uint32_t* const high = eights.found.column(1);
        const std::uint32_t* const leaf = eights.found.column(2);
        const std::uint32_t* const query = eights.found.column(3);
        for (std::size_t i = 0; i < eights.found.size; ++i) {
            const std::uint32_t delta = deltas_[leaf[i]];
            all.found[i] = {low[i] + delta, high[i] + delta, leaf[i], query[i]};
        }
    }
#endif

private:
    static constexpr std::size_t kAhead = 24;

    struct Targets {
        Node* node;
        Single* single;
        Found* found;
    };

    // Where a position with `ones` ones before it goes. A bit of text is no better predicted than a coin: no branch.
    static SKERRY_INLINE std::uint32_t below(const WaveletLevel& level, std::uint32_t position, std::uint32_t ones,
                                             std::uint32_t one) {
        const std::uint32_t left = position - ones;
        return left + ((level.zeros + ones - left) & (0U - one));
    }

    static SKERRY_INLINE void prefetch(const WaveletLevel& level, std::uint32_t low, std::uint32_t high) {
        level.bits.prefetch(low);
        level.bits.prefetch(high);
    }

    // A child, written to wherever it could belong, without a branch: there is room for one more everywhere.
    static SKERRY_INLINE void put(const WaveletLevel& level, std::uint32_t low, std::uint32_t high, std::uint32_t node,
                                  std::uint32_t query, Targets& to) {
        const bool exists = low < high;
        const bool inner = node < level.inner_below;
        const bool single = high - low == 1;
        *to.node = {low, high, node, query};
        *to.single = {low, node, query};
        *to.found = {low, high, level.first_leaf + node - level.inner_below, query};
        to.node += exists & inner & !single;
        to.single += inner & single;
        to.found += exists & !inner;
    }

    std::vector<WaveletLevel> levels_;
    std::vector<SymbolCode> codes_;
    std::vector<std::uint32_t> symbols_, deltas_;
};

}  // namespace skerry
