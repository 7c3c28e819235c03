#pragma once

// From passages to the bytes of an FM-index. The suffix sort between the two steps is somebody else's.
//
// Step 1 (`FmText`): the reversed, marked text, its symbols renumbered without gaps, in the same order, and written
// with the highest byte first in 1, 2 or 3 bytes each. A sort of that string's suffixes by bytes, of which those that
// start at a multiple of the width are kept, is the order of the text's suffixes.
// Step 2 (`fm_image`): the suffix array is overwritten: first by its kept entries, then by the codes of the BWT's
// symbols, which are partitioned in place level by level. Beside the array, at most 4 bytes a symbol are taken (none
// where the width is 2 or 3), and the image itself.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "fm_index_file.hpp"

namespace skerry {

struct FmText {
    std::uint32_t width = 1;             // bytes a symbol
    std::vector<std::uint32_t> symbols;  // dense number -> symbol, ascending
    std::vector<std::uint32_t> counts;   // by dense number
    std::vector<std::uint32_t> starts;   // passages + 1
    std::uint64_t rows = 0;
    std::uint64_t alphabet = 0;
    std::vector<std::uint32_t> dense;    // symbol -> dense number

    // Counts the symbols. invalid_argument for lengths or tokens that cannot be.
    FmText(std::span<const std::uint32_t> tokens, std::span<const std::int64_t> lengths, std::uint64_t tokens_below)
        : alphabet(tokens_below) {
        if (alphabet > kLargestAlphabet)
            throw std::invalid_argument("an alphabet of " + std::to_string(alphabet) + " tokens is too large; at most" +
                                        " " + std::to_string(kLargestAlphabet));
        if (tokens.size() + lengths.size() + 2 > kMostRows)
            throw std::invalid_argument("more than 2^32 tokens and passages do not fit one index");
        std::uint64_t at = 0;
        starts.reserve(lengths.size() + 1);
        for (std::uint64_t i = 0; i < lengths.size(); ++i) {
            if (lengths[i] < 0 || static_cast<std::uint64_t>(lengths[i]) > tokens.size())
                throw std::invalid_argument("passage " + std::to_string(i) + " has an impossible length of " +
                                            std::to_string(lengths[i]));
            starts.push_back(static_cast<std::uint32_t>(at));
            at += static_cast<std::uint64_t>(lengths[i]) + 1;
            if (at > tokens.size() + lengths.size()) break;
        }
        if (at != tokens.size() + lengths.size())
            throw std::invalid_argument("the passages' lengths do not add up to the " + std::to_string(tokens.size()) +
                                        " tokens");
        starts.push_back(static_cast<std::uint32_t>(at));
        rows = at + 2;

        std::vector<std::uint32_t> seen(alphabet + kFirstToken);
        for (std::uint64_t i = 0; i < tokens.size(); ++i) {
            if (tokens[i] >= alphabet)
                throw std::invalid_argument("token " + std::to_string(tokens[i]) + " (number " + std::to_string(i) +
                                            ") is not below the alphabet's size, " + std::to_string(alphabet));
            ++seen[tokens[i] + kFirstToken];
        }
        seen[kTerminator] = 1;
        seen[kEndOfPassage] = static_cast<std::uint32_t>(lengths.size() + 1);
        dense.resize(seen.size());
        for (std::uint32_t symbol = 0; symbol < seen.size(); ++symbol) {
            dense[symbol] = static_cast<std::uint32_t>(symbols.size());
            if (seen[symbol] == 0) continue;
            symbols.push_back(symbol);
            counts.push_back(seen[symbol]);
        }
        width = symbols.size() <= 1U << 8 ? 1 : symbols.size() <= 1U << 16 ? 2 : 3;
    }

    std::uint64_t bytes() const { return rows * width; }

    void write(std::span<const std::uint32_t> tokens, unsigned char* out) const {
        unsigned char* at = out;
        const auto put = [&](std::uint32_t number) {
            for (std::uint32_t byte = width; byte-- > 0;) *at++ = static_cast<unsigned char>(number >> (8 * byte));
        };
        const std::uint32_t* passage = tokens.data();
        for (std::uint64_t i = 0; i + 1 < starts.size(); ++i) {
            const std::uint32_t length = starts[i + 1] - starts[i] - 1;
            put(dense[kEndOfPassage]);
            for (std::uint32_t j = length; j-- > 0;) put(dense[passage[j] + kFirstToken]);
            passage += length;
        }
        put(dense[kEndOfPassage]);
        put(dense[kTerminator]);
    }
};

namespace fm_build {

inline std::uint32_t symbol_at(const unsigned char* text, std::uint32_t width, std::uint64_t position) {
    const unsigned char* at = text + position * width;
    std::uint32_t number = at[0];
    for (std::uint32_t byte = 1; byte < width; ++byte) number = number << 8 | at[byte];
    return number;
}

// Keeps the entries of the byte string's suffix array that start a symbol, in place; returns how many.
template <class Index>
std::uint64_t keep_symbols(Index* array, std::uint64_t entries, std::uint32_t width) {
    if (width == 1) return entries;
    const auto keep = [&](auto constant) {
        constexpr std::uint64_t kWidth = decltype(constant)::value;
        std::uint64_t kept = 0;
        for (std::uint64_t i = 0; i < entries; ++i) {
            const auto value = static_cast<std::uint64_t>(array[i]);
            array[kept] = static_cast<Index>(value / kWidth);
            kept += value % kWidth == 0;
        }
        return kept;
    };
    return width == 2 ? keep(std::integral_constant<std::uint64_t, 2>{})
                      : keep(std::integral_constant<std::uint64_t, 3>{});
}

class PackedWriter {
public:
    PackedWriter(unsigned char* out, std::uint32_t bits) : out_(out), bits_(bits) {}

