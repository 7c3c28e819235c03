#pragma once

// Queries on an FM-index that lies in memory somebody else keeps alive (its bytes: fm_index_file.hpp).
//
// A range is a pair of rows, low <= high <= rows(), checked by the caller. Nothing here knows Python; every query is
// const and may run on several threads. Damage that a query meets is DamagedSection, never an address outside.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "continuation_cache.hpp"
#include "fm_index_file.hpp"
#include "isa.hpp"
#include "parallel.hpp"
#include "top_scores.hpp"
#include "wavelet_matrix.hpp"

namespace skerry {

struct FmRange {
    std::int64_t low, high;
};

class FmIndexView {
public:
    FmIndexView(const void* data, std::uint64_t bytes, bool verify) : FmIndexView(open_fm(data, bytes, verify)) {}

    std::uint64_t rows() const { return header_.rows; }
    std::uint64_t tokens() const { return header_.tokens; }
    std::uint64_t passages() const { return header_.passages; }
    std::uint64_t alphabet() const { return header_.alphabet; }
    std::uint64_t bytes() const { return header_.file_bytes; }
    std::uint32_t locate_every() const { return header_.locate_every; }
    const FmHeader& header() const { return header_; }

    // Ranges of n-grams longer by one token: the i-th of `count` extends range i / fan by token i (or i % fan where
    // `shared`). An unknown token's range is empty: 0, 0.
    void extend(const FmRange* ranges, const std::uint32_t* tokens, std::uint64_t count, std::uint64_t fan, bool shared,
                FmRange* out, bool portable, unsigned threads) const {
        parallel_for(count, kExtensionGrain, threads, [&](std::uint64_t begin, std::uint64_t end) {
            WaveletMatrix::Ways& ways = this_thread().ways;
            ways.ways.clear();
            for (std::uint64_t first = begin; first < end; first += kChunk) {
                const std::uint64_t last = std::min(end, first + kChunk);
                for (std::uint64_t i = first; i < last; ++i)
                    out[i] = started(ranges[i / fan], tokens[shared ? i % fan : i],
                                     static_cast<std::uint32_t>(i - first), ways);
                go(ways, portable);
                for (const WaveletMatrix::Arrival& one : ways.arrived) out[first + one.id] = whole(one.low, one.high);
            }
        });
    }

    // Ranges of whole n-grams: n-gram i is tokens[offsets[i] .. offsets[i + 1]).
    void find(const std::int64_t* offsets, const std::uint32_t* tokens, std::uint64_t count, FmRange* out,
              bool portable, unsigned threads) const {
        parallel_for(count, kExtensionGrain / 8, threads, [&](std::uint64_t begin, std::uint64_t end) {
            WaveletMatrix::Ways& ways = this_thread().ways;
            ways.ways.clear();
            std::vector<WaveletMatrix::Arrival>& moving = this_thread().moving;
            for (std::uint64_t first = begin; first < end; first += kChunk) {
                const std::uint64_t last = std::min(end, first + kChunk);
                moving.clear();
                for (std::uint64_t i = first; i < last; ++i) {
                    out[i] = everything();
                    const auto id = static_cast<std::uint32_t>(i - first);
                    moving.push_back({0, static_cast<std::uint32_t>(header_.rows), id});
                }
                // All n-grams get their n-th token together; what has no more, or does not occur, drops out.
                for (std::int64_t n = 0; !moving.empty(); ++n) {
                    std::size_t kept = 0;
                    for (const WaveletMatrix::Arrival& one : moving) {
                        const std::uint64_t i = first + one.id;
                        const std::int64_t at = offsets[i] + n;
                        if (one.low == one.high || at >= offsets[i + 1]) continue;
                        out[i] = started({one.low, one.high}, tokens[at], one.id, ways);
                        if (out[i].low < out[i].high)  // known without a walk
                            moving[kept++] = {static_cast<std::uint32_t>(out[i].low),
                                              static_cast<std::uint32_t>(out[i].high), one.id};
                    }
                    moving.resize(kept);
                    go(ways, portable);
                    for (const WaveletMatrix::Arrival& one : ways.arrived) {
                        out[first + one.id] = whole(one.low, one.high);
                        moving.push_back(one);
                    }
                }
            }
        });
    }

