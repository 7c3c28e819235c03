// Walks along links in memory, which is how its latency is measured.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "bindings.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skerry {
namespace {

constexpr std::uint64_t kLine = 8;  // numbers of one cache line

std::uint64_t follow(nb::ndarray<const std::uint64_t, nb::shape<-1, kLine>, nb::c_contig, nb::device::cpu> lines,
                     std::uint64_t steps, std::uint64_t walks) {
    const std::uint64_t count = lines.shape(0);
    const std::uint64_t* const data = lines.data();
    constexpr std::uint64_t kMost = 32;
    if (count == 0 || walks < 1 || walks > kMost || walks > count)
        throw std::invalid_argument("there must be lines, and 1 to 32 walks");
    const nb::gil_scoped_release release;
    for (std::uint64_t i = 0; i < count; ++i)
        if (data[i * kLine] >= count) throw std::out_of_range("a link leads outside");
    std::uint64_t at[kMost], sum = 0;
    for (std::uint64_t i = 0; i < walks; ++i) at[i] = i * (count / walks);
    for (std::uint64_t step = 0; step < steps; ++step)
        for (std::uint64_t i = 0; i < walks; ++i) at[i] = data[at[i] * kLine];
    for (std::uint64_t i = 0; i < walks; ++i) sum += at[i];
    return sum;
}

}  // namespace

void bind_follow(nb::module_& module) {
    module.def("follow", &follow, "lines"_a.noconvert(), "steps"_a, "walks"_a);
}

}  // namespace skerry
