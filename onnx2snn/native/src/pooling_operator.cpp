#include "pooling_operator.h"

#include <algorithm>

#include "kernels.h"

namespace onnx2snn {

namespace {

constexpr int64_t kElementsAPart = 65536;

// Windows along one axis.
struct Windows {
  int64_t size, kernel, stride, dilation, pad_before, pad_behind;

  int64_t count() const {
    const int64_t reach = dilation * (kernel - 1) + 1;
    const int64_t padded = size + pad_before + pad_behind;
    return padded < reach ? 0 : (padded - reach) / stride + 1;
  }
};

// Where the entries of a window lie, from the start of a sample; those in the padding do not count.
void add_entries(const std::vector<Windows>& windows, const std::vector<int64_t>& position, size_t axis, int64_t offset,
                 int64_t channels, std::vector<size_t>& entries) {
  if (axis == windows.size()) {
    entries.push_back(static_cast<size_t>(offset * channels));
    return;
  }
  const Windows& along = windows[axis];
  for (int64_t k = 0; k < along.kernel; ++k) {
    const int64_t at = position[axis] * along.stride - along.pad_before + k * along.dilation;
    if (at < 0 || at >= along.size) continue;
    add_entries(windows, position, axis + 1, offset * along.size + at, channels, entries);
  }
}

// What the parts of a node's work share.
struct Pooling {
  const std::vector<Windows>* windows;
  ElementType type;
  PoolRun first;  // without entries, of the first window
  int64_t channels;
  int64_t sample;     // elements of one sample in a step
  int64_t positions;  // windows in a sample
  int64_t all;        // windows in all samples
  int64_t a_part;     // windows that one part takes
};

void pool_window(const Pooling& pooling, int64_t window, std::vector<size_t>& entries, float* sums) {
  const std::vector<Windows>& windows = *pooling.windows;
  std::vector<int64_t> position(windows.size());
  int64_t rest = window % pooling.positions;
  for (size_t axis = windows.size(); axis-- > 0;) {
    position[axis] = rest % windows[axis].count();
    rest /= windows[axis].count();
  }
  entries.clear();
  add_entries(windows, position, 0, 0, pooling.channels, entries);

  const int64_t bytes = static_cast<int64_t>(size_of(pooling.type));
  const int64_t sample = window / pooling.positions;
  PoolRun run = pooling.first;
  run.stream = static_cast<const char*>(run.stream) + sample * pooling.sample * bytes;
  run.outputs = static_cast<char*>(run.outputs) + window * pooling.channels * bytes;
  run.entries = entries.data();
  run.window = entries.size();
  run.sums = sums;
  const InstructionSet& set = chosen_instruction_set();
  (pooling.type == ElementType::kInt8 ? set.pool_spikes : set.pool_floats)(run);
}

// Room for vectors, aligned for the widest of them.
class Sums {
 public:
  explicit Sums(size_t entries) : room_((entries + 1) * kMostLanes) {}

  float* aligned() {
    constexpr uintptr_t bytes = kMostLanes * sizeof(float);
    const uintptr_t start = reinterpret_cast<uintptr_t>(room_.data());
    return reinterpret_cast<float*>((start + bytes - 1) / bytes * bytes);
  }

 private:
  std::vector<float> room_;
};

void pool_part(void* user, size_t part) {
  const Pooling& pooling = *static_cast<const Pooling*>(user);
  size_t largest = 1;
  for (const Windows& along : *pooling.windows) largest *= static_cast<size_t>(along.kernel);
  Sums sums(largest);
  std::vector<size_t> entries;
  const int64_t start = static_cast<int64_t>(part) * pooling.a_part;
  for (int64_t window = start; window < std::min(pooling.all, start + pooling.a_part); ++window) {
    pool_window(pooling, window, entries, sums.aligned());
  }
}

class PoolingKernel : public NodeKernel {
 public:
  PoolingKernel(ElementType type, const Onnxruntime& ort, const OrtKernelInfo* node)
      : type_(type),
        kernel_(ort.attribute(node, "kernel_shape", std::vector<int64_t>{})),
        strides_(ort.attribute(node, "strides", std::vector<int64_t>{})),
        dilations_(ort.attribute(node, "dilations", std::vector<int64_t>{})),
        pads_(ort.attribute(node, "pads", std::vector<int64_t>{})) {}

