// The kernels of each instruction set, and the choice among them.

#pragma once

#include "product_run.h"
#include "step_run.h"

namespace onnx2snn {

#define ONNX2SNN_DECLARE_KERNELS(isa)           \
  namespace isa {                               \
  extern const Kernel* const kernels;           \
  void pool_floats(const PoolRun& run);         \
  void pool_spikes(const PoolRun& run);         \
  void split_floats(const HalvesRun& run);      \
  void spread_lanes(const LanesRun& run);       \
  void convolve_lanes(const ConvolveRun& run);  \
  void multiply_points(const PointsRun& run);   \
  }

ONNX2SNN_DECLARE_KERNELS(plain)
ONNX2SNN_DECLARE_KERNELS(neon)
ONNX2SNN_DECLARE_KERNELS(avx2)
ONNX2SNN_DECLARE_KERNELS(avx512)

#undef ONNX2SNN_DECLARE_KERNELS

// The kernels for one instruction set, in the order of operators.inc.
struct InstructionSet {
  const char* name;
  const Kernel* kernels;
  void (*pool_floats)(const PoolRun&);
  void (*pool_spikes)(const PoolRun&);
  void (*split_floats)(const HalvesRun&);
  void (*spread_lanes)(const LanesRun&);
  void (*convolve_lanes)(const ConvolveRun&);
  void (*multiply_points)(const PointsRun&);
};

// The best instruction set that this processor has, or that ONNX2SNN_MAX_CPU_ISA allows.
const InstructionSet& chosen_instruction_set();

}  // namespace onnx2snn
