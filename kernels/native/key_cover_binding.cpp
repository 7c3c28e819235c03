// The key cover's Python functions: arrays in, arrays out, everything checked, the loops without the GIL.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "key_cover.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skerry {
namespace {

using key_cover::Keys;

template <class T>
using Array = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr std::uint64_t kMostTokens = std::uint64_t{1} << 28;

template <class T>
nb::ndarray<nb::numpy, T, nb::ndim<1>> array_of(std::vector<T>&& values) {
    auto* const kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void* at) noexcept { delete static_cast<std::vector<T>*>(at); });
    return nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {kept->size()}, owner);
}

[[noreturn]] void wrong(const std::string& what) { throw std::invalid_argument(what); }

void check(bool right, const char* what) {
    if (!right) wrong(what);
}

// Offsets rise from 0 to the number of tokens. Starts in a passage are 32-bit.
void check_ragged(const Array<std::int64_t>& offsets, std::size_t tokens, std::int64_t shortest, const char* what) {
    const std::string name(what);
    if (offsets.size() == 0 || offsets(0) != 0) wrong(name + " offsets must start with 0");
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
        const std::int64_t length = offsets(i + 1) - offsets(i);
        if (length < shortest || length > 0x7FFFFFFF)
            wrong(name + " " + std::to_string(i) + " has an impossible length, " + std::to_string(length));
    }
    if (static_cast<std::size_t>(offsets(offsets.size() - 1)) != tokens)
        wrong(name + " offsets end with " + std::to_string(offsets(offsets.size() - 1)) + " of " +
              std::to_string(tokens) + " tokens");
}

Keys keys_of(const Array<std::int64_t>& offsets, const Array<std::uint32_t>& tokens, const Array<double>& weights,
             double b) {
    check_ragged(offsets, tokens.size(), 1, "key");
    if (weights.size() + 1 != offsets.size() || weights.size() >= key_cover::kNone)
        wrong(std::to_string(weights.size()) + " weights for " + std::to_string(offsets.size() - 1) + " keys");
    for (std::size_t i = 0; i < weights.size(); ++i)
        if (!(weights(i) >= 0) || !std::isfinite(weights(i)) || (i > 0 && weights(i) > weights(i - 1)))
            wrong("weights must be finite, at least 0 and falling; key " + std::to_string(i) + " has " +
                  std::to_string(weights(i)));
    check(b >= 0 && b <= 1, "the repetition discount must be in [0, 1]");
    return {offsets.data(), tokens.data(), weights.data(), static_cast<std::uint32_t>(weights.size())};
}

nb::tuple cover_located(const Array<std::int64_t>& key_offsets, const Array<std::uint32_t>& key_tokens,
                        const Array<double>& weights, double b, const Array<std::int64_t>& keys,
                        const Array<std::int64_t>& passages, const Array<std::int64_t>& starts) {
    std::vector<std::int64_t> found;
    std::vector<double> scores;
    {
        const nb::gil_scoped_release release;
        const Keys all = keys_of(key_offsets, key_tokens, weights, b);
        check(keys.size() == passages.size() && keys.size() == starts.size(),
              "keys, passages and starts of the located rows differ in number");
        std::vector<key_cover::Located> rows(keys.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            if (keys(i) < 0 || keys(i) >= all.count || passages(i) < 0 || starts(i) < 0 || starts(i) > 0x7FFFFFFF)
                wrong("row " + std::to_string(i) + " (key " + std::to_string(keys(i)) + ", passage " +
                      std::to_string(passages(i)) + ", start " + std::to_string(starts(i)) + ") cannot be");
            rows[i] = {static_cast<std::uint64_t>(passages(i)), static_cast<std::uint32_t>(keys(i)),
                       static_cast<std::uint32_t>(starts(i))};
        }
        key_cover::cover_located(all, b, rows, found, scores);
    }
    return nb::make_tuple(array_of(std::move(found)), array_of(std::move(scores)));
}

nb::tuple cover_passages(const Array<std::int64_t>& key_offsets, const Array<std::uint32_t>& key_tokens,
                         const Array<double>& weights, const Array<bool>& anchored,
                         const Array<std::uint32_t>& single_tokens, const Array<double>& single_weights,
                         std::uint64_t vocabulary, double b, const Array<std::int64_t>& offsets,
                         const Array<std::uint32_t>& tokens, bool matches) {
    std::vector<double> scores, contributions;
    std::vector<std::int64_t> ends{0}, taken_keys, starts;
    {
        const nb::gil_scoped_release release;
        const Keys keys = keys_of(key_offsets, key_tokens, weights, b);
        if (anchored.size() != keys.count)
            wrong(std::to_string(anchored.size()) + " anchors for " + std::to_string(keys.count) + " keys");
        check(single_tokens.size() == single_weights.size(), "single tokens and their weights differ in number");
        for (std::size_t i = 0; i < single_weights.size(); ++i)
            check(single_weights(i) >= 0 && std::isfinite(single_weights(i)),
                  "weights of single tokens must be finite and at least 0");
        if (vocabulary > kMostTokens) wrong("a vocabulary of " + std::to_string(vocabulary) + " is too large");
        check_ragged(offsets, tokens.size(), 0, "passage");
        scores.resize(offsets.size() - 1);
        std::vector<key_cover::Taken> taken;
        key_cover::cover_passages(keys, reinterpret_cast<const std::uint8_t*>(anchored.data()),
                                  {single_tokens.data(), single_weights.data(), single_tokens.size()}, vocabulary,
                                  b, {offsets.data(), tokens.data(), scores.size()}, scores.data(),
                                  matches ? &taken : nullptr, matches ? &ends : nullptr);
        taken_keys.reserve(taken.size());
        starts.reserve(taken.size());
        contributions.reserve(taken.size());
        for (const key_cover::Taken& one : taken) {
            taken_keys.push_back(one.key == key_cover::kNone ? -1 : static_cast<std::int64_t>(one.key));
            starts.push_back(one.start);
            contributions.push_back(one.contribution);
        }
    }
    return nb::make_tuple(array_of(std::move(scores)), array_of(std::move(ends)), array_of(std::move(taken_keys)),
                          array_of(std::move(starts)), array_of(std::move(contributions)));
}

}  // namespace

void bind_key_cover(nb::module_& module) {
    module.def("cover_located", &cover_located, "key_offsets"_a.noconvert(), "key_tokens"_a.noconvert(),
               "weights"_a.noconvert(), "b"_a, "keys"_a.noconvert(), "passages"_a.noconvert(),
               "starts"_a.noconvert());
    module.def("cover_passages", &cover_passages, "key_offsets"_a.noconvert(), "key_tokens"_a.noconvert(),
               "weights"_a.noconvert(), "anchored"_a.noconvert(), "single_tokens"_a.noconvert(),
               "single_weights"_a.noconvert(), "vocabulary"_a, "b"_a, "offsets"_a.noconvert(),
               "tokens"_a.noconvert(), "matches"_a);
}

}  // namespace skerry
