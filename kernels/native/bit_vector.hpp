#pragma once

// A plain bit vector with rank and select, laid out for one cache miss a rank.
//
// Layout: blocks of 64 bytes. Word 0 of a block is the number of ones before the block (absolute, 64 bits), words
// 1..7 hold 448 bits, least significant first. The last block always has at least one unused bit, so that
// rank(size) reads a block that exists; unused bits are zero. For select, the block that holds every 512th one
// (and every 512th zero) is kept as a 32-bit number; the blocks between two samples are searched by their counts.
// Space: 1 + 1/7 bits a bit, plus 1/16 for the samples.
//
// A section on disk is: header (64 bytes), blocks, samples of ones, samples of zeros, zeros up to a multiple of 64
// bytes. A view reads it where it lies; nothing is copied. Positions and counts are 64-bit everywhere; block
// numbers are 32-bit, which bounds a vector at 2^32 blocks (1.9e12 bits).
//
// Nothing here knows Python. Every query is const and may run on several threads.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

#if defined(__x86_64__)
#define SKERRY_X86_64 1
#endif

#if defined(__GNUC__)
#define SKERRY_INLINE inline __attribute__((always_inline))
#define SKERRY_PREFETCH(address) __builtin_prefetch(address)
#else
#define SKERRY_INLINE inline
#define SKERRY_PREFETCH(address) (void)(address)
#endif

namespace skerry {

static_assert(std::endian::native == std::endian::little, "sections are little-endian");

struct alignas(64) BitBlock {
    static constexpr std::uint64_t kWords = 7;
    static constexpr std::uint64_t kBits = kWords * 64;
    std::uint64_t ones_before;
    std::uint64_t words[kWords];
};
static_assert(sizeof(BitBlock) == 64);

// What a section says of itself. `header_checksum` covers the fields before it.
struct BitVectorHeader {
    char magic[8];
    std::uint32_t version;
    std::uint32_t header_bytes;
    std::uint64_t size;
    std::uint64_t ones;
    std::uint64_t blocks;
    std::uint64_t reserved;
    std::uint64_t payload_checksum;
    std::uint64_t header_checksum;
};
static_assert(sizeof(BitVectorHeader) == 64);

inline constexpr char kBitVectorMagic[8] = {'S', 'K', 'B', 'I', 'T', 'V', 'E', 'C'};
inline constexpr std::uint32_t kBitVectorVersion = 1;
inline constexpr std::uint64_t kSelectSample = 512;

// A section that does not hold what it should.
struct DamagedSection : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// 64 bits over `bytes` bytes, four independent lanes of multiply and rotate. It finds damage, not malice.
inline std::uint64_t section_checksum(const void* data, std::uint64_t bytes) {
    constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15ULL;
    const auto* at = static_cast<const unsigned char*>(data);
    std::uint64_t lanes[4] = {kPrime, kPrime * 3, kPrime * 5, kPrime * 7};
    const auto mix = [](std::uint64_t lane, std::uint64_t word) {
        return std::rotl((lane ^ word) * kPrime, 29) + kPrime;
    };
    std::uint64_t left = bytes;
    for (; left >= 32; left -= 32, at += 32) {
        std::uint64_t words[4];
        std::memcpy(words, at, 32);
        for (int lane = 0; lane < 4; ++lane) lanes[lane] = mix(lanes[lane], words[lane]);
    }
    for (; left > 0;) {
        const std::uint64_t take = std::min<std::uint64_t>(left, 8);
        std::uint64_t word = 0;
        std::memcpy(&word, at, take);
        lanes[0] = mix(lanes[0], word);
        at += take;
        left -= take;
    }
    std::uint64_t sum = bytes;
    for (const std::uint64_t lane : lanes) sum = mix(sum, lane);
    sum ^= sum >> 32;
    sum *= kPrime;
    return sum ^ (sum >> 29);
}

// Instruction sets. Batch loops are compiled once for each and chosen when the process starts.
struct Portable {
    static SKERRY_INLINE std::uint64_t low_bits(std::uint64_t word, std::uint64_t count) {
        return count >= 64 ? word : word & ((std::uint64_t{1} << count) - 1);
    }

