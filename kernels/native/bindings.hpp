#pragma once

// One function a binding file, called by module.cpp.

#include <nanobind/nanobind.h>

namespace skerry {

void bind_attention(nanobind::module_& module);
void bind_bit_vector(nanobind::module_& module);
void bind_encoder(nanobind::module_& module);
void bind_fm_index(nanobind::module_& module);
void bind_follow(nanobind::module_& module);
void bind_kernel_bank(nanobind::module_& module);
void bind_key_cover(nanobind::module_& module);
void bind_stripes(nanobind::module_& module);

}  // namespace skerry
