#pragma once

// The layers of a post-norm transformer encoder (BERT) over sequences that lie one behind the other, without padding.
// Products are of bfloat16 numbers; sums, residuals, norms and the softmax are float32. Nothing here knows Python.

#include <memory>
#include <mutex>
#include <variant>

#include "attention_avx512.hpp"
#include "eight_bits_avx512.hpp"
#include "parallel.hpp"

#if SKERRY_X86_64

namespace skerry::bf16 {

struct Norm {
    std::vector<float> weight, bias;
};

// The two layers between the norms.
struct Middle {
    Dense inner, outer;
};

struct EightBitMiddle {
    eight_bits::Smoothing smoothing;
    eight_bits::Dense inner, outer;
};

struct Layer {
    Dense joint, mixed;  // queries, keys and values; what attention gives
    Norm after_attention;
    std::variant<Middle, EightBitMiddle> middle;
    Norm after_middle;
};

class Encoder {
public:
    Encoder(std::size_t heads, std::size_t width, float epsilon)
        : heads_(heads), width_(width), epsilon_(epsilon) {}

    void add(Layer layer) { layers_.push_back(std::move(layer)); }
    std::size_t layers() const { return layers_.size(); }
    std::size_t width() const { return width_; }

    // Runs sequence i, rows offsets[i] to offsets[i + 1] of `states`, through the first `depths[last]` layers, and
    // writes the states after each of `depths`, which rise from 1, to `out`, one array behind the other.
    void run(const float* states, const std::int64_t* offsets, std::size_t sequences,
             const std::vector<std::size_t>& depths, std::size_t pack, unsigned threads, float* out) const {
        std::vector<std::size_t> starts{0};
        for (std::size_t i = 0; i < sequences; ++i)
            if (i > starts.back() && offsets[i + 1] - offsets[starts.back()] > static_cast<std::int64_t>(pack))
                starts.push_back(i);
        starts.push_back(sequences);
        parallel_for(starts.size() - 1, 1, threads, [&](std::uint64_t begin, std::uint64_t end) {
            std::unique_ptr<Scratch> scratch = take();
            for (std::uint64_t i = begin; i < end; ++i)
                some(states, offsets + starts[i], starts[i + 1] - starts[i],
                     static_cast<std::size_t>(offsets[sequences]), depths, *scratch, out);
            give(std::move(scratch));
        });
    }

private:
    struct Scratch {
        explicit Scratch(Attention each) : attention(std::move(each)) {}
        Attention attention;
        std::vector<float> states;
        std::vector<Number> rounded, joint, mixed, inner;
        eight_bits::Rows bytes;
    };

    struct Rounded {
        Number* to;
        std::size_t width;
        SKERRY_BF16_INLINE void operator()(std::size_t row, std::size_t at, __m512 values) const {
            store(to + row * width + at, values);
        }
    };

    struct Activated {
        Number* to;
        std::size_t width;
        SKERRY_BF16_INLINE void operator()(std::size_t row, std::size_t at, __m512 values) const {
            store(to + row * width + at, gelu(values));
        }
    };

    struct Added {
        float* to;
        std::size_t width;
        SKERRY_BF16_INLINE void operator()(std::size_t row, std::size_t at, __m512 values) const {
            float* const here = to + row * width + at;
            _mm512_storeu_ps(here, _mm512_add_ps(_mm512_loadu_ps(here), values));
        }
    };

    // The sequences of one pack, all whose rows stay in cache.
    void some(const float* states, const std::int64_t* offsets, std::size_t sequences, std::size_t all,
              const std::vector<std::size_t>& depths, Scratch& scratch, float* out) const {
        const auto first = static_cast<std::size_t>(offsets[0]);
        const std::size_t rows = static_cast<std::size_t>(offsets[sequences]) - first;
        const std::size_t stride = rounded_up(width_, kColumns);
        scratch.states.assign(rows * stride, 0.0F);
        scratch.rounded.resize(rows * stride);
        scratch.mixed.resize(rows * stride);
        for (std::size_t row = 0; row < rows; ++row) {
            float* const to = scratch.states.data() + row * stride;
            std::memcpy(to, states + (first + row) * width_, width_ * sizeof(float));
            for (std::size_t at = 0; at < width_; ++at) scratch.rounded[row * stride + at] = rounded(to[at]);
        }
        std::size_t kept = 0;
        for (std::size_t depth = 1; depth <= depths.back(); ++depth) {
            step(layers_[depth - 1], offsets, sequences, rows, scratch);
            if (depths[kept] != depth) continue;
            for (std::size_t row = 0; row < rows; ++row)
                std::memcpy(out + (kept * all + first + row) * width_, scratch.states.data() + row * stride,
                            width_ * sizeof(float));
            ++kept;
        }
    }

