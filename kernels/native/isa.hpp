#pragma once

// One dispatcher for loops that are written once and compiled for each instruction set (bit_vector.hpp has these).

#include "bit_vector.hpp"

namespace skerry {

#if SKERRY_X86_64
inline bool has_avx2() {
    static const bool value = has_bmi2() && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("avx2");
    return value;
}

template <class Work>
__attribute__((target("popcnt,bmi,bmi2,avx2"))) void run_with_avx2(const Work& work) {
    work.template operator()<Bmi2>();
}
#endif

// Calls `work.operator()<Isa>()` with the best instruction set of this machine. `work` is a lambda or a functor whose
// call operator, and all that it calls for every element, is always inlined: only then is it compiled for that set.
template <class Work>
void run_fastest(bool portable, const Work& work) {
#if SKERRY_X86_64
    if (!portable && has_avx2()) return run_with_avx2(work);
#endif
    work.template operator()<Portable>();
}

}  // namespace skerry

#define SKERRY_INLINE_LAMBDA __attribute__((always_inline))
