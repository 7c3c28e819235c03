#pragma once

// Functions of vectors of sixteen float32 numbers, and the layer norm of a row.

#include "dense_avx512.hpp"

#if SKERRY_X86_64

namespace skerry::bf16 {

// 2^x, to 2e-7 of itself; 0 far below.
SKERRY_BF16_INLINE __m512 exp2(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-150.0F));
    const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 part = _mm512_sub_ps(x, whole);
    __m512 value = _mm512_set1_ps(1.54035304e-4F);
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(1.33335581e-3F));
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(9.61812911e-3F));
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(5.55041087e-2F));
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(2.40226507e-1F));
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(6.93147181e-1F));
    value = _mm512_fmadd_ps(value, part, _mm512_set1_ps(1.0F));
    return _mm512_scalef_ps(value, whole);
}

// x times the normal distribution function, to 5e-6: a polynomial of x squared, found by least maximum error on
// |x| <= 4.8 and held to [0, 1] beyond.
SKERRY_BF16_INLINE __m512 gelu(__m512 x) {
    constexpr float kMost = 4.8F;
    const __m512 near = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(kMost)), _mm512_set1_ps(-kMost));
    const __m512 u = _mm512_fmsub_ps(_mm512_mul_ps(near, near), _mm512_set1_ps(2 / (kMost * kMost)),
                                     _mm512_set1_ps(1.0F));
    __m512 value = _mm512_set1_ps(1.44378166e-3F);
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(-4.19465872e-3F));
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(5.39226783e-3F));
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(-7.44330733e-3F));
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(1.38641465e-2F));
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(-2.21875757e-2F));
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(3.07208095e-2F));
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(-4.05659193e-2F));
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(5.29040992e-2F));
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(-7.29797632e-2F));
    value = _mm512_fmadd_ps(value, u, _mm512_set1_ps(1.47212788e-1F));
    const __m512 share = _mm512_fmadd_ps(value, near, _mm512_set1_ps(0.5F));
    return _mm512_mul_ps(x, _mm512_max_ps(_mm512_min_ps(share, _mm512_set1_ps(1.0F)), _mm512_setzero_ps()));
}

// Normalises the `size` numbers of a row, a multiple of sixteen, where they are, and rounds them to `to`.
SKERRY_AVX512_BF16 inline void layer_norm(float* row, std::size_t size, const float* weight, const float* bias,
                                          float epsilon, Number* to) {
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (std::size_t at = 0; at < size; at += kLanes) sum = _mm512_add_ps(sum, _mm512_loadu_ps(row + at));
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / static_cast<float>(size));
    for (std::size_t at = 0; at < size; at += kLanes) {
        const __m512 apart = _mm512_sub_ps(_mm512_loadu_ps(row + at), mean);
        squares = _mm512_fmadd_ps(apart, apart, squares);
    }
    const float variance = _mm512_reduce_add_ps(squares) / static_cast<float>(size);
    const __m512 scale = _mm512_div_ps(_mm512_set1_ps(1.0F), _mm512_sqrt_ps(_mm512_set1_ps(variance + epsilon)));
    for (std::size_t at = 0; at < size; at += kLanes) {
        const __m512 apart = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(row + at), mean), scale);
        const __m512 value = _mm512_fmadd_ps(apart, _mm512_loadu_ps(weight + at), _mm512_loadu_ps(bias + at));
        _mm512_storeu_ps(row + at, value);
        store(to + at, value);
    }
}

}  // namespace skerry::bf16

#endif
