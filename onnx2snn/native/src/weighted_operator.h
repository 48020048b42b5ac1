// Operators that multiply spikes by weights; oneDNN does the multiplying.

#pragma once

#include <string>

#include "custom_operator.h"

namespace onnx2snn {

// SpikeConv and SpikeMatMul, for weights of int8 and of float.
void add_weighted_operators(Operators& operators);

// Name and version of the library that multiplies, and what numbers it does so with here.
std::string multiplying_library();

// Threads that it may use; 0 for as many as it finds.
void set_multiplying_threads(int threads);

}  // namespace onnx2snn
