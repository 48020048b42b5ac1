#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace onnx2snn {

namespace {

// Whether an instruction set is no wider than ONNX2SNN_MAX_CPU_ISA, which may name any of them.
[[maybe_unused]] bool is_allowed(const char* name) {
  const char* most = std::getenv("ONNX2SNN_MAX_CPU_ISA");
  if (most == nullptr) return true;
  static const char* const order[] = {"plain", "neon", "avx2", "avx512"};
  constexpr size_t count = sizeof(order) / sizeof(order[0]);
  size_t rank = 0;
  size_t limit = count;
  for (size_t k = 0; k < count; ++k) {
    if (std::strcmp(order[k], name) == 0) rank = k;
    if (std::strcmp(order[k], most) == 0) limit = k;
  }
  return rank <= limit;
}

#define ONNX2SNN_SET(isa)                                                                            \
  InstructionSet {                                                                                   \
    #isa, isa::kernels, isa::pool_floats, isa::pool_spikes, isa::split_floats, isa::spread_lanes,    \
        isa::convolve_lanes, isa::multiply_points                                                    \
  }

InstructionSet choose() {
#if defined(ONNX2SNN_HAS_AVX512)
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (has_avx512 && is_allowed("avx512")) return ONNX2SNN_SET(avx512);
#endif
#if defined(ONNX2SNN_HAS_AVX2)
  if (__builtin_cpu_supports("avx2") && is_allowed("avx2")) return ONNX2SNN_SET(avx2);
#endif
#if defined(ONNX2SNN_HAS_NEON)
  if (is_allowed("neon")) return ONNX2SNN_SET(neon);
#endif
  return ONNX2SNN_SET(plain);
}

#undef ONNX2SNN_SET

}  // namespace

const InstructionSet& chosen_instruction_set() {
  static const InstructionSet chosen = choose();
  return chosen;
}

}  // namespace onnx2snn
