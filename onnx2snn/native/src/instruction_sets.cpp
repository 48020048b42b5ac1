#include <cstdlib>
#include <cstring>

#include "kernels.h"

namespace onnx2snn {

namespace {

bool is_allowed(const char* name, const char* most) {
  if (most == nullptr) return true;
  static const char* const order[] = {"plain", "neon", "avx2", "avx512"};
  size_t rank = 0;
  size_t limit = sizeof(order) / sizeof(order[0]);
  for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); ++k) {
    if (std::strcmp(order[k], name) == 0) rank = k;
    if (std::strcmp(order[k], most) == 0) limit = k;
  }
  return rank <= limit;
}

InstructionSet choose() {
  const char* most = std::getenv("ONNX2SNN_MAX_CPU_ISA");
  (void)most;
#if defined(ONNX2SNN_HAS_AVX512)
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (has_avx512 && is_allowed("avx512", most)) return {"avx512", avx512::kernels, avx512::pool_floats, avx512::pool_spikes};
#endif
#if defined(ONNX2SNN_HAS_AVX2)
  if (__builtin_cpu_supports("avx2") && is_allowed("avx2", most)) return {"avx2", avx2::kernels, avx2::pool_floats, avx2::pool_spikes};
#endif
#if defined(ONNX2SNN_HAS_NEON)
  if (is_allowed("neon", most)) return {"neon", neon::kernels, neon::pool_floats, neon::pool_spikes};
#endif
  return {"plain", plain::kernels, plain::pool_floats, plain::pool_spikes};
}

}  // namespace

const InstructionSet& chosen_instruction_set() {
  static const InstructionSet chosen = choose();
  return chosen;
}

}  // namespace onnx2snn
