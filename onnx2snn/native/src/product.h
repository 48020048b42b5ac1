// What comes in, times weights, plus a bias, for one shape: the interface of all ways to do it.

#pragma once

#include "onnxruntime.h"

namespace onnx2snn {

// Weights as they are in the model. Scales are used with int8 weights only.
struct Weights {
  ElementType type;
  const void* data;
  Shape shape;
  int64_t outputs;
  bool are_outputs_last;  // else they are the first axis of the weights
  const float* scale;     // one an output channel
  const float* bias;      // one an output channel
};

// What comes in, in parts of one size that need not lie one behind another.
struct Source {
  const char* data;
  int64_t parts;
  int64_t step;  // bytes from one part to the next
};

class Product {
 public:
  virtual ~Product() = default;
  virtual void run(const Source& source, float* result) = 0;
};

}  // namespace onnx2snn