    // How many of `count` pieces of work, which take `cost` nanoseconds together, one thread should take at a time.
    static std::uint64_t grain(double cost, std::uint64_t count, unsigned threads) {
        constexpr double kWorthAThread = 150e3;
        if (cost < 2 * kWorthAThread) return std::max<std::uint64_t>(count, 1);
        const double pieces = std::min(cost / kWorthAThread, 4.0 * threads);
        return std::max<std::uint64_t>(static_cast<std::uint64_t>(static_cast<double>(count) / pieces), 1);
    }

    // What listing the continuations of a range takes, in nanoseconds on one core, as measured. Text of R tokens has
    // about 2.2 R^0.7 different ones.
    double listing_cost(const FmRange& range) const {
        if (is_wide(range))
            if (const auto items = known(range)) return 8.0 * static_cast<double>(items->size());
        const auto rows = static_cast<double>(range.high - range.low);
        if (rows < 14) return 60.0 * rows;
        return 45.0 * std::min({2.2 * std::pow(rows, 0.7), rows, static_cast<double>(header_.leaves)});
    }

    struct Continuations {
        Buffer<std::uint64_t> counts;  // of each range
        Buffer<std::uint32_t> tokens;
        Buffer<FmRange> ranges;

        void clear() {
            counts.clear();
            tokens.clear();
            ranges.clear();
        }
    };

    // Every token that follows in [begin, end) of `ranges`, with the ranges of the longer n-grams, added to `out`.
    // The tokens of one range are in no order of use. What is found of wide ranges is kept for the next time.
    void continuations(const FmRange* ranges, std::uint64_t begin, std::uint64_t end, Continuations& out,
                       bool portable) const {
        WaveletMatrix::Scratch& scratch = this_thread().scratch;
        scratch.clear();
        std::vector<std::uint64_t>& places = this_thread().places;
        std::vector<std::pair<std::uint64_t, ContinuationCache::Items>> kept;
        for (std::uint64_t first = begin; first < end;) {
            std::uint64_t last = first, width = 0;
            kept.clear();
            for (; last < end && last - first < kGroup && width < kGroupRows; ++last) {
                const FmRange range = ranges[last];
                if (range.low >= range.high) continue;
                if (is_wide(range)) {
                    auto items = known(range);
                    if (items) {
                        kept.emplace_back(last - first, std::move(items));
                        continue;
                    }
                }
                width += static_cast<std::uint64_t>(range.high - range.low);
                scratch.add(static_cast<std::uint32_t>(range.low), static_cast<std::uint32_t>(range.high),
                            static_cast<std::uint32_t>(last - first));
            }
            enumerate(scratch, portable);
            // By range: count, then put each where it belongs.
            places.assign(last - first + 1, 0);
            for (const WaveletMatrix::Found& one : scratch.found)
                places[one.query + 1] += matrix_.leaf_symbol(one.leaf) >= kFirstToken;
            for (const auto& [query, items] : kept) places[query + 1] = items->size();
            const std::uint64_t base = out.tokens.size();
            for (std::uint64_t i = 0; i < last - first; ++i) {
                out.counts.push(places[i + 1]);
                places[i + 1] += places[i];
            }
            out.tokens.resize(base + places[last - first]);
            out.ranges.resize(base + places[last - first]);
            for (const auto& [query, items] : kept) {
                std::uint64_t place = base + places[query];
                for (const ContinuationCache::Item& item : *items) {
                    out.tokens[place] = item.token;
                    out.ranges[place++] = {item.low, item.high};
                }
            }
            for (const WaveletMatrix::Found& one : scratch.found) {
                const std::uint32_t symbol = matrix_.leaf_symbol(one.leaf);
                if (symbol < kFirstToken) continue;
                const std::uint64_t place = base + places[one.query]++;
                out.tokens[place] = symbol - kFirstToken;
                out.ranges[place] = whole(one.low, one.high);
            }
            // `places[i]` is now the end of range i's, where those were listed and not kept already.
            for (std::uint64_t i = 0; i < last - first; ++i) {
                if (!is_wide(ranges[first + i]) ||
                    std::any_of(kept.begin(), kept.end(), [&](const auto& one) { return one.first == i; }))
                    continue;
                const std::uint64_t stop = base + places[i];
                keep(ranges[first + i], out, stop - out.counts[out.counts.size() - (last - first) + i], stop);
            }
            first = last;
        }
    }

