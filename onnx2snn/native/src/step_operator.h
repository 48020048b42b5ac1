// The operators of ai.onnx2snn, one step and several, as custom operators.

#pragma once

#include "custom_operator.h"
#include "step_run.h"

namespace onnx2snn {

// All of them, with the kernels of the instruction set that was chosen.
void add_step_operators(Operators& operators);

}  // namespace onnx2snn
