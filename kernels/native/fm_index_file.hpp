#pragma once

// The bytes of an FM-index: a header, then sections that start at multiples of 64 bytes.
//
// The text that is indexed is, for passages p_1 .. p_N, E rev(p_1) E rev(p_2) .. E rev(p_N) E 0: every passage is
// reversed, preceded and followed by an end mark E (symbol 1), and 0 ends all; the token t is symbol t + 2. Because it
// is reversed, appending a token to an n-gram is one backward step; because every passage is followed by an E, the
// n-grams that start a passage are those that extend "E", the last passage's too.
//
// Sections:
//   kLeaves     for every level: inner nodes, leaves one below, elements, zeros (four uint32); then for every leaf, by
//               depth: its symbol and how often it occurs (two uint32). Checked whenever the index is opened.
//   kLevels     the rank blocks of every level, one level after the other
//   kMarks      rank blocks over the rows: whether the row's text position is a multiple of `locate_every`
//               (none where locate_every is 1)
//   kSamples    text position / locate_every of the marked rows, `sample_bits` bits each
//   kStarts     uint32 [passages + 1]: where each passage's E stands in the text; the last is the final E
//   kStartRows  uint32 [passages]: the row of the E that FOLLOWS each (reversed) passage: reading back from there gives
//               its tokens in order
//   kBuckets    uint32: entry b is how many starts are below b << bucket_shift

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "bit_vector.hpp"
#include "huffman_codes.hpp"
#include "rank_blocks.hpp"

namespace skerry {

inline constexpr std::uint32_t kTerminator = 0;
inline constexpr std::uint32_t kEndOfPassage = 1;
inline constexpr std::uint32_t kFirstToken = 2;

enum FmSection { kLeaves, kLevels, kMarks, kSamples, kStarts, kStartRows, kBuckets, kFmSections };
inline constexpr const char* kFmSectionNames[kFmSections] = {"leaves", "levels",     "marks",  "samples",
                                                             "starts", "start rows", "buckets"};

struct FmSectionEntry {
    std::uint64_t offset, bytes, checksum;
};

struct FmHeader {
    char magic[8];
    std::uint32_t version;
    std::uint32_t header_bytes;
    std::uint64_t file_bytes;
    std::uint64_t rows;      // of the sorted text: tokens + passages + 2
    std::uint64_t tokens;    // of all passages, without marks
    std::uint64_t passages;
    std::uint64_t alphabet;  // tokens are below it
    std::uint32_t leaves;    // different symbols, the two marks included
    std::uint32_t levels;
    std::uint32_t locate_every;
    std::uint32_t sample_bits;
    std::uint32_t bucket_shift;
    std::uint32_t reserved[3];
    FmSectionEntry sections[kFmSections];
    std::uint64_t header_checksum;  // of everything before it
};
static_assert(sizeof(FmHeader) == 264);
inline constexpr std::uint64_t kFmHeaderBytes = 320;
inline constexpr char kFmMagic[8] = {'S', 'K', 'F', 'M', 'I', 'D', 'X', '\n'};
inline constexpr std::uint32_t kFmVersion = 1;
inline constexpr std::uint64_t kMostRows = 0xFFFFFFFEULL;
inline constexpr std::uint64_t kLargestAlphabet = std::uint64_t{1} << 24;

struct FmLevelEntry {
    std::uint32_t inner, leaves, size, zeros;
};

struct FmLeafEntry {
    std::uint32_t symbol, count;
};

inline std::uint64_t rounded_up(std::uint64_t bytes) { return (bytes + 63) / 64 * 64; }

inline std::uint64_t samples_of(std::uint64_t rows, std::uint64_t locate_every) {
    return (rows + locate_every - 1) / locate_every;
}

// Sizes of all sections, and where they lie, from the numbers of the header.
inline void lay_out(FmHeader& header, std::uint64_t level_blocks) {
    const std::uint64_t samples = samples_of(header.rows, header.locate_every);
    const std::uint64_t bytes[kFmSections] = {
        header.levels * sizeof(FmLevelEntry) + header.leaves * sizeof(FmLeafEntry),
        level_blocks * sizeof(RankBlock),
        header.locate_every == 1 ? 0 : RankBits::blocks(header.rows) * sizeof(RankBlock),
        (samples * header.sample_bits + 63) / 64 * 8 + 8,
        4 * (header.passages + 1),
        4 * header.passages,
        4 * ((header.rows >> header.bucket_shift) + 2),
    };
    std::uint64_t at = kFmHeaderBytes;
    for (int i = 0; i < kFmSections; ++i) {
        header.sections[i].offset = at;
        header.sections[i].bytes = bytes[i];
        at += rounded_up(bytes[i]);
    }
    header.file_bytes = at;
}

inline std::uint32_t bits_for(std::uint64_t largest) {
    std::uint32_t bits = 1;
    while (largest >> bits) ++bits;
    return bits;
}

// Reads packed numbers of `bits` <= 32 bits. The section has eight bytes more than it needs.
SKERRY_INLINE std::uint64_t packed_at(const unsigned char* data, std::uint64_t index, std::uint32_t bits) {
    const std::uint64_t bit = index * bits;
    std::uint64_t word;
    std::memcpy(&word, data + bit / 8, 8);
    return (word >> (bit % 8)) & ((std::uint64_t{1} << bits) - 1);
}

struct OpenedFm {
    FmHeader header;
    const unsigned char* data;
    CodeShape shape;
    std::vector<FmLevelEntry> levels;
    std::vector<FmLeafEntry> leaves;