    // Passage and first token of the match of `lengths[i]` tokens in row `rows[i]`; -1, 0 for the rows that belong to
    // no passage. invalid_argument where the row has no match of that length.
    void locate(const std::int64_t* rows, const std::int64_t* lengths, std::uint64_t count, std::int64_t* passages,
                std::int64_t* starts, bool portable, unsigned threads) const {
        parallel_for(count, kLocateGrain, threads, [&](std::uint64_t begin, std::uint64_t end) {
            if (header_.locate_every > 1) {
                // `starts` first holds the number of the sample, `passages` the steps to it.
                for (std::uint64_t first = begin; first < end; first += kChunk)
                    walk_to_samples(rows, first, std::min(end, first + kChunk), passages, starts, portable);
            }
            for (std::uint64_t i = begin; i < end; ++i) {
                if (i + kAhead < end)
                    SKERRY_PREFETCH(samples_ + sample_of(rows, starts, i + kAhead) * header_.sample_bits / 8);
                const std::uint64_t steps = header_.locate_every > 1 ? static_cast<std::uint64_t>(passages[i]) : 0;
                const std::uint64_t sample = sample_of(rows, starts, i);
                starts[i] = static_cast<std::int64_t>(packed_at(samples_, sample, header_.sample_bits) *
                                                          header_.locate_every + steps);
                SKERRY_PREFETCH(buckets_ + (static_cast<std::uint64_t>(starts[i]) >> header_.bucket_shift));
            }
            for (std::uint64_t i = begin; i < end; ++i) {
                const auto position = static_cast<std::uint64_t>(starts[i]);
                if (position >= header_.rows) throw DamagedSection("a row's sample is beyond the text");
                const std::uint64_t before = starts_below(position);
                if (before == 0 || before > header_.passages) {
                    if (lengths[i] != 0) throw no_match(i, rows[i], lengths[i]);
                    passages[i] = -1;
                    starts[i] = 0;
                    continue;
                }
                // The passage's tokens stand at starts_[before - 1] + 1 .. starts_[before] - 1, reversed; the match
                // begins in the text with its last token.
                if (starts_[before - 1] >= position || starts_[before] < position)
                    throw DamagedSection("its passages do not follow each other");
                const std::int64_t last = static_cast<std::int64_t>(starts_[before]) - 1 - starts[i];
                if (lengths[i] < 0 || lengths[i] > last + 1) throw no_match(i, rows[i], lengths[i]);
                passages[i] = static_cast<std::int64_t>(before) - 1;
                starts[i] = last - lengths[i] + 1;
            }
        });
    }

    std::int64_t passage_length(std::uint64_t passage) const {
        const std::int64_t length = static_cast<std::int64_t>(starts_[passage + 1]) - starts_[passage] - 1;
        if (length < 0 || starts_[passage + 1] > header_.rows) throw DamagedSection("its passages overlap");
        return length;
    }

    // Tokens of passages, in order: those of passages[i] go to out + offsets[i].
    void extract(const std::int64_t* passages, const std::int64_t* offsets, std::uint64_t count, std::uint32_t* out,
                 bool portable, unsigned threads) const {
        parallel_for(count, kExtractGrain, threads, [&](std::uint64_t begin, std::uint64_t end) {
            WaveletMatrix::Scratch& scratch = this_thread().scratch;
            scratch.clear();
            for (std::uint64_t first = begin; first < end; first += kChunk) {
                const std::uint64_t last = std::min(end, first + kChunk);
                for (std::uint64_t i = first; i < last; ++i)
                    if (offsets[i] < offsets[i + 1])
                        scratch.singles.push({start_rows_[passages[i]], 0, static_cast<std::uint32_t>(i - first)});
                // All passages give their n-th token together.
                for (std::int64_t n = 0; scratch.singles.size() > 0; ++n) {
                    enumerate(scratch, portable);
                    for (const WaveletMatrix::Found& one : scratch.found) {
                        const std::uint64_t i = first + one.query;
                        const std::uint32_t symbol = matrix_.leaf_symbol(one.leaf);
                        if (symbol < kFirstToken) {
                            scratch.singles.clear();
                            throw DamagedSection("a passage is shorter than it should be");
                        }
                        out[offsets[i] + n] = symbol - kFirstToken;
                        if (offsets[i] + n + 1 < offsets[i + 1]) scratch.singles.push({one.low, 0, one.query});
                    }
                }
            }
        });
    }

