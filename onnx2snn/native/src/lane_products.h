// Products that have too few terms for oneDNN to be fast: with the kernels of this library.
//
// A depthwise convolution sums over the entries of its kernel alone; an expansion of real numbers
// often over few channels. Numbers and weights are floats here, whatever they come as: sums of whole
// numbers are exact in them up to 2^24.

#pragma once

#include <memory>
#include <vector>

#include "descriptions.h"
#include "product.h"

namespace onnx2snn {

// Weights as floats, in rows of as many outputs as a kernel takes at a time; outputs that the last
// row lacks are 0.
struct LaneWeights {
  std::vector<float> numbers, scale, bias;
};

// Whether each channel is convolved by itself, along one or two axes.
bool is_depthwise(const Shape& incoming, const Shape& weights, const Geometry& geometry);

// Whether a convolution multiplies each position by itself, with all positions of what comes in.
bool is_pointwise(const Shape& weights, const Geometry& geometry);

// Whether a sum has so few terms that these kernels are faster.
bool has_few_terms(int64_t inputs);

LaneWeights depthwise_weights(const Weights& weights);
LaneWeights pointwise_weights(const Weights& weights);

// A depthwise convolution of [batch, spatial..., channels].
class DepthwiseConvolution : public Product {
 public:
  DepthwiseConvolution(const Shape& incoming, const Shape& weights, const Geometry& geometry, ElementType type,
                       std::shared_ptr<const LaneWeights> packed);

  void run(const Source& source, float* result) override;

 private:
  struct Axis {
    int64_t size, result, kernel, stride, dilation, before, behind;

    int64_t padded() const { return before + size + behind; }
    int64_t reach() const { return dilation * (kernel - 1) + 1; }
  };

  class Rows;

  static Axis axis_of(const Shape& incoming, const Shape& weights, const Geometry& geometry, size_t axis);
  void run_channels(const char* sample, int64_t first, float* room, float* result) const;
  int64_t numbers_in_a_row() const;

  const ElementType type_;
  const std::shared_ptr<const LaneWeights> packed_;
  const int64_t batch_, channels_;
  Axis rows_, columns_;
};

// Rows of floats by a matrix.
class PointProduct : public Product {
 public:
  PointProduct(int64_t points, int64_t inputs, int64_t outputs, std::shared_ptr<const LaneWeights> packed);

  void run(const Source& source, float* result) override;

 private:
  void run_points(const float* rows, int64_t count, float* result) const;

  const int64_t points_, inputs_, outputs_;
  const std::shared_ptr<const LaneWeights> packed_;
};

}  // namespace onnx2snn