    SKERRY_AVX512_BF16 void step(const Layer& layer, const std::int64_t* offsets, std::size_t sequences,
                                 std::size_t rows, Scratch& scratch) const {
        const std::size_t stride = rounded_up(width_, kColumns);
        scratch.joint.resize(rows * layer.joint.width);
        layer.joint.apply(scratch.rounded.data(), stride, rows, Rounded{scratch.joint.data(), layer.joint.width});
        for (std::size_t i = 0; i < sequences; ++i) {
            const auto start = static_cast<std::size_t>(offsets[i] - offsets[0]);
            scratch.attention.apply(scratch.joint.data() + start * layer.joint.width, layer.joint.width,
                                    static_cast<std::size_t>(offsets[i + 1] - offsets[i]),
                                    scratch.mixed.data() + start * stride, stride);
        }
        layer.mixed.apply(scratch.mixed.data(), stride, rows, Added{scratch.states.data(), stride});
        normalise(layer.after_attention, rows, scratch);
        if (const auto* const middle = std::get_if<Middle>(&layer.middle))
            add(*middle, rows, scratch);
        else
            add(std::get<EightBitMiddle>(layer.middle), rows, scratch);
        normalise(layer.after_middle, rows, scratch);
    }

    SKERRY_AVX512_BF16 void add(const Middle& middle, std::size_t rows, Scratch& scratch) const {
        const std::size_t stride = rounded_up(width_, kColumns), inner = middle.inner.width;
        scratch.inner.resize(rows * inner);
        middle.inner.apply(scratch.rounded.data(), stride, rows, Activated{scratch.inner.data(), inner});
        middle.outer.apply(scratch.inner.data(), inner, rows, Added{scratch.states.data(), stride});
    }

    SKERRY_AVX512_VNNI void add(const EightBitMiddle& middle, std::size_t rows, Scratch& scratch) const {
        const std::size_t stride = rounded_up(width_, kColumns), inner = middle.inner.width;
        scratch.inner.resize(rows * inner);
        scratch.bytes.resize(rows, width_);
        eight_bits::quantise(scratch.states.data(), stride, rows, middle.smoothing, scratch.bytes);
        middle.inner.apply(scratch.bytes, rows, Activated{scratch.inner.data(), inner});
        scratch.bytes.resize(rows, middle.outer.inputs());
        eight_bits::quantise_activated(scratch.inner.data(), inner, rows, scratch.bytes);
        middle.outer.apply(scratch.bytes, rows, Added{scratch.states.data(), stride});
    }

    SKERRY_AVX512_BF16 void normalise(const Norm& norm, std::size_t rows, Scratch& scratch) const {
        const std::size_t stride = rounded_up(width_, kColumns);
        for (std::size_t row = 0; row < rows; ++row)
            layer_norm(scratch.states.data() + row * stride, width_, norm.weight.data(), norm.bias.data(), epsilon_,
                       scratch.rounded.data() + row * stride);
    }

    std::unique_ptr<Scratch> take() const {
        {
            const std::lock_guard<std::mutex> held(lock_);
            if (!idle_.empty()) {
                std::unique_ptr<Scratch> scratch = std::move(idle_.back());
                idle_.pop_back();
                return scratch;
            }
        }
        return std::make_unique<Scratch>(Attention(heads_, width_ / heads_));
    }

    void give(std::unique_ptr<Scratch> scratch) const {
        const std::lock_guard<std::mutex> held(lock_);
        idle_.push_back(std::move(scratch));
    }

    std::size_t heads_, width_;
    float epsilon_;
    std::vector<Layer> layers_;
    mutable std::mutex lock_;
    mutable std::vector<std::unique_ptr<Scratch>> idle_;
};

}  // namespace skerry::bf16

#endif
