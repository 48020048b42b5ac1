#include "lane_products.h"

#include <algorithm>

#include "kernels.h"
#include "scratch.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace onnx2snn {

namespace {

constexpr int64_t kLaneCount = static_cast<int64_t>(kLanes);
constexpr int64_t kOutputsOfARow = static_cast<int64_t>(kPointOutputs);
constexpr int64_t kFewInputs = 24;
constexpr int64_t kPointsAtATime = 96;  // they and their results stay in the fastest cache

int most_threads() {
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

int64_t this_thread() {
#if defined(_OPENMP)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

int64_t rounded_up(int64_t count, int64_t multiple) { return (count + multiple - 1) / multiple * multiple; }

float number_at(const Weights& weights, int64_t place) {
  if (weights.type == ElementType::kInt8) return static_cast<const int8_t*>(weights.data)[place];
  return static_cast<const float*>(weights.data)[place];
}

// Room for weights, zeros still, with scale and bias.
LaneWeights room_for(const Weights& weights, int64_t terms, int64_t row) {
  const size_t outputs = static_cast<size_t>(rounded_up(weights.outputs, row));
  LaneWeights room{std::vector<float>(outputs * static_cast<size_t>(terms)), std::vector<float>(outputs, 1.0f),
                   std::vector<float>(outputs)};
  std::copy_n(weights.bias, weights.outputs, room.bias.begin());
  const bool has_scale = weights.type == ElementType::kInt8;
  if (has_scale) std::copy_n(weights.scale, weights.outputs, room.scale.begin());
  return room;
}

}  // namespace

bool is_depthwise(const Shape& incoming, const Shape& weights, const Geometry& geometry) {
  const bool is_plane = weights.size() == 3 || weights.size() == 4;
  const bool is_each_by_itself = weights[0] == geometry.group && incoming.back() == geometry.group;
  return is_plane && !geometry.is_transposed && is_each_by_itself;
}

bool is_pointwise(const Shape& weights, const Geometry& geometry) {
  const auto are_all = [](const std::vector<int64_t>& numbers, int64_t wanted) {
    return std::all_of(numbers.begin(), numbers.end(), [=](int64_t number) { return number == wanted; });
  };
  const Shape kernel(weights.begin() + 2, weights.end());
  const bool takes_all = are_all(geometry.strides, 1) && are_all(geometry.pads, 0) && are_all(kernel, 1);
  return takes_all && geometry.group == 1 && !geometry.is_transposed;
}

bool has_few_terms(int64_t inputs) { return inputs <= kFewInputs; }

LaneWeights depthwise_weights(const Weights& weights) {
  const int64_t kernel = number_of_elements(weights.shape) / weights.outputs;
  LaneWeights packed = room_for(weights, kernel, kLaneCount);
  for (int64_t channel = 0; channel < weights.outputs; ++channel) {
    const int64_t row = channel / kLaneCount * kernel;
    for (int64_t k = 0; k < kernel; ++k) {
      const size_t place = static_cast<size_t>((row + k) * kLaneCount + channel % kLaneCount);
      packed.numbers[place] = number_at(weights, channel * kernel + k);
    }
  }
  return packed;
}

LaneWeights pointwise_weights(const Weights& weights) {
  const int64_t outputs = weights.outputs;
  const int64_t inputs = number_of_elements(weights.shape) / outputs;
  LaneWeights packed = room_for(weights, inputs, kOutputsOfARow);
  for (int64_t output = 0; output < outputs; ++output) {
    const int64_t row = output / kOutputsOfARow * inputs;
    for (int64_t k = 0; k < inputs; ++k) {
      const size_t place = static_cast<size_t>((row + k) * kOutputsOfARow + output % kOutputsOfARow);
      const int64_t from = weights.are_outputs_last ? k * outputs + output : output * inputs + k;
      packed.numbers[place] = number_at(weights, from);
    }
  }
  return packed;
}

DepthwiseConvolution::Axis DepthwiseConvolution::axis_of(const Shape& incoming, const Shape& weights,
                                                         const Geometry& geometry, size_t axis) {
  const size_t axes = geometry.strides.size();
  Axis along{incoming[1 + axis],       0, weights[2 + axis], geometry.strides[axis], geometry.dilations[axis],
             geometry.pads[axis], geometry.pads[axes + axis]};
  const int64_t free = along.padded() - along.reach();
  along.result = free < 0 ? 0 : free / along.stride + 1;
  return along;
}

DepthwiseConvolution::DepthwiseConvolution(const Shape& incoming, const Shape& weights, const Geometry& geometry,
                                           ElementType type, std::shared_ptr<const LaneWeights> packed)
    : type_(type), packed_(std::move(packed)), batch_(incoming[0]), channels_(incoming.back()) {
  const size_t axes = geometry.strides.size();
  columns_ = axis_of(incoming, weights, geometry, axes - 1);
  rows_ = axes == 1 ? Axis{1, 1, 1, 1, 1, 0, 0} : axis_of(incoming, weights, geometry, 0);
}

int64_t DepthwiseConvolution::numbers_in_a_row() const { return columns_.padded() * kLaneCount; }

// The rows that a row of results reads, as floats: as many as a kernel spans, and one of zeros for
// those in the padding. A row that comes in takes the place of one that is no longer read.
class DepthwiseConvolution::Rows {
 public:
  Rows(const DepthwiseConvolution& all, const char* sample, int64_t first, float* room)
      : all_(all), sample_(sample), first_(first), room_(room) {}

  // Fetches what row `result` reads, and says where each entry of the kernel is.
  void move_to(int64_t result, std::vector<size_t>& entries) {
    const Axis &rows = all_.rows_, &columns = all_.columns_;
    const int64_t start = result * rows.stride - rows.before;
    next_ = std::max({next_, start, int64_t{0}});
    for (; next_ < std::min(start + rows.reach(), rows.size); ++next_) fetch(next_);
    entries.clear();
    for (int64_t y = 0; y < rows.kernel; ++y) {
      const int64_t row = start + y * rows.dilation;
      const bool is_padding = row < 0 || row >= rows.size;
      const int64_t place = (is_padding ? rows.reach() : row % rows.reach()) * all_.numbers_in_a_row();
      for (int64_t x = 0; x < columns.kernel; ++x) {
        entries.push_back(static_cast<size_t>(place + x * columns.dilation * kLaneCount));
      }
    }
  }

 private:
  void fetch(int64_t row) const {
    const Axis& columns = all_.columns_;
    const int64_t from = (row * columns.size * all_.channels_ + first_) * static_cast<int64_t>(size_of(all_.type_));
    const int64_t to = row % all_.rows_.reach() * all_.numbers_in_a_row() + columns.before * kLaneCount;
    chosen_instruction_set().spread_lanes({sample_ + from, all_.type_ == ElementType::kInt8,
                                           static_cast<size_t>(columns.size), static_cast<size_t>(all_.channels_),
                                           static_cast<size_t>(std::min(kLaneCount, all_.channels_ - first_)),
                                           room_ + to});
  }

  const DepthwiseConvolution& all_;
  const char* const sample_;
  const int64_t first_;
  float* const room_;
  int64_t next_ = 0;  // the first row that is not there yet
};

void DepthwiseConvolution::run(const Source& source, float* result) {
  static thread_local Scratch scratch;
  const int64_t groups = rounded_up(channels_, kLaneCount) / kLaneCount;
  const int64_t room = (rows_.reach() + 1) * numbers_in_a_row();
  const size_t all = static_cast<size_t>(room) * static_cast<size_t>(most_threads());
  float* lanes = static_cast<float*>(scratch.bytes(all * sizeof(float)));
  std::fill_n(lanes, all, 0.0f);  // padding stays so
  const int64_t coming = rows_.size * columns_.size * channels_ * static_cast<int64_t>(size_of(type_));
  const int64_t going = rows_.result * columns_.result * channels_;
  const int64_t samples = batch_ / source.parts;  // of a part
#pragma omp parallel for
  for (int64_t part = 0; part < batch_ * groups; ++part) {
    const int64_t sample = part / groups, first = part % groups * kLaneCount;
    const char* from = source.data + sample / samples * source.step + sample % samples * coming;
    run_channels(from, first, lanes + this_thread() * room, result + sample * going);
  }
}

// Some channels of a sample, from `first` on.
void DepthwiseConvolution::run_channels(const char* sample, int64_t first, float* room, float* result) const {
  std::vector<size_t> entries;
  Rows rows(*this, sample, first, room);
  const size_t here = static_cast<size_t>(std::min(kLaneCount, channels_ - first));
  ConvolveRun run{};
  run.results = static_cast<size_t>(columns_.result);
  run.incoming = room;
  run.stride = static_cast<size_t>(columns_.stride * kLaneCount);
  run.kernel = static_cast<size_t>(rows_.kernel * columns_.kernel);
  run.weights = packed_->numbers.data() + first * rows_.kernel * columns_.kernel;
  run.finish = {packed_->scale.data() + first, packed_->bias.data() + first, here};
  run.output_step = static_cast<size_t>(channels_);
  for (int64_t row = 0; row < rows_.result; ++row) {
    rows.move_to(row, entries);
    run.entries = entries.data();
    run.outputs = result + row * columns_.result * channels_ + first;
    chosen_instruction_set().convolve_lanes(run);
  }
}

PointProduct::PointProduct(int64_t points, int64_t inputs, int64_t outputs, std::shared_ptr<const LaneWeights> packed)
    : points_(points), inputs_(inputs), outputs_(outputs), packed_(std::move(packed)) {}

void PointProduct::run(const Source& source, float* result) {
  const int64_t points = points_ / source.parts;  // of a part
  const int64_t groups = (points + kPointsAtATime - 1) / kPointsAtATime;
#pragma omp parallel for
  for (int64_t group = 0; group < source.parts * groups; ++group) {
    const int64_t part = group / groups, first = group % groups * kPointsAtATime;
    const float* rows = reinterpret_cast<const float*>(source.data + part * source.step) + first * inputs_;
    const int64_t count = std::min(kPointsAtATime, points - first);
    run_points(rows, count, result + (part * points + first) * outputs_);
  }
}

void PointProduct::run_points(const float* rows, int64_t count, float* result) const {
  PointsRun run{};
  run.points = static_cast<size_t>(count);
  run.incoming = rows;
  run.inputs = static_cast<size_t>(inputs_);
  run.output_step = static_cast<size_t>(outputs_);
  for (int64_t output = 0; output < outputs_; output += kOutputsOfARow) {
    run.weights = packed_->numbers.data() + output * inputs_;
    const size_t here = static_cast<size_t>(std::min(kOutputsOfARow, outputs_ - output));
    run.finish = {packed_->scale.data() + output, packed_->bias.data() + output, here};
    run.outputs = result + output;
    chosen_instruction_set().multiply_points(run);
  }
}

}  // namespace onnx2snn