    // Position of the one of rank `k` (from 0) in `word`, which has more than `k` ones: byte sums, then bits.
    static SKERRY_INLINE std::uint64_t select(std::uint64_t word, std::uint64_t k) {
        constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
        std::uint64_t sums = word - ((word >> 1) & 0x5555555555555555ULL);
        sums = (sums & 0x3333333333333333ULL) + ((sums >> 2) & 0x3333333333333333ULL);
        sums = ((sums + (sums >> 4)) & 0x0F0F0F0F0F0F0F0FULL) * kOnes;  // byte i: ones in bytes 0..i
        // Byte i of `passed` is 128 where bytes 0..i hold at most k ones.
        const std::uint64_t passed = (((k * kOnes) | 0x8080808080808080ULL) - sums) & 0x8080808080808080ULL;
        const std::uint64_t byte = static_cast<std::uint64_t>(std::popcount(passed));
        const std::uint64_t before = byte == 0 ? 0 : (sums >> (8 * byte - 8)) & 0xFF;
        std::uint64_t bits = (word >> (8 * byte)) & 0xFF;
        for (std::uint64_t skip = k - before; skip > 0; --skip) bits &= bits - 1;
        return 8 * byte + static_cast<std::uint64_t>(std::countr_zero(bits));
    }
};

#if SKERRY_X86_64
// The two instructions are written out, because an inlined function may not ask for more than its caller has.
struct Bmi2 {
    static SKERRY_INLINE std::uint64_t low_bits(std::uint64_t word, std::uint64_t count) {
        std::uint64_t result;
        __asm__("bzhiq %2, %1, %0" : "=r"(result) : "r"(word), "r"(count) : "cc");
        return result;
    }

    static SKERRY_INLINE std::uint64_t select(std::uint64_t word, std::uint64_t k) {
        std::uint64_t one;
        __asm__("pdepq %2, %1, %0" : "=r"(one) : "r"(std::uint64_t{1} << k), "r"(word));
        return static_cast<std::uint64_t>(std::countr_zero(one));
    }
};

inline bool has_bmi2() {
    static const bool value = __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
    return value;
}
#endif

// A bit vector inside memory that somebody else keeps alive.
class BitVectorView {
public:
    // How many bytes a section of `size` bits of which `ones` are set takes; DamagedSection when it cannot be.
    static std::uint64_t section_bytes(std::uint64_t size, std::uint64_t ones) {
        if (ones > size || size / BitBlock::kBits >= (std::uint64_t{1} << 32) - 1)
            throw DamagedSection("a size of " + std::to_string(size) + " bits with " + std::to_string(ones) +
                                 " ones is impossible");
        const std::uint64_t samples = sample_count(ones) + sample_count(size - ones);
        const std::uint64_t bytes = sizeof(BitVectorHeader) + block_count(size) * sizeof(BitBlock) + 4 * samples;
        return (bytes + 63) / 64 * 64;
    }

