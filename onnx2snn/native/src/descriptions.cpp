#include "descriptions.h"

#include <algorithm>

namespace onnx2snn {

namespace {

using dnnl::memory;

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

// [batch, spatial..., channels] as oneDNN names the axes: [batch, channels, spatial...].
memory::dims channels_second(const Shape& shape) {
  memory::dims dims(shape);
  std::rotate(dims.begin() + 1, dims.end() - 1, dims.end());
  return dims;
}

void check_geometry(const Geometry& geometry, size_t axes) {
  const bool has_all =
      geometry.strides.size() == axes && geometry.dilations.size() == axes && geometry.pads.size() == 2 * axes;
  if (!has_all) throw InvalidInput("strides, dilations or pads are not of " + std::to_string(axes) + " axes");
  if (!are_positive(geometry.strides) || !are_positive(geometry.dilations)) {
    throw InvalidInput("strides and dilations are not all at least 1");
  }
  for (int64_t pad : geometry.pads) {
    if (pad < 0) throw InvalidInput("pads are not all at least 0");
  }
}

void check_channels(const Shape& incoming, const Shape& weights, int64_t group) {
  const bool fits = group > 0 && incoming.back() == weights[1] * group && weights[0] % group == 0;
  if (fits && number_of_elements(weights) > 0) return;
  throw InvalidInput("spikes " + to_text(incoming) + ", weights " + to_text(weights) + ", group " +
                     std::to_string(group) + ": channels do not fit");
}

// Entries of a result along one axis; less than 1 where there are none.
int64_t size_of_result(const Geometry& geometry, size_t axis, int64_t coming, int64_t kernel) {
  const int64_t stride = geometry.strides[axis];
  const int64_t reach = geometry.dilations[axis] * (kernel - 1) + 1;
  const int64_t pads = geometry.pads[axis] + geometry.pads[geometry.strides.size() + axis];
  if (geometry.is_transposed) return coming < 1 ? 0 : (coming - 1) * stride + reach - pads;
  const int64_t padded = coming + pads;
  return padded < reach ? 0 : (padded - reach) / stride + 1;
}

}  // namespace

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

Shape Convolution::result_of(const Shape& incoming, const Shape& weights, const Geometry& geometry) {
  const size_t axes = incoming.size() - 2;
  check_geometry(geometry, axes);
  check_channels(incoming, weights, geometry.group);
  Shape result = incoming;
  result.back() = weights[0];
  for (size_t axis = 0; axis < axes; ++axis) {
    result[axis + 1] = size_of_result(geometry, axis, incoming[axis + 1], weights[axis + 2]);
    if (result[axis + 1] < 1) throw InvalidInput("spikes of shape " + to_text(incoming) + " are smaller than the kernel");
  }
  return result;
}

Convolution::Convolution(const Shape& incoming, const Shape& weights, const Geometry& geometry)
    : geometry_(geometry),
      shape_(incoming),
      shape_of_weights_(weights),
      incoming_(channels_second(incoming)),
      weights_(weights),
      result_(channels_second(result_of(incoming, weights, geometry))) {
  if (geometry.group == 1) return;
  weights_[0] /= geometry.group;
  weights_.insert(weights_.begin(), geometry.group);
}

memory::desc Convolution::incoming(DataType type) const { return {incoming_, type, channels_last_strides(incoming_)}; }

memory::desc Convolution::weights(DataType type) const { return {weights_, type, dense_strides(weights_)}; }

memory::desc Convolution::result() const { return {result_, DataType::f32, channels_last_strides(result_)}; }

memory::desc Convolution::bias() const { return {{result_[1]}, DataType::f32, memory::format_tag::a}; }

memory::desc Convolution::for_outputs() const {
  memory::dims dims(result_.size(), 1);
  dims[1] = result_[1];
  return {dims, DataType::f32, dense_strides(dims)};
}

std::unique_ptr<Description> Convolution::with_channels(int64_t times) const {
  if (geometry_.group > 1) return nullptr;
  Shape incoming = shape_, weights = shape_of_weights_;
  incoming.back() *= times;
  weights[1] *= times;
  return std::make_unique<Convolution>(incoming, weights, geometry_);
}

Description::Made Convolution::make(DataType incoming_type, DataType weight_type, bool has_bias,
                                    const dnnl::primitive_attr& attributes) const {
  if (geometry_.is_transposed) {
    return make_as<dnnl::deconvolution_forward>(dnnl::algorithm::deconvolution_direct, incoming_type, weight_type,
                                                has_bias, attributes);
  }
  return make_as<dnnl::convolution_forward>(dnnl::algorithm::convolution_direct, incoming_type, weight_type, has_bias,
                                            attributes);
}

template <class Primitive>
Description::Made Convolution::make_as(dnnl::algorithm algorithm, DataType incoming_type, DataType weight_type,
                                       bool has_bias, const dnnl::primitive_attr& attributes) const {
  const size_t axes = incoming_.size() - 2;
  const auto middle = geometry_.pads.begin() + static_cast<ptrdiff_t>(axes);
  const memory::dims before(geometry_.pads.begin(), middle);
  const memory::dims behind(middle, geometry_.pads.end());
  memory::dims holes = geometry_.dilations;
  for (int64_t& hole : holes) --hole;
  const memory::desc any(weights_, weight_type, memory::format_tag::any);
  const memory::desc no_bias;
  const typename Primitive::primitive_desc description(
      cpu(), dnnl::prop_kind::forward_inference, algorithm, incoming(incoming_type), any, has_bias ? bias() : no_bias,
      result(), geometry_.strides, holes, before, behind, attributes);
  return {Primitive(description), description.weights_desc(), description.scratchpad_desc()};
}

memory::desc MatrixProduct::incoming(DataType type) const { return {{rows_, inner_}, type, memory::format_tag::ab}; }

memory::desc MatrixProduct::weights(DataType type) const { return {{inner_, outputs_}, type, memory::format_tag::ab}; }

memory::desc MatrixProduct::result() const { return {{rows_, outputs_}, DataType::f32, memory::format_tag::ab}; }

memory::desc MatrixProduct::for_outputs() const { return {{1, outputs_}, DataType::f32, memory::format_tag::ab}; }

std::unique_ptr<Description> MatrixProduct::with_channels(int64_t times) const {
  return std::make_unique<MatrixProduct>(rows_, Shape{inner_ * times, outputs_});
}

Description::Made MatrixProduct::make(DataType incoming_type, DataType weight_type, bool has_bias,
                                      const dnnl::primitive_attr& attributes) const {
  const memory::desc any({inner_, outputs_}, weight_type, memory::format_tag::any);
  const memory::desc no_bias;
  const dnnl::matmul::primitive_desc description(cpu(), incoming(incoming_type), any, has_bias ? bias() : no_bias,
                                                 result(), attributes);
  return {dnnl::matmul(description), description.weights_desc(), description.scratchpad_desc()};
}

}  // namespace onnx2snn
