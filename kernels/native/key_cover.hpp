#pragma once

// Scores of passages by the keys (token n-grams) that stand in them, each key's places taken greedily.
//
// Keys come best first. In a passage a key is taken once, at its first place that no key taken before it covers,
// and adds its weight, discounted by the share of its distinct tokens that keys taken before it already have:
//
//     weight * (1 - b + b * |distinct tokens not yet taken| / |distinct tokens|)
//
// `cover_located` does this for places found by an index, `cover_passages` for whole passages in which it looks for
// the keys itself; the latter then adds single tokens at the places left over.
//
// Nothing here knows Python. The functions are pure and may run on several threads.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace skerry::key_cover {

inline constexpr std::uint32_t kNone = 0xFFFFFFFFU;

// Key i is tokens[offsets[i], offsets[i + 1]).
struct Keys {
    const std::int64_t* offsets;
    const std::uint32_t* tokens;
    const double* weights;
    std::uint32_t count;

    std::uint32_t length(std::uint32_t key) const {
        return static_cast<std::uint32_t>(offsets[key + 1] - offsets[key]);
    }
};

struct Taken {
    std::uint32_t key;  // kNone: a single token
    std::uint32_t start;
    double contribution;
};

// The distinct tokens of each key, numbered over all keys, and which of them the current passage's keys have.
class Types {
public:
    explicit Types(const Keys& keys) {
        names_.assign(keys.tokens, keys.tokens + keys.offsets[keys.count]);
        std::sort(names_.begin(), names_.end());
        names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
        stamps_.assign(names_.size(), 0);
        begins_.reserve(keys.count + 1);
        for (std::uint32_t key = 0; key < keys.count; ++key) {
            begins_.push_back(types_.size());
            const auto first = types_.size();
            for (std::int64_t at = keys.offsets[key]; at < keys.offsets[key + 1]; ++at)
                types_.push_back(static_cast<std::uint32_t>(
                    std::lower_bound(names_.begin(), names_.end(), keys.tokens[at]) - names_.begin()));
            const auto begin = types_.begin() + static_cast<std::ptrdiff_t>(first);
            std::sort(begin, types_.end());
            types_.erase(std::unique(begin, types_.end()), types_.end());
        }
        begins_.push_back(types_.size());
    }

    const std::vector<std::uint32_t>& names() const { return names_; }

    void forget() { ++stamp_; }
    bool has(std::uint32_t type) const { return stamps_[type] == stamp_; }

    // The discount of a key, whose tokens are taken from now on.
    double take(std::uint32_t key, double b) {
        const std::size_t begin = begins_[key], end = begins_[key + 1];
        std::size_t fresh = 0;
        for (std::size_t at = begin; at < end; ++at) {
            std::uint64_t& stamp = stamps_[types_[at]];
            fresh += stamp != stamp_;
            stamp = stamp_;
        }
        return 1.0 - b + b * static_cast<double>(fresh) / static_cast<double>(end - begin);
    }

private:
    std::vector<std::uint32_t> names_, types_;
    std::vector<std::size_t> begins_;
    std::vector<std::uint64_t> stamps_;
    std::uint64_t stamp_ = 1;
};

// The places of one passage that are covered: disjoint stretches, ascending.
class Covered {
public:
    struct Stretch {
        std::uint64_t start, stop;
    };

    void forget() { stretches_.clear(); }
    const std::vector<Stretch>& stretches() const { return stretches_; }

    // Covers [start, stop) unless some of it is covered already.
    bool take(std::uint64_t start, std::uint64_t stop) {
        const auto next = std::lower_bound(stretches_.begin(), stretches_.end(), start,
                                           [](const Stretch& one, std::uint64_t at) { return one.stop <= at; });
        if (next != stretches_.end() && next->start < stop) return false;
        stretches_.insert(next, {start, stop});
        return true;
    }

private:
    std::vector<Stretch> stretches_;
};

// Takes keys at `places`, which are in order of key and then of start; calls `taken(key, start, contribution)`.
template <class Places, class Call>
void take_keys(const Keys& keys, double b, const Places& places, std::size_t begin, std::size_t end, Types& types,
               Covered& covered, const Call& taken) {
    std::uint32_t last = kNone;
    for (std::size_t at = begin; at < end; ++at) {
        const std::uint32_t key = places[at].key;
        if (key == last) continue;
        const std::uint64_t start = places[at].start;
        if (!covered.take(start, start + keys.length(key))) continue;
        last = key;
        taken(key, places[at].start, keys.weights[key] * types.take(key, b));
    }
}

struct Located {
    std::uint64_t passage;
    std::uint32_t key, start;
};