    // Reads a section where it lies. With `verify` every byte is read and checked; without, the header and sizes.
    static BitVectorView open(const void* data, std::uint64_t bytes, bool verify) {
        if (reinterpret_cast<std::uintptr_t>(data) % 8 != 0)
            throw std::invalid_argument("a bit vector section must start at a multiple of 8 bytes");
        if (bytes < sizeof(BitVectorHeader))
            throw DamagedSection("it has " + std::to_string(bytes) + " bytes, less than a header");
        BitVectorHeader header;
        std::memcpy(&header, data, sizeof header);
        if (std::memcmp(header.magic, kBitVectorMagic, sizeof header.magic) != 0)
            throw DamagedSection("it does not start like a bit vector");
        if (header.version != kBitVectorVersion)
            throw DamagedSection("its format version is " + std::to_string(header.version) + ", not " +
                                 std::to_string(kBitVectorVersion));
        if (header.header_checksum != section_checksum(&header, offsetof(BitVectorHeader, header_checksum)))
            throw DamagedSection("its header's checksum does not match");
        const std::uint64_t expected = section_bytes(header.size, header.ones);
        if (header.blocks != block_count(header.size) || header.header_bytes != sizeof header)
            throw DamagedSection("its header contradicts itself");
        if (bytes != expected)
            throw DamagedSection("it has " + std::to_string(bytes) + " bytes instead of " + std::to_string(expected));
        const auto* payload = static_cast<const unsigned char*>(data) + sizeof header;
        if (verify && header.payload_checksum != section_checksum(payload, expected - sizeof header))
            throw DamagedSection("its checksum does not match");
        BitVectorView view;
        view.section_ = static_cast<const unsigned char*>(data);
        view.bytes_ = expected;
        view.size_ = header.size;
        view.ones_ = header.ones;
        view.block_total_ = header.blocks;
        view.blocks_ = reinterpret_cast<const BitBlock*>(payload);
        view.one_samples_ = reinterpret_cast<const std::uint32_t*>(payload + header.blocks * sizeof(BitBlock));
        view.zero_samples_ = view.one_samples_ + sample_count(header.ones);
        return view;
    }

    // Writes the section of the bits that `word(i)` gives, 64 at a time (bits from `size` on are ignored), at
    // `out`, which has `section_bytes(size, ones)` bytes and is aligned to 8.
    template <class Words>
    static void build(std::uint64_t size, std::uint64_t ones, const Words& word, void* out) {
        const std::uint64_t bytes = section_bytes(size, ones);
        auto* const start = static_cast<unsigned char*>(out);
        auto* const blocks = reinterpret_cast<BitBlock*>(start + sizeof(BitVectorHeader));
        const std::uint64_t total = block_count(size);
        auto* const one_samples = reinterpret_cast<std::uint32_t*>(blocks + total);
        auto* const zero_samples = one_samples + sample_count(ones);
        auto* const end = reinterpret_cast<unsigned char*>(zero_samples + sample_count(size - ones));
        std::memset(end, 0, static_cast<std::size_t>(start + bytes - end));

        const std::uint64_t word_total = (size + 63) / 64;
        std::uint64_t seen_ones = 0, seen_zeros = 0, one_sample = 0, zero_sample = 0;
        for (std::uint64_t block = 0; block < total; ++block) {
            blocks[block].ones_before = seen_ones;
            for (std::uint64_t i = 0; i < BitBlock::kWords; ++i) {
                const std::uint64_t index = block * BitBlock::kWords + i;
                std::uint64_t bits = index < word_total ? word(index) : 0;
                const std::uint64_t used = index < word_total ? std::min<std::uint64_t>(64, size - index * 64) : 0;
                bits = Portable::low_bits(bits, used);
                blocks[block].words[i] = bits;
                const auto count = static_cast<std::uint64_t>(std::popcount(bits));
                seen_ones += count;
                seen_zeros += used - count;
            }
            if (seen_ones > ones || seen_zeros > size - ones)
                throw std::invalid_argument("the bits changed while they were read");
            for (; one_sample * kSelectSample < seen_ones; ++one_sample)
                one_samples[one_sample] = static_cast<std::uint32_t>(block);
            for (; zero_sample * kSelectSample < seen_zeros; ++zero_sample)
                zero_samples[zero_sample] = static_cast<std::uint32_t>(block);
        }
        if (seen_ones != ones) throw std::invalid_argument("the bits changed while they were read");

        BitVectorHeader header{};
        std::memcpy(header.magic, kBitVectorMagic, sizeof header.magic);
        header.version = kBitVectorVersion;
        header.header_bytes = sizeof header;
        header.size = size;
        header.ones = ones;
        header.blocks = total;
        header.payload_checksum = section_checksum(start + sizeof header, bytes - sizeof header);
        header.header_checksum = section_checksum(&header, offsetof(BitVectorHeader, header_checksum));
        std::memcpy(start, &header, sizeof header);
    }

