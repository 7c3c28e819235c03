// Which keys each block of queries needs: bfloat16 tensors in, handed over as 16-bit numbers, the index's arrays out.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "stripes_bf16.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skerry {
namespace {

using Rows = nb::ndarray<const std::uint16_t, nb::ndim<3>, nb::device::cpu>;
using Ints = nb::ndarray<nb::numpy, std::int32_t, nb::ndim<1>>;

void check(bool right, const std::string& what) {
    if (!right) throw std::invalid_argument(what);
}

Ints array_of(std::vector<std::int32_t>&& values) {
    auto* const kept = new std::vector<std::int32_t>(std::move(values));
    nb::capsule owner(kept, [](void* at) noexcept { delete static_cast<std::vector<std::int32_t>*>(at); });
    return Ints(kept->data(), {kept->size()}, owner);
}

#if SKERRY_X86_64
Heads<const std::uint16_t> heads_of(const Rows& rows, const char* name) {
    check(rows.size() == 0 || rows.shape(2) == 1 || rows.stride(2) == 1,
          std::string(name) + ": the last dimension must be contiguous");
    check(rows.stride(0) >= 0 && rows.stride(1) >= 0, std::string(name) + " must not run backwards");
    return {rows.data(), static_cast<std::size_t>(rows.stride(0)), static_cast<std::size_t>(rows.stride(1))};
}

// One of the lists of all rows, and where each row's part begins.
std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>> joined(
    const std::vector<bf16::StripeRow>& rows, std::vector<std::int32_t> bf16::StripeRow::* list) {
    std::vector<std::int32_t> starts{0}, numbers;
    for (const bf16::StripeRow& row : rows) {
        numbers.insert(numbers.end(), (row.*list).begin(), (row.*list).end());
        check(numbers.size() < INT32_MAX, "an index of more than 2^31 keys");
        starts.push_back(static_cast<std::int32_t>(numbers.size()));
    }
    return {std::move(starts), std::move(numbers)};
}
#endif

std::tuple<Ints, Ints, Ints, Ints> plan_stripes(const Rows& q, const Rows& k, std::size_t block, std::size_t samples,
                                                std::size_t first_keys, std::size_t window, double share, double whole, double scale,
                                                unsigned threads) {
#if SKERRY_X86_64
    check(bf16::available(), "this processor has no bfloat16 in AVX-512");
    check(q.shape(2) == k.shape(2) && q.shape(2) > 0 && q.shape(2) % 2 == 0,
          "heads must be of one even size, queries' and keys'");
    check(k.shape(0) > 0 && q.shape(0) % k.shape(0) == 0, "query heads must be a multiple of the KV heads");
    check(q.shape(1) > 0 && q.shape(1) <= k.shape(1) && k.shape(1) < INT32_MAX,
          std::to_string(q.shape(1)) + " queries at the end of " + std::to_string(k.shape(1)) + " keys");
    check(samples > 0 && samples <= bf16::Stripes::kMeans && (samples & (samples - 1)) == 0 && block % samples == 0,
          "samples must be a power of two up to 32 that divides the block");
    check(block >= 16 && block % 16 == 0 && block <= (1U << 20), "a block must be a multiple of 16");
    check(share >= 0 && whole >= 0 && scale > 0, "share and whole must be at least 0, the scale above it");
    const bf16::StripeShape shape{q.shape(0), k.shape(0), q.shape(1), k.shape(1), q.shape(2), block, samples, first_keys, window,
                                  static_cast<float>(share), static_cast<float>(whole), static_cast<float>(scale)};
    const auto queries = heads_of(q, "queries"), keys = heads_of(k, "keys");
    std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>> blocks, columns;
    {
        const nb::gil_scoped_release release;
        const std::vector<bf16::StripeRow> rows = bf16::Stripes(shape, queries, keys).run(threads);
        blocks = joined(rows, &bf16::StripeRow::blocks);
        columns = joined(rows, &bf16::StripeRow::columns);
    }
    return {array_of(std::move(blocks.first)), array_of(std::move(blocks.second)), array_of(std::move(columns.first)),
            array_of(std::move(columns.second))};
#else
    (void)q, (void)k, (void)block, (void)samples, (void)first_keys, (void)window, (void)share, (void)whole, (void)scale, (void)threads;
    (void)&array_of;
    throw std::invalid_argument("this processor has no bfloat16 in AVX-512");
#endif
}

}  // namespace

void bind_stripes(nanobind::module_& module) {
    module.def("plan_stripes", &plan_stripes, "q"_a.noconvert(), "k"_a.noconvert(), "block"_a, "samples"_a,
               "first_keys"_a, "window"_a, "share"_a, "whole"_a, "scale"_a, "threads"_a);
}

}  // namespace skerry