    // The `k` tokens of highest score that follow in each range, best first, lower tokens first where scores are equal:
    // scores[i * stride ..] are the `width` scores for range i. Where there are fewer: -1 and an empty range.
    void allowed_top(const float* scores, std::int64_t stride, std::uint64_t width, const FmRange* ranges,
                     std::uint64_t count, std::uint64_t k, std::int32_t* tokens, FmRange* out, bool portable,
                     unsigned threads) const {
        const std::uint64_t usable = std::min(width, header_.alphabet);
        double cost = 0;
        for (std::uint64_t i = 0; i < count; ++i)
            cost += std::min(listing_cost(ranges[i]), asking_cost(usable, 4 * k));
        parallel_for(count, grain(cost, count, threads), threads, [&](std::uint64_t begin, std::uint64_t end) {
            ThreadScratch& mine = this_thread();
            mine.wide.clear();
            mine.narrow.clear();
            mine.narrow_ranges.clear();
            for (std::uint64_t i = begin; i < end; ++i) {
                std::fill_n(tokens + i * k, k, -1);
                std::fill_n(out + i * k, k, FmRange{0, 0});
                const std::int64_t size = ranges[i].high - ranges[i].low;
                if (size <= 0) continue;
                if (listing_cost(ranges[i]) <= asking_cost(usable, 4 * k)) {
                    mine.narrow.push_back(i);
                    mine.narrow_ranges.push_back(ranges[i]);
                } else {
                    mine.wide.push_back(i);
                }
            }
            enumerated_top(mine, mine.narrow, mine.narrow_ranges, scores, stride, usable, k, tokens, out, portable);
            for (const std::uint64_t i : mine.wide)
                probed_top(mine, scores + static_cast<std::int64_t>(i) * stride, usable, ranges[i], k, tokens + i * k,
                           out + i * k, portable);
        });
    }

private:
    static constexpr std::uint64_t kExtensionGrain = 512, kLocateGrain = 2048, kExtractGrain = 16;
    static constexpr std::uint64_t kChunk = 1024;  // walks that go down together
    static constexpr std::int64_t kWideRows = 512;  // of ranges whose continuations are kept
    static constexpr std::size_t kCacheBytes = 32 << 20;
    static constexpr std::uint64_t kGroup = 64, kGroupRows = 8192, kAhead = 16;

    struct ThreadScratch {
        WaveletMatrix::Scratch scratch;
        WaveletMatrix::Ways ways;
        std::vector<WaveletMatrix::Arrival> moving;
        std::vector<std::uint64_t> places, wide, narrow;
        std::vector<FmRange> narrow_ranges, probed;
        std::vector<std::uint32_t> candidates;
        Continuations continuations;
        TopScores top;
    };

    static ThreadScratch& this_thread() {
        thread_local ThreadScratch mine;
        return mine;
    }

    explicit FmIndexView(OpenedFm opened)
        : header_(opened.header),
          matrix_(opened),
          marks_(reinterpret_cast<const RankBlock*>(opened.section(kMarks)),
                 static_cast<std::uint32_t>(opened.header.rows)),
          samples_(opened.section(kSamples)),
          starts_(reinterpret_cast<const std::uint32_t*>(opened.section(kStarts))),
          start_rows_(reinterpret_cast<const std::uint32_t*>(opened.section(kStartRows))),
          buckets_(reinterpret_cast<const std::uint32_t*>(opened.section(kBuckets))) {}

    // What asking for `tokens` of the best of so many scores takes, likewise.
    static double asking_cost(std::uint64_t scores, std::uint64_t tokens) {
        return 0.3 * static_cast<double>(scores) + 150.0 * static_cast<double>(tokens);
    }

    static bool is_wide(const FmRange& range) { return range.high - range.low >= kWideRows; }

    ContinuationCache::Items known(const FmRange& range) const {
        return cache_->find(static_cast<std::uint32_t>(range.low), static_cast<std::uint32_t>(range.high));
    }

