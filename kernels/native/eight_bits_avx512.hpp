#pragma once

// Linear layers in eight bits, with AVX-512's dot product of four bytes: weights and rows have a scale for each 64 inputs,
// which keeps what few large numbers cost to themselves. Twice as fast as bfloat16, and less exact.
//
// A row's scales come from that row alone, so that it gives the same beside any others.

#include <cmath>

#include "functions_avx512.hpp"

#if SKERRY_X86_64

#define SKERRY_AVX512_VNNI \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx512vnni,avx2,fma,bmi,bmi2,popcnt")))
#define SKERRY_VNNI_INLINE SKERRY_AVX512_VNNI inline __attribute__((always_inline))

namespace skerry::eight_bits {

using bf16::kColumns, bf16::kLanes, bf16::kVectors, bf16::Number;

inline bool available() {
    static const bool value = bf16::available() && __builtin_cpu_supports("avx512vnni");
    return value;
}

inline constexpr std::size_t kGroup = 64, kRows = 4;

// The least value of gelu is -0.16998: numbers from there on are stored as their distance from -0.17.
inline constexpr float kBelowGelu = 0.17F;

// Rows in eight bits: a byte b of group g stands for scale * (b - 128), or for scale * b - 0.17 of activated numbers.
struct Rows {
    std::vector<std::uint8_t> bytes;
    std::vector<float> scales;
    std::size_t width = 0;

    void resize(std::size_t rows, std::size_t to_width) {
        width = to_width;
        bytes.resize(rows * width);
        scales.resize(rows * (width / kGroup));
    }
};

template <bool Activated>
SKERRY_VNNI_INLINE void store_group(const __m512 (&values)[kGroup / kLanes], std::uint8_t* to, float* scale) {
    __m512 most = Activated ? values[0] : _mm512_abs_ps(values[0]);
#pragma GCC unroll 3
    for (std::size_t i = 1; i < kGroup / kLanes; ++i)
        most = _mm512_max_ps(most, Activated ? values[i] : _mm512_abs_ps(values[i]));
    const float highest = _mm512_reduce_max_ps(most);
    *scale = std::fmax(Activated ? (highest + kBelowGelu) / 255 : highest / 127, 1e-30F);
    const __m512 factor = _mm512_set1_ps(1 / *scale);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kGroup / kLanes; ++i) {
        const __m512 shifted = Activated ? _mm512_add_ps(values[i], _mm512_set1_ps(kBelowGelu)) : values[i];
        __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(shifted, factor));
        if (!Activated) whole = _mm512_add_epi32(whole, _mm512_set1_epi32(128));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * kLanes), _mm512_cvtepi32_epi8(whole));
    }
}

// How the numbers that a norm gives are evened out before they are stored: without the norm's bias, and those of each
// column multiplied by what its weights are divided by, so that neither has all that is large (Xiao et al. 2023,
// "SmoothQuant", with the norm's weight for what is seen of the numbers).
struct Smoothing {
    std::vector<float> shift, factor;

    Smoothing(const std::vector<float>& norm_weight, std::vector<float> norm_bias, const float* weight,
              std::size_t outputs)
        : shift(std::move(norm_bias)), factor(shift.size()) {
        for (std::size_t input = 0; input < factor.size(); ++input) {
            double squares = 0;
            for (std::size_t output = 0; output < outputs; ++output)
                squares += std::pow(static_cast<double>(weight[output * factor.size() + input]), 2);
            const double large = std::sqrt(squares / static_cast<double>(outputs));
            factor[input] = static_cast<float>(
                std::sqrt(std::fmax(large, 1e-6) / std::fmax(std::fabs(norm_weight[input]), 1e-3F)));
        }
    }
};

// Rows of float32 numbers, `stride` apart, of rows.width numbers.
SKERRY_AVX512_VNNI inline void quantise(const float* from, std::size_t stride, std::size_t count,
                                        const Smoothing& smoothing, Rows& rows) {
    for (std::size_t row = 0; row < count; ++row)
        for (std::size_t at = 0; at < rows.width; at += kGroup) {
            __m512 values[kGroup / kLanes];
#pragma GCC unroll 4
            for (std::size_t i = 0; i < kGroup / kLanes; ++i) {
                const std::size_t column = at + i * kLanes;
                const __m512 value = _mm512_loadu_ps(from + row * stride + column);
                values[i] = _mm512_mul_ps(_mm512_sub_ps(value, _mm512_loadu_ps(smoothing.shift.data() + column)),
                                          _mm512_loadu_ps(smoothing.factor.data() + column));
            }
            const std::size_t here = row * rows.width + at;
            store_group<false>(values, rows.bytes.data() + here, rows.scales.data() + here / kGroup);
        }
}

// Rows of bfloat16 numbers that gelu gave.
SKERRY_AVX512_VNNI inline void quantise_activated(const Number* from, std::size_t stride, std::size_t count,
                                                  Rows& rows) {
    for (std::size_t row = 0; row < count; ++row)
        for (std::size_t at = 0; at < rows.width; at += kGroup) {
            __m512 values[kGroup / kLanes];
#pragma GCC unroll 4
            for (std::size_t i = 0; i < kGroup / kLanes; ++i)
                values[i] = bf16::load(from + row * stride + at + i * kLanes);
            const std::size_t here = row * rows.width + at;
            store_group<true>(values, rows.bytes.data() + here, rows.scales.data() + here / kGroup);
        }
}

