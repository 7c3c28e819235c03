#pragma once

// Vectors of float32 in the compiler's own notation, so that a loop is written once and compiled for each instruction
// set: AVX-512, AVX2 with FMA, and whatever the baseline has.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

#include "bit_vector.hpp"

#define SKERRY_INLINE inline __attribute__((always_inline))

namespace skerry {

#if SKERRY_X86_64
struct WithAvx512 {
    static constexpr std::size_t kWidth = 16, kTile = 8;

    static bool available() {
        static const bool value = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
        return value;
    }

    // `work`, and all that it calls, is always inlined: only then is it compiled for these instructions.
    template <class Work>
    __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))) static void run(const Work& work) {
        work();
    }
};

struct WithAvx2 {
    static constexpr std::size_t kWidth = 8, kTile = 4;

    static bool available() {
        static const bool value = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        return value;
    }

    template <class Work>
    __attribute__((target("avx2,fma"))) static void run(const Work& work) {
        work();
    }
};
#endif

struct WithBaseline {
    static constexpr std::size_t kWidth = 4, kTile = 4;

    static bool available() { return true; }

    template <class Work>
    static void run(const Work& work) {
        work();
    }
};

// Calls `work` with the best of this processor's, or with the one of a name ("" is the best), which tests ask for.
template <class Work>
void with_vectors(const std::string& name, const Work& work) {
#if SKERRY_X86_64
    if (WithAvx512::available() && (name.empty() || name == "avx512")) return work(WithAvx512());
    if (WithAvx2::available() && (name.empty() || name == "avx2")) return work(WithAvx2());
#endif
    if (!name.empty() && name != "baseline") throw std::invalid_argument("this processor has no " + name);
    work(WithBaseline());
}

template <std::size_t Width>
struct VectorOf {
    typedef float Floats __attribute__((vector_size(Width * sizeof(float))));
    typedef std::int32_t Ints __attribute__((vector_size(Width * sizeof(float))));

    static SKERRY_INLINE Floats load(const float* from) {
        Floats value;
        std::memcpy(&value, from, sizeof value);
        return value;
    }

    static SKERRY_INLINE Ints load(const std::int32_t* from) {
        Ints value;
        std::memcpy(&value, from, sizeof value);
        return value;
    }

    static SKERRY_INLINE void store(float* to, Floats value) { std::memcpy(to, &value, sizeof value); }

    static SKERRY_INLINE Floats all(float value) { return value - Floats{}; }

    static SKERRY_INLINE Floats larger(Floats a, Floats b) { return a > b ? a : b; }

    static SKERRY_INLINE float sum(Floats value) {
        if constexpr (Width == 4) {
            float lanes[4];
            std::memcpy(lanes, &value, sizeof lanes);
            return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
        } else {
            using Half = VectorOf<Width / 2>;
            typename Half::Floats halves[2];
            std::memcpy(halves, &value, sizeof value);
            return Half::sum(halves[0] + halves[1]);
        }
    }

    // 2^x for x <= 0, to 2e-7 of itself; 0 below 2^-126.
    static SKERRY_INLINE Floats exp2(Floats x) {
        constexpr float kWhole = 12582912.0F;  // added, it leaves no bits for what is below one
        const Floats least = all(-126.0F), near = larger(x, least), moved = near + kWhole;
        const Floats part = near - (moved - kWhole);
        Floats value = all(1.54035304e-4F);
        value = value * part + 1.33335581e-3F;
        value = value * part + 9.61812911e-3F;
        value = value * part + 5.55041087e-2F;
        value = value * part + 2.40226507e-1F;
        value = value * part + 6.93147181e-1F;
        value = value * part + 1.0F;
        const Floats scaled = reinterpret_cast<Floats>(reinterpret_cast<Ints>(value) +
                                                       (reinterpret_cast<Ints>(moved) << 23));
        return x < least ? Floats{} : scaled;
    }
};

}  // namespace skerry