// Puts rows in order of passage, a digit at a time from the lowest.
inline void sort_by_passage(std::vector<Located>& rows) {
    constexpr int kBits = 11;
    std::uint64_t highest = 0;
    for (const Located& row : rows) highest = std::max(highest, row.passage);
    std::vector<Located> sorted(rows.size());
    for (int shift = 0; shift < 64 && highest >> shift != 0; shift += kBits) {
        std::size_t places[std::size_t{1} << kBits] = {};
        const auto digit = [shift](const Located& row) { return row.passage >> shift & ((1U << kBits) - 1); };
        for (const Located& row : rows) ++places[digit(row)];
        std::size_t before = 0;
        for (std::size_t& place : places) before += std::exchange(place, before);
        for (const Located& row : rows) sorted[places[digit(row)]++] = row;
        rows.swap(sorted);
    }
}

// Passages, ascending, that have one of `rows` (which are put in order), and their scores.
inline void cover_located(const Keys& keys, double b, std::vector<Located>& rows,
                          std::vector<std::int64_t>& passages, std::vector<double>& scores) {
    sort_by_passage(rows);
    Types types(keys);
    Covered covered;
    for (std::size_t begin = 0; begin < rows.size();) {
        std::size_t end = begin + 1;
        while (end < rows.size() && rows[end].passage == rows[begin].passage) ++end;
        std::sort(rows.begin() + static_cast<std::ptrdiff_t>(begin), rows.begin() + static_cast<std::ptrdiff_t>(end),
                  [](const Located& one, const Located& other) {
                      return one.key != other.key ? one.key < other.key : one.start < other.start;
                  });
        types.forget();
        covered.forget();
        double score = 0;
        take_keys(keys, b, rows, begin, end, types, covered,
                  [&](std::uint32_t, std::uint32_t, double contribution) { score += contribution; });
        passages.push_back(static_cast<std::int64_t>(rows[begin].passage));
        scores.push_back(score);
        begin = end;
    }
}

// A tree of the keys' tokens: one table by token for the first step, hashed (node, token) for the others.
class KeyTree {
public:
    struct Token {
        double weight = 0;             // as a single token
        std::uint32_t child = kNone;   // node of the keys that start with it
        std::uint32_t type = kNone;    // number in Types, where a key has it
    };

    // Raises std::invalid_argument for an empty key, one given twice, or a token outside of `vocabulary`.
    KeyTree(const Keys& keys, const Types& types, std::uint64_t vocabulary) : tokens_(vocabulary) {
        const auto& names = types.names();
        if (!names.empty() && names.back() >= vocabulary)
            throw std::invalid_argument("a key has token " + std::to_string(names.back()) + ", which is not below " +
                                        std::to_string(vocabulary));
        for (std::size_t type = 0; type < names.size(); ++type)
            tokens_[names[type]].type = static_cast<std::uint32_t>(type);
        const auto edges = static_cast<std::uint64_t>(keys.offsets[keys.count]) + 1;
        slots_.resize(std::bit_ceil(2 * edges));
        shift_ = 64 - std::countr_zero(slots_.size());
        for (std::uint32_t key = 0; key < keys.count; ++key) {
            const std::uint32_t* const at = keys.tokens + keys.offsets[key];
            std::uint32_t& root = tokens_[at[0]].child;
            if (root == kNone) root = add_node();
            std::uint32_t node = root;
            for (std::uint32_t i = 1; i < keys.length(key); ++i) {
                Slot& slot = find(node, at[i]);
                if (slot.child == kNone) slot = {edge(node, at[i]), add_node()};
                node = slot.child;
            }
            if (key_of_node_[node] != kNone)
                throw std::invalid_argument("keys " + std::to_string(key_of_node_[node]) + " and " +
                                            std::to_string(key) + " are the same tokens");
            key_of_node_[node] = key;
        }
    }

    Token& token(std::uint32_t token) { return tokens_[token]; }
    bool knows(std::uint32_t token) const { return token < tokens_.size(); }
    std::uint64_t vocabulary() const { return tokens_.size(); }

    // Calls `found(key)` for every key that tokens[0, length) starts with; token 0 leads to `node`.
    template <class Call>
    void match(std::uint32_t node, const std::uint32_t* tokens, std::size_t length, const Call& found) const {
        for (std::size_t at = 1;; ++at) {
            if (key_of_node_[node] != kNone) found(key_of_node_[node]);
            if (at == length) return;
            node = child(node, tokens[at]);
            if (node == kNone) return;
        }
    }

private:
    struct Slot {
        std::uint64_t edge = 0;
        std::uint32_t child = kNone;
    };