    std::uint64_t size() const { return size_; }
    std::uint64_t ones() const { return ones_; }
    std::uint64_t zeros() const { return size_ - ones_; }
    const unsigned char* section() const { return section_; }
    std::uint64_t bytes() const { return bytes_; }

    // The bit at `position` < size.
    SKERRY_INLINE bool bit(std::uint64_t position) const {
        const std::uint64_t offset = position % BitBlock::kBits;
        return (blocks_[position / BitBlock::kBits].words[offset / 64] >> (offset % 64)) & 1;
    }

    // Ones in [0, position), position <= size. All words are counted, masked: cheaper than a branch on the word.
    template <class Isa>
    SKERRY_INLINE std::uint64_t rank1(std::uint64_t position) const {
        const BitBlock& block = blocks_[position / BitBlock::kBits];
        const auto offset = static_cast<std::int64_t>(position % BitBlock::kBits);
        std::uint64_t count = block.ones_before;
        for (std::int64_t i = 0; i < static_cast<std::int64_t>(BitBlock::kWords); ++i) {
            const std::int64_t below = std::clamp<std::int64_t>(offset - 64 * i, 0, 64);
            count += static_cast<std::uint64_t>(
                std::popcount(Isa::low_bits(block.words[i], static_cast<std::uint64_t>(below))));
        }
        return count;
    }

    // Position of the one (Bit) or zero (not Bit) of rank `k`, counted from 0; k < ones() or zeros(). Gives size()
    // for a section that was opened unverified and is damaged: never an address outside of it.
    template <class Isa, bool Bit>
    SKERRY_INLINE std::uint64_t select(std::uint64_t k) const {
        const std::uint32_t* const samples = Bit ? one_samples_ : zero_samples_;
        const std::uint64_t sample = k / kSelectSample;
        const std::uint64_t last_sample = sample_count(Bit ? ones() : zeros()) - 1;
        std::uint64_t low = std::min<std::uint64_t>(samples[sample], block_total_ - 1);
        std::uint64_t high = sample == last_sample ? block_total_ : std::uint64_t{samples[sample + 1]} + 1;
        high = std::min(high, block_total_);
        // The last block in [low, high) with at most k before it.
        while (low + 1 < high) {
            const std::uint64_t middle = low + (high - low) / 2;
            if (before<Bit>(middle) <= k)
                low = middle;
            else
                high = middle;
        }
        const std::uint64_t rest = k - before<Bit>(low);
        const BitBlock& block = blocks_[low];
        // Which word holds it, without branches: the words whose ones up to their end are at most `rest` are passed.
        std::uint64_t word = 0, passed = 0, sum = 0;
        for (std::uint64_t i = 0; i < BitBlock::kWords; ++i) {
            sum += static_cast<std::uint64_t>(std::popcount(Bit ? block.words[i] : ~block.words[i]));
            word += sum <= rest;
            passed = sum <= rest ? sum : passed;
        }
        if (word == BitBlock::kWords) return size_;
        const std::uint64_t bits = Bit ? block.words[word] : ~block.words[word];
        return std::min(low * BitBlock::kBits + word * 64 + Isa::select(bits, rest - passed), size_);
    }

    SKERRY_INLINE void prefetch(std::uint64_t position) const {
        SKERRY_PREFETCH(blocks_ + position / BitBlock::kBits);
    }

    template <bool Bit>
    SKERRY_INLINE void prefetch_sample(std::uint64_t k) const {
        SKERRY_PREFETCH((Bit ? one_samples_ : zero_samples_) + k / kSelectSample);
    }

