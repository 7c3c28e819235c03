#include <nanobind/nanobind.h>

#include "bindings.hpp"

NB_MODULE(_native, module) {
    module.doc() = "Native kernels of Skerry.";
    nanobind::set_leak_warnings(false);  // an index that is still in use when the interpreter ends is no mistake
    skerry::bind_attention(module);
    skerry::bind_bit_vector(module);
    skerry::bind_encoder(module);
    skerry::bind_fm_index(module);
    skerry::bind_follow(module);
    skerry::bind_kernel_bank(module);
    skerry::bind_key_cover(module);
    skerry::bind_stripes(module);
}
