// RunningMaxPool: the largest sum over time in each window, as the stream whose sums these are.

#pragma once

#include "custom_operator.h"

namespace onnx2snn {

void add_pooling_operator(Operators& operators);

}  // namespace onnx2snn
