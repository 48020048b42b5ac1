// SpikeMaxPool: the largest number of spikes so far in each window, as spikes.

#pragma once

#include "custom_operator.h"

namespace onnx2snn {

void add_pooling_operator(Operators& operators);

}  // namespace onnx2snn
