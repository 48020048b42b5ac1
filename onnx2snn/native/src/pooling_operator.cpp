#include "pooling_operator.h"

#include <algorithm>
#include <limits>

namespace onnx2snn {

namespace {

using Count = int16_t;

// Windows along one axis.
struct Windows {
  int64_t size, kernel, stride, dilation, pad_before, pad_behind;

  int64_t count() const {
    const int64_t reach = dilation * (kernel - 1) + 1;
    const int64_t padded = size + pad_before + pad_behind;
    return padded < reach ? 0 : (padded - reach) / stride + 1;
  }
};

// One pass along one axis: the largest of the entries in each window.
//
// A tensor is [outer, size, inner] to it. Windows that lie in the padding alone do not occur.
void take_largest(const Windows& axis, int64_t outer, int64_t inner, const Count* from, Count* to) {
  const int64_t count = axis.count();
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t w = 0; w < count; ++w) {
      Count* result = to + (o * count + w) * inner;
      std::fill(result, result + inner, std::numeric_limits<Count>::min());
      for (int64_t k = 0; k < axis.kernel; ++k) {
        const int64_t at = w * axis.stride - axis.pad_before + k * axis.dilation;
        if (at < 0 || at >= axis.size) continue;
        const Count* entries = from + (o * axis.size + at) * inner;
        for (int64_t i = 0; i < inner; ++i) result[i] = std::max(result[i], entries[i]);
      }
    }
  }
}

class PoolingKernel : public NodeKernel {
 public:
  PoolingKernel(const Onnxruntime& ort, const OrtKernelInfo* node)
      : kernel_(ort.attribute(node, "kernel_shape", std::vector<int64_t>{})),
        strides_(ort.attribute(node, "strides", std::vector<int64_t>{})),
        dilations_(ort.attribute(node, "dilations", std::vector<int64_t>{})),
        pads_(ort.attribute(node, "pads", std::vector<int64_t>{})) {}

  void compute(const Onnxruntime& ort, OrtKernelContext* context) override {
    const InputTensor spikes = ort.input(context, 0);
    const std::vector<Windows> windows = windows_of(spikes.shape);
    Shape output = spikes.shape;
    for (size_t axis = 0; axis < windows.size(); ++axis) output[axis + 2] = windows[axis].count();
    int8_t* result = static_cast<int8_t*>(ort.output(context, 0, output));
    if (number_of_elements(output) == 0) return;

    const int64_t steps = spikes.shape[0];
    const int64_t incoming = number_of_elements(spikes.shape) / steps;
    const int64_t outgoing = number_of_elements(output) / steps;
    const int8_t* next = static_cast<const int8_t*>(spikes.data);
    std::vector<Count> counts(static_cast<size_t>(incoming), 0);
    std::vector<Count> previous(static_cast<size_t>(outgoing), 0);
    for (int64_t step = 0; step < steps; ++step) {
      for (int64_t k = 0; k < incoming; ++k) counts[static_cast<size_t>(k)] += next[k];
      const std::vector<Count> largest = pooled(windows, spikes.shape, counts);
      for (int64_t k = 0; k < outgoing; ++k) {
        const size_t at = static_cast<size_t>(k);
        result[k] = static_cast<int8_t>(largest[at] - previous[at]);
        previous[at] = largest[at];
      }
      next += incoming;
      result += outgoing;
    }
  }

 private:
  std::vector<Windows> windows_of(const Shape& shape) const {
    const size_t axes = kernel_.size();
    const bool fits = axes > 0 && shape.size() == axes + 3 && strides_.size() == axes && dilations_.size() == axes &&
                      pads_.size() == 2 * axes;
    if (!fits) {
      throw InvalidInput("spikes " + to_text(shape) + " are not of time, batch, " + std::to_string(axes) +
                         " axes that are pooled, and channels");
    }
    std::vector<Windows> windows;
    for (size_t axis = 0; axis < axes; ++axis) {
      windows.push_back({shape[axis + 2], kernel_[axis], strides_[axis], dilations_[axis], pads_[axis],
                         pads_[axes + axis]});
      if (windows.back().count() == 0) throw InvalidInput("spikes " + to_text(shape) + " are smaller than the kernel");
    }
    return windows;
  }

  // The last axis is pooled first: what is left for the others is smaller then.
  static std::vector<Count> pooled(const std::vector<Windows>& windows, const Shape& shape,
                                   const std::vector<Count>& counts) {
    std::vector<Count> current = counts;
    int64_t inner = shape.back();
    for (size_t axis = windows.size(); axis-- > 0;) {
      int64_t outer = shape[1];
      for (size_t before = 0; before < axis; ++before) outer *= windows[before].size;
      std::vector<Count> smaller(static_cast<size_t>(outer * windows[axis].count() * inner));
      take_largest(windows[axis], outer, inner, current.data(), smaller.data());
      inner *= windows[axis].count();
      current = std::move(smaller);
    }
    return current;
  }

  const std::vector<int64_t> kernel_, strides_, dilations_, pads_;
};

class PoolingOperator : public CustomOperator {
 public:
  PoolingOperator() : CustomOperator("SpikeMaxPool", {ElementType::kInt8}, {ElementType::kInt8}) {}

  std::unique_ptr<NodeKernel> make_kernel(const Onnxruntime& ort, const OrtKernelInfo* node) const override {
    return std::make_unique<PoolingKernel>(ort, node);
  }
};

}  // namespace

void add_pooling_operator(Operators& operators) { operators.push_back(std::make_unique<PoolingOperator>()); }

}  // namespace onnx2snn
