#include "multiplication.h"

#include <cstring>

namespace onnx2snn {

namespace {

using dnnl::memory;
using dnnl::primitive_attr;
using DataType = memory::data_type;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& in_order() {
  static thread_local dnnl::stream stream(cpu());
  return stream;
}

// A bfloat16 is the upper half of a float; rounded to the nearest, ties to even.
uint16_t rounded_to_bfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float from_bfloat16(uint16_t half) {
  const uint32_t bits = static_cast<uint32_t>(half) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Whether a primitive is one of the fast ones, not a plain loop.
bool is_fast(const std::string& implementation) { return implementation.rfind("ref", 0) != 0; }

// What a kind of multiplication is to oneDNN, for given types of spikes and weights.
class Description {
 public:
  virtual ~Description() = default;
  virtual memory::desc spikes(DataType type) const = 0;
  virtual memory::desc weights(DataType type) const = 0;  // as they are in the model
  virtual memory::desc result() const = 0;
  virtual memory::desc bias() const = 0;
  virtual int scale_mask() const = 0;

  // The primitive, with weights in the layout that it likes best. `memory::desc()` for no bias.
  struct Made {
    dnnl::primitive primitive;
    memory::desc packed_weights;
    std::string implementation;
  };
  virtual Made make(DataType spikes, DataType weights, bool has_bias, const primitive_attr& attributes) const = 0;
};

memory packed(const Description& description, DataType type, const void* data, const memory::desc& layout) {
  memory plain(description.weights(type), cpu(), const_cast<void*>(data));
  memory result(layout, cpu());
  dnnl::reorder(plain, result).execute(in_order(), plain, result);
  in_order().wait();
  return result;
}

// A copy: the model may be gone when the copy is used.
memory copied(const memory::desc& description, const float* data) {
  memory result(description, cpu());
  std::memcpy(result.get_data_handle(), data, description.get_size());
  return result;
}

// int8 by int8: exact sums of integers, then a scale an output channel, and the bias.
class Int8Multiplication : public Multiplication {
 public:
  Int8Multiplication(const Description& description, const Weights& weights, const Shape& output)
      : spikes_(description.spikes(DataType::s8), cpu(), nullptr), result_(description.result(), cpu(), nullptr) {
    output_shape_ = output;
    primitive_attr attributes;
    attributes.set_scales_mask(DNNL_ARG_WEIGHTS, description.scale_mask());
    made_ = description.make(DataType::s8, DataType::s8, true, attributes);
    weights_ = packed(description, DataType::s8, weights.data, made_.packed_weights);
    const memory::desc scales({output.back()}, DataType::f32, memory::format_tag::a);
    scale_ = copied(scales, weights.scale);
    bias_ = copied(description.bias(), weights.bias);
  }

  void run(const int8_t* spikes, float* result) override {
    spikes_.set_data_handle(const_cast<int8_t*>(spikes));
    result_.set_data_handle(result);
    made_.primitive.execute(in_order(), {{DNNL_ARG_SRC, spikes_},
                                         {DNNL_ARG_WEIGHTS, weights_},
                                         {DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, scale_},
                                         {DNNL_ARG_BIAS, bias_},
                                         {DNNL_ARG_DST, result_}});
    in_order().wait();
  }

 private:
  Description::Made made_;
  memory spikes_, result_, weights_, scale_, bias_;
};

// Weights of float: as two halves of bfloat16, where the machine multiplies those, else as they are.
//
// The upper halves are multiplied first, then the lower ones added: 16 bits of mantissa.
class FloatMultiplication : public Multiplication {
 public:
  FloatMultiplication(const Description& description, const Weights& weights, const Shape& output)
      : output_(description.result()) {
    output_shape_ = output;
    bias_ = copied(description.bias(), weights.bias);
    upper_ = description.make(DataType::bf16, DataType::bf16, true, {});
    has_halves_ = is_fast(upper_.implementation);
    const float* numbers = static_cast<const float*>(weights.data);
    if (!has_halves_) {
      upper_ = description.make(DataType::f32, DataType::f32, true, {});
      upper_weights_ = packed(description, DataType::f32, numbers, upper_.packed_weights);
    } else {
      pack_halves(description, numbers, number_of_elements(weights.shape));
    }
    converted_ = memory(description.spikes(has_halves_ ? DataType::bf16 : DataType::f32), cpu());
    incoming_ = memory(description.spikes(DataType::s8), cpu(), nullptr);
    conversion_ = dnnl::reorder(incoming_, converted_);
  }

  void run(const int8_t* spikes, float* result) override {
    incoming_.set_data_handle(const_cast<int8_t*>(spikes));
    conversion_.execute(in_order(), incoming_, converted_);
    memory sum(output_, cpu(), result);
    upper_.primitive.execute(
        in_order(),
        {{DNNL_ARG_SRC, converted_}, {DNNL_ARG_WEIGHTS, upper_weights_}, {DNNL_ARG_BIAS, bias_}, {DNNL_ARG_DST, sum}});
    if (has_halves_) {
      lower_.primitive.execute(in_order(),
                               {{DNNL_ARG_SRC, converted_}, {DNNL_ARG_WEIGHTS, lower_weights_}, {DNNL_ARG_DST, sum}});
    }
    in_order().wait();
  }

 private:
  void pack_halves(const Description& description, const float* numbers, int64_t count) {
    primitive_attr adding;
    dnnl::post_ops after;
    after.append_sum(1.0f);
    adding.set_post_ops(after);
    lower_ = description.make(DataType::bf16, DataType::bf16, false, adding);
    std::vector<uint16_t> upper(static_cast<size_t>(count));
    std::vector<uint16_t> lower(static_cast<size_t>(count));
    for (size_t k = 0; k < upper.size(); ++k) {
      upper[k] = rounded_to_bfloat16(numbers[k]);
      lower[k] = rounded_to_bfloat16(numbers[k] - from_bfloat16(upper[k]));
    }
    upper_weights_ = packed(description, DataType::bf16, upper.data(), upper_.packed_weights);
    lower_weights_ = packed(description, DataType::bf16, lower.data(), lower_.packed_weights);
  }

  bool has_halves_ = false;
  memory::desc output_;
  Description::Made upper_, lower_;
  memory upper_weights_, lower_weights_, bias_, converted_, incoming_;
  dnnl::reorder conversion_;
};

std::unique_ptr<Multiplication> make(const Description& description, const Weights& weights, const Shape& output) {
  if (weights.type == ElementType::kInt8) {
    return std::make_unique<Int8Multiplication>(description, weights, output);
  }
  return std::make_unique<FloatMultiplication>(description, weights, output);
}

// Strides of a tensor whose last axis, in memory, is that of channels: [batch, spatial..., channels].
memory::dims channels_last_strides(const memory::dims& dims) {
  const size_t rank = dims.size();
  memory::dims strides(rank);
  strides[1] = 1;
  int64_t distance = dims[1];
  for (size_t axis = rank; axis-- > 2;) {
    strides[axis] = distance;
    distance *= dims[axis];
  }
  strides[0] = distance;
  return strides;
}

memory::dims dense_strides(const memory::dims& dims) {
  memory::dims strides(dims.size());
  int64_t distance = 1;
  for (size_t axis = dims.size(); axis-- > 0;) {
    strides[axis] = distance;
    distance *= dims[axis];
  }
  return strides;
}

class Convolution : public Description {
 public:
  Convolution(const Shape& spikes, const Weights& weights, const Geometry& geometry) : geometry_(geometry) {
    check(spikes, weights);
    const size_t axes = spikes.size() - 2;
    const int64_t channels = spikes.back();
    const int64_t outputs = weights.shape[0];
    spikes_ = {spikes[0], channels};
    result_ = {spikes[0], outputs};
    output_shape_ = {spikes[0]};
    weights_ = weights.shape;
    if (geometry.group > 1) {
      weights_[0] = outputs / geometry.group;
      weights_.insert(weights_.begin(), geometry.group);
    }
    for (size_t axis = 0; axis < axes; ++axis) {
      const int64_t reach = geometry.dilations[axis] * (weights.shape[axis + 2] - 1) + 1;
      const int64_t padded = spikes[axis + 1] + geometry.pads[axis] + geometry.pads[axes + axis];
      if (padded < reach) throw InvalidInput("spikes of shape " + to_text(spikes) + " are smaller than the kernel");
      const int64_t size = (padded - reach) / geometry.strides[axis] + 1;
      spikes_.push_back(spikes[axis + 1]);
      result_.push_back(size);
      output_shape_.push_back(size);
      dilates_.push_back(geometry.dilations[axis] - 1);
    }
    output_shape_.push_back(outputs);
  }

  const Shape& output_shape() const { return output_shape_; }
  memory::desc spikes(DataType type) const override { return {spikes_, type, channels_last_strides(spikes_)}; }
  memory::desc weights(DataType type) const override { return {weights_, type, dense_strides(weights_)}; }
  memory::desc result() const override { return {result_, DataType::f32, channels_last_strides(result_)}; }
  memory::desc bias() const override { return {{result_[1]}, DataType::f32, memory::format_tag::a}; }
  int scale_mask() const override { return geometry_.group > 1 ? 3 : 1; }

  Made make(DataType spike_type, DataType weight_type, bool has_bias, const primitive_attr& attributes) const override {
    const size_t axes = spikes_.size() - 2;
    const memory::dims before(geometry_.pads.begin(), geometry_.pads.begin() + static_cast<ptrdiff_t>(axes));
    const memory::dims behind(geometry_.pads.begin() + static_cast<ptrdiff_t>(axes), geometry_.pads.end());
    const memory::desc any(weights_, weight_type, memory::format_tag::any);
    const memory::desc no_bias;
    const dnnl::convolution_forward::primitive_desc description(
        cpu(), dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, spikes(spike_type), any,
        has_bias ? bias() : no_bias, result(), geometry_.strides, dilates_, before, behind, attributes);
    return {dnnl::convolution_forward(description), description.weights_desc(), description.impl_info_str()};
  }

 private:
  void check(const Shape& spikes, const Weights& weights) const {
    const std::string shapes = "spikes " + to_text(spikes) + ", weights " + to_text(weights.shape);
    const size_t axes = spikes.size() - 2;
    const bool has_all =
        geometry_.strides.size() == axes && geometry_.dilations.size() == axes && geometry_.pads.size() == 2 * axes;
    if (!has_all) throw InvalidInput("strides, dilations or pads are not of " + std::to_string(axes) + " axes");
    if (!are_positive(geometry_.strides) || !are_positive(geometry_.dilations)) {
      throw InvalidInput("strides and dilations are not all at least 1");
    }
    const bool fits = geometry_.group > 0 && spikes.back() == weights.shape[1] * geometry_.group &&
                      weights.shape[0] % geometry_.group == 0;
    if (!fits) throw InvalidInput(shapes + ", group " + std::to_string(geometry_.group) + ": channels do not fit");
  }

  Geometry geometry_;
  memory::dims spikes_, weights_, result_, dilates_;
  Shape output_shape_;
};

class MatrixProduct : public Description {
 public:
  MatrixProduct(const Shape& spikes, const Weights& weights) : output_shape_(spikes) {
    if (spikes.empty() || weights.shape.size() != 2 || spikes.back() != weights.shape[0]) {
      throw InvalidInput("spikes " + to_text(spikes) + " by weights " + to_text(weights.shape) +
                         ": the last axis of the first is not the first of the second");
    }
    output_shape_.back() = weights.shape[1];
    inner_ = weights.shape[0];
    outputs_ = weights.shape[1];
    rows_ = number_of_elements(spikes) / (inner_ == 0 ? 1 : inner_);
  }

  const Shape& output_shape() const { return output_shape_; }
  memory::desc spikes(DataType type) const override { return {{rows_, inner_}, type, memory::format_tag::ab}; }
  memory::desc weights(DataType type) const override { return {{inner_, outputs_}, type, memory::format_tag::ab}; }
  memory::desc result() const override { return {{rows_, outputs_}, DataType::f32, memory::format_tag::ab}; }
  memory::desc bias() const override { return {{1, outputs_}, DataType::f32, memory::format_tag::ab}; }
  int scale_mask() const override { return 2; }

  Made make(DataType spike_type, DataType weight_type, bool has_bias, const primitive_attr& attributes) const override {
    const memory::desc any({inner_, outputs_}, weight_type, memory::format_tag::any);
    const memory::desc no_bias;
    const dnnl::matmul::primitive_desc description(cpu(), spikes(spike_type), any, has_bias ? bias() : no_bias,
                                                   result(), attributes);
    return {dnnl::matmul(description), description.weights_desc(), description.impl_info_str()};
  }

 private:
  int64_t rows_, inner_, outputs_;
  Shape output_shape_;
};

}  // namespace

std::unique_ptr<Multiplication> make_convolution(const Shape& spikes, const Weights& weights,
                                                 const Geometry& geometry) {
  const size_t axes = weights.shape.size() < 3 ? 0 : weights.shape.size() - 2;
  if (axes == 0 || axes > 3 || spikes.size() < axes + 2) {
    throw InvalidInput("spikes " + to_text(spikes) + ", weights " + to_text(weights.shape) +
                       ": 1 to 3 spatial axes are supported");
  }
  // All axes in front of the spatial ones are one batch.
  const auto spatial = spikes.end() - static_cast<ptrdiff_t>(axes + 1);
  const Shape leading(spikes.begin(), spatial);
  Shape batched(spatial, spikes.end());
  batched.insert(batched.begin(), number_of_elements(leading));
  const Convolution description(batched, weights, geometry);
  Shape output = leading;
  output.insert(output.end(), description.output_shape().begin() + 1, description.output_shape().end());
  return make(description, weights, output);
}

std::unique_ptr<Multiplication> make_matrix_product(const Shape& spikes, const Weights& weights) {
  const MatrixProduct description(spikes, weights);
  return make(description, weights, description.output_shape());
}

}  // namespace onnx2snn
