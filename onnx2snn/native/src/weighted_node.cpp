#include "weighted_node.h"

#include <algorithm>

namespace onnx2snn {

namespace {

// A node keeps what it prepared for the last slices it saw: of a batch, and of the rest of the samples.
constexpr size_t kKeptSlices = 16;

bool have_one_form(const StepSlice& a, const StepSlice& b) {
  return a.incoming == b.incoming && a.pad_before == b.pad_before && a.pad_behind == b.pad_behind;
}

Shape with_batch(const Shape& shape, int64_t batch) {
  Shape changed = shape;
  changed[0] = batch;
  return changed;
}

// Parts as equal as they can be, of at most so many.
int64_t size_of_parts(int64_t all, int64_t most) {
  const int64_t parts = (all + most - 1) / most;
  return (all + parts - 1) / parts;
}

}  // namespace

WeightedNode::WeightedNode(WeightedKind kind, ElementType incoming, ElementType weights, const Onnxruntime& ort,
                           const OrtKernelInfo* node)
    : kind_(kind), incoming_type_(incoming), weight_type_(weights) {
  if (kind == WeightedKind::kMatrixProduct) return;
  geometry_ = {ort.attribute(node, "strides", std::vector<int64_t>{}),
               ort.attribute(node, "dilations", std::vector<int64_t>{}),
               ort.attribute(node, "pads", std::vector<int64_t>{}), ort.attribute(node, "group", 1),
               kind == WeightedKind::kTransposedConvolution};
}

void WeightedNode::read(const Onnxruntime& ort, const OrtKernelContext* context, const Shape& incoming) {
  const InputTensor weights = ort.input(context, 1);
  const InputTensor scale = ort.input(context, 2);
  const InputTensor bias = ort.input(context, 3);
  const size_t rank = weights.shape.size();
  const std::string shapes = "spikes " + to_text(incoming) + ", weights " + to_text(weights.shape);
  const bool is_product = kind_ == WeightedKind::kMatrixProduct;
  const size_t axes = is_product ? 0 : rank - 2;
  if (!is_product && (rank < 3 || axes > 3)) throw InvalidInput(shapes + ": 1 to 3 spatial axes are supported");
  if (is_product && rank != 2) throw InvalidInput(shapes + ": the weights are no matrix");
  if (incoming.size() < axes + (is_product ? 1 : 2)) throw InvalidInput(shapes + ": axes are missing");

  const Shape outputs{weights.shape[is_product ? 1 : 0]};
  if (scale.shape != outputs || bias.shape != outputs) {
    throw InvalidInput("scale " + to_text(scale.shape) + " and bias " + to_text(bias.shape) +
                       " are not one an output channel, " + to_text(outputs));
  }
  weights_ = {weight_type_, weights.data,
              weights.shape, outputs[0],
              is_product,    static_cast<const float*>(scale.data),
              static_cast<const float*>(bias.data)};

  const auto spatial = incoming.end() - static_cast<ptrdiff_t>(axes + 1);
  const Shape leading(incoming.begin(), spatial);
  batched_.assign(spatial, incoming.end());
  batched_.insert(batched_.begin(), number_of_elements(leading));
  set_result();
  result_ = leading;
  result_.insert(result_.end(), batched_result_.begin() + 1, batched_result_.end());
  time_steps_ = leading.empty() ? 1 : leading[0];
  const bool lacks_all = number_of_elements(batched_) == 0 && number_of_elements(result_) > 0;
  if (lacks_all) throw InvalidInput(shapes + ": nothing comes in");
}

void WeightedNode::set_result() {
  if (kind_ != WeightedKind::kMatrixProduct) {
    batched_result_ = Convolution::result_of(batched_, weights_.shape, geometry_);
    return;
  }
  if (batched_.back() != weights_.shape[0] || number_of_elements(weights_.shape) == 0) {
    throw InvalidInput("spikes " + to_text(batched_) + " by weights " + to_text(weights_.shape) +
                       ": the last axis of the first is not the first of the second");
  }
  batched_result_ = {batched_[0], weights_.outputs};
}

StepSlice WeightedNode::whole() const {
  StepSlice slice{batched_, 0, 0, true, 0, 0, number_of_elements(batched_result_) / time_steps_};
  if (kind_ == WeightedKind::kMatrixProduct) return slice;
  slice.pad_before = geometry_.pads.front();
  slice.pad_behind = geometry_.pads[geometry_.pads.size() / 2];
  return slice;
}

std::vector<StepSlice> WeightedNode::slices(int64_t most_numbers) const {
  const bool are_weights_small = number_of_elements(weights_.shape) <= most_numbers;
  if (number_of_elements(batched_result_) <= most_numbers || !are_weights_small) return {whole()};
  const int64_t a_sample = number_of_elements(with_batch(batched_result_, time_steps_));
  if (a_sample <= most_numbers || !can_slice_rows()) {
    return slices_of_samples(std::max<int64_t>(1, most_numbers / a_sample));
  }
  const int64_t a_row = a_sample / batched_result_[1];
  return slices_of_rows(std::max<int64_t>(1, most_numbers / a_row));
}

// Whether no row of a result comes from padding alone.
bool WeightedNode::can_slice_rows() const {
  if (kind_ != WeightedKind::kConvolution) return false;
  const StepSlice all = whole();
  const int64_t reach = geometry_.dilations[0] * (weights_.shape[2] - 1) + 1;
  return all.pad_before < reach && all.pad_behind < reach;
}

std::vector<StepSlice> WeightedNode::slices_of_samples(int64_t most) const {
  const int64_t samples = batched_result_[0] / time_steps_;
  const int64_t coming = number_of_elements(with_batch(batched_, 1));
  const int64_t going = number_of_elements(with_batch(batched_result_, 1));
  const int64_t size = size_of_parts(samples, most);
  std::vector<StepSlice> slices;
  for (int64_t start = 0; start < samples; start += size) {
    const int64_t count = std::min(size, samples - start);
    StepSlice slice = whole();
    slice.has_all_steps = false;
    slice.incoming = with_batch(batched_, time_steps_ * count);
    slice.source = start * coming;
    slice.first = start * going;
    slice.stop = (start + count) * going;
    slices.push_back(slice);
  }
  return slices;
}

std::vector<StepSlice> WeightedNode::slices_of_rows(int64_t most) const {
  const int64_t samples = batched_result_[0] / time_steps_;
  const int64_t rows = batched_result_[1], rows_before = batched_[1];
  const int64_t going = number_of_elements(with_batch(batched_result_, 1));
  const int64_t coming = number_of_elements(with_batch(batched_, 1));
  const int64_t size = size_of_parts(rows, most);
  const int64_t reach = geometry_.dilations[0] * (weights_.shape[2] - 1) + 1;
  std::vector<StepSlice> slices;
  for (int64_t sample = 0; sample < samples; ++sample) {
    for (int64_t row = 0; row < rows; row += size) {
      const int64_t last = std::min(row + size, rows);
      const int64_t from = row * geometry_.strides[0] - geometry_.pads.front();
      const int64_t to = (last - 1) * geometry_.strides[0] - geometry_.pads.front() + reach;
      const int64_t first = std::clamp<int64_t>(from, 0, rows_before);
      const int64_t stop = std::clamp<int64_t>(to, first, rows_before);
      StepSlice slice{with_batch(batched_, time_steps_), first - from, to - stop, false, 0, 0, 0};
      slice.incoming[1] = stop - first;
      slice.source = sample * coming + first * (coming / rows_before);
      slice.first = sample * going + row * (going / rows);
      slice.stop = sample * going + last * (going / rows);
      slices.push_back(slice);
    }
  }
  return slices;
}

Product& WeightedNode::prepared(const StepSlice& slice) {
  for (const Prepared& known : prepared_) {
    if (have_one_form(known.slice, slice)) return *known.product;
  }
  if (prepared_.size() == kKeptSlices) prepared_.erase(prepared_.begin());
  prepared_.push_back({slice, make(slice)});
  return *prepared_.back().product;
}

Geometry WeightedNode::geometry_of(const StepSlice& slice) const {
  Geometry geometry = geometry_;
  geometry.pads.front() = slice.pad_before;
  geometry.pads[geometry.pads.size() / 2] = slice.pad_behind;
  return geometry;
}

std::shared_ptr<const LaneWeights> WeightedNode::lane_weights(LaneWeights (*pack)(const Weights&)) {
  if (lane_weights_ == nullptr) lane_weights_ = std::make_shared<const LaneWeights>(pack(weights_));
  return lane_weights_;
}

std::unique_ptr<Product> WeightedNode::make(const StepSlice& slice) {
  if (kind_ != WeightedKind::kMatrixProduct) return make_convolution(slice);
  if (are_few_reals()) return make_point_product(slice);
  const MatrixProduct description(slice.incoming[0], weights_.shape);
  return std::make_unique<Multiplication>(description, incoming_type_, weights_, packed_);
}

std::unique_ptr<Product> WeightedNode::make_convolution(const StepSlice& slice) {
  const Geometry geometry = geometry_of(slice);
  if (are_few_reals() && is_pointwise(weights_.shape, geometry)) return make_point_product(slice);
  if (!are_bytes() && is_depthwise(slice.incoming, weights_.shape, geometry)) {
    return std::make_unique<DepthwiseConvolution>(slice.incoming, weights_.shape, geometry, incoming_type_,
                                                  lane_weights(depthwise_weights));
  }
  const Convolution description(slice.incoming, weights_.shape, geometry);
  return std::make_unique<Multiplication>(description, incoming_type_, weights_, packed_);
}

std::unique_ptr<Product> WeightedNode::make_point_product(const StepSlice& slice) {
  const int64_t inputs = batched_.back();
  const int64_t points = number_of_elements(slice.incoming) / inputs;
  return std::make_unique<PointProduct>(points, inputs, weights_.outputs, lane_weights(pointwise_weights));
}

bool WeightedNode::are_few_reals() const {
  return incoming_type_ == ElementType::kFloat && has_few_terms(batched_.back());
}

// Whether bytes multiply bytes here, in one product.
bool WeightedNode::are_bytes() const {
  return incoming_type_ == ElementType::kInt8 && weight_type_ == ElementType::kInt8 && multiplies_bytes();
}

}  // namespace onnx2snn