    static std::uint64_t edge(std::uint32_t node, std::uint32_t token) {
        return std::uint64_t{node} << 32 | token;
    }

    std::size_t place(std::uint64_t edge) const {
        return static_cast<std::size_t>((edge * 0x9E3779B97F4A7C15ULL) >> shift_);
    }

    Slot& find(std::uint32_t node, std::uint32_t token) {
        const std::uint64_t wanted = edge(node, token);
        std::size_t at = place(wanted);
        while (slots_[at].child != kNone && slots_[at].edge != wanted) at = (at + 1) & (slots_.size() - 1);
        return slots_[at];
    }

    std::uint32_t child(std::uint32_t node, std::uint32_t token) const {
        return const_cast<KeyTree*>(this)->find(node, token).child;
    }

    std::uint32_t add_node() {
        key_of_node_.push_back(kNone);
        return static_cast<std::uint32_t>(key_of_node_.size() - 1);
    }

    std::vector<Token> tokens_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> key_of_node_;
    int shift_ = 63;
};

// Passage i is tokens[offsets[i], offsets[i + 1]).
struct Passages {
    const std::int64_t* offsets;
    const std::uint32_t* tokens;
    std::size_t count;
};

// Single tokens that add to a passage's score, each once, where no key covers it.
struct Singles {
    const std::uint32_t* tokens;
    const double* weights;
    std::size_t count;
};

// One score a passage. `anchored[key]`: the key counts at a passage's start only. With `taken`, also what each passage's
// score is made of: that of passage i ends at ends[i].
inline void cover_passages(const Keys& keys, const std::uint8_t* anchored, const Singles& singles,
                           std::uint64_t vocabulary, double b, const Passages& passages, double* scores,
                           std::vector<Taken>* taken, std::vector<std::int64_t>* ends) {
    struct Place {
        std::uint32_t key, start;
    };
    Types types(keys);
    KeyTree tree(keys, types, vocabulary);
    for (std::size_t i = 0; i < singles.count; ++i) {
        if (!tree.knows(singles.tokens[i]))
            throw std::invalid_argument("a single token, " + std::to_string(singles.tokens[i]) +
                                        ", is not below " + std::to_string(vocabulary));
        tree.token(singles.tokens[i]).weight = singles.weights[i];
    }
    std::vector<std::uint64_t> seen(vocabulary, 0);
    std::vector<Place> places;
    Covered covered;
    for (std::size_t passage = 0; passage < passages.count; ++passage) {
        const std::uint32_t* const tokens = passages.tokens + passages.offsets[passage];
        const auto length = static_cast<std::size_t>(passages.offsets[passage + 1] - passages.offsets[passage]);
        types.forget();
        covered.forget();
        places.clear();
        for (std::size_t at = 0; at < length; ++at) {
            if (!tree.knows(tokens[at])) continue;
            const std::uint32_t root = tree.token(tokens[at]).child;
            if (root == kNone) continue;
            tree.match(root, tokens + at, length - at, [&](std::uint32_t key) {
                if (at == 0 || anchored[key] == 0) places.push_back({key, static_cast<std::uint32_t>(at)});
            });
        }
        std::sort(places.begin(), places.end(), [](const Place& one, const Place& other) {
            return one.key != other.key ? one.key < other.key : one.start < other.start;
        });
        double score = 0;
        take_keys(keys, b, places, 0, places.size(), types, covered,
                  [&](std::uint32_t key, std::uint32_t start, double contribution) {
                      score += contribution;
                      if (taken != nullptr) taken->push_back({key, start, contribution});
                  });
        const auto add_singles = [&](std::size_t begin, std::size_t end) {
            for (std::size_t at = begin; at < end; ++at) {
                if (!tree.knows(tokens[at])) continue;
                const KeyTree::Token& token = tree.token(tokens[at]);
                if (token.weight == 0 || seen[tokens[at]] == passage + 1) continue;
                seen[tokens[at]] = passage + 1;
                const bool repeated = token.type != kNone && types.has(token.type);
                const double contribution = repeated ? token.weight * (1.0 - b) : token.weight;
                score += contribution;
                if (taken != nullptr) taken->push_back({kNone, static_cast<std::uint32_t>(at), contribution});
            }
        };
        std::size_t left = 0;
        for (const Covered::Stretch& stretch : covered.stretches()) {
            add_singles(left, stretch.start);
            left = stretch.stop;
        }
        add_singles(left, length);
        scores[passage] = score;
        if (ends != nullptr) ends->push_back(static_cast<std::int64_t>(taken->size()));
    }
}

}  // namespace skerry::key_cover
