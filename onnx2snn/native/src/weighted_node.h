// The weights of one node, and the multiplications for all shapes that it meets.

#pragma once

#include <memory>
#include <vector>

#include "lane_products.h"
#include "multiplication.h"

namespace onnx2snn {

enum class WeightedKind { kConvolution, kTransposedConvolution, kMatrixProduct };

// Some samples of each step, or some rows of a sample along its first spatial axis.
struct StepSlice {
  Shape incoming;      // of what is multiplied at once: [steps of samples, spatial..., channels]
  int64_t pad_before;  // along the first spatial axis
  int64_t pad_behind;
  bool has_all_steps;  // else they do not lie one behind another
  int64_t source;      // elements of a step in front of it
  int64_t first;       // elements of a step of the result that it gives: from this one
  int64_t stop;        // up to this one
};

class WeightedNode {
 public:
  WeightedNode(WeightedKind kind, ElementType incoming, ElementType weights, const Onnxruntime& ort,
               const OrtKernelInfo* node);

  // Takes weights, scale and bias from inputs 1 to 3, and the shape of what comes in: time, if the
  // node has it in front, batch, spatial axes, channels. Throws InvalidInput where they do not fit.
  void read(const Onnxruntime& ort, const OrtKernelContext* context, const Shape& incoming);

  // The shape of the result.
  const Shape& result() const { return result_; }

  // The whole of what comes in, as one slice.
  StepSlice whole() const;

  // Slices of which each gives so many numbers at most, in all steps, if that can be: a cache then
  // holds them. Weights that leave no room there are not read again and again: all is one slice.
  std::vector<StepSlice> slices(int64_t most_numbers) const;

  Product& prepared(const StepSlice& slice);

 private:
  struct Prepared {
    StepSlice slice;
    std::unique_ptr<Product> product;
  };

  Geometry geometry_of(const StepSlice& slice) const;
  std::unique_ptr<Product> make(const StepSlice& slice);
  std::unique_ptr<Product> make_convolution(const StepSlice& slice);
  std::unique_ptr<Product> make_point_product(const StepSlice& slice);
  bool are_few_reals() const;
  bool are_bytes() const;
  std::shared_ptr<const LaneWeights> lane_weights(LaneWeights (*pack)(const Weights&));
  void set_result();
  bool can_slice_rows() const;
  std::vector<StepSlice> slices_of_samples(int64_t samples_a_slice) const;
  std::vector<StepSlice> slices_of_rows(int64_t rows_a_slice) const;

  const WeightedKind kind_;
  const ElementType incoming_type_, weight_type_;
  Geometry geometry_{};
  Weights weights_{};
  Shape batched_;  // of what comes in, all axes in front of the spatial ones as one
  Shape batched_result_;
  Shape result_;
  int64_t time_steps_ = 1;
  PackedWeights packed_;
  std::shared_ptr<const LaneWeights> lane_weights_;
  std::vector<Prepared> prepared_;
};

}  // namespace onnx2snn