    template <bool Bit>
    SKERRY_INLINE void prefetch_block(std::uint64_t k) const {
        const BitBlock* const block = blocks_ + (Bit ? one_samples_ : zero_samples_)[k / kSelectSample];
        SKERRY_PREFETCH(block);
        SKERRY_PREFETCH(block + 1);  // where half of the bits are set, a sample spans two or three blocks
    }

private:
    static std::uint64_t block_count(std::uint64_t size) { return size / BitBlock::kBits + 1; }
    static std::uint64_t sample_count(std::uint64_t ones) { return (ones + kSelectSample - 1) / kSelectSample; }

    template <bool Bit>
    SKERRY_INLINE std::uint64_t before(std::uint64_t block) const {
        const std::uint64_t ones = blocks_[block].ones_before;
        return Bit ? ones : block * BitBlock::kBits - ones;
    }

    const unsigned char* section_ = nullptr;
    const BitBlock* blocks_ = nullptr;
    const std::uint32_t* one_samples_ = nullptr;
    const std::uint32_t* zero_samples_ = nullptr;
    std::uint64_t bytes_ = 0, size_ = 0, ones_ = 0, block_total_ = 0;
};

// Many queries at once. `queries(i)` is the i-th of `count`, already checked to be in range; blocks are fetched
// ahead so that the misses overlap. Each body is compiled for every instruction set.
namespace batch {

inline constexpr std::uint64_t kAhead = 16;

template <class Isa, bool Bit, class Queries>
SKERRY_INLINE void rank_body(const BitVectorView& view, const Queries& queries, std::uint64_t count,
                             std::uint64_t* out) {
    for (std::uint64_t i = 0; i < std::min(kAhead, count); ++i) view.prefetch(queries(i));
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i + kAhead < count) view.prefetch(queries(i + kAhead));
        const std::uint64_t position = queries(i);
        const std::uint64_t ones = view.template rank1<Isa>(position);
        out[i] = Bit ? ones : position - ones;
    }
}

template <class Isa, bool Bit, class Queries>
SKERRY_INLINE void select_body(const BitVectorView& view, const Queries& queries, std::uint64_t count,
                               std::uint64_t* out) {
    for (std::uint64_t i = 0; i < std::min(2 * kAhead, count); ++i) view.template prefetch_sample<Bit>(queries(i));
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i + 2 * kAhead < count) view.template prefetch_sample<Bit>(queries(i + 2 * kAhead));
        if (i + kAhead < count) view.template prefetch_block<Bit>(queries(i + kAhead));
        out[i] = view.template select<Isa, Bit>(queries(i));
    }
}

#if SKERRY_X86_64
template <bool Bit, class Queries>
__attribute__((target("popcnt,bmi,bmi2"))) void rank_bmi2(const BitVectorView& view, const Queries& queries,
                                                          std::uint64_t count, std::uint64_t* out) {
    rank_body<Bmi2, Bit>(view, queries, count, out);
}

template <bool Bit, class Queries>
__attribute__((target("popcnt,bmi,bmi2"))) void select_bmi2(const BitVectorView& view, const Queries& queries,
                                                            std::uint64_t count, std::uint64_t* out) {
    select_body<Bmi2, Bit>(view, queries, count, out);
}
#endif

template <bool Bit, class Queries>
void rank(const BitVectorView& view, const Queries& queries, std::uint64_t count, std::uint64_t* out,
          bool portable = false) {
#if SKERRY_X86_64
    if (!portable && has_bmi2()) return rank_bmi2<Bit>(view, queries, count, out);
#endif
    rank_body<Portable, Bit>(view, queries, count, out);
}

template <bool Bit, class Queries>
void select(const BitVectorView& view, const Queries& queries, std::uint64_t count, std::uint64_t* out,
            bool portable = false) {
#if SKERRY_X86_64
    if (!portable && has_bmi2()) return select_bmi2<Bit>(view, queries, count, out);
#endif
    select_body<Portable, Bit>(view, queries, count, out);
}

}  // namespace batch

}  // namespace skerry
