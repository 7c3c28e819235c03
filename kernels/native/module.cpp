#include <nanobind/nanobind.h>

#include "bindings.hpp"

NB_MODULE(_native, module) {
    module.doc() = "Native kernels of Skerry.";
    skerry::bind_bit_vector(module);
    skerry::bind_fm_index(module);
    skerry::bind_key_cover(module);
}
