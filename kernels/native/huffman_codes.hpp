#pragma once

// Code lengths for a wavelet matrix whose levels get shorter (Claude, Navarro, Ordonez 2015, "The wavelet matrix").
//
// The nodes of a level are numbered in the order in which their elements lie: the 0-children of the nodes of the level
// above, in their order, then their 1-children. The leaves are the LAST nodes of a level, so that what goes on to the
// next level is a prefix of the elements and positions map as in a plain wavelet matrix. How many leaves each depth
// has therefore fixes all codes.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace skerry {

inline constexpr std::uint32_t kLongestCode = 32;

// Huffman's code lengths for the positive `counts` of at least two symbols, none longer than kLongestCode: where the
// tree is deeper, rare symbols are taken to be more frequent than they are.
inline std::vector<std::uint8_t> huffman_lengths(const std::vector<std::uint32_t>& counts) {
    const auto symbols = static_cast<std::uint32_t>(counts.size());
    if (symbols < 2) throw std::invalid_argument("a code needs two symbols");
    std::vector<std::uint32_t> order(symbols);
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return counts[a] != counts[b] ? counts[a] < counts[b] : a > b;
    });
    std::vector<std::uint8_t> lengths(symbols);
    for (std::uint64_t floor = 1;; floor *= 4) {
        // Nodes: leaves in ascending order, then inner nodes in the order in which they are made.
        const std::uint32_t nodes = 2 * symbols - 1;
        std::vector<std::uint64_t> weight(nodes);
        std::vector<std::uint32_t> parent(nodes);
        for (std::uint32_t i = 0; i < symbols; ++i) weight[i] = std::max<std::uint64_t>(counts[order[i]], floor);
        std::uint32_t leaf = 0, inner = symbols;
        for (std::uint32_t made = symbols; made < nodes; ++made)
            for (int child = 0; child < 2; ++child) {
                const bool take_leaf = leaf < symbols && (inner >= made || weight[leaf] <= weight[inner]);
                const std::uint32_t least = take_leaf ? leaf++ : inner++;
                weight[made] += weight[least];
                parent[least] = made;
            }
        std::vector<std::uint32_t> depth(nodes);
        std::uint32_t deepest = 0;
        for (std::uint32_t node = nodes - 1; node-- > 0;) {
            depth[node] = depth[parent[node]] + 1;
            deepest = std::max(deepest, depth[node]);
        }
        if (deepest > kLongestCode) continue;
        for (std::uint32_t i = 0; i < symbols; ++i) lengths[order[i]] = static_cast<std::uint8_t>(depth[i]);
        return lengths;
    }
}

// How many inner nodes level l has (`inner[l]`), and how many leaves stand at depth l + 1 (`leaves[l]`).
struct CodeShape {
    std::vector<std::uint32_t> inner, leaves;

    std::uint32_t levels() const { return static_cast<std::uint32_t>(inner.size()); }

    // The shape that has `leaves[l]` leaves at depth l + 1. invalid_argument where there is no such tree.
    static CodeShape of(std::vector<std::uint32_t> leaves) {
        CodeShape shape;
        std::uint64_t nodes = 1;
        if (leaves.empty() || leaves.size() > kLongestCode)
            throw std::invalid_argument("codes of an impossible length");
        for (const std::uint32_t ended : leaves) {
            shape.inner.push_back(static_cast<std::uint32_t>(nodes));
            if (nodes == 0 || 2 * nodes < ended || 2 * nodes - ended > 0xFFFFFFFFU)
                throw std::invalid_argument("codes that form no tree");
            nodes = 2 * nodes - ended;
        }
        if (nodes != 0) throw std::invalid_argument("codes that form no tree");
        shape.leaves = std::move(leaves);
        return shape;
    }

    // The code of leaf `index` of depth `depth`, its first bit in bit 31.
    std::uint32_t code(std::uint32_t depth, std::uint32_t index) const {
        std::uint32_t node = (depth < levels() ? inner[depth] : 0) + index;
        std::uint32_t code = 0;
        for (std::uint32_t level = depth; level-- > 0;) {
            const bool one = node >= inner[level];
            if (one) node -= inner[level];
            code |= static_cast<std::uint32_t>(one) << (31 - level);
        }
        return code;
    }
};

}  // namespace skerry
