// Convolutions and matrix products as oneDNN is asked for them.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"
#include "onnxruntime.h"

namespace onnx2snn {

// Geometry of a convolution, as ONNX has it; of a transposed one, too, what it cuts off as pads.
struct Geometry {
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;  // all at the start, then all at the end
  int64_t group;
  bool is_transposed;
};

const dnnl::engine& cpu();

// What a kind of multiplication is to oneDNN, for given types of what comes in and of weights.
class Description {
 public:
  using DataType = dnnl::memory::data_type;

  virtual ~Description() = default;
  virtual dnnl::memory::desc incoming(DataType type) const = 0;
  virtual dnnl::memory::desc weights(DataType type) const = 0;  // as they are in the model
  virtual dnnl::memory::desc result() const = 0;
  virtual dnnl::memory::desc bias() const = 0;
  // Numbers for the outputs, in a shape that broadcasts to the result.
  virtual dnnl::memory::desc for_outputs() const = 0;
  virtual int scale_mask() const = 0;

  // The same with so many times the channels, all of them one behind another; null where they are
  // in groups. The weights of an output are as many times those of the model, in blocks of as many.
  virtual std::unique_ptr<Description> with_channels(int64_t times) const = 0;
  virtual int64_t channels() const = 0;
  virtual int64_t weights_in_a_block() const = 0;

  // The primitive, with weights in the layout that it likes best.
  struct Made {
    dnnl::primitive primitive;
    dnnl::memory::desc packed_weights;
    dnnl::memory::desc scratchpad;
  };
  virtual Made make(DataType incoming, DataType weights, bool has_bias,
                    const dnnl::primitive_attr& attributes) const = 0;
};

// A convolution of [batch, spatial..., channels] by weights [outputs, channels / group, kernel...],
// which a transposed one has as well.
class Convolution : public Description {
 public:
  // The shape of the result. Throws InvalidInput where shapes do not fit.
  static Shape result_of(const Shape& incoming, const Shape& weights, const Geometry& geometry);

  Convolution(const Shape& incoming, const Shape& weights, const Geometry& geometry);

  dnnl::memory::desc incoming(DataType type) const override;
  dnnl::memory::desc weights(DataType type) const override;
  dnnl::memory::desc result() const override;
  dnnl::memory::desc bias() const override;
  dnnl::memory::desc for_outputs() const override;
  int scale_mask() const override { return geometry_.group > 1 ? 3 : 1; }
  std::unique_ptr<Description> with_channels(int64_t times) const override;
  int64_t channels() const override { return incoming_[1]; }
  int64_t weights_in_a_block() const override { return number_of_elements(shape_of_weights_) / result_[1]; }
  Made make(DataType incoming, DataType weights, bool has_bias, const dnnl::primitive_attr& attributes) const override;

 private:
  template <class Primitive>
  Made make_as(dnnl::algorithm algorithm, DataType incoming, DataType weights, bool has_bias,
               const dnnl::primitive_attr& attributes) const;

  const Geometry geometry_;
  const Shape shape_, shape_of_weights_;  // as in the model
  dnnl::memory::dims incoming_, weights_, result_;
};

// A product of [rows, K] by weights [K, outputs].
class MatrixProduct : public Description {
 public:
  MatrixProduct(int64_t rows, const Shape& weights) : rows_(rows), inner_(weights[0]), outputs_(weights[1]) {}

  dnnl::memory::desc incoming(DataType type) const override;
  dnnl::memory::desc weights(DataType type) const override;
  dnnl::memory::desc result() const override;
  dnnl::memory::desc bias() const override { return for_outputs(); }
  dnnl::memory::desc for_outputs() const override;
  int scale_mask() const override { return 2; }
  std::unique_ptr<Description> with_channels(int64_t times) const override;
  int64_t channels() const override { return inner_; }
  int64_t weights_in_a_block() const override { return inner_ * outputs_; }
  Made make(DataType incoming, DataType weights, bool has_bias, const dnnl::primitive_attr& attributes) const override;

 private:
  const int64_t rows_, inner_, outputs_;
};

}  // namespace onnx2snn