  void compute(const Onnxruntime& ort, OrtKernelContext* context) override {
    const InputTensor stream = ort.input(context, 0);
    const std::vector<Windows> windows = windows_of(stream.shape);
    Shape output = stream.shape;
    int64_t positions = 1;
    for (size_t axis = 0; axis < windows.size(); ++axis) {
      output[axis + 2] = windows[axis].count();
      positions *= windows[axis].count();
    }
    void* result = ort.output(context, 0, output);
    if (number_of_elements(output) == 0) return;

    const int64_t steps = stream.shape[0], samples = stream.shape[1], channels = stream.shape.back();
    const int64_t incoming = number_of_elements(stream.shape) / steps;
    const int64_t outgoing = number_of_elements(output) / steps;
    Pooling pooling{&windows, type_, {}, channels, incoming / samples, positions, samples * positions, 0};
    pooling.first.channels = static_cast<size_t>(channels);
    pooling.first.time_steps = static_cast<size_t>(steps);
    pooling.first.stream = stream.data;
    pooling.first.stream_step = static_cast<size_t>(incoming);
    pooling.first.outputs = result;
    pooling.first.output_step = static_cast<size_t>(outgoing);
    pooling.a_part = std::max<int64_t>(1, kElementsAPart / (channels * steps));
    const int64_t parts = (pooling.all + pooling.a_part - 1) / pooling.a_part;
    if (parts == 1) return pool_part(&pooling, 0);
    ort.run_in_parallel(context, pool_part, static_cast<size_t>(parts), &pooling);
  }

 private:
  std::vector<Windows> windows_of(const Shape& shape) const {
    const size_t axes = kernel_.size();
    const bool fits = axes > 0 && shape.size() == axes + 3 && strides_.size() == axes && dilations_.size() == axes &&
                      pads_.size() == 2 * axes;
    if (!fits) {
      throw InvalidInput("a stream " + to_text(shape) + " is not of time, batch, " + std::to_string(axes) +
                         " axes that are pooled, and channels");
    }
    if (!are_positive(kernel_) || !are_positive(strides_) || !are_positive(dilations_)) {
      throw InvalidInput("kernel_shape, strides and dilations are not all at least 1");
    }
    std::vector<Windows> windows;
    for (size_t axis = 0; axis < axes; ++axis) {
      windows.push_back(
          {shape[axis + 2], kernel_[axis], strides_[axis], dilations_[axis], pads_[axis], pads_[axes + axis]});
      if (windows.back().count() == 0) throw InvalidInput("a stream " + to_text(shape) + " is smaller than the kernel");
      check_padding(windows.back());
    }
    return windows;
  }

  // No window may lie in the padding alone: it would have no largest entry.
  static void check_padding(const Windows& along) {
    for (int64_t window = 0; window < along.count(); ++window) {
      bool has_entry = false;
      for (int64_t k = 0; k < along.kernel; ++k) {
        const int64_t at = window * along.stride - along.pad_before + k * along.dilation;
        has_entry = has_entry || (at >= 0 && at < along.size);
      }
      if (!has_entry) throw InvalidInput("a window lies in the padding alone");
    }
  }

  const ElementType type_;
  const std::vector<int64_t> kernel_, strides_, dilations_, pads_;
};

class PoolingOperator : public CustomOperator {
 public:
  explicit PoolingOperator(ElementType type) : CustomOperator("RunningMaxPool", {type}, {type}), type_(type) {}

  std::unique_ptr<NodeKernel> make_kernel(const Onnxruntime& ort, const OrtKernelInfo* node) const override {
    return std::make_unique<PoolingKernel>(type_, ort, node);
  }

 private:
  const ElementType type_;
};

}  // namespace

void add_pooling_operator(Operators& operators) {
  for (const ElementType type : {ElementType::kInt8, ElementType::kFloat}) {
    operators.push_back(std::make_unique<PoolingOperator>(type));
  }
}

}  // namespace onnx2snn
