#pragma once

// Bits with rank only, for the levels of a wavelet matrix: one cache miss a rank and at most two words to count.
//
// A block is 64 bytes: seven words of bits, least significant first, and one word of counts: the ones before the
// block (bits 32..63) and the ones in its first 2, 4 and 6 words (9 bits each, from bit 0). A vector of `size` bits has
// size / 448 + 1 blocks, so that rank(size) reads a block that exists; unused bits are zero. 1 + 1/7 bits a bit.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "bit_vector.hpp"

namespace skerry {

struct alignas(64) RankBlock {
    static constexpr std::uint32_t kWords = 7;
    static constexpr std::uint32_t kBits = kWords * 64;
    std::uint64_t words[kWords];
    std::uint64_t counts;
};
static_assert(sizeof(RankBlock) == 64);

class RankBits {
public:
    static std::uint64_t blocks(std::uint64_t size) { return size / RankBlock::kBits + 1; }

    RankBits() = default;
    RankBits(const RankBlock* first, std::uint32_t size) : blocks_(first), size_(size) {}

    std::uint32_t size() const { return size_; }
    const RankBlock* first_block() const { return blocks_; }

    // Ones in [0, position). A position beyond the end, which only a damaged vector leads to, counts as the end.
    template <class Isa>
    SKERRY_INLINE std::uint32_t rank1(std::uint32_t position) const {
        position = std::min(position, size_);
        const std::uint32_t block = position / RankBlock::kBits;
        return ones<Isa>(blocks_[block], position - block * RankBlock::kBits);
    }

    // The same, and the bit at `position`.
    template <class Isa>
    SKERRY_INLINE std::uint32_t rank1_and_bit(std::uint32_t position, std::uint32_t& bit) const {
        position = std::min(position, size_);
        const std::uint32_t block = position / RankBlock::kBits;
        const std::uint32_t offset = position - block * RankBlock::kBits;
        bit = static_cast<std::uint32_t>(blocks_[block].words[offset / 64] >> (offset % 64)) & 1;
        return ones<Isa>(blocks_[block], offset);
    }

    SKERRY_INLINE void prefetch(std::uint32_t position) const {
        SKERRY_PREFETCH(blocks_ + position / RankBlock::kBits);
    }

private:
    template <class Isa>
    static SKERRY_INLINE std::uint32_t ones(const RankBlock& block, std::uint32_t offset) {
        const std::uint32_t pair = offset / 128;
        const std::uint32_t within = offset % 128;
        // Where the count of `pair` stands: pair 0 has none, and bits 59..63 of the shifted word are zero.
        const std::uint64_t before = block.counts;
        const std::uint32_t shift = (0x12'09'00'3FU >> (8 * pair)) & 63;
        const std::uint64_t packed = (before & 0x7FFFFFFU);
        std::uint64_t count = (before >> 32) + ((packed >> shift) & 511);
        // The last pair has one word; its second is the counts, of which no bit is taken.
        const std::uint64_t second = within > 64 ? within - 64 : 0;
        count += static_cast<std::uint64_t>(std::popcount(Isa::low_bits(block.words[2 * pair], within)));
        const std::uint64_t other = reinterpret_cast<const std::uint64_t*>(&block)[2 * pair + 1];
        count += static_cast<std::uint64_t>(std::popcount(Isa::low_bits(other, second)));
        return static_cast<std::uint32_t>(count);
    }

    const RankBlock* blocks_ = nullptr;
    std::uint32_t size_ = 0;
};

// Fills the blocks of a vector, one bit after the other.
class RankBitsWriter {
public:
    explicit RankBitsWriter(RankBlock* first) : block_(first) {}

    SKERRY_INLINE void push(std::uint64_t bit) {
        word_ |= bit << (used_ % 64);
        if (++used_ % 64 == 0) flush();
    }

    // Must be called once, after the last bit; writes the block that rank(size) reads.
    void finish() {
        if (used_ % 64 != 0) flush();
        while (written_ < RankBits::blocks(used_)) flush();
    }

private:
    void flush() {
        block_->words[index_] = word_;
        ones_ += static_cast<std::uint64_t>(std::popcount(word_));
        word_ = 0;
        ++index_;
        if (index_ == 2 || index_ == 4 || index_ == 6) subs_ |= (ones_ - before_) << (9 * (index_ / 2 - 1));
        if (index_ == RankBlock::kWords) {
            block_->counts = before_ << 32 | subs_;
            before_ = ones_;
            subs_ = 0;
            index_ = 0;
            ++block_;
            ++written_;
        }
    }

    RankBlock* block_;
    std::uint64_t word_ = 0, used_ = 0, written_ = 0, ones_ = 0, before_ = 0, subs_ = 0;
    std::uint32_t index_ = 0;
};

}  // namespace skerry
