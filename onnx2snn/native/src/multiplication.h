// One convolution or matrix product of oneDNN, ready to run on inputs of one shape.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"
#include "onnxruntime.h"

namespace onnx2snn {

// Geometry of a convolution, as ONNX has it.
struct Geometry {
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;  // all at the start, then all at the end
  int64_t group;
};

// Weights as they are in the model. Scales are used with int8 weights only.
struct Weights {
  ElementType type;
  const void* data;
  Shape shape;
  const float* scale;  // one an output channel
  const float* bias;   // one an output channel
};

// Spikes of int8 times weights, as floats.
class Multiplication {
 public:
  virtual ~Multiplication() = default;
  virtual void run(const int8_t* spikes, float* result) = 0;
  const Shape& output_shape() const { return output_shape_; }

 protected:
  Shape output_shape_;
};

// A convolution of [batch..., spatial..., channels]; weights are [outputs, channels / group, kernel...].
// Throws InvalidInput where shapes do not fit.
std::unique_ptr<Multiplication> make_convolution(const Shape& spikes, const Weights& weights, const Geometry& geometry);

// A product of [..., K] by weights [K, outputs].
std::unique_ptr<Multiplication> make_matrix_product(const Shape& spikes, const Weights& weights);

}  // namespace onnx2snn
