#pragma once

// A bank of Gaussian kernels over the similarities of a query's word with a document's words: each kernel's sum over
// the words, and what the sums' gradients say of the similarities. One pass over the similarities each; nothing but
// them is kept between the two.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "isa.hpp"
#include "vectors.hpp"

namespace skerry::kernel_bank {

inline constexpr std::size_t kMostKernels = 64;

// Kernel k of a similarity s is 2^(factors[k] (s - centres[k])^2); each factor is below 0.
struct Kernels {
    const float* centres;
    const float* factors;
    std::size_t count;
};

// Rows of `words` similarities; where the mask is 0 a word is not counted.
struct Rows {
    const float* similarities;
    const std::uint8_t* mask;
    std::size_t words;
};

template <class Isa>
class Bank {
    static constexpr std::size_t kWidth = Isa::kWidth;
    // No kernel hears a word from so far away, and its square is still a number.
    static constexpr float kAway = 1e18F;
    static constexpr float kLn2 = 0.693147181F;
    using Vector = VectorOf<kWidth>;
    using Floats = typename Vector::Floats;

public:
    // The sums of the rows [begin, end): `kernels.count` a row. Word i adds to lane i mod the vector's width, so that
    // no sum depends on how much padding stands behind the words.
    static void sums(const Kernels& kernels, const Rows& rows, std::size_t begin, std::size_t end, float* to) {
        std::vector<float> near(padded(rows.words));
        Isa::run([&]() SKERRY_INLINE_LAMBDA {
            for (std::size_t row = begin; row < end; ++row) {
                float* const out = to + row * kernels.count;
                Floats totals[kMostKernels];
                for (std::size_t k = 0; k < kernels.count; ++k) totals[k] = Floats{};
                const std::size_t counted = place(rows, row, near.data());
                Floats broken{};
                for (std::size_t at = 0; at < counted; at += kWidth) {
                    const Floats value = Vector::load(near.data() + at);
                    broken += value - value;
                    for (std::size_t k = 0; k < kernels.count; ++k) {
                        const Floats apart = value - kernels.centres[k];
                        totals[k] += Vector::exp2(apart * apart * kernels.factors[k]);
                    }
                }
                for (std::size_t k = 0; k < kernels.count; ++k) out[k] = Vector::sum(totals[k] + broken);
            }
        });
    }

    // The similarities' gradients of the rows [begin, end), from those of the sums.
    static void gradients(const Kernels& kernels, const Rows& rows, const float* of_sums, std::size_t begin,
                          std::size_t end, float* to) {
        std::vector<float> near(padded(rows.words)), slopes(padded(rows.words));
        Isa::run([&]() SKERRY_INLINE_LAMBDA {
            for (std::size_t row = begin; row < end; ++row) {
                const float* const given = of_sums + row * kernels.count;
                float steep[kMostKernels];
                for (std::size_t k = 0; k < kernels.count; ++k) steep[k] = given[k] * kernels.factors[k] * (2 * kLn2);
                const std::size_t counted = place(rows, row, near.data());
                for (std::size_t at = 0; at < counted; at += kWidth) {
                    const Floats value = Vector::load(near.data() + at);
                    Floats slope{};
                    for (std::size_t k = 0; k < kernels.count; ++k) {
                        const Floats apart = value - kernels.centres[k];
                        slope += Vector::exp2(apart * apart * kernels.factors[k]) * (apart * steep[k]);
                    }
                    Vector::store(slopes.data() + at, slope);
                }
                // Where no word counts, a steep slope times the distance may be no number.
                const std::uint8_t* const mask = rows.mask + row * rows.words;
                float* const out = to + row * rows.words;
                for (std::size_t at = 0; at < rows.words; ++at) out[at] = mask[at] ? slopes[at] : 0.0F;
            }
        });
    }

private:
    static std::size_t padded(std::size_t words) { return (words + kWidth - 1) / kWidth * kWidth; }

    // The row's similarities, far away where they are not counted; returns where the last that counts has its end.
    static SKERRY_INLINE std::size_t place(const Rows& rows, std::size_t row, float* near) {
        const float* const from = rows.similarities + row * rows.words;
        const std::uint8_t* const mask = rows.mask + row * rows.words;
        std::size_t counted = 0;
        for (std::size_t at = 0; at < rows.words; ++at) {
            near[at] = mask[at] ? from[at] : kAway;
            counted = mask[at] ? at + 1 : counted;
        }
        for (std::size_t at = rows.words; at < padded(rows.words); ++at) near[at] = kAway;
        return counted;
    }
};

}  // namespace skerry::kernel_bank