// A linear layer, in blocks of 48 columns, each four inputs after four inputs.
class Dense {
public:
    // `weight` has `outputs` rows of `inputs` numbers, a multiple of 64. Its rows come out of a norm and are smoothed, or,
    // without `smoothing`, out of gelu.
    Dense(const float* weight, const float* bias, std::size_t outputs, std::size_t inputs, const Smoothing* smoothing)
        : width(bf16::rounded_up(outputs, kColumns)),
          inputs_(inputs),
          biases_(width, 0.0F),
          scales_(width * (inputs / kGroup), 0.0F),
          starts_(width * (inputs / kGroup), 0),
          packed_(width * inputs, 0) {
        for (std::size_t output = 0; output < outputs; ++output) {
            double added = bias[output];
            for (std::size_t group = 0; group < inputs / kGroup; ++group)
                added += pack(weight + output * inputs, output, group, smoothing);
            biases_[output] = static_cast<float>(added);
        }
    }

    // As bf16::Dense::apply.
    template <class To>
    SKERRY_AVX512_VNNI void apply(const Rows& rows, std::size_t count, const To& to) const {
        for (std::size_t first = 0; first < width; first += kColumns) {
            std::size_t row = 0;
            for (; row + kRows <= count; row += kRows) tile<kRows>(rows, row, first, to);
            for (; row < count; ++row) tile<1>(rows, row, first, to);
        }
    }

    std::size_t inputs() const { return inputs_; }

    std::size_t width;

private:
    // One group of a row of weights; returns what it adds to the bias.
    double pack(const float* weight, std::size_t output, std::size_t group, const Smoothing* smoothing) {
        const std::size_t block = output / kColumns, column = output % kColumns;
        float values[kGroup], most = 1e-30F;
        double added = 0;
        for (std::size_t i = 0; i < kGroup; ++i) {
            const std::size_t input = group * kGroup + i;
            values[i] = smoothing ? weight[input] / smoothing->factor[input] : weight[input];
            if (smoothing) added += static_cast<double>(weight[input]) * smoothing->shift[input];
            most = std::fmax(most, std::fabs(values[i]));
        }
        const float scale = most / 127;
        int sum = 0;
        for (std::size_t i = 0; i < kGroup; ++i) {
            const auto value = static_cast<int>(std::lrintf(values[i] / scale));
            const std::size_t input = group * kGroup + i;
            packed_[(block * (inputs_ / 4) + input / 4) * kColumns * 4 + column * 4 + input % 4] =
                static_cast<std::int8_t>(value);
            sum += value;
        }
        const std::size_t at = (block * (inputs_ / kGroup) + group) * kColumns + column;
        scales_[at] = scale;
        starts_[at] = smoothing ? -128 * sum : 0;
        return smoothing ? added : -kBelowGelu * static_cast<double>(scale) * sum;
    }

    template <std::size_t Count, class To>
    SKERRY_VNNI_INLINE void tile(const Rows& rows, std::size_t row, std::size_t first, const To& to) const {
        const std::size_t groups = inputs_ / kGroup;
        const std::uint8_t* a = rows.bytes.data() + row * inputs_;
        const float* a_scales = rows.scales.data() + row * groups;
        const std::int8_t* b = packed_.data() + first * inputs_;
        const float* b_scales = scales_.data() + first * groups;
        const std::int32_t* starts = starts_.data() + first * groups;
        __m512 totals[Count][kVectors];
#pragma GCC unroll 4
        for (std::size_t i = 0; i < Count; ++i)
#pragma GCC unroll 3
            for (std::size_t column = 0; column < kVectors; ++column)
                totals[i][column] = _mm512_loadu_ps(biases_.data() + first + column * kLanes);
        for (std::size_t group = 0; group < groups; ++group, b_scales += kColumns, starts += kColumns, ++a_scales) {
            __m512i sums[Count][kVectors];
#pragma GCC unroll 4
            for (std::size_t i = 0; i < Count; ++i)
#pragma GCC unroll 3
                for (std::size_t column = 0; column < kVectors; ++column)
                    sums[i][column] = _mm512_loadu_si512(starts + column * kLanes);
            for (std::size_t four = 0; four < kGroup / 4; ++four, a += 4, b += kColumns * 4) {
                __m512i columns[kVectors];
#pragma GCC unroll 3
                for (std::size_t column = 0; column < kVectors; ++column)
                    columns[column] = _mm512_loadu_si512(b + column * kLanes * 4);
#pragma GCC unroll 4
                for (std::size_t i = 0; i < Count; ++i) {
                    std::int32_t together;
                    std::memcpy(&together, a + i * inputs_, sizeof together);
                    const __m512i spread = _mm512_set1_epi32(together);
#pragma GCC unroll 3
                    for (std::size_t column = 0; column < kVectors; ++column)
                        sums[i][column] = _mm512_dpbusd_epi32(sums[i][column], spread, columns[column]);
                }
            }
#pragma GCC unroll 3
            for (std::size_t column = 0; column < kVectors; ++column) {
                const __m512 scale = _mm512_loadu_ps(b_scales + column * kLanes);
#pragma GCC unroll 4
                for (std::size_t i = 0; i < Count; ++i)
                    totals[i][column] =
                        _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sums[i][column]), scale),
                                        _mm512_set1_ps(a_scales[i * groups]), totals[i][column]);
            }
        }
#pragma GCC unroll 3
        for (std::size_t column = 0; column < kVectors; ++column)
#pragma GCC unroll 4
            for (std::size_t i = 0; i < Count; ++i) to(row + i, first + column * kLanes, totals[i][column]);
    }

    std::size_t inputs_;
    std::vector<float> biases_, scales_;
    std::vector<std::int32_t> starts_;
    std::vector<std::int8_t> packed_;
};

}  // namespace skerry::eight_bits

#endif
