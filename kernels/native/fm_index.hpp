#pragma once

// Queries on an FM-index that lies in memory somebody else keeps alive (its bytes: fm_index_file.hpp).
//
// A range is a pair of rows, low <= high <= rows(), checked by the caller. Nothing here knows Python; every query is
// const and may run on several threads. Damage that a query meets is DamagedSection, never an address outside.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

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

    FmRange beginnings() const { return {1, static_cast<std::int64_t>(header_.passages + 2)}; }

    // How many rows `token` has.
    std::uint32_t occurrences(std::uint64_t token) const {
        return token < header_.alphabet ? matrix_.code(static_cast<std::uint32_t>(token) + kFirstToken).count : 0;
    }

    // Ranges of n-grams longer by one token: the i-th of `count` extends range i / fan by token i (or i % fan where
    // `shared`). An unknown token's range is empty: 0, 0.
    void extend(const FmRange* ranges, const std::uint32_t* tokens, std::uint64_t count, std::uint64_t fan, bool shared,
                FmRange* out, bool portable, unsigned threads) const {
        parallel_for(count, kExtensionGrain, threads, [&](std::uint64_t begin, std::uint64_t end) {
            run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA {
                const auto start = [&](std::uint64_t i, WaveletMatrix::Extension& walk) SKERRY_INLINE_LAMBDA {
                    i += begin;
                    const FmRange range = ranges[i / fan];
                    return started(range, tokens[shared ? i % fan : i], i, out, walk);
                };
                const auto arrived = [&](const WaveletMatrix::Extension& walk) SKERRY_INLINE_LAMBDA {
                    out[walk.id] = {walk.low, walk.high};
                    return false;
                };
                matrix_.extend<Isa>(end - begin, start, arrived);
            });
        });
    }

    // Ranges of whole n-grams: n-gram i is tokens[offsets[i] .. offsets[i + 1]).
    void find(const std::int64_t* offsets, const std::uint32_t* tokens, std::uint64_t count, FmRange* out, bool portable,
              unsigned threads) const {
        parallel_for(count, kExtensionGrain / 8, threads, [&](std::uint64_t begin, std::uint64_t end) {
            run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA {
                std::vector<std::int64_t> next(end - begin);  // of each n-gram: the token to go on with
                const auto start = [&](std::uint64_t i, WaveletMatrix::Extension& walk) SKERRY_INLINE_LAMBDA {
                    const std::uint64_t id = i + begin;
                    std::int64_t at = offsets[id];
                    const std::int64_t stop = offsets[id + 1];
                    FmRange range{0, static_cast<std::int64_t>(header_.rows)};
                    if (at < stop) {
                        range = {0, 0};
                        if (tokens[at] < header_.alphabet) {
                            const SymbolCode& code = matrix_.code(tokens[at] + kFirstToken);
                            range = {code.first, std::int64_t{code.first} + code.count};
                        }
                        if (++at < stop && range.low < range.high) {
                            next[i] = at + 1;
                            return started(range, tokens[at], id, out, walk);
                        }
                    }
                    out[id] = range.low < range.high ? range : FmRange{0, 0};
                    return false;
                };
                const auto arrived = [&](WaveletMatrix::Extension& walk) SKERRY_INLINE_LAMBDA {
                    std::int64_t& at = next[walk.id - begin];
                    if (walk.low == walk.high || at == offsets[walk.id + 1]) {
                        out[walk.id] = {walk.low, walk.high};
                        return false;
                    }
                    const std::uint32_t token = tokens[at++];
                    if (token >= header_.alphabet || matrix_.code(token + kFirstToken).count == 0) {
                        out[walk.id] = {0, 0};
                        return false;
                    }
                    walk.towards(matrix_.code(token + kFirstToken));
                    return true;
                };
                matrix_.extend<Isa>(end - begin, start, arrived);
            });
        });
    }

    struct Continuations {
        std::vector<std::uint64_t> counts;  // of each range
        std::vector<std::uint32_t> tokens;
        std::vector<FmRange> ranges;
    };

    // Every token that follows in [begin, end) of `ranges`, with the ranges of the longer n-grams, added to `out`.
    // The tokens of one range come by the length of their codes, not by number.
    void continuations(const FmRange* ranges, std::uint64_t begin, std::uint64_t end, Continuations& out,
                       bool portable) const {
        WaveletMatrix::Scratch& scratch = this_thread().scratch;
        std::vector<std::uint64_t>& places = this_thread().places;
        for (std::uint64_t first = begin; first < end;) {
            std::uint64_t last = first, width = 0;
            scratch.nodes.clear();
            for (; last < end && last - first < kGroup && width < kGroupRows; ++last) {
                const FmRange range = ranges[last];
                if (range.low >= range.high) continue;
                width += static_cast<std::uint64_t>(range.high - range.low);
                scratch.nodes.push_back({static_cast<std::uint32_t>(range.low), static_cast<std::uint32_t>(range.high), 0,
                                         static_cast<std::uint32_t>(last - first)});
            }
            run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA { matrix_.enumerate<Isa>(scratch); });
            // By range: count, then put each where it belongs.
            const std::span found(scratch.found.data(), scratch.found_count);
            places.assign(last - first + 1, 0);
            for (const WaveletMatrix::Found& one : found)
                places[one.query + 1] += matrix_.leaf_symbol(one.leaf) >= kFirstToken;
            std::uint64_t total = out.tokens.size();
            for (std::uint64_t i = 0; i < last - first; ++i) {
                out.counts.push_back(places[i + 1]);
                places[i + 1] += places[i];
            }
            const std::uint64_t base = total;
            total += places[last - first];
            out.tokens.resize(total);
            out.ranges.resize(total);
            for (const WaveletMatrix::Found& one : found) {
                const std::uint32_t symbol = matrix_.leaf_symbol(one.leaf);
                if (symbol < kFirstToken) continue;
                const std::uint64_t place = base + places[one.query]++;
                out.tokens[place] = symbol - kFirstToken;
                out.ranges[place] = {one.low, one.high};
            }
            first = last;
        }
    }

    // Passage and first token of the match of `lengths[i]` tokens in row `rows[i]`; -1, 0 for the rows that belong to no
    // passage. invalid_argument where the row has no match of that length.
    void locate(const std::int64_t* rows, const std::int64_t* lengths, std::uint64_t count, std::int64_t* passages,
                std::int64_t* starts, bool portable, unsigned threads) const {
        parallel_for(count, kLocateGrain, threads, [&](std::uint64_t begin, std::uint64_t end) {
            if (header_.locate_every > 1) {
                // `starts` first holds the number of the sample, `passages` the steps to it.
                bool lost = false;
                run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA {
                    walk_to_samples<Isa>(rows, begin, end, passages, starts, lost);
                });
                if (lost) throw DamagedSection("a row leads to no sample");
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
                const std::int64_t last = static_cast<std::int64_t>(starts_[before]) - 1 - starts[i];
                passages[i] = static_cast<std::int64_t>(before) - 1;
                starts[i] = last - lengths[i] + 1;
                if (starts[i] < 0 || lengths[i] < 0) throw no_match(i, rows[i], lengths[i]);
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
            bool broken = false;
            run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA {
                const auto start = [&](std::uint64_t i, WaveletMatrix::Descent& walk) SKERRY_INLINE_LAMBDA {
                    walk.id = i + begin;
                    walk.steps = 0;
                    walk.row = start_rows_[passages[walk.id]];
                    return offsets[walk.id] < offsets[walk.id + 1];
                };
                const auto arrived = [&](WaveletMatrix::Descent& walk, std::uint32_t leaf) SKERRY_INLINE_LAMBDA {
                    const std::uint32_t symbol = matrix_.leaf_symbol(leaf);
                    if (symbol < kFirstToken) {
                        broken = true;
                        return false;
                    }
                    const std::int64_t at = offsets[walk.id] + walk.steps++;
                    out[at] = symbol - kFirstToken;
                    return at + 1 < offsets[walk.id + 1];
                };
                matrix_.descend<Isa>(end - begin, start, arrived);
            });
            if (broken) throw DamagedSection("a passage is shorter than it should be");
        });
    }

    // The `k` tokens of highest score that follow in each range, best first, lower tokens first where scores are equal:
    // scores[i * stride ..] are the `width` scores for range i. Where there are fewer: -1 and an empty range.
    void allowed_top(const float* scores, std::int64_t stride, std::uint64_t width, const FmRange* ranges,
                     std::uint64_t count, std::uint64_t k, std::int32_t* tokens, FmRange* out, bool portable,
                     unsigned threads) const {
        const std::uint64_t usable = std::min(width, header_.alphabet);
        parallel_for(count, kTopGrain, threads, [&](std::uint64_t begin, std::uint64_t end) {
            ThreadScratch& mine = this_thread();
            mine.wide.clear();
            mine.narrow.clear();
            mine.narrow_ranges.clear();
            for (std::uint64_t i = begin; i < end; ++i) {
                std::fill_n(tokens + i * k, k, -1);
                std::fill_n(out + i * k, k, FmRange{0, 0});
                const std::int64_t size = ranges[i].high - ranges[i].low;
                if (size <= 0) continue;
                if (static_cast<std::uint64_t>(size) <= kEnumerateRows) {
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
    static constexpr std::uint64_t kExtensionGrain = 512, kLocateGrain = 2048, kExtractGrain = 16, kTopGrain = 4;
    static constexpr std::uint64_t kGroup = 64, kGroupRows = 8192, kAhead = 16;
    static constexpr std::uint64_t kEnumerateRows = 1024;

    struct ThreadScratch {
        WaveletMatrix::Scratch scratch;
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

    // Prepares the walk of one extension; false where the answer is known at once (and written).
    SKERRY_INLINE bool started(const FmRange& range, std::uint32_t token, std::uint64_t id, FmRange* out,
                               WaveletMatrix::Extension& walk) const {
        out[id] = {0, 0};
        if (range.low >= range.high || token >= header_.alphabet) return false;
        const SymbolCode& code = matrix_.code(token + kFirstToken);
        if (code.count == 0) return false;
        if (range.low == 0 && static_cast<std::uint64_t>(range.high) == header_.rows) {
            out[id] = {code.first, std::int64_t{code.first} + code.count};
            return false;
        }
        walk.low = static_cast<std::uint32_t>(range.low);
        walk.high = static_cast<std::uint32_t>(range.high);
        walk.id = id;
        walk.towards(code);
        return true;
    }

    template <class Isa>
    SKERRY_INLINE void walk_to_samples(const std::int64_t* rows, std::uint64_t begin, std::uint64_t end,
                                       std::int64_t* steps, std::int64_t* samples, bool& lost) const {
        const std::uint32_t most = header_.locate_every;
        const auto marked = [&](const WaveletMatrix::Descent& walk) SKERRY_INLINE_LAMBDA {
            std::uint32_t mark;
            const std::uint32_t before = marks_.rank1_and_bit<Isa>(walk.row, mark);
            if (!mark) return false;
            steps[walk.id] = walk.steps;
            samples[walk.id] = before;
            return true;
        };
        const auto start = [&](std::uint64_t i, WaveletMatrix::Descent& walk) SKERRY_INLINE_LAMBDA {
            walk.id = begin + i;
            walk.steps = 0;
            walk.row = static_cast<std::uint32_t>(rows[walk.id]);
            if (walk.id + kAhead < end) marks_.prefetch(static_cast<std::uint32_t>(rows[walk.id + kAhead]));
            return !marked(walk);
        };
        const auto arrived = [&](WaveletMatrix::Descent& walk, std::uint32_t) SKERRY_INLINE_LAMBDA {
            ++walk.steps;
            if (marked(walk)) return false;
            if (walk.steps < most) return true;
            lost = true;
            return false;
        };
        matrix_.descend<Isa>(end - begin, start, arrived);
    }

    SKERRY_INLINE std::uint64_t sample_of(const std::int64_t* rows, const std::int64_t* samples, std::uint64_t i) const {
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

    void enumerated_top(ThreadScratch& mine, const std::vector<std::uint64_t>& which, const std::vector<FmRange>& ranges,
                        const float* scores, std::int64_t stride, std::uint64_t usable, std::uint64_t k,
                        std::int32_t* tokens, FmRange* out, bool portable) const {
        Continuations& all = mine.continuations;
        all.counts.clear();
        all.tokens.clear();
        all.ranges.clear();
        continuations(ranges.data(), 0, ranges.size(), all, portable);
        std::uint64_t at = 0;
        for (std::uint64_t n = 0; n < which.size(); ++n) {
            const std::uint64_t i = which[n];
            const std::uint64_t end = at + all.counts[n];
            const float* const row = scores + static_cast<std::int64_t>(i) * stride;
            mine.top.keys.clear();
            for (std::uint64_t j = at; j < end; ++j)
                if (all.tokens[j] < usable)
                    mine.top.keys.push_back({score_key(row[all.tokens[j]], all.tokens[j]), static_cast<std::uint32_t>(j)});
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
            // Few of many asked for occur: listing the range costs less than going on.
            if (asked > 0 && wanted * 2 > static_cast<std::uint64_t>(range.high - range.low)) {
                mine.narrow.assign(1, 0);
                mine.narrow_ranges.assign(1, range);
                return enumerated_top(mine, mine.narrow, mine.narrow_ranges, scores, 0, usable, k, tokens, out, portable);
            }
            run_fastest(portable, [&]<class Isa>() SKERRY_INLINE_LAMBDA { mine.top.template select<Isa>(scores, usable, wanted); });
            for (; asked < mine.top.keys.size() && found < k;) {
                const std::uint64_t batch = std::min<std::uint64_t>(mine.top.keys.size() - asked, std::max<std::uint64_t>(32, k));
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
};

}  // namespace skerry
