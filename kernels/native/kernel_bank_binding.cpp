// The kernel bank's Python functions: float32 tensors in, sums or gradients into tensors of the caller's.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>

#include "bindings.hpp"
#include "kernel_bank.hpp"
#include "parallel.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skerry {
namespace {

template <class T>
using Plane = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr std::size_t kSimilaritiesAPiece = 16384;

void check(bool right, const std::string& what) {
    if (!right) throw std::invalid_argument(what);
}

kernel_bank::Kernels kernels_of(const Numbers& centres, const Numbers& factors) {
    check(centres.size() == factors.size(), "centres and factors differ in number");
    check(centres.size() <= kernel_bank::kMostKernels, std::to_string(centres.size()) + " kernels are more than " +
                                                           std::to_string(kernel_bank::kMostKernels));
    for (std::size_t k = 0; k < factors.size(); ++k) check(factors(k) < 0, "factors must be below 0");
    return {centres.data(), factors.data(), centres.size()};
}

kernel_bank::Rows rows_of(const Plane<const float>& similarities, const Plane<const std::uint8_t>& mask) {
    check(similarities.shape(0) == mask.shape(0) && similarities.shape(1) == mask.shape(1),
          "similarities and mask differ in shape");
    return {similarities.data(), mask.data(), similarities.shape(1)};
}

void check_sums(std::size_t rows, std::size_t kernels, std::size_t found_rows, std::size_t found_kernels) {
    check(rows == found_rows && kernels == found_kernels,
          "sums must have a row a row of similarities and a column a kernel");
}

template <class Work>
void in_pieces(const kernel_bank::Rows& rows, std::size_t count, unsigned threads, const Work& work) {
    parallel_for(count, kSimilaritiesAPiece / (rows.words + 1) + 1, threads, work);
}

void bank_sums(const Plane<const float>& similarities, const Plane<const std::uint8_t>& mask, const Numbers& centres,
               const Numbers& factors, const Plane<float>& sums, unsigned threads, const std::string& isa) {
    const nb::gil_scoped_release release;
    const kernel_bank::Kernels kernels = kernels_of(centres, factors);
    const kernel_bank::Rows rows = rows_of(similarities, mask);
    check_sums(similarities.shape(0), kernels.count, sums.shape(0), sums.shape(1));
    with_vectors(isa, [&](auto vectors) {
        in_pieces(rows, similarities.shape(0), threads, [&](std::size_t begin, std::size_t end) {
            kernel_bank::Bank<decltype(vectors)>::sums(kernels, rows, begin, end, sums.data());
        });
    });
}

void bank_gradients(const Plane<const float>& similarities, const Plane<const std::uint8_t>& mask,
                    const Numbers& centres, const Numbers& factors, const Plane<const float>& of_sums,
                    const Plane<float>& gradients, unsigned threads, const std::string& isa) {
    const nb::gil_scoped_release release;
    const kernel_bank::Kernels kernels = kernels_of(centres, factors);
    const kernel_bank::Rows rows = rows_of(similarities, mask);
    check_sums(similarities.shape(0), kernels.count, of_sums.shape(0), of_sums.shape(1));
    check(gradients.shape(0) == similarities.shape(0) && gradients.shape(1) == rows.words,
          "similarities and their gradients differ in shape");
    with_vectors(isa, [&](auto vectors) {
        in_pieces(rows, similarities.shape(0), threads, [&](std::size_t begin, std::size_t end) {
            kernel_bank::Bank<decltype(vectors)>::gradients(kernels, rows, of_sums.data(), begin, end,
                                                            gradients.data());
        });
    });
}

}  // namespace

void bind_kernel_bank(nb::module_& module) {
    module.def("bank_sums", &bank_sums, "similarities"_a, "mask"_a, "centres"_a, "factors"_a, "sums"_a, "threads"_a,
               "isa"_a = "");
    module.def("bank_gradients", &bank_gradients, "similarities"_a, "mask"_a, "centres"_a, "factors"_a, "of_sums"_a,
               "gradients"_a, "threads"_a, "isa"_a = "");
}

}  // namespace skerry