    const unsigned char* section(FmSection which) const { return data + header.sections[which].offset; }
};

// Checks what can be checked without reading the large sections; with `verify`, those too.
inline OpenedFm open_fm(const void* bytes, std::uint64_t size, bool verify) {
    if (reinterpret_cast<std::uintptr_t>(bytes) % 64 != 0)
        throw std::invalid_argument("an FM-index must start at a multiple of 64 bytes");
    if (size < kFmHeaderBytes)
        throw DamagedSection("it has " + std::to_string(size) + " bytes, less than a header");
    OpenedFm opened;
    FmHeader& header = opened.header;
    opened.data = static_cast<const unsigned char*>(bytes);
    std::memcpy(&header, bytes, sizeof header);
    if (std::memcmp(header.magic, kFmMagic, sizeof header.magic) != 0)
        throw DamagedSection("it does not start like an FM-index");
    if (header.version != kFmVersion)
        throw DamagedSection("its format version is " + std::to_string(header.version) + ", not " +
                             std::to_string(kFmVersion));
    if (header.header_checksum != section_checksum(&header, offsetof(FmHeader, header_checksum)))
        throw DamagedSection("its header's checksum does not match");
    for (std::uint64_t i = sizeof header; i < kFmHeaderBytes; ++i)
        if (opened.data[i] != 0) throw DamagedSection("its header does not end in zeros");
    if (size != header.file_bytes)
        throw DamagedSection("it has " + std::to_string(size) + " bytes instead of " +
                             std::to_string(header.file_bytes));
    const auto contradiction = [] { return DamagedSection("its header contradicts itself"); };
    if (header.header_bytes != kFmHeaderBytes || header.rows > kMostRows || header.alphabet > kLargestAlphabet ||
        header.tokens > header.rows || header.passages > header.rows ||
        header.tokens + header.passages + 2 != header.rows || header.leaves < 2 ||
        header.leaves > header.alphabet + kFirstToken || header.levels < 1 || header.levels > kLongestCode ||
        header.locate_every < 1 || header.locate_every > header.rows || header.sample_bits < 1 ||
        header.sample_bits > 32 || header.bucket_shift > 32)
        throw contradiction();
    const FmSectionEntry& table = header.sections[kLeaves];
    if (table.offset != kFmHeaderBytes || rounded_up(table.bytes) > size - table.offset ||
        table.bytes != header.levels * sizeof(FmLevelEntry) + header.leaves * sizeof(FmLeafEntry))
        throw contradiction();
    if (section_checksum(opened.data + table.offset, rounded_up(table.bytes)) != table.checksum)
        throw DamagedSection("the checksum of its section 'leaves' does not match");
    opened.levels.resize(header.levels);
    opened.leaves.resize(header.leaves);
    std::memcpy(opened.levels.data(), opened.data + table.offset, header.levels * sizeof(FmLevelEntry));
    std::memcpy(opened.leaves.data(), opened.data + table.offset + header.levels * sizeof(FmLevelEntry),
                header.leaves * sizeof(FmLeafEntry));
    std::vector<std::uint32_t> leaves;
    std::uint64_t level_blocks = 0, left = header.rows, leaf = 0;
    for (const FmLevelEntry& level : opened.levels) {
        if (level.size != left || level.zeros > left) throw contradiction();
        leaves.push_back(level.leaves);
        level_blocks += RankBits::blocks(level.size);
        for (std::uint32_t i = 0; i < level.leaves; ++i, ++leaf) {
            if (leaf >= header.leaves || opened.leaves[leaf].count > left ||
                opened.leaves[leaf].symbol >= header.alphabet + kFirstToken)
                throw contradiction();
            left -= opened.leaves[leaf].count;
        }
    }
    if (left != 0 || leaf != header.leaves) throw contradiction();
    try {
        opened.shape = CodeShape::of(std::move(leaves));
    } catch (const std::invalid_argument& error) {
        throw DamagedSection(std::string("it has ") + error.what());
    }
    for (std::uint32_t level = 0; level < header.levels; ++level)
        if (opened.levels[level].inner != opened.shape.inner[level]) throw contradiction();
    FmHeader expected = header;
    lay_out(expected, level_blocks);
    if (expected.file_bytes != header.file_bytes) throw contradiction();
    for (int i = 0; i < kFmSections; ++i)
        if (expected.sections[i].offset != header.sections[i].offset ||
            expected.sections[i].bytes != header.sections[i].bytes)
            throw contradiction();
    if (verify)
        for (int i = 0; i < kFmSections; ++i) {
            const FmSectionEntry& entry = header.sections[i];
            // The zeros that fill up to the next section are part of what is checked.
            if (section_checksum(opened.data + entry.offset, rounded_up(entry.bytes)) != entry.checksum)
                throw DamagedSection(std::string("the checksum of its section '") + kFmSectionNames[i] +
                                     "' does not match");
        }
    return opened;
}

}  // namespace skerry