    void keep(const FmRange& range, const Continuations& all, std::uint64_t begin, std::uint64_t end) const {
        std::vector<ContinuationCache::Item> items;
        items.reserve(end - begin);
        for (std::uint64_t i = begin; i < end; ++i)
            items.push_back({all.tokens[i], static_cast<std::uint32_t>(all.ranges[i].low),
                             static_cast<std::uint32_t>(all.ranges[i].high)});
        cache_->keep(static_cast<std::uint32_t>(range.low), static_cast<std::uint32_t>(range.high), std::move(items));
    }

    FmRange everything() const { return {0, static_cast<std::int64_t>(header_.rows)}; }

    // A range that a walk arrived at.
    SKERRY_INLINE FmRange whole(std::uint32_t low, std::uint32_t high) const {
        if (low > high || high > header_.rows) throw DamagedSection("its levels lead to rows that it does not have");
        return {low, high};
    }

    void go(WaveletMatrix::Ways& ways, bool portable) const {
        run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA { matrix_.go<Isa>(ways); });
    }

    void enumerate(WaveletMatrix::Scratch& scratch, bool portable) const {
#if SKERRY_X86_64
        if (!portable && avx512::available()) return matrix_.enumerate_eights(scratch);
#endif
        run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA { matrix_.enumerate<Isa>(scratch); });
    }

    // The range of one extension where it is known at once; else 0, 0, and a way is added that will say it.
    FmRange started(const FmRange& range, std::uint32_t token, std::uint32_t id, WaveletMatrix::Ways& ways) const {
        if (range.low >= range.high || token >= header_.alphabet) return {0, 0};
        const SymbolCode& code = matrix_.code(token + kFirstToken);
        if (code.count == 0) return {0, 0};
        if (range.low == 0 && static_cast<std::uint64_t>(range.high) == header_.rows)
            return {code.first, std::int64_t{code.first} + code.count};
        ways.add(static_cast<std::uint32_t>(range.low), static_cast<std::uint32_t>(range.high), code, id);
        return {0, 0};
    }

    // Backward steps from each row until one whose text position is stored: its number among those, and the steps.
    void walk_to_samples(const std::int64_t* rows, std::uint64_t begin, std::uint64_t end, std::int64_t* steps,
                         std::int64_t* samples, bool portable) const {
        WaveletMatrix::Scratch& scratch = this_thread().scratch;
        scratch.clear();
        std::vector<WaveletMatrix::Arrival>& moving = this_thread().moving;
        moving.clear();
        for (std::uint64_t i = begin; i < end; ++i) {
            marks_.prefetch(static_cast<std::uint32_t>(rows[i]));
            moving.push_back({static_cast<std::uint32_t>(rows[i]), 0, static_cast<std::uint32_t>(i - begin)});
        }
        for (std::uint32_t step = 0; !moving.empty(); ++step) {
            if (step >= header_.locate_every) throw DamagedSection("a row leads to no sample");
            run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA {
                for (const WaveletMatrix::Arrival& one : moving) {
                    std::uint32_t mark;
                    const std::uint32_t before = marks_.rank1_and_bit<Isa>(one.low, mark);
                    steps[begin + one.id] = step;
                    samples[begin + one.id] = before;
                    if (!mark) scratch.singles.push({one.low, 0, one.id});
                }
            });
            enumerate(scratch, portable);
            moving.clear();
            for (const WaveletMatrix::Found& one : scratch.found) {
                marks_.prefetch(one.low);
                moving.push_back({one.low, 0, one.query});
            }
        }
    }

    SKERRY_INLINE std::uint64_t sample_of(const std::int64_t* rows, const std::int64_t* samples,
                                          std::uint64_t i) const {
        if (header_.locate_every == 1) return static_cast<std::uint64_t>(rows[i]);
        const std::uint64_t last = samples_of(header_.rows, header_.locate_every) - 1;
        return std::min(static_cast<std::uint64_t>(samples[i]), last);
    }

    // How many passages' marks, and the final one, stand before `position`.
    std::uint64_t starts_below(std::uint64_t position) const {
        const std::uint32_t* const bucket = buckets_ + (position >> header_.bucket_shift);
        const std::uint64_t all = header_.passages + 1;
        const std::uint64_t low = std::min<std::uint64_t>(bucket[0], all);
        const std::uint64_t high = std::clamp<std::uint64_t>(bucket[1], low, all);
        return static_cast<std::uint64_t>(std::lower_bound(starts_ + low, starts_ + high, position) - starts_);
    }

    static std::invalid_argument no_match(std::uint64_t i, std::int64_t row, std::int64_t length) {
        return std::invalid_argument("row " + std::to_string(row) + " (number " + std::to_string(i) +
                                     ") has no match of " + std::to_string(length) + " tokens");
    }

    void enumerated_top(ThreadScratch& mine, const std::vector<std::uint64_t>& which,
                        const std::vector<FmRange>& ranges, const float* scores, std::int64_t stride,
                        std::uint64_t usable, std::uint64_t k, std::int32_t* tokens, FmRange* out,
                        bool portable) const {
        Continuations& all = mine.continuations;
        all.clear();
        continuations(ranges.data(), 0, ranges.size(), all, portable);
        std::uint64_t at = 0;
        for (std::uint64_t n = 0; n < which.size(); ++n) {
            const std::uint64_t i = which[n];
            const std::uint64_t end = at + all.counts[n];
            const float* const row = scores + static_cast<std::int64_t>(i) * stride;
            mine.top.keys.clear();
            for (std::uint64_t j = at; j < end; ++j)
                if (all.tokens[j] < usable)
                    mine.top.keys.push_back(
                        {score_key(row[all.tokens[j]], all.tokens[j]), static_cast<std::uint32_t>(j)});
            const std::uint64_t best = mine.top.order_best(k);
            for (std::uint64_t j = 0; j < best; ++j) {
                const std::uint32_t place = mine.top.keys[j].place;
                tokens[i * k + j] = static_cast<std::int32_t>(all.tokens[place]);
                out[i * k + j] = all.ranges[place];
            }
            at = end;
        }
    }

    // Asks for the range's tokens in falling order of score until k are found.
    void probed_top(ThreadScratch& mine, const float* scores, std::uint64_t usable, FmRange range, std::uint64_t k,
                    std::int32_t* tokens, FmRange* out, bool portable) const {
        std::uint64_t found = 0, asked = 0;
        for (std::uint64_t wanted = std::max<std::uint64_t>(4 * k, 64);; wanted *= 8) {
            wanted = std::min(wanted, usable);
            if (asked > 0 && (wanted >= usable / 32 || listing_cost(range) < asking_cost(usable, wanted))) {
                mine.narrow.assign(1, 0);
                mine.narrow_ranges.assign(1, range);
                std::fill_n(tokens, k, -1);
                std::fill_n(out, k, FmRange{0, 0});
                return enumerated_top(mine, mine.narrow, mine.narrow_ranges, scores, 0, usable, k, tokens, out,
                                      portable);
            }
            run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA {
                mine.top.template select<Isa>(scores, usable, wanted);
            });
            for (; asked < mine.top.keys.size() && found < k;) {
                const std::uint64_t batch =
                    std::min<std::uint64_t>(mine.top.keys.size() - asked, std::max<std::uint64_t>(32, k));
                mine.candidates.clear();
                for (std::uint64_t j = 0; j < batch; ++j) mine.candidates.push_back(mine.top.keys[asked + j].place);
                mine.probed.resize(batch);
                extend(&range, mine.candidates.data(), batch, batch, true, mine.probed.data(), portable, 1);
                for (std::uint64_t j = 0; j < batch && found < k; ++j) {
                    if (mine.probed[j].low == mine.probed[j].high) continue;
                    tokens[found] = static_cast<std::int32_t>(mine.candidates[j]);
                    out[found++] = mine.probed[j];
                }
                asked += batch;
            }
            if (found == k || wanted == usable) return;
        }
    }

    FmHeader header_;
    WaveletMatrix matrix_;
    RankBits marks_;
    const unsigned char* samples_;
    const std::uint32_t* starts_;
    const std::uint32_t* start_rows_;
    const std::uint32_t* buckets_;
    std::unique_ptr<ContinuationCache> cache_ = std::make_unique<ContinuationCache>(kCacheBytes);
};

}  // namespace skerry