    void push(std::uint64_t value) {
        word_ |= value << used_;
        if (used_ + bits_ >= 64) {
            std::memcpy(out_, &word_, 8);
            out_ += 8;
            word_ = used_ == 0 ? 0 : value >> (64 - used_);
            used_ = used_ + bits_ - 64;
        } else {
            used_ += bits_;
        }
    }

    void finish() {
        if (used_ > 0) std::memcpy(out_, &word_, 8);
    }

private:
    unsigned char* out_;
    std::uint64_t word_ = 0;
    std::uint32_t bits_, used_ = 0;
};

}  // namespace fm_build

struct AlignedDelete {
    void operator()(unsigned char* at) const { ::operator delete[](at, std::align_val_t{64}); }
};
using AlignedBytes = std::unique_ptr<unsigned char[], AlignedDelete>;

inline AlignedBytes aligned_bytes(std::uint64_t bytes) {
    return AlignedBytes(static_cast<unsigned char*>(::operator new[](bytes, std::align_val_t{64})));
}

struct FmImage {
    AlignedBytes data;
    std::uint64_t bytes = 0;
};

// The image from the written text and the suffix array of its bytes, `text.bytes()` entries of `Index` (int32 or
// int64), which is overwritten. invalid_argument where the array is no such thing (not every mistake can be seen).
template <class Index>
FmImage fm_image(const FmText& text, const unsigned char* written, Index* array, std::uint32_t locate_every) {
    using fm_build::symbol_at;
    const std::uint64_t rows = text.rows;
    const std::uint64_t passages = text.starts.size() - 1;
    if (locate_every < 1) throw std::invalid_argument("every how many positions are located must be at least 1");
    locate_every = static_cast<std::uint32_t>(std::min<std::uint64_t>(locate_every, rows));
    if (fm_build::keep_symbols(array, text.bytes(), text.width) != rows)
        throw std::invalid_argument("this is not the suffix array of the text");

    // Codes: leaves by depth, then by symbol.
    const std::vector<std::uint8_t> lengths = huffman_lengths(text.counts);
    const auto symbols = static_cast<std::uint32_t>(lengths.size());
    std::vector<std::uint32_t> order(symbols);
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return lengths[a] < lengths[b]; });
    std::vector<std::uint32_t> leaves(lengths[order.back()]);
    for (const std::uint8_t length : lengths) ++leaves[length - 1];
    const CodeShape shape = CodeShape::of(std::move(leaves));
    std::vector<std::uint32_t> codes(symbols);
    for (std::uint32_t depth = 1, leaf = 0; depth <= shape.levels(); ++depth)
        for (std::uint32_t index = 0; index < shape.leaves[depth - 1]; ++index, ++leaf)
            codes[order[leaf]] = shape.code(depth, index);

    // Sizes of the levels.
    std::vector<FmLevelEntry> levels;
    std::uint64_t level_blocks = 0;
    for (std::uint32_t level = 0, leaf = 0; level < shape.levels(); ++level) {
        std::uint64_t size = levels.empty() ? rows : levels.back().size;
        if (level > 0)
            for (std::uint32_t i = 0; i < shape.leaves[level - 1]; ++i, ++leaf) size -= text.counts[order[leaf]];
        levels.push_back({shape.inner[level], shape.leaves[level], static_cast<std::uint32_t>(size), 0});
        level_blocks += RankBits::blocks(size);
    }

    FmHeader header{};
    std::memcpy(header.magic, kFmMagic, sizeof header.magic);
    header.version = kFmVersion;
    header.header_bytes = kFmHeaderBytes;
    header.rows = rows;
    header.tokens = rows - passages - 2;
    header.passages = passages;
    header.alphabet = text.alphabet;
    header.leaves = symbols;
    header.levels = shape.levels();
    header.locate_every = locate_every;
    header.sample_bits = bits_for((rows - 1) / locate_every);
    while ((rows >> header.bucket_shift) > 2 * passages + 64) ++header.bucket_shift;
    lay_out(header, level_blocks);

    FmImage image{aligned_bytes(header.file_bytes), header.file_bytes};
    const auto at = [&](FmSection section) { return image.data.get() + header.sections[section].offset; };
    std::memset(image.data.get(), 0, kFmHeaderBytes);
    for (const FmSectionEntry& entry : header.sections) {
        // What is not written below: fill, and the end of the packed samples.
        const std::uint64_t rounded = rounded_up(entry.bytes);
        const std::uint64_t tail = std::min<std::uint64_t>(rounded, 64 + 16);
        std::memset(image.data.get() + entry.offset + rounded - tail, 0, tail);
    }

    // Rows: marks and samples, the passages' rows, and the BWT in place of the suffix array.
    auto* const start_rows = reinterpret_cast<std::uint32_t*>(at(kStartRows));
    std::memset(start_rows, 0xFF, header.sections[kStartRows].bytes);
    using AnyUint32 __attribute__((may_alias)) = std::uint32_t;
    auto* const bwt = reinterpret_cast<AnyUint32*>(array);
    {
        RankBitsWriter marks(reinterpret_cast<RankBlock*>(at(kMarks)));
        fm_build::PackedWriter samples(at(kSamples), header.sample_bits);
        std::uint64_t sampled = 0;
        constexpr std::uint64_t kAhead = 24;
        for (std::uint64_t row = 0; row < rows; ++row) {
            const auto position = static_cast<std::uint64_t>(array[row]);
            if (position >= rows) throw std::invalid_argument("this is not the suffix array of the text");
            if (row + kAhead < rows)
                SKERRY_PREFETCH(written + static_cast<std::uint64_t>(array[row + kAhead]) * text.width - 1);
            if (locate_every == 1) {
                samples.push(position);
                ++sampled;
            } else {
                const bool mark = position % locate_every == 0;
                marks.push(mark);
                if (mark) {
                    if (++sampled > samples_of(rows, locate_every))
                        throw std::invalid_argument("this is not the suffix array of the text");
                    samples.push(position / locate_every);
                }
            }
            if (row >= 1 && row <= passages + 1) {  // the suffixes that start with E
                const auto found = std::lower_bound(text.starts.begin(), text.starts.end(), position);
                if (found != text.starts.end() && *found == position && found != text.starts.begin())
                    start_rows[found - text.starts.begin() - 1] = static_cast<std::uint32_t>(row);
            }
            bwt[row] = codes[position == 0 ? 0 : symbol_at(written, text.width, position - 1)];
        }
        if (locate_every != 1) marks.finish();
        samples.finish();
        if (sampled != samples_of(rows, locate_every) ||
            std::find(start_rows, start_rows + passages, 0xFFFFFFFFU) != start_rows + passages)
            throw std::invalid_argument("this is not the suffix array of the text");
    }

    // Levels.
    {
        std::unique_ptr<std::uint32_t[]> own;
        AnyUint32* ones = bwt + rows;
        if (text.bytes() * sizeof(Index) < 8 * rows) {
            own.reset(new std::uint32_t[rows]);
            ones = own.get();
        }
        auto* blocks = reinterpret_cast<RankBlock*>(at(kLevels));
        for (std::uint32_t level = 0; level < shape.levels(); ++level) {
            RankBitsWriter bits(blocks);
            const std::uint64_t size = levels[level].size;
            const std::uint32_t shift = 31 - level;
            std::uint64_t zero_total = 0, one_total = 0;
            for (std::uint64_t i = 0; i < size; ++i) {
                const std::uint32_t code = bwt[i];
                const std::uint32_t bit = (code >> shift) & 1;
                bits.push(bit);
                bwt[zero_total] = code;
                ones[one_total] = code;
                zero_total += bit ^ 1;
                one_total += bit;
            }
            bits.finish();
            blocks += RankBits::blocks(size);
            levels[level].zeros = static_cast<std::uint32_t>(zero_total);
            const std::uint64_t next = level + 1 < shape.levels() ? levels[level + 1].size : 0;
            if (next > zero_total) std::memcpy(bwt + zero_total, ones, 4 * (next - zero_total));
        }
    }

    auto* table = reinterpret_cast<FmLevelEntry*>(at(kLeaves));
    std::copy(levels.begin(), levels.end(), table);
    auto* leaf = reinterpret_cast<FmLeafEntry*>(table + levels.size());
    for (const std::uint32_t symbol : order) *leaf++ = {text.symbols[symbol], text.counts[symbol]};
    std::memcpy(at(kStarts), text.starts.data(), header.sections[kStarts].bytes);
    auto* const buckets = reinterpret_cast<std::uint32_t*>(at(kBuckets));
    std::uint32_t below = 0;
    for (std::uint64_t bucket = 0; bucket < header.sections[kBuckets].bytes / 4; ++bucket) {
        while (below < text.starts.size() && text.starts[below] < bucket << header.bucket_shift) ++below;
        buckets[bucket] = below;
    }

    for (FmSectionEntry& entry : header.sections)
        entry.checksum = section_checksum(image.data.get() + entry.offset, rounded_up(entry.bytes));
    header.header_checksum = section_checksum(&header, offsetof(FmHeader, header_checksum));
    std::memcpy(image.data.get(), &header, sizeof header);
    return image;
}

}  // namespace skerry
