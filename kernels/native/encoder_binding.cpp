// The encoder's Python class: weights in once, states in and out, everything checked, the layers without the GIL.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <utility>
#include <vector>

#include "bindings.hpp"
#include "encoder_avx512.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace skerry {
namespace {

bool encoder_available() {
#if SKERRY_X86_64
    return eight_bits::available();
#else
    return false;
#endif
}

#if SKERRY_X86_64

using bf16::Dense;
using bf16::Encoder;
using Vector = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Offsets = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr std::size_t kMostWidth = std::size_t{1} << 16;

void check(bool right, const std::string& what) {
    if (!right) throw std::invalid_argument(what);
}

void check_shape(const Matrix& weight, const Vector& bias, std::size_t outputs, std::size_t inputs, const char* name) {
    check(weight.shape(0) == outputs && weight.shape(1) == inputs && bias.size() == outputs,
          std::string(name) + " has another shape than (" + std::to_string(outputs) + ", " + std::to_string(inputs) +
              ")");
}

Dense dense(const Matrix& weight, const Vector& bias, std::size_t outputs, std::size_t inputs, const char* name) {
    check_shape(weight, bias, outputs, inputs, name);
    return Dense(weight.data(), bias.data(), outputs, inputs);
}

bf16::Norm norm(const Vector& weight, const Vector& bias, std::size_t width) {
    check(weight.size() == width && bias.size() == width, "a norm has another width");
    return {{weight.data(), weight.data() + width}, {bias.data(), bias.data() + width}};
}

void build(Encoder* self, std::size_t heads, std::size_t width, float epsilon) {
    check(bf16::available(), "this processor has no AVX-512 with bfloat16");
    check(heads > 0 && width <= kMostWidth && width % (heads * bf16::kLanes) == 0,
          "heads must be a multiple of 16 wide, of at most 65536 together");
    check(epsilon > 0, "epsilon must be above 0");
    new (self) Encoder(heads, width, epsilon);
}

std::variant<bf16::Middle, bf16::EightBitMiddle> middle_of(const bf16::Norm& before, const Matrix& inner,
                                                           const Vector& inner_bias, const Matrix& outer,
                                                           const Vector& outer_bias, bool in_eight_bits) {
    const std::size_t middle = inner.shape(0), width = inner.shape(1);
    if (!in_eight_bits)
        return bf16::Middle{{inner.data(), inner_bias.data(), middle, width},
                            {outer.data(), outer_bias.data(), width, middle}};
    check(eight_bits::available(), "this processor has no AVX-512 with VNNI");
    check(width % eight_bits::kGroup == 0 && middle % eight_bits::kGroup == 0,
          "in eight bits, widths must be multiples of " + std::to_string(eight_bits::kGroup));
    const eight_bits::Smoothing smoothing(before.weight, before.bias, inner.data(), middle);
    return bf16::EightBitMiddle{smoothing,
                                {inner.data(), inner_bias.data(), middle, width, &smoothing},
                                {outer.data(), outer_bias.data(), width, middle, nullptr}};
}

void add(Encoder& self, const Matrix& joint, const Vector& joint_bias, const Matrix& mixed, const Vector& mixed_bias,
         const Vector& first_norm, const Vector& first_norm_bias, const Matrix& inner, const Vector& inner_bias,
         const Matrix& outer, const Vector& outer_bias, const Vector& second_norm, const Vector& second_norm_bias,
         bool middle_in_eight_bits) {
    const std::size_t width = self.width(), middle = inner.shape(0);
    check(middle > 0 && middle <= kMostWidth && middle % 2 == 0, "the middle must have an even width, at most 65536");
    check_shape(inner, inner_bias, middle, width, "inner");
    check_shape(outer, outer_bias, width, middle, "outer");
    bf16::Norm before = norm(first_norm, first_norm_bias, width), after = norm(second_norm, second_norm_bias, width);
    self.add({dense(joint, joint_bias, 3 * width, width, "joint"), dense(mixed, mixed_bias, width, width, "mixed"), before,
              middle_of(before, inner, inner_bias, outer, outer_bias, middle_in_eight_bits), after});
}

nb::ndarray<nb::numpy, float, nb::ndim<3>> run(const Encoder& self, const Matrix& states, const Offsets& offsets,
                                               const std::vector<std::size_t>& depths, std::size_t pack,
                                               unsigned threads) {
    const std::size_t rows = states.shape(0), width = self.width();
    check(states.shape(1) == width, "states of another width than " + std::to_string(width));
    check(!depths.empty() && depths.front() >= 1 && depths.back() <= self.layers(),
          "depths must be from 1 to " + std::to_string(self.layers()));
    for (std::size_t i = 1; i < depths.size(); ++i) check(depths[i - 1] < depths[i], "depths must rise");
    check(offsets.size() > 0 && offsets(0) == 0 && offsets(offsets.size() - 1) == static_cast<std::int64_t>(rows),
          "offsets must go from 0 to the number of states");
    for (std::size_t i = 1; i < offsets.size(); ++i)
        check(offsets(i - 1) < offsets(i), "sequence " + std::to_string(i - 1) + " is empty");
    auto* const out = new float[depths.size() * rows * width];
    nb::capsule owner(out, [](void* at) noexcept { delete[] static_cast<float*>(at); });
    {
        const nb::gil_scoped_release release;
        self.run(states.data(), offsets.data(), offsets.size() - 1, depths, pack, threads, out);
    }
    return {out, {depths.size(), rows, width}, owner};
}

#endif

}  // namespace

void bind_encoder(nb::module_& module) {
    module.def("encoder_available", &encoder_available);
#if SKERRY_X86_64
    nb::class_<Encoder>(module, "Encoder")
        .def("__init__", &build, "heads"_a, "width"_a, "epsilon"_a)
        .def("add", &add, "joint"_a.noconvert(), "joint_bias"_a.noconvert(), "mixed"_a.noconvert(),
             "mixed_bias"_a.noconvert(), "first_norm"_a.noconvert(), "first_norm_bias"_a.noconvert(),
             "inner"_a.noconvert(), "inner_bias"_a.noconvert(), "outer"_a.noconvert(), "outer_bias"_a.noconvert(),
             "second_norm"_a.noconvert(), "second_norm_bias"_a.noconvert(), "middle_in_eight_bits"_a)
        .def("run", &run, "states"_a.noconvert(), "offsets"_a.noconvert(), "depths"_a, "pack"_a, "threads"_a);
#endif
}

}  // namespace skerry
